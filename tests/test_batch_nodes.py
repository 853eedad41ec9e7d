"""Batch nodes: a DataFrame of messages in, a DataFrame or a dict of arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from looking import BATCH_SIZES, column, figures, lineage, rows

from emitnb import NoResult, ResultError, Router
from emitnb.message import ENTRY_POINT


def batch_node(function: Any, fields: Any = ("n",), **options: Any) -> Router:
    """A router with one batch node that hears what is pushed."""
    router = Router()
    router.node(fields, entry_point=True, batch=True, name="many", **options)(function)
    return router


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


def test_it_receives_a_dataframe_of_the_messages_fields():
    seen = []

    def function(frame: pd.DataFrame) -> pd.DataFrame:
        seen.append(frame)
        return frame[["n"]]

    router = batch_node(function)
    router.push([{"n": 1, "word": "a"}, {"n": 2, "word": "b"}])
    (frame,) = seen
    assert type(frame) is pd.DataFrame
    assert frame.to_dict("list") == {"n": [1, 2], "word": ["a", "b"]}
    assert frame.index.equals(pd.RangeIndex(2))
    assert figures(router, "many") == (2, 2, 0, 0)


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_its_rows_join_the_frame_with_their_lineage_whatever_the_size_of_a_batch(size):
    router = batch_node(lambda frame: frame.assign(twice=frame["n"] * 2), ("n", "twice"))
    router.push(numbers(10), batch_size=size)
    assert rows(router, "many") == [(n, 2 * n) for n in range(10)]
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in range(10)]
    assert type(router.frame("many").index) is pd.RangeIndex


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_a_filter_keeps_the_lineage_of_what_it_keeps(size):
    router = batch_node(lambda frame: frame[frame["n"] % 3 == 0])
    router.push(numbers(10), batch_size=size)
    assert column(router, "many") == [0, 3, 6, 9]
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in (0, 3, 6, 9)]
    assert figures(router, "many") == (10, 4, 6, 0)


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_rows_out_of_order_are_put_in_the_order_of_their_inputs(size):
    router = batch_node(lambda frame: frame.sort_values("n", ascending=False))
    router.push(numbers(10), batch_size=size)
    assert column(router, "many") == list(range(10))
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in range(10)]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_an_input_may_make_several_rows_in_their_order(size):
    def explode(frame: pd.DataFrame) -> pd.DataFrame:
        parts = frame.assign(n=[list(range(n)) for n in frame["n"]]).explode("n").dropna()
        return parts.astype({"n": "int64"}).iloc[::-1].sort_index(kind="stable")

    router = batch_node(explode)
    router.push(numbers(4), batch_size=size)
    assert column(router, "many") == [0, 1, 0, 2, 1, 0]
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in (1, 2, 2, 3, 3, 3)]
    assert figures(router, "many") == (4, 6, 1, 0)


@pytest.mark.parametrize(
    "convert", [list, np.array, pd.array, pd.Series, lambda values: pd.Series(values, list("abc"))]
)
def test_a_dict_of_arrays_has_a_value_for_each_row(convert):
    router = batch_node(
        lambda frame: {"b": convert(["x"] * len(frame)), "a": convert(frame["n"].tolist())},
        ("a", "b"),
    )
    router.push(numbers(3), batch_size=3)
    assert rows(router, "many") == [(0, "x"), (1, "x"), (2, "x")]
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in range(3)]


def test_a_series_fills_the_one_field():
    router = batch_node(lambda frame: frame["n"] + 1, "m")
    router.push(numbers(3))
    assert column(router, "many") == [1, 2, 3]


@pytest.mark.parametrize("nothing", [None, NoResult])
def test_nothing_emits_nothing(nothing):
    router = batch_node(lambda frame: nothing)
    router.push(numbers(3))
    assert figures(router, "many") == (3, 0, 3, 0)
    assert router.frame("many").columns.tolist() == ["n"]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_one_failing_row_among_a_thousand_is_found_and_the_others_count(size):
    calls = []

    def fragile(frame: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(frame))
        if (frame["n"] == 617).any():
            raise ValueError("not 617")
        return frame

    router = batch_node(fragile)
    router.push(numbers(1_000), batch_size=size)
    assert column(router, "many") == [n for n in range(1_000) if n != 617]
    assert lineage(router, "many")[617] == (ENTRY_POINT, 618, 618)
    failures = router.failures("many")
    assert failures["input"].tolist() == [{"n": 617}]
    assert failures["error"].tolist() == ["not 617"]
    assert failures[["parent_row", "source"]].to_numpy().tolist() == [[617, 617]]
    assert figures(router, "many") == (1_000, 999, 0, 1)
    if size == 1_000:
        assert len(calls) < 30


def test_the_dtypes_that_come_in_and_go_out_are_kept():
    frame = pd.DataFrame(
        {
            "small": pd.Series([1, 2, 3], dtype="int8"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    seen = []

    def function(part: pd.DataFrame) -> pd.DataFrame:
        seen.append(part.dtypes.tolist())
        return part

    router = batch_node(function, tuple(frame.columns))
    router.push(frame)
    assert seen == [frame.dtypes.tolist()]
    pd.testing.assert_frame_equal(router.frame("many"), frame)


def test_declared_types_are_the_dtypes_of_its_frame():
    router = batch_node(
        lambda frame: {"n": frame["n"].astype("int16"), "x": frame["n"].astype("float32")},
        {"n": int, "x": float},
    )
    router.push(numbers(3))
    assert router.frame("many").dtypes.astype(str).tolist() == ["int64", "float64"]


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (lambda frame: frame.rename(columns={"n": "m"}), ["fields n", "columns m"]),
        (lambda frame: frame.assign(more=1), ["fields n", "columns n, more"]),
        (lambda frame: frame[[]], ["fields n"]),
        (lambda frame: pd.concat([frame, frame], axis=1), ["columns n, n"]),
        (lambda frame: {"m": frame["n"]}, ["fields n", "columns m"]),
        (lambda frame: {"n": [1, 2, 3, 4, 5]}, ["5 values of n", "one value a row"]),
        (lambda frame: frame.set_index(frame.index + 1_000), ["index", "no reset_index"]),
        (lambda frame: frame.set_axis(list("abcd")[: len(frame)]), ["index"]),
        (lambda frame: 7, ["int", "return a DataFrame"]),
        (lambda frame: frame["n"].tolist(), ["list", "return a DataFrame"]),
    ],
)
def test_what_does_not_fit_is_a_failure_that_names_the_node_and_the_way_out(result, parts):
    router = batch_node(result)
    router.push(numbers(3), batch_size=3)
    failures = router.failures("many")
    assert failures["error_type"].tolist() == ["ResultError"] * 3
    for part in ["many", *parts]:
        assert part in failures["error"][0]
    assert router.frame("many").empty
    with pytest.raises(ResultError, match="many"):
        router(n=1)


def test_a_column_of_the_wrong_type_is_a_failure_that_names_field_and_dtype():
    router = batch_node(lambda frame: {"n": frame["n"].astype("str")}, {"n": int})
    router.push(numbers(2))
    errors = router.failures()["error"].tolist()
    assert len(errors) == 2
    assert "field n is declared int" in errors[0]
    assert "column is str" in errors[0]


def test_several_origins_are_merged_by_the_pushed_message():
    router = Router()
    router.node("n", entry_point=True, name="left")(lambda msg: msg.n)
    router.node("n", entry_point=True, name="right")(lambda msg: -msg.n)
    router.node("n", ["right", "left"], batch=True, name="many")(lambda frame: frame * 10)
    router.push(numbers(3))
    assert column(router, "many") == [0, 0, 10, -10, 20, -20]
    assert lineage(router, "many") == [(name, n, n) for n in range(3) for name in ("left", "right")]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_origins_with_other_fields_and_none_at_all(size):
    router = Router()
    router.node(("n", "a"), entry_point=True, name="left")(lambda msg: (msg.n, "x"))
    router.node("n", entry_point=True, when=lambda msg: False, name="right")(lambda msg: msg.n)
    router.node("n", ["left", "right"], batch=True, name="many")(lambda frame: frame[["n"]])
    router.push(numbers(4), batch_size=size)
    assert column(router, "many") == [0, 1, 2, 3]
    assert router.frame("many")["n"].dtype == "int64"


def test_a_predicate_chooses_its_rows():
    router = batch_node(lambda frame: frame, when=lambda msg: 6 // (msg.n - 2) > 0)
    router.push(numbers(6))
    assert column(router, "many") == [3, 4, 5]
    assert lineage(router, "many") == [(ENTRY_POINT, n, n) for n in (3, 4, 5)]
    assert router.failures()["input"].tolist() == [{"n": 2}]
    assert figures(router, "many") == (6, 3, 2, 1)


def test_what_it_emits_goes_on_to_other_nodes_as_python_values():
    router = batch_node(lambda frame: frame[frame["n"] > 0] * 2)
    router.node(("n", "kind"), "many", name="after")(lambda msg: (msg.n, type(msg.n).__name__))
    router.push(numbers(3))
    assert rows(router, "after") == [(2, "int"), (4, "int")]
    assert lineage(router, "after") == [("many", 0, 1), ("many", 1, 2)]


def test_it_may_stand_in_a_loop_and_be_async():
    router = Router()

    async def halve(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["n"] > 1] // 2

    router.node("n", "halve", entry_point=True, batch=True, name="halve")(halve)
    router.push([{"n": 8}, {"n": 3}])
    assert column(router, "halve") == [4, 2, 1, 1]
    once = Router()
    once.node("n", entry_point=True, batch=True, name="halve")(halve)
    once.push([{"n": 8}, {"n": 3}])
    assert column(once, "halve") == [4, 1]


def test_a_batch_node_called_directly_returns_a_tuple_of_dicts():
    router = Router()
    many = router.node("n", batch=True, name="many")(lambda frame: frame * 2)
    assert many(n=2) == ({"n": 4},)


def test_changing_the_frame_it_was_given_changes_nothing_else():
    router = Router()

    @router.node("n", entry_point=True, batch=True, name="first")
    def first(frame: pd.DataFrame) -> pd.DataFrame:
        frame["n"] += 100
        frame["more"] = 1
        return frame[["n"]]

    router.node("n", entry_point=True, name="second")(lambda msg: msg.n)
    pushed = pd.DataFrame({"n": [1, 2]})
    router.push(pushed)
    assert column(router, "first") == [101, 102]
    assert column(router, "second") == [1, 2]
    assert pushed.to_dict("list") == {"n": [1, 2]}
    assert router.frame(ENTRY_POINT).to_dict("list") == {"n": [1, 2]}


def test_changing_the_frame_it_was_given_before_a_row_fails_changes_no_other_row():
    def fragile(frame: pd.DataFrame) -> pd.DataFrame:
        frame["n"] += 100
        if (frame["n"] == 102).any():
            raise ValueError("not 2")
        return frame

    router = batch_node(fragile)
    router.push(numbers(4), batch_size=4)
    assert column(router, "many") == [100, 101, 103]
    assert router.failures()["input"].tolist() == [{"n": 2}]
