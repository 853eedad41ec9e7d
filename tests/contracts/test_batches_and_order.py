"""The contracts "Batches and commits", "Order", "An emission is known by its node and its row"
and "One place runs user code"."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from looking import BATCH_SIZES, column, everything, figures, lineage, rows

from emitnb import Router, RunStoppedError
from emitnb.message import ENTRY_POINT
from emitnb.plan import make_plan
from emitnb.process import Outcome, process_plan
from emitnb.table import ListTable


def diamond() -> Router:
    """split feeds left and right, both feed join, which has a state and also hears pushed data."""
    router = Router()

    @router.node(("n", "part"), ["left", "right", "split", ENTRY_POINT], name="join")
    def join(msg: Any, state: list[Any]) -> tuple[Any, int]:
        state.append(msg.n)
        return f"{msg._origin}:{msg.n}", len(state)

    @router.node("n", entry_point=True, name="split")
    def split(msg: Any) -> Any:
        yield from range(msg.n)

    router.node("n", "split", name="right", when=lambda msg: msg.n % 2 == 0)(lambda msg: msg.n)
    router.node("n", "split", name="left")(lambda msg: 1 // (msg.n - 2) and msg.n)
    return router


def without_time(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Frames without what a clock says."""
    return [frame.drop(columns=["time", "ms"], errors="ignore") for frame in frames]


# --- Batches and commits --------------------------------------------------------------------------


def test_batches_and_commits_all_parts_of_a_batch_become_visible_together():
    router = diamond()
    seen = []

    def look(run: Any) -> None:
        frame = router.frame("split", lineage=True)
        joined = router.frame("join", lineage=True)
        failed = router.failures()
        sources = {len(frame["source"].unique()), len(joined["source"].unique())}
        summary = router.summary()
        seen.append(run.done)
        assert sources == {run.done}
        assert failed["source"].max() == run.done - 1
        assert summary.loc["split", "in"] == run.done
        assert summary["failed"].sum() == len(failed)
        assert joined["part"].tolist() == list(range(1, len(joined) + 1))
        assert run.summary.loc["join", "emitted"] == len(joined)

    router.push([{"n": 3}] * 7, batch_size=2, progress=look)
    assert seen == [2, 4, 6, 7]


def test_batches_and_commits_nothing_of_a_batch_shows_while_it_runs():
    router = Router()
    seen = []

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any, state: dict[str, int]) -> int:
        state["n"] = state.get("n", 0) + 1
        seen.append(len(router.frame("first")))
        return state["n"]

    router.push([{"x": 0}] * 6, batch_size=3)
    assert seen == [0, 0, 0, 3, 3, 3]


def test_batches_and_commits_a_batch_that_stops_the_run_leaves_nothing():
    router = diamond()
    with pytest.raises(RunStoppedError) as stopped:
        router.push([{"n": n} for n in (1, 2, 1, 3, 1)], batch_size=2, on_error="stop")
    run = stopped.value.run
    assert (run.state, run.done, run.total) == ("stopped", 2, 5)
    twin = diamond()
    twin.push([{"n": n} for n in (1, 2)])
    for left, right in zip(
        without_time(everything(router)), without_time(everything(twin)), strict=True
    ):
        pd.testing.assert_frame_equal(left, right)


def test_batches_and_commits_a_changed_graph_takes_effect_at_the_next_batch():
    router = Router()
    router.node("n", entry_point=True, name="first")(lambda msg: msg.n)

    @router.node("n", "first", name="second")
    def second(msg: Any) -> int:
        if msg.n == 2:
            router.node("n", "first", name="second")(lambda msg: -msg.n)
            router.node("n", "second", name="third")(lambda msg: msg.n)
        return msg.n

    router.push([{"n": n} for n in range(9)], batch_size=3)
    assert column(router, "second") == [0, 1, 2, -3, -4, -5, -6, -7, -8]
    assert column(router, "third") == [-3, -4, -5, -6, -7, -8]
    revisions = router.frame("second", lineage=True)["revision"]
    assert revisions.tolist() == [1] * 3 + [2] * 6


# --- Order ----------------------------------------------------------------------------------------


def test_order_is_that_of_pushing_one_message_after_the_other():
    router = diamond()
    router.push([{"n": 2}, {"n": 1}])
    # Topological: split, then right (declared before left), then left, then join.
    assert column(router, "split") == [0, 1, 0]
    assert rows(router, "join") == [
        ("__entry_point:2", 1),
        ("split:0", 2),
        ("split:1", 3),
        ("right:0", 4),
        ("left:0", 5),
        ("left:1", 6),
        ("__entry_point:1", 7),
        ("split:0", 8),
        ("right:0", 9),
        ("left:0", 10),
    ]


