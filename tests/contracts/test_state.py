"""The contract "State": what a node remembers, for each key or for the whole of it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from typing import Any

import pytest
from looking import BATCH_SIZES, column, rows

from emitnb import Router


class Tally:
    """A state of the user's own."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Any]] = {"seen": []}


class Groups(defaultdict[str, list[int]]):
    """A defaultdict that knows its factory."""

    def __init__(self) -> None:
        super().__init__(list)

    def __reduce__(self) -> Any:
        return Groups, (), None, None, iter(self.items())


def pushed(items: Any) -> list[dict[str, Any]]:
    return [{"tag": tag, "n": n} for n, tag in enumerate(items)]


def test_state_is_one_for_the_whole_node_without_key():
    router = Router()

    @router.node("n", entry_point=True, name="count")
    def count(msg: Any, state: Any) -> int:
        assert type(state) is dict
        state["n"] = state.get("n", 0) + 1
        return state["n"]

    router.push(pushed("abc"))
    router.push(pushed("ab"))
    assert column(router, "count") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_state_is_one_for_each_key(size):
    router = Router()

    @router.node(("tag", "n"), entry_point=True, key="tag", name="count")
    def count(msg, memory):
        memory["n"] = memory.get("n", 0) + 1
        return msg.tag, memory["n"]

    router.push(pushed("abaacb"), batch_size=size)
    expected = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("c", 1), ("b", 2)]
    assert rows(router, "count") == expected
    router(tag="a", n=0)
    assert rows(router, "count")[-1] == ("a", 4)
    assert count(tag="b", n=0) == {"tag": "b", "n": 3}


def test_state_may_have_a_key_of_several_fields():
    router = Router()

    @router.node(("tag", "n", "seen"), entry_point=True, key=("tag", "n"), name="count")
    def count(msg: Any, state: Counter[str]) -> Any:
        state["n"] += 1
        return msg.tag, msg.n, state["n"]

    pairs = [("a", 1), ("a", 2), ("b", 1), ("a", 1), ("b", 1)]
    router.push([{"tag": tag, "n": n} for tag, n in pairs])
    assert [seen for _, _, seen in rows(router, "count")] == [1, 1, 1, 2, 2]


def counter(msg: Any, state: Counter) -> Any:
    state[msg.tag] += 1
    return type(state), sum(state.values())


def groups(msg: Any, state: Groups) -> Any:
    state[msg.tag].append(msg.n)
    return type(state), sum(map(len, state.values()))


def numbers(msg: Any, state: list[int]) -> Any:
    state.append(msg.n)
    return type(state), len(state)


def queue(msg: Any, state: deque) -> Any:
    state.append(msg.n)
    return type(state), len(state)


def tally(msg: Any, state: Tally) -> Any:
    state.parts["seen"].append(msg.n)
    return type(state), len(state.parts["seen"])


def nested(msg: Any, state: defaultdict) -> Any:
    state.setdefault("deep", {"list": []})["list"].append(msg.n)
    return type(state), len(state["deep"]["list"])


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (counter, Counter),
        (groups, Groups),
        (numbers, list),
        (queue, deque),
        (tally, Tally),
        (nested, defaultdict),
    ],
)
@pytest.mark.parametrize("size", [1, 3, "auto"])
def test_state_is_what_the_annotation_makes(function, kind, size):
    router = Router()
    router.node(("kind", "n"), entry_point=True, key="tag", name="node")(function)
    router.push(pushed("ababab"), batch_size=size)
    assert rows(router, "node") == [(kind, n) for n in (1, 1, 2, 2, 3, 3)]


def test_state_is_a_copy_in_each_batch_so_what_is_committed_stays():
    router = Router()
    held = []

    @router.node("n", entry_point=True, name="count")
    def count(msg: Any, state: Tally) -> int:
        state.parts["seen"].append(msg.n)
        if not held or held[-1] is not state:
            held.append(state)
        return len(state.parts["seen"])

    router.push(pushed("abcdef"), batch_size=2)
    assert column(router, "count") == [1, 2, 3, 4, 5, 6]
    assert [state.parts["seen"] for state in held] == [[0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5]]


FAILING = {2, 3, 90, 99, 100, 112, 113, 200, 201, 210}
"""Close together, and with many messages between one failure and the next."""


def remember(msg: Any, state: dict[str, Any]) -> Any:
    state.setdefault("deep", {"seen": []})["seen"].append(msg.n)
    state["last"] = msg.n
    return msg.tag, len(state["deep"]["seen"])


def raises(msg: Any, state: Any) -> Any:
    result = remember(msg, state)
    if msg.n in FAILING:
        raise ValueError(msg.n)
    return result


