"""``router.scale``: what a cluster would make of a graph, and the same sample on both sides."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from dask import bag

from emitnb import EmitError, Router, RunInterrupted
from emitnb.process.hashing import partition_of
from emitnb.scaling import Difference, first_difference
from tests.looking import unchanged

LEAST = 3


@pytest.fixture
def router():
    """Words, and how often each came so far."""
    router = Router()

    @router.node({"word": str}, entry_point=True, name="words")
    def words(msg):
        yield from (word for word in msg.document.split() if len(word) >= LEAST)

    @router.node({"word": str, "count": int}, "words", key="word", name="count")
    def count(msg, state):
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    @router.node({"n": int}, "count", name="total")
    def total(msg, state):
        state["n"] = state.get("n", 0) + 1
        return state["n"]

    return router


@pytest.fixture
def on_dask(router):
    """The same, on a cluster."""
    router.use("dask", n_workers=1)
    yield router
    router.use("memory")  # no cluster is left to the tests behind this one


# --- Nothing to compare ---------------------------------------------------------------------------


def test_before_anything_is_pushed_it_says_so(router):
    report = router.scale()
    assert report.verdict == (
        "nothing was compared: nothing was pushed yet; push some data, then ask again"
    )
    assert list(report.frame.index) == ["words", "count", "total"]
    assert report.frame["ms"].isna().all()


def test_in_memory_it_says_how_to_choose_a_cluster(router):
    router.push(["the rain in Spain", "the sun"])
    report = router.scale()
    assert report.verdict == (
        "nothing was compared: nodes run in memory; choose a cluster with %emit_backend dask"
    )
    assert (report.frame["ms"] > 0).all()
    assert report.frame["partitions"].tolist() == ["any", "4 keys", "one"]


def test_without_nodes_it_says_so():
    report = Router().scale()
    assert report.verdict.startswith("nothing was compared: no node receives pushed data")
    assert str(report) == report.verdict


def test_data_that_lies_on_the_cluster_is_no_sample(on_dask):
    on_dask.push(bag.from_sequence([{"document": "the rain"}], npartitions=1))
    assert on_dask.scale().verdict == (
        "nothing was compared: what was pushed lies on the cluster, or is too large to keep; "
        "push a few messages from here, then ask again"
    )


@pytest.mark.parametrize("sample", [0, -1, True, 2.0, "all"])
def test_a_sample_is_a_number_of_messages(router, sample):
    with pytest.raises(EmitError, match=f"sample is {sample!r}; give a number of messages"):
        router.scale(sample)


# --- The table ------------------------------------------------------------------------------------


def test_the_frame_has_a_row_for_each_node_in_order(router):
    frame = router.scale().frame
    assert frame.index.name == "node"
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "ms": "float64",
        "captured": "str",
        "partitions": "str",
        "problems": "str",
        "notes": "str",
    }


def test_captured_variables_are_named_with_their_sizes(router):
    frame = router.scale().frame
    assert frame["captured"]["words"].startswith("LEAST ")
    assert frame["captured"]["count"] == ""


def test_a_node_that_cannot_go_is_in_the_table_with_its_problem(router):
    lines = open(os.devnull)  # noqa: SIM115, PTH123 - a thing that cannot be pickled

    @router.node("n", "words", name="logged")
    def logged(msg):
        return lines.name

    router.push(["the rain"])
    report = router.scale()
    lines.close()
    assert (
        report.verdict == "nothing was compared: logged cannot run on a cluster; see the problems"
    )
    assert "lines" in report.frame["problems"]["logged"]
    assert report.frame["problems"].drop("logged").tolist() == ["", "", ""]
    for shown in (str(report), report._repr_html_()):
        assert report.frame["problems"]["logged"] in shown.replace("&#x27;", "'")


def test_what_is_large_is_noted_and_what_is_small_is_not(router):
    model = bytes(2_000_000)

    @router.node("n", "words", name="scored")
    def scored(msg):
        return len(model)

    frame = router.scale().frame
    assert frame["captured"]["scored"] == "model 2 MB"
    assert "`model`" in frame["notes"]["scored"]
    assert frame["notes"].drop("scored").tolist() == ["", "", ""]


def test_what_changes_with_leave_is_noted(router):
    seen = []

    @router.node("n", "words", name="noted", allow_shared=True)
    def noted(msg):
        seen.append(msg)

    report = router.scale()
    assert report.frame["problems"]["noted"] == ""
    assert "seen.append" in report.frame["notes"]["noted"]
    assert f"noted {report.frame['notes']['noted']}" in str(report)


def test_the_partitions_are_those_of_the_keys_in_the_sample(on_dask):
    on_dask.push(["gone gone", "the rain in Spain stays", "mainly the plain"])
    count = on_dask.backend.partitions
    keys = ["the", "rain", "Spain", "stays", "mainly", "plain"]
    owners = [partition_of(key, count) for key in keys]
    expected = ", ".join(
        f"{number}: {owners.count(number)} key{'s' if owners.count(number) > 1 else ''}"
        for number in sorted(set(owners))
    )
    assert on_dask.scale(sample=2).frame["partitions"]["count"] == expected


# --- The comparison -------------------------------------------------------------------------------


def test_a_sample_that_is_the_same_is_identical(on_dask):
    on_dask.push(["the rain in Spain", "the sun", 3, {"other": 1}])
    report = on_dask.scale()
    assert report.verdict == "identical"
    assert str(report).startswith("identical: 4 messages, in memory and on dask\n")


def test_nothing_of_it_is_recorded(on_dask):
    on_dask.push(["the rain in Spain", "the sun", 3])
    with unchanged(on_dask):
        on_dask.scale()
    on_dask.push(["the"])
    assert on_dask.frame("count")["count"].iloc[-1] == 3


def test_the_first_difference_is_named(on_dask):
    @on_dask.node({"word": str, "process": int}, "words", name="where")
    def where(msg):
        return msg.word, os.getpid()

    @on_dask.node("twice", "where", name="later")
    def later(msg):
        return msg.process * 2

    on_dask.push(["the rain"])
    report = on_dask.scale()
    assert report.verdict.startswith(f"where, row 0, process: {os.getpid()} in memory, ")
    assert report.verdict.endswith(" on dask")
    assert str(report).startswith("different: 1 message, in memory and on dask\nwhere, row 0")
    assert list(report.frame.index) == ["words", "count", "total", "where", "later"]


def test_a_difference_in_what_failed_is_one(on_dask):
    here = os.getpid()

    @on_dask.node("word", "words", name="homesick")
    def homesick(msg):
        if os.getpid() != here:
            raise OSError("far from home")

    on_dask.push(["the rain"])
    assert on_dask.scale().verdict == "failures, row 0, number of rows: 0 in memory, 2 on dask"


def test_each_message_of_the_sample_has_the_fields_it_came_with(router):
    @router.node({"n": int}, entry_point=True, name="number")
    def number(msg):
        return msg.n

    router.push(["the rain"])
    router.push([{"n": 1}, {"n": 2}])
    router.push(pd.DataFrame({"n": [3]}))
    router.use("dask", n_workers=1)
    assert router.scale().verdict == "identical"
    assert router.scale(3).frame["partitions"]["count"] == "by key"


def test_a_sample_goes_to_its_end_however_much_fails(on_dask):
    @on_dask.node("n", entry_point=True, name="broken")
    def broken(msg):
        raise ValueError(msg.document)

    on_dask.max_failures = 5_000
    on_dask.push([str(n) for n in range(1_500)])
    assert on_dask.scale(sample=1_500).verdict == "identical"


def test_an_interrupt_says_that_nothing_is_recorded(router):
    tired = []

    @router.node("n", entry_point=True, name="slow", allow_shared=True)
    def slow(msg):
        if tired:
            raise KeyboardInterrupt

    router.push(["the rain"])
    tired.append(True)
    with unchanged(router), pytest.raises(RunInterrupted, match="nothing of it is recorded"):
        router.scale()


ARRAYS = [np.array([1.0, np.nan]), np.array([1.0, np.nan])]


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ({"n": [1, 2]}, {"n": [1, 2]}, None),
        ({}, {}, None),
        ({"n": [None, float("nan")]}, {"n": [None, float("nan")]}, None),
        ({"n": ARRAYS}, {"n": [array.copy() for array in ARRAYS]}, None),
        ({"n": [[1], [2]]}, {"n": [[1], [3]]}, Difference(1, "n", [2], [3])),
        ({"n": [1, 2, 3]}, {"n": [1, 5, 4]}, Difference(1, "n", 2, 5)),
        ({"n": [1, 2], "m": [1, 2]}, {"n": [1, 3], "m": [0, 2]}, Difference(0, "m", 1, 0)),
        ({"n": [1, 2]}, {"n": [1]}, Difference(1, "number of rows", 2, 1)),
        ({"n": [1]}, {"m": [1]}, Difference(0, "fields", ["n"], ["m"])),
        ({"n": ["a"]}, {"n": [1]}, Difference(0, "n", "a", 1)),
        (
            {"n": [1]},
            {"n": [1.0]},
            Difference(0, "dtype of n", np.dtype("int64"), np.dtype("float64")),
        ),
    ],
)
def test_first_difference(one, other, difference):
    assert first_difference(pd.DataFrame(one), pd.DataFrame(other)) == difference


def test_fields_of_one_name_are_told_apart_by_place():
    one = pd.DataFrame([[1, 2], [3, 4]], columns=["time", "time"])
    other = pd.DataFrame([[1, 2], [3, 5]], columns=["time", "time"])
    assert first_difference(one, other) == Difference(1, "time", 4, 5)


def test_a_report_is_a_table_in_a_notebook(router):
    router.push(["the rain"])
    shown = router.scale()._repr_html_()
    assert shown.count("<tr") == 4
    assert "nothing was compared" in shown
    assert "captured" in shown
