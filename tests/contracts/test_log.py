"""The contract "The log": a frame has the fields as columns, in the dtypes that were declared."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd
import pytest
from looking import everything, rows, unchanged

from emitnb import Router, UnknownNodeError, UnknownRowError
from emitnb.message import ENTRY_POINT

LINEAGE = {
    "parent_node": "str",
    "parent_row": "int64",
    "source": "int64",
    "revision": "int64",
    "time": "datetime64[ns, UTC]",
}
TRACE = {
    "hop": "int64",
    "node": "str",
    "row": "int64",
    "parent_node": "str",
    "parent_row": "Int64",
    "revision": "Int64",
    "ms": "float64",
    "values": "object",
}
SUMMARY = {"in": "int64", "emitted": "int64", "dropped": "int64", "failed": "int64"}

NOON = datetime.datetime(2024, 5, 17, 12)


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def giving(declared: Any, values: list[Any]) -> Router:
    """A router whose node emits the values in a field of the declared type."""
    router = Router()
    router.node({"a": declared}, entry_point=True, name="giver")(lambda msg: (values[msg.n],))
    router.push([{"n": n} for n in range(len(values))])
    assert router.failures().empty
    return router


@pytest.mark.parametrize("count", [0, 1, 3, 40_000])
@pytest.mark.parametrize(
    ("declared", "values", "dtype"),
    [
        (int, [1, 2, 3], "int64"),
        (float, [1.5, 2, 3.0], "float64"),
        (bool, [True, False, True], "bool"),
        (str, ["a", "", "ä€"], "str"),
        (datetime.datetime, [NOON, NOON, NOON], "datetime64[us]"),
        (int | None, [1, None, 3], "Int64"),
        (bool | None, [None, True, False], "boolean"),
        (str | None, ["a", None, "c"], "str"),
        (list, [[1], [], [2, 3]], "object"),
    ],
)
def test_the_log_declared_types_become_dtypes_whatever_the_number_of_rows(
    declared, values, dtype, count
):
    values = (values * (count // 3 + 1))[:count]
    router = giving(declared, values)
    frame = router.frame("giver")
    if declared is not list or count:
        assert dtypes(frame) == {"a": dtype}
    assert len(frame) == count
    got = [None if value is pd.NA or value != value else value for value in frame["a"].tolist()]
    assert got == values


def test_the_log_a_number_beyond_64_bits_keeps_its_value():
    assert rows(giving(int, [1, 2**70]), "giver") == [(1,), (2**70,)]


def test_the_log_fields_without_a_type_get_the_dtype_of_their_values():
    router = Router()
    router.node(("a", "b", "c"), entry_point=True, name="giver")(
        lambda msg: (msg.n, str(msg.n), msg.n / 2)
    )
    router.push([{"n": n} for n in range(20_000)])
    assert dtypes(router.frame("giver")) == {"a": "int64", "b": "str", "c": "float64"}


def pair() -> Router:
    """words -> count, and something pushed."""
    router = Router()

    @router.node({"word": str}, entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node({"word": str, "n": int}, "words", key="word", name="count")
    def count(msg: Any, state: dict[str, int]) -> Any:
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    return router


def test_the_log_a_frame_has_the_fields_as_columns_and_a_range_index():
    router = pair()
    empty = router.frame("count")
    assert dtypes(empty) == {"word": "str", "n": "int64"}
    assert empty.index.equals(pd.RangeIndex(0))
    router.push(["the rain the", "rain"])
    frame = router.frame("count")
    assert dtypes(frame) == {"word": "str", "n": "int64"}
    assert type(frame.index) is pd.RangeIndex
    assert frame.to_dict("list") == {"word": ["the", "rain", "the", "rain"], "n": [1, 1, 2, 2]}
    assert dtypes(router.frame("words")) == {"word": "str"}


def test_the_log_lineage_adds_these_columns_in_these_dtypes():
    router = pair()
    assert dtypes(router.frame("count", lineage=True)) == {"word": "str", "n": "int64", **LINEAGE}
    before = pd.Timestamp.now(tz="UTC")
    router.push(["the rain the", "rain"])
    after = pd.Timestamp.now(tz="UTC")
    frame = router.frame("count", lineage=True)
    assert dtypes(frame) == {"word": "str", "n": "int64", **LINEAGE}
    assert frame["time"].between(before, after).all()
    assert frame["source"].tolist() == [0, 0, 0, 1]


def test_the_log_the_frame_of_all_nodes_is_in_push_order_with_the_union_of_the_fields():
    router = pair()
    router.push(["the rain", "the"])
    frame = router.frame()
    assert dtypes(frame) == {"node": "str", "row": "int64", "word": "str", "n": "Int64"}
    assert frame["node"].tolist() == ["words", "words", "count", "count", "words", "count"]
    assert frame["row"].tolist() == [0, 1, 0, 1, 2, 2]
    assert frame["n"].isna().tolist() == [True, True, False, False, True, False]
    assert type(frame.index) is pd.RangeIndex
    with_lineage = router.frame(lineage=True)
    assert dtypes(with_lineage) == {**dtypes(frame), **LINEAGE}
    assert with_lineage["source"].tolist() == [0, 0, 0, 0, 1, 1]


def test_the_log_a_field_named_like_a_column_of_ours_keeps_its_name_and_ours_gives_way():
    ours = ["node", "row", *LINEAGE]
    router = Router()
    router.node(ours, entry_point=True, name="all")(lambda msg: tuple(range(7)))
    router.node("_time", subscribe_to="all", name="later")(lambda msg: msg.time)
    router.push([{"n": 0}, {"n": 1}])
    one, whole = router.frame("all", lineage=True), router.frame(lineage=True)
    assert list(one) == [*ours, *(f"_{name}" for name in LINEAGE)]
    assert one[ours].iloc[1].tolist() == list(range(7))
    assert one["_source"].tolist() == [0, 1]
    assert whole["_node"].tolist() == ["all", "later", "all", "later"]
    assert whole["_row"].tolist() == [0, 0, 1, 1]
    assert whole["_parent_row"].tolist() == [0, 0, 1, 1]
    assert whole["node"].dropna().tolist() == [0, 0]
    assert whole["_time"].dropna().tolist() == [6, 6]
    assert str(whole["__time"].dtype) == LINEAGE["time"]


def test_the_log_whole_numbers_beside_missing_ones_keep_their_values():
    router = pair()
    router.node({"big": int}, "words", name="big")(lambda msg: 2**53 + 1)
    router.push(["the"])
    big = router.frame()["big"].dropna().tolist()
    assert big == [2**53 + 1]


def test_the_log_an_empty_log_has_an_empty_frame():
    frame = Router().frame()
    assert dtypes(frame) == {"node": "str", "row": "int64"}
    assert len(frame) == 0
    assert len(Router().frame(lineage=True)) == 0


def test_the_log_trace_has_these_columns_and_dtypes():
    router = pair()
    router.push(["the rain"])
    assert dtypes(router.trace("words", 0)) == TRACE
    with pytest.raises(UnknownRowError, match="words has rows 0 to 1; there is no row 2"):
        router.trace("words", 2)
    with pytest.raises(UnknownRowError, match="-1"):
        router.trace("words", -1)


def test_the_log_the_summary_counts_messages_by_node_the_entry_point_first():
    router = pair()
    router.node("n", "count", when=lambda msg: msg.n > 1, name="often")(
        lambda msg: 1 // (msg.n - 2)
    )
    router.push(["the rain the the the", "", "rain"])
    summary = router.summary()
    assert dtypes(summary) == {**SUMMARY, "ms": "float64"}
    assert summary.index.name == "node"
    assert summary.index.tolist() == [ENTRY_POINT, "words", "count", "often"]
    assert summary.loc["words", list(SUMMARY)].tolist() == [3, 6, 1, 0]
    assert summary.loc["count", list(SUMMARY)].tolist() == [6, 6, 0, 0]
    assert summary.loc["often", list(SUMMARY)].tolist() == [6, 2, 2, 2]
    assert summary.loc[ENTRY_POINT, "emitted"] == 3
    assert (summary["ms"] >= 0).all()


# --- What edits do to it --------------------------------------------------------------------------


def test_the_log_the_summary_has_the_entry_point_before_anything_is_pushed():
    assert pair().summary().index.tolist() == [ENTRY_POINT, "words", "count"]


def test_the_log_clear_forgets_emissions_failures_figures_and_states_but_not_the_graph():
    router = pair()
    graph = router.graph
    router.push(["the rain", {"wrong": 1}])
    router.clear()
    assert router.graph is graph
    assert all(frame.empty for frame in (router.frame(), router.failures()))
    assert router.summary()[list(SUMMARY)].to_numpy().sum() == 0
    assert router.frame(ENTRY_POINT).empty
    router.push(["the"])
    assert rows(router, "count") == [("the", 1)]
    assert router.frame("count", lineage=True)["source"].tolist() == [0]


def test_the_log_reset_forgets_the_graph_too():
    router = pair()
    router.push(["the rain"])
    router.reset()
    assert dict(router.nodes) == {}
    assert router.frame().empty
    with pytest.raises(UnknownNodeError):
        router.frame("words")
    router.node("n", entry_point=True, name="words")(lambda msg: msg.n)
    assert router.nodes["words"].revision == 1


def test_the_log_rename_takes_emissions_failures_state_figures_and_subscriptions_along():
    router = pair()
    router.push(["the rain", {"wrong": 1}])
    before = everything(router)
    router.rename("words", "parts")
    router.rename("count", "tally")
    names = {"words": "parts", "count": "tally"}
    for was, now in zip(before, everything(router), strict=True):
        pd.testing.assert_frame_equal(was.replace(names).rename(names), now)
    assert router.graph.origins("tally") == ("parts",)
    router.push(["the"])
    assert rows(router, "tally")[-1] == ("the", 2)
    assert router.trace("tally", 2)["node"].tolist() == [ENTRY_POINT, "parts", "tally"]
    assert router.failures()["node"].tolist() == ["parts"]
    with pytest.raises(UnknownNodeError):
        router.frame("words")


@pytest.mark.parametrize("new", ["count", "__entry_point", "two words", ""])
def test_the_log_a_rename_to_a_name_that_cannot_be_is_refused(new):
    router = pair()
    router.push(["the"])
    with unchanged(router), pytest.raises(ValueError, match=r"cannot rename words.*another name"):
        router.rename("words", new)


def test_the_log_remove_takes_the_node_away_and_what_it_emitted_stays():
    router = pair()
    router.push(["the rain"])
    emitted = router.frame("words", lineage=True)
    whole = router.frame()
    router.remove("words")
    assert list(router.nodes) == ["count"]
    assert router.graph.origins("count") == ()
    pd.testing.assert_frame_equal(router.frame("words", lineage=True), emitted)
    assert sorted(router.frame()["node"]) == sorted(whole["node"])
    assert router.trace("count", 0)["node"].tolist() == [ENTRY_POINT, "words", "count"]
    router.node("word", entry_point=True, name="words")(lambda msg: msg.document)
    assert router.graph.origins("count") == ("words",)
    router.push(["the"])
    assert rows(router, "words") == [("the",), ("rain",), ("the",)]


def test_the_log_a_node_with_other_fields_than_before_has_the_union_of_both():
    router = pair()
    router.push(["the rain"])
    router.node(("word", "length"), entry_point=True, name="words")(lambda msg: ("x", 1))
    router.push(["the"])
    frame = router.frame("words")
    assert frame.columns.tolist() == ["word", "length"]
    assert frame["word"].tolist() == ["the", "rain", "x"]
    assert frame["length"].isna().tolist() == [True, True, False]