def leaves(msg: Any, state: Any) -> Any:
    result = remember(msg, state)
    if msg.n in FAILING:
        raise SystemExit
    return result


def generates(msg: Any, state: Any) -> Any:
    yield remember(msg, state)
    if msg.n in FAILING:
        raise ValueError(msg.n)


def returns_too_many(msg: Any, state: Any) -> Any:
    result = remember(msg, state)
    return (1, 2, 3) if msg.n in FAILING else result


def yields_too_few(msg: Any, state: Any) -> Any:
    yield remember(msg, state)
    if msg.n in FAILING:
        yield "too few"


async def awaits(msg: Any, state: Any) -> Any:
    return raises(msg, state)


@pytest.mark.parametrize("size", [1, 7, "auto", 1_000])
@pytest.mark.parametrize(
    "function", [raises, leaves, generates, returns_too_many, yields_too_few, awaits]
)
def test_state_is_left_as_it_was_by_a_message_that_fails(size, function):
    router = Router()
    router.node(("tag", "n"), entry_point=True, key="tag", name="node")(function)
    messages = pushed("ab" * 120)
    router.push(messages, batch_size=size)
    seen: Counter[str] = Counter()
    expected = []
    for message in messages:
        if message["n"] not in FAILING:
            seen[message["tag"]] += 1
            expected.append((message["tag"], seen[message["tag"]]))
    assert rows(router, "node") == expected
    assert [one["n"] for one in router.failures()["input"]] == sorted(FAILING)
    router.push(pushed("a"))
    assert rows(router, "node")[-1] == ("a", seen["a"] + 1)


def test_state_that_a_failing_first_message_made_is_fresh_again():
    router = Router()

    @router.node("n", entry_point=True, key="tag", name="node")
    def node(msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        if msg.n < 2:
            raise ValueError
        return len(state)

    router.push(pushed("aaaa"))
    assert column(router, "node") == [1, 2]


def test_state_all_nans_are_one_key():
    router = Router()

    @router.node("n", entry_point=True, key=("tag", "x"), name="count")
    def count(msg: Any, state: Counter[str]) -> int:
        state["n"] += 1
        return state["n"]

    values = [float("nan"), math.nan, 1.0, float("-nan"), float("inf") - float("inf"), None]
    router.push([{"tag": "a", "x": value} for value in values], batch_size=2)
    assert column(router, "count") == [1, 2, 1, 3, 4, 1]


def test_state_a_key_that_cannot_be_hashed_is_a_failure_that_says_so():
    router = Router()

    @router.node("n", entry_point=True, key="tag", name="count")
    def count(msg: Any, state: Counter[str]) -> int:
        state["n"] += 1
        return state["n"]

    router.push([{"tag": tag} for tag in ("a", ["a"], "a", {}, "b")])
    assert column(router, "count") == [1, 2, 1]
    failures = router.failures("count")
    assert failures["error_type"].tolist() == ["ResultError"] * 2
    assert "count: the key tag is ['a'], a list" in failures["error"][0]
    assert "use a field that holds" in failures["error"][0]


def test_state_a_message_without_the_key_field_is_a_failure():
    router = Router()

    @router.node("n", entry_point=True, key="tag", name="count")
    def count(msg: Any, state: Counter[str]) -> int:
        state["n"] += 1
        return state["n"]

    router.push([{"tag": "a"}, {"word": "a"}, {"tag": "a"}])
    assert column(router, "count") == [1, 2]
    assert router.failures()["error_type"].tolist() == ["AttributeError"]
    assert "word" in router.failures()["error"][0]


def test_state_is_kept_when_a_cell_is_fixed_and_dropped_when_it_means_something_else():
    router = Router()

    def declare(key: str | None, sign: int) -> None:
        @router.node("n", entry_point=True, key=key, name="count")
        def count(msg: Any, state: Counter[str]) -> int:
            state["n"] += 1
            return state["n"] * sign

    declare("tag", 1)
    router.push(pushed("aab"))
    declare("tag", -1)
    router.push(pushed("a"))
    declare(None, 1)
    router.push(pushed("ab"))
    assert column(router, "count") == [1, 2, 1, -3, 1, 2]


def test_state_is_not_given_to_a_message_that_the_predicate_drops():
    router = Router()

    @router.node("n", entry_point=True, key="tag", when=lambda msg: msg.n % 2, name="count")
    def count(msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        return len(state)

    router.push(pushed("aaaaaa"))
    assert column(router, "count") == [1, 2, 3]


def test_state_a_parameter_with_a_default_is_the_users_own():
    router = Router()

    @router.node("n", entry_point=True, name="scale")
    def scale(msg: Any, factor: int = 10) -> int:
        return msg.n * factor

    router.push(pushed("ab"))
    assert column(router, "scale") == [0, 10]