def test_order_ties_go_by_declaration_also_after_a_node_is_declared_again():
    router = Router()
    for name in ("b", "a", "c"):
        router.node("n", entry_point=True, name=name)(lambda msg: msg.n)
    router.node("n", entry_point=True, name="b")(lambda msg: msg.n + 1)
    router.node("origin", ["c", "a", "b"], name="end")(lambda msg: msg._origin)
    router.push({"n": 1})
    assert column(router, "end") == ["b", "a", "c"]
    assert router.frame()["node"].tolist() == ["b", "a", "c", "end", "end", "end"]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_order_the_size_of_a_batch_never_shows(size):
    pushed = [{"n": n} for n in [3, 0, 4, 1, 5, 2, 3] * 3]
    one, other = diamond(), diamond()
    for message in pushed:
        one.push(message)
    other.push(pushed, batch_size=size)
    for left, right in zip(
        without_time(everything(one)), without_time(everything(other)), strict=True
    ):
        pd.testing.assert_frame_equal(left, right)


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_order_a_loop_runs_wave_by_wave_and_to_its_end_before_the_next_message(size):
    router = Router()

    @router.node(("tag", "n"), ["left", "right"], entry_point=True, name="left")
    def left(msg: Any, state: list[Any]) -> Any:
        state.append(msg.tag)
        if msg.n > 0:
            yield f"{msg.tag}l", msg.n - 1

    @router.node(("tag", "n"), "left", name="right")
    def right(msg: Any) -> Any:
        return f"{msg.tag}r", msg.n

    @router.node(("tag", "seen"), ["left", "right"], name="watch")
    def watch(msg: Any, state: list[Any]) -> Any:
        state.append(msg.tag)
        return msg.tag, len(state)

    router.push([{"tag": "a", "n": 2}, {"tag": "b", "n": 1}], batch_size=size)
    assert [tag for tag, _ in rows(router, "left")] == ["al", "all", "alrl", "bl"]
    assert [tag for tag, _ in rows(router, "right")] == ["alr", "allr", "alrlr", "blr"]
    order = ["al", "all", "alr", "alrl", "allr", "alrlr", "bl", "blr"]
    assert [tag for tag, _ in rows(router, "watch")] == order
    nodes = router.frame()["node"].tolist()
    first = ["left", "left", "right", "left", "right", "right", *(["watch"] * 6)]
    assert nodes == [*first, "left", "right", "watch", "watch"]
    assert lineage(router, "left") == [
        (ENTRY_POINT, 0, 0),
        ("left", 0, 0),
        ("right", 0, 0),
        (ENTRY_POINT, 1, 1),
    ]


# --- An emission is known by its node and its row -------------------------------------------------


def test_an_emission_is_known_by_node_and_row_counted_from_0_in_a_plain_range_index():
    router = diamond()
    router.push([{"n": 2}])
    router.push([{"n": 3}])
    for name in (None, "split", "join"):
        frame = router.frame(name)
        assert type(frame.index) is pd.RangeIndex
        assert frame.index.equals(pd.RangeIndex(len(frame)))
    whole = router.frame()
    for name in ("split", "left", "right", "join"):
        assert whole[whole["node"] == name]["row"].tolist() == list(range(len(router.frame(name))))


def test_an_emission_lineage_points_to_parent_node_parent_row_and_pushed_message():
    router = Router()
    router.node("n", entry_point=True, name="split")(lambda msg: (n for n in range(msg.n)))
    router.node("n", "split", name="odd", when=lambda msg: msg.n % 2)(lambda msg: msg.n)
    router.node("n", ["split", "odd"], name="both")(lambda msg: msg.n)
    router.push([{"n": 2}, {"n": 0}], batch_size=1)
    router.push([{"n": 4}])
    assert lineage(router, "split") == [(ENTRY_POINT, 0, 0)] * 2 + [(ENTRY_POINT, 2, 2)] * 4
    assert lineage(router, "odd") == [("split", 1, 0), ("split", 3, 2), ("split", 5, 2)]
    assert lineage(router, "both") == [
        ("split", 0, 0),
        ("split", 1, 0),
        ("odd", 0, 0),
        *[("split", row, 2) for row in (2, 3, 4, 5)],
        ("odd", 1, 2),
        ("odd", 2, 2),
    ]


