"""Before and after: a changed node is tried on what the node received; nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from looking import unchanged

from emitnb import DeclarationError, EmitError, Router

KINDS = ["same", "changed", "newly failing", "now fixed", "still failing", "dropped", "added"]


def pushed(old: Any, numbers: Any = range(7), **options: Any) -> Router:
    router = Router()
    router.node("m", entry_point=True, name="node", **options)(old)
    router.push(numbers, field="n")
    return router


def test_every_message_is_of_one_kind():
    outcomes = {
        "same": (lambda: 1, lambda: 1),
        "changed": (lambda: 1, lambda: 2),
        "newly failing": (lambda: 1, lambda: 1 // 0),
        "now fixed": (lambda: 1 // 0, lambda: 1),
        "still failing": (lambda: 1 // 0, lambda: [][0]),
        "dropped": (lambda: 1, lambda: None),
        "added": (lambda: None, lambda: 1),
    }
    assert list(outcomes) == KINDS
    router = pushed(lambda msg: outcomes[msg.n][0](), KINDS)
    with unchanged(router):
        found = router.diff("m", entry_point=True, name="node")(lambda msg: outcomes[msg.n][1]())
        assert found.frame["kind"].tolist() == KINDS
        assert found.counts == dict.fromkeys(KINDS, 1)
        assert found.frame["row"].tolist() == list(range(7))
        assert set(found.frame["origin"]) == {"__entry_point"}
        assert found.frame["input"].tolist() == [{"n": kind} for kind in KINDS]
        assert found.frame["old"][1] == [{"m": 1}]
        assert found.frame["new"][1] == [{"m": 2}]
        assert isinstance(found.frame["new"][2], ZeroDivisionError)
    assert router.nodes["node"].revision == 1


def test_the_table_shows_changes_field_by_field():
    router = Router()
    router.node(("a", "b"), entry_point=True, name="node")(lambda msg: (msg.n, "old"))
    router.push(range(20), field="n")
    found = router.diff(("a", "b"), entry_point=True, name="node")(lambda msg: (msg.n, "new"))
    text = str(found)
    assert text.splitlines()[0] == "node: the last 20 messages: 20 changed"
    assert "changed  {'n': 0}  b  'old' → 'new'" in text
    assert "'n': 0}  a" not in text
    assert text.endswith("… 10 more; .frame has all")
    assert "&#x27;old&#x27; → " in found._repr_html_() or "'old' → 'new'" in found._repr_html_()


def test_fields_that_come_and_go_and_other_numbers_of_emissions_are_shown():
    def two(msg: Any) -> Iterator[int]:
        yield 1
        yield 2

    router = pushed(lambda msg: 1, [0])
    found = router.diff("k", entry_point=True, name="node")(lambda msg: 1)
    assert "m  1 → (no such field)" in str(found)
    assert "k  (no such field) → 1" in str(found)
    found = router.diff("m", entry_point=True, name="node")(two)
    assert found.counts == {"changed": 1}
    assert "{'m': 1} → 2 emissions" in str(found)


@pytest.mark.parametrize("last", [1, 3, 100])
def test_only_the_last_messages_are_tried(last):
    router, calls = pushed(lambda msg: 1, range(10)), []
    found = router.diff("m", entry_point=True, name="node", last=last)(
        lambda msg: calls.append(msg.n) or 1
    )
    assert calls == list(range(10))[-last:]
    assert found.frame["row"].tolist() == calls


def test_a_node_with_several_origins_is_tried_on_what_arrived_last():
    router = Router()
    router.node("n", entry_point=True, name="a")(lambda msg: msg.n)
    router.node("n", entry_point=True, name="b")(lambda msg: -msg.n)
    router.node("m", ["a", "b"], name="node")(lambda msg: msg.n)
    router.push([1, 2, 3], field="n")
    found = router.diff("m", ["a", "b"], name="node", last=3)(lambda msg: abs(msg.n))
    assert found.frame[["origin", "row", "kind"]].values.tolist() == [
        ["b", 1, "changed"],
        ["a", 2, "same"],
        ["b", 2, "changed"],
    ]


def test_nodes_with_state_begin_afresh_and_the_committed_state_stays():
    def count(step: int) -> Any:
        def counting(msg: Any, state: dict[str, int]) -> int:
            state["n"] = state.get("n", 0) + step
            return state["n"]

        return counting

    router = pushed(count(1), range(4))
    found = router.diff("m", entry_point=True, name="node", last=2)(count(10))
    assert [(old[0]["m"], new[0]["m"]) for old, new in found.frame[["old", "new"]].values] == [
        (1, 10),
        (2, 20),
    ]
    assert "both with fresh state" in str(found)
    router.push([1], field="n")
    assert router.frame("node")["m"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("form", ["async", "batch"])
def test_async_and_batch_nodes_are_tried(form):
    async def asked(msg: Any) -> int:
        return msg.n % 3

    def batch(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"m": frame["n"] % 3}, index=frame.index)

    router = pushed(lambda msg: msg.n % 2, range(6))
    function, options = (asked, {}) if form == "async" else (batch, {"batch": True})
    found = router.diff("m", entry_point=True, name="node", **options)(function)
    assert found.frame["kind"].tolist() == [
        "same" if n % 2 == n % 3 else "changed" for n in range(6)
    ]


def test_a_batch_node_that_fails_does_so_for_all_messages():
    def broken(frame: pd.DataFrame) -> pd.DataFrame:
        raise ValueError("no")

    router = pushed(lambda msg: 1, range(4))
    found = router.diff("m", entry_point=True, name="node", batch=True)(broken)
    assert found.counts == {"newly failing": 4}


def test_a_predicate_is_part_of_the_change():
    router = pushed(lambda msg: 1, range(4))
    found = router.diff("m", entry_point=True, name="node", when=lambda msg: msg.n > 1)(
        lambda msg: 1
    )
    assert found.counts == {"same": 2, "dropped": 2}


def test_spilled_mixed_and_array_valued_records_are_compared():
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise TypeError("not to be compared")

        __hash__ = None

        def __repr__(self) -> str:
            return "odd"

    router = Router()
    router.bound(memory=0)
    router.node("m", entry_point=True, name="node")(lambda msg: (float("nan"),))
    router.push([{"n": 1}, {"text": "two"}])
    router.push(pd.DataFrame({"n": [3]}))
    found = router.diff("m", entry_point=True, name="node")(lambda msg: (float("nan"),))
    assert found.counts == {"same": 3}
    assert found.frame["input"].tolist() == [{"n": 1}, {"text": "two"}, {"n": 3}]
    found = router.diff("m", entry_point=True, name="node")(lambda msg: (Odd(),))
    assert found.counts == {"changed": 3}


def test_a_node_in_a_loop_is_tried_on_what_came_from_outside():
    router = Router()
    router.node("n", ["node"], entry_point=True, name="node")(
        lambda msg: msg.n // 2 if msg.n > 1 else None
    )
    router.push([8, 3], field="n")
    with unchanged(router):
        found = router.diff("n", ["node"], entry_point=True, name="node")(
            lambda msg: msg.n // 2 if msg.n > 3 else None
        )
    assert found.frame["input"].tolist()[-2:] == [{"n": 8}, {"n": 3}]
    assert found.frame["kind"].tolist()[-2:] == ["same", "dropped"]


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [0, -1, True, 1.5, "3", None])
def test_a_wrong_number_of_messages_is_refused(last):
    router = pushed(lambda msg: 1)
    with unchanged(router), pytest.raises(EmitError, match="from 1 on"):
        router.diff("m", entry_point=True, name="node", last=last)(lambda msg: 2)


def test_a_node_that_does_not_stand_there_yet_is_refused():
    router = pushed(lambda msg: 1)
    with unchanged(router), pytest.raises(EmitError, match="there is no other yet to compare"):
        router.diff("m", entry_point=True, name="other")(lambda msg: 2)


def test_nothing_recorded_is_said():
    router = Router()
    router.node("m", entry_point=True, name="node")(lambda msg: 1)
    with unchanged(router), pytest.raises(EmitError, match="node has received nothing yet"):
        router.diff("m", entry_point=True, name="node")(lambda msg: 2)
    router.push([1], field="n")
    with unchanged(router), pytest.raises(EmitError, match="node has received nothing yet"):
        router.diff("m", "nobody", name="node")(lambda msg: 2)


def test_a_wrong_declaration_is_refused():
    router = pushed(lambda msg: 1)
    with unchanged(router), pytest.raises(DeclarationError, match="node"):
        router.diff("_origin", entry_point=True, name="node")(lambda msg: 2)
