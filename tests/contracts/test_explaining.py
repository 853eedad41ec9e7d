"""The contract "Failures": they are grouped, and a call that failed can be made again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from looking import BATCH_SIZES, column, unchanged

from emitnb import (
    EmitError,
    NoResult,
    ResultError,
    Router,
    UnknownNodeError,
    UnknownRowError,
)
from emitnb.message import ENTRY_POINT

HERE = Path(__file__)

GROUPS = {
    "node": "str",
    "error_type": "str",
    "line": "Int64",
    "count": "int64",
    "first": "datetime64[ns, UTC]",
    "last": "datetime64[ns, UTC]",
    "error": "str",
    "smallest": "object",
    "row": "int64",
}


def line_of(text: str) -> int:
    """The line of this file in which a text first stands."""
    lines = HERE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def dirty() -> Router:
    """``parse`` fails in two lines, ``half`` in one."""
    router = Router()

    @router.node("n", entry_point=True, name="parse")
    def parse(msg: Any) -> int:
        if not msg.text:
            raise ValueError("nothing to parse")
        return int(msg.text)  # not always a number

    @router.node("n", "parse", name="half")
    def half(msg: Any) -> float:
        return 10 / msg.n

    return router


TEXTS = ["12", "twelve", "", "0", "x", "eleven", "y", "0"]


# --- Groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_failures_are_grouped_by_node_exception_type_and_line(size):
    router = dirty()
    router.push(TEXTS, field="text", batch_size=size)
    groups = router.failure_groups()
    assert groups[["node", "error_type", "count"]].values.tolist() == [
        ["parse", "ValueError", 4],
        ["half", "ZeroDivisionError", 2],
        ["parse", "ValueError", 1],
    ]
    assert groups["line"].tolist() == [
        line_of("# not always a number"),
        line_of("return 10 / msg.n"),
        line_of('ValueError("nothing to parse")'),
    ]
    assert groups["smallest"].tolist() == [{"text": "x"}, {"n": 0}, {"text": ""}]
    assert groups["error"][2] == "nothing to parse"


def test_a_group_names_the_row_of_its_smallest_input_the_first_of_those_as_small():
    router = dirty()
    router.push(TEXTS, field="text")
    groups, failures = router.failure_groups(), router.failures()
    for _, group in groups.iterrows():
        failure = failures.loc[group["row"]]
        assert failure["input"] == group["smallest"]
        assert failure["error"] == group["error"]
    assert groups["row"].tolist() == [3, 2, 1]


def test_a_group_knows_its_first_and_last_time():
    router = dirty()
    router.push(TEXTS, field="text", batch_size=1)
    router.push(["z"], field="text")
    failures = router.failures()
    group = router.failure_groups("parse").iloc[0]
    same = failures[failures["line"] == group["line"]]
    assert (group["first"], group["last"]) == (same["time"].min(), same["time"].max())
    assert group["first"] < group["last"]


def test_small_is_what_is_short_as_json():
    router = Router()

    @router.node("n", entry_point=True, name="node")
    def node(msg: Any) -> int:
        raise ValueError(msg.n)

    inputs = ["aaaaaaaaaaaa", {"a": [1, 2]}, object(), {1: None}, float("nan"), "\udc80"]
    router.push([{"n": value} for value in inputs])
    assert len(router.failures()) == len(inputs)
    (smallest,) = router.failure_groups()["smallest"]
    assert str(smallest["n"]) == "nan"
    assert router.failures()["error"].tolist()[-1] == "\\udc80"
    router.clear()
    router.push([{"n": "aaaaaaaaaaaa"}, {"n": 1j}, {"n": "\\udc80" * 9}])
    assert router.failure_groups()["smallest"].tolist() == [{"n": 1j}]


def test_groups_have_these_columns_and_dtypes_also_where_there_are_none():
    router = dirty()
    assert {name: str(dtype) for name, dtype in router.failure_groups().dtypes.items()} == GROUPS
    assert router.failure_groups().empty
    router.push(["", {"a b": 1}], field="text")
    groups = router.failure_groups()
    assert {name: str(dtype) for name, dtype in groups.dtypes.items()} == GROUPS
    assert groups["node"].tolist() == ["parse", ENTRY_POINT]  # as many: the first comes first
    assert groups["line"].isna().tolist() == [False, True]


def test_groups_of_one_node():
    router = dirty()
    router.push(TEXTS, field="text")
    assert router.failure_groups("half")["count"].tolist() == [2]
    assert router.failure_groups(ENTRY_POINT).empty
    with pytest.raises(UnknownNodeError, match="Did you mean `half`"):
        router.failure_groups("halv")


def test_a_long_error_is_cut_and_on_one_line_in_its_group():
    router = Router()

    @router.node("n", entry_point=True, name="node")
    def node(msg: Any) -> int:
        raise ValueError("a\nb" + "c" * 1_000)

    router.push([1], field="n")
    (error,) = router.failure_groups()["error"]
    assert error.startswith("a bccc")
    assert (len(error), error[-1]) == (200, "…")
    assert len(router.failures()["error"][0]) == 1_003


def test_rows_of_one_node_keep_their_numbers():
    router = dirty()
    router.push(TEXTS, field="text")
    every = router.failures()
    assert every.index.tolist() == list(range(len(every)))
    half = router.failures("half")
    assert half.index.tolist() == [2, 6]
    pd.testing.assert_frame_equal(half, every.loc[[2, 6]])


# --- The call again -------------------------------------------------------------------------------


def test_reproduce_raises_what_the_node_raises_at_its_line():
    router = dirty()
    router.push(TEXTS, field="text")
    with unchanged(router), pytest.raises(ValueError, match="'twelve'") as raised:
        router.reproduce(0)
    assert raised.traceback[-1].name == "parse"
    assert raised.traceback[-1].lineno + 1 == line_of("# not always a number")


def test_reproduce_calls_the_node_as_it_is_now():
    router = dirty()
    router.push(TEXTS, field="text")
    router.node("n", entry_point=True, name="parse")(lambda msg: len(msg.text))
    with unchanged(router):
        assert router.reproduce(0) == 6
    router.node("n", entry_point=True, name="parse", when=lambda msg: False)(lambda msg: 1)
    assert router.reproduce(0) is NoResult


def test_reproduce_makes_the_call_once_and_routes_nothing():
    router = Router()
    calls = []

    @router.node("n", entry_point=True, name="node", retries=3)
    def node(msg: Any) -> int:
        calls.append(msg.n)
        raise ValueError(msg.n)

    router.push([7], field="n")
    assert calls == [7] * 4
    with unchanged(router), pytest.raises(ValueError, match="7"):
        router.reproduce(0)
    assert calls == [7] * 5


@pytest.mark.parametrize("form", ["generator", "returned generator", "async", "async generator"])
def test_reproduce_returns_what_the_node_returns(form):
    router = Router()

    def broken(msg: Any) -> Any:
        raise ValueError("broken")

    def items(msg: Any) -> Any:
        yield msg.n
        yield msg.n + 1

    async def one(msg: Any) -> int:
        return msg.n

    async def several(msg: Any) -> Any:
        yield msg.n
        yield msg.n + 1

    forms: dict[str, Any] = {
        "generator": items,
        "returned generator": lambda msg: items(msg),
        "async": one,
        "async generator": several,
    }
    router.node("n", entry_point=True, name="node")(broken)
    router.push([7], field="n")
    router.node("n", entry_point=True, name="node")(forms[form])
    assert router.reproduce(0) == (7 if form == "async" else [7, 8])


@pytest.mark.parametrize("generates", [False, True])
def test_reproduce_raises_what_an_async_node_raises_at_its_line(generates):
    router = Router()

    async def broken(msg: Any) -> Any:
        raise KeyError(msg.n)

    async def broken_items(msg: Any) -> Any:
        yield 1
        raise KeyError(msg.n)

    router.node("n", entry_point=True, name="node")(broken_items if generates else broken)
    router.push([7], field="n")
    with pytest.raises(KeyError, match="7") as raised:
        router.reproduce(0)
    assert raised.traceback[-1].name.startswith("broken")


def test_reproduce_gives_a_batch_node_a_frame_of_one_row():
    router = Router()

    @router.node("n", entry_point=True, name="node", batch=True)
    def node(frame: pd.DataFrame) -> pd.DataFrame:
        if (frame["n"] > 1).any():
            raise ValueError("too large")
        return frame[["n"]] * 2

    router.push([0, 1, 2], field="n")
    with unchanged(router), pytest.raises(ValueError, match="too large"):
        router.reproduce(0)
    seen = []

    def mended(frame: pd.DataFrame) -> pd.DataFrame:
        seen.append(frame)
        return frame[["n"]] * 2

    router.node("n", entry_point=True, name="node", batch=True)(mended)
    assert router.reproduce(0)["n"].tolist() == [4]
    assert seen[0].to_dict("list") == {"n": [2]}


def counting(key: str | None) -> Router:
    router = Router()

    @router.node("n", entry_point=True, name="node", key=key)
    def node(msg: Any, state: Counter[str]) -> int:
        state["n"] += 1
        if msg.bad:
            raise ValueError(f"after {state['n'] - 1}")
        return state["n"]

    return router


@pytest.mark.parametrize(("key", "before"), [("key", 2), (None, 3)])
def test_reproduce_works_on_a_copy_of_the_committed_state(key, before):
    router = counting(key)
    router.push([{"key": key, "bad": False} for key in "aab"])
    router.push([{"key": "a", "bad": True}])
    for _ in range(2):
        with unchanged(router), pytest.raises(ValueError, match=f"after {before}"):
            router.reproduce(0)
    router.push([{"key": "a", "bad": False}])
    assert column(router, "node")[-1] == before + 1


def test_reproduce_raises_what_the_predicate_or_the_key_raises():
    router = counting("key")
    router.push([{"key": [], "bad": False}])
    with pytest.raises(ResultError, match="cannot be a key"):
        router.reproduce(0)
    router.node("n", entry_point=True, name="node", when=lambda msg: 1 / 0)(lambda msg: 1)
    with pytest.raises(ZeroDivisionError):
        router.reproduce(0)


def test_reproduce_raises_where_the_result_does_not_fit():
    router = Router()
    router.node({"n": int}, entry_point=True, name="node")(lambda msg: str(msg.n))
    router.push([1], field="n")
    with pytest.raises(ResultError, match="declared int"):
        router.reproduce(0)


def test_reproduce_says_which_fields_a_message_has():
    router = Router()
    router.node("n", entry_point=True, name="node")(lambda msg: msg.m)
    router.push([1], field="n")
    with pytest.raises(AttributeError) as raised:
        router.reproduce(0)
    assert "has the field n" in raised.value.__notes__[0]


def test_reproduce_follows_a_node_that_was_renamed():
    router = dirty()
    router.push(["x"], field="text")
    router.rename("parse", "read")
    with pytest.raises(ValueError, match="'x'"):
        router.reproduce(0)


@pytest.mark.parametrize(
    ("texts", "row", "says"),
    [
        ([], 0, "no failure 0 .*; nothing has failed"),
        (["x"], 1, "no failure 1 .*; its index has the rows"),
        (["x", "y"], -1, "no failure -1 .*; its index has the rows"),
    ],
)
def test_reproduce_of_an_unknown_row(texts, row, says):
    router = dirty()
    router.push(texts, field="text")
    with unchanged(router), pytest.raises(UnknownRowError, match=says):
        router.reproduce(row)


def test_reproduce_of_data_that_no_node_received():
    router = dirty()
    router.push([{"a b": 1}])
    with pytest.raises(EmitError, match="failure 0 is data that never became a message"):
        router.reproduce(0)


def test_reproduce_of_a_node_that_was_removed():
    router = dirty()
    router.push(["x"], field="text")
    router.remove("parse")
    with pytest.raises(UnknownNodeError, match="`parse`, which was removed; declare it again"):
        router.reproduce(0)