def test_an_emission_can_be_traced_to_its_ancestors_and_descendants():
    router = Router()
    router.node("n", entry_point=True, name="split")(lambda msg: (n for n in range(msg.n)))
    router.node("n", "split", name="twice")(lambda msg: (n for n in (msg.n, msg.n)))
    router.push([{"n": 1}, {"n": 2}])
    trace = router.trace("split", 2)
    found = trace[["hop", "node", "row", "parent_node"]].astype(object)
    found = found.where(found.notna(), None).to_numpy().tolist()
    assert found == [
        [-1, ENTRY_POINT, 1, None],
        [0, "split", 2, ENTRY_POINT],
        [1, "twice", 4, "split"],
        [1, "twice", 5, "split"],
    ]
    assert trace["values"].tolist() == [{"n": 2}, {"n": 1}, {"n": 1}, {"n": 1}]
    assert router.trace(ENTRY_POINT, 1)["hop"].tolist() == [0, 1, 1, 2, 2, 2, 2]
    assert router.trace("twice", 4)["hop"].tolist() == [-2, -1, 0]


# --- One place runs user code ---------------------------------------------------------------------


def stateful() -> Router:
    """Keyed and whole-node states, failures, a batch node and a loop."""
    router = Router()

    @router.node(("tag", "n"), entry_point=True, key="tag", name="keyed")
    def keyed(msg: Any, state: dict[str, list[int]]) -> Any:
        state.setdefault("seen", []).append(msg.n)
        if msg.n % 3 == 2:
            raise ValueError(msg.n)
        return msg.tag, len(state["seen"])

    @router.node(("tag", "n"), ["keyed", "whole"], name="whole")
    def whole(msg: Any, state: list[int]) -> Any:
        state.append(msg.n)
        return (msg.tag, msg.n - 1) if msg.n > 1 else None

    @router.node("n", "keyed", batch=True, name="many")
    def many(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[["n"]] * 2

    return router


def described(outcome: Outcome) -> list[Any]:
    """All of an outcome that does not come from a clock."""
    parts: list[Any] = [
        (one.node, one.rank, one.parents.origins, one.received, one.dropped, one.revision)
        for one in outcome.nodes
    ]
    for one in outcome.nodes:
        parts.append(one.table.frame().to_dict("list"))
        parts.append([(f.position, f.message, repr(f.error)) for f in one.failures])
        parts.append(one.sources.tolist())
        parts.append(None if one.counts is None else one.counts.tolist())
    return [*parts, {name: dict(states) for name, states in outcome.states.items()}]


def test_one_place_runs_user_code_process_is_pure():
    router = stateful()
    plan = make_plan(router.graph, None, 100)
    table = ListTable(("tag", "n"), [list("abcab"), [0, 1, 2, 3, 5]], 5)
    first = process_plan(plan, table, {})
    states = {name: (dict(touched),) for name, touched in first.states.items()}
    assert states["keyed"][0]["a"] == {"seen": [0, 3]}
    given = copy.deepcopy((table, states))
    once, again = (process_plan(plan, table, states) for _ in range(2))
    assert (table, states) == given
    assert described(once) == described(again)
    assert described(once) != described(first)
    assert once.states["keyed"]["a"] == {"seen": [0, 3, 0, 3]}
    assert router.frame().empty


def test_one_place_runs_user_code_process_prints_nothing(capsys):
    router = stateful()
    process_plan(make_plan(router.graph, None, 100), ListTable(("tag", "n"), [["a"], [2]], 1), {})
    assert capsys.readouterr() == ("", "")


def test_one_place_runs_user_code_for_pushes_calls_and_direct_calls_alike():
    pushed, called, direct = stateful(), stateful(), stateful()
    messages = [{"tag": tag, "n": n} for tag, n in zip("abcab", (0, 1, 3, 3, 4), strict=True)]
    pushed.push(messages)
    for message in messages:
        called(**message)
        direct.push([message], batch_size=1)
    for name in ("keyed", "whole", "many"):
        assert rows(pushed, name) == rows(called, name) == rows(direct, name)
        assert lineage(pushed, name) == lineage(called, name) == lineage(direct, name)
        assert figures(pushed, name) == figures(called, name) == figures(direct, name)
    assert isinstance(pushed.frame("many")["n"].to_numpy(), np.ndarray)
