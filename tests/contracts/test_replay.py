"""Replay what is stale: afterwards the frames are those of a fresh run of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from looking import column, everything, figures, lineage, rows, unchanged

from emitnb import EmitError, Router, Run, UnknownNodeError

TEXTS = [" Rain", "sun ", "rain", "fog", "Sun"]


def chain(router: Router | None = None, *, lower: bool = False) -> Router:
    """``read`` -> ``clean`` -> ``count`` (keyed) -> ``last``; ``clean`` in one of two versions."""
    made, router = router is None, router or Router()
    if made:
        router.node("text", entry_point=True, name="read")(lambda msg: msg.text)
    if lower:
        router.node("word", "read", name="clean")(lambda msg: msg.text.strip().lower())
    else:
        router.node("word", "read", name="clean")(lambda msg: msg.text.strip())
    if made:

        @router.node(("word", "count"), "clean", key="word", name="count")
        def count(msg: Any, state: dict[str, int]) -> tuple[str, int]:
            if msg.word == "fog":
                raise ValueError("nothing to be seen")
            state["n"] = state.get("n", 0) + 1
            return msg.word, state["n"]

        router.node("line", "count", name="last")(lambda msg: f"{msg.word} {msg.count}")
    return router


def pushed(texts: list[str] = TEXTS, **options: Any) -> Router:
    router = chain()
    router.push(texts, field="text", **options)
    return router


def fresh(texts: list[str] = TEXTS) -> Router:
    router = chain()
    chain(router, lower=True)
    router.push(texts, field="text")
    return router


def recorded(router: Router) -> list[pd.DataFrame]:
    """All that is recorded, but for the times."""
    frames = [frame.drop(columns=["time", "ms"], errors="ignore") for frame in everything(router)]
    frames[1] = frames[1].reset_index(drop=True)
    return frames


def assert_same(one: Router, two: Router) -> None:
    for left, right in zip(recorded(one), recorded(two), strict=True):
        pd.testing.assert_frame_equal(left, right)


def pause_once(run: Run) -> None:
    if run.done == 1:
        run.pause()


def paused(run: Run) -> Run:
    """Wait until it is."""
    assert run._control.wait(lambda state: state == "paused", 30)
    return run


# --- what a replay does ---------------------------------------------------------------------------


@pytest.mark.parametrize("node", [None, "clean"])
@pytest.mark.parametrize("size", [1, 2, "auto"])
@pytest.mark.parametrize("memory", [0, "unlimited"])
def test_after_a_replay_all_is_as_in_a_fresh_run(node, size, memory):
    router = pushed(batch_size=2)
    router.bound(memory=memory)
    chain(router, lower=True)
    run = router.replay(node, batch_size=size)
    assert (run.state, run.done, run.total) == ("done", 5, 5)
    assert_same(router, fresh())
    router.push(TEXTS, field="text")
    assert_same(router, fresh(TEXTS * 2))


def test_the_nodes_before_are_not_run():
    router, calls = Router(), []
    router.node("n", entry_point=True, name="first")(lambda msg: calls.append(msg.n) or msg.n)
    router.node("n", "first", name="second")(lambda msg: msg.n)
    router.push([1, 2], field="n")
    before = router.frame("first", lineage=True)
    router.node("n", "first", name="second")(lambda msg: -msg.n)
    router.replay()
    assert calls == [1, 2]
    assert column(router, "second") == [-1, -2]
    pd.testing.assert_frame_equal(router.frame("first", lineage=True), before)


def test_frames_and_declarations_say_what_is_stale_until_it_is_replayed():
    router = pushed()
    clean = router.node("word", "read", name="clean")(lambda msg: msg.text.lower())
    assert "5 rows come from an older clean; %emit_replay clean" in str(clean.declaration)
    for name, count in (("clean", 5), ("count", 4), ("last", 4)):
        note = f"{name}: {count} rows come from an older clean; %emit_replay clean"
        assert router.frame(name).attrs["stale"] == note
    router.replay()
    for name in (None, *router.nodes):
        assert "stale" not in router.frame(name).attrs
    assert router.replay().total == 0


def test_a_replay_of_a_leaf_leaves_what_is_stale_before_it_stale():
    router = pushed()
    chain(router, lower=True)
    router.replay("last")
    for name in ("clean", "count", "last"):
        assert "from an older clean" in router.frame(name).attrs["stale"]
    router.replay()
    assert_same(router, fresh())


def test_a_node_that_is_not_stale_can_be_replayed_all_the_same():
    router, outside = Router(), [1]
    router.node("n", entry_point=True, name="node")(lambda msg: msg.n * outside[0])
    router.push([1, 2], field="n")
    outside[0] = 10
    assert router.replay("node").done == 2
    assert column(router, "node") == [10, 20]


def test_equal_code_written_again_leaves_nothing_to_replay():
    router = pushed()
    chain(router)
    assert "stale" not in router.frame().attrs
    assert router.replay().total == 0


def test_what_failed_is_run_again_and_what_was_retried_comes_where_it_came():
    router = pushed()
    router.node("word", "read", name="clean")(lambda msg: msg.text.strip().replace("fog", "mist"))
    router.replay()
    assert router.failures().empty
    assert column(router, "last") == ["Rain 1", "sun 1", "rain 1", "mist 1", "Sun 1"]
    assert figures(router, "count") == (5, 5, 0, 0)


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_what_was_retried_upstream_is_replayed_last(size):
    router = Router()
    router.node("n", entry_point=True, name="inverse")(lambda msg: 6 // msg.n)
    router.node("n", "inverse", name="leaf")(lambda msg: msg.n)
    router.push([0, 1, 2], field="n")
    router.node("n", entry_point=True, name="inverse")(lambda msg: 6 // (msg.n or 6))
    router.retry()
    router.push([3], field="n")
    router.node("n", "inverse", name="leaf")(lambda msg: -msg.n)
    router.replay("leaf", batch_size=size)
    assert column(router, "leaf") == [-6, -3, -1, -2]
    assert lineage(router, "leaf") == [
        ("inverse", row, source) for row, source in enumerate((1, 2, 0, 3))
    ]


# --- kinds of graphs ------------------------------------------------------------------------------


def test_batch_and_async_nodes_and_pushed_frames_are_replayed():
    router = Router()

    def declare(sign: int) -> None:
        @router.node({"m": int}, entry_point=True, batch=True, name="b", fingerprint=f"b{sign}")
        def b(frame: pd.DataFrame) -> pd.DataFrame:
            kept = frame[frame["n"] % 2 == 0]
            return pd.DataFrame({"m": sign * kept["n"]}, index=kept.index)

        @router.node("k", "b", name="a", fingerprint=f"a{sign}")
        async def a(msg: Any) -> int:
            return msg.m + 1

    declare(1)
    router.push(pd.DataFrame({"n": range(10)}), batch_size=3)
    router.push([{"n": 10}, {"n": 11, "other": "x"}])
    declare(-1)
    router.replay(batch_size=4)
    assert column(router, "b") == [0, -2, -4, -6, -8, -10]
    assert column(router, "a") == [1, -1, -3, -5, -7, -9]
    assert router.frame("b")["m"].dtype == "int64"
    assert [source for *_, source in lineage(router, "a")] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("size", [1, 3, "auto"])
def test_several_origins_are_merged_as_they_were(size):
    router = Router()
    router.node("n", entry_point=True, name="a")(lambda msg: msg.n)
    router.node("n", "a", name="b")(lambda msg: (yield from (msg.n, msg.n * 10)))

    @router.node("n", ["a", "b", "__entry_point"], name="merge")
    def merge(msg: Any, state: list[str]) -> str:
        state.append(f"{msg._origin[0]}{msg.n}")
        return " ".join(state)

    router.push([1, 2, 3], field="n", batch_size=2)
    before = [router.frame(name, lineage=True).drop(columns="time") for name in ("b", "merge")]
    for node in ("merge", "b"):
        router.replay(node, batch_size=size)
        after = [router.frame(name, lineage=True).drop(columns="time") for name in ("b", "merge")]
        for left, right in zip(after, before, strict=True):
            pd.testing.assert_frame_equal(left, right)


def test_a_loop_is_replayed_whole():
    router = Router()
    router.node("n", ["half"], entry_point=True, name="half")(
        lambda msg: msg.n // 2 if msg.n > 1 else None
    )
    router.node("n", "half", name="seen")(lambda msg: msg.n)
    router.push([8, 3], field="n")
    router.node("n", ["half"], entry_point=True, name="half")(
        lambda msg: msg.n // 2 if msg.n > 2 else None
    )
    router.replay("seen")
    assert column(router, "seen") == [4, 2, 1, 1]
    router.replay()
    assert column(router, "half") == column(router, "seen") == [4, 2, 1]


def test_what_went_to_one_node_goes_to_that_node_again():
    router = Router()
    for name in ("a", "b"):
        router.node("n", entry_point=name == "a", name=name)(lambda msg: msg.n)
    router.push([1], field="n")
    router.push([2, 3], field="n", to="b")
    router.push([4], field="n")
    for name in ("a", "b"):
        router.node("n", entry_point=name == "a", name=name)(lambda msg: -msg.n)
    router.replay()
    assert (column(router, "a"), column(router, "b")) == ([-1, -4], [-2, -3])


def test_a_newcomer_is_told_all_that_its_origins_emitted():
    router = pushed()
    router.node("note", ["read", "last"], name="notes")(lambda msg: f"{msg._origin}")
    assert router.frame("notes").empty
    router.replay("notes", batch_size=2)
    whole = chain()
    whole.node("note", ["read", "last"], name="notes")(lambda msg: f"{msg._origin}")
    whole.push(TEXTS, field="text")
    assert_same(router, whole)


def test_a_removed_node_s_rows_are_read_by_those_that_still_listen_no_more():
    router = pushed()
    router.remove("clean")
    router.replay("count")
    assert router.frame("count").empty
    assert len(router.frame("clean")) == 5
    with pytest.raises(UnknownNodeError, match="clean"):
        router.replay("clean")


# --- meanwhile ------------------------------------------------------------------------------------


def waiting(node: str = "clean") -> tuple[Router, Run]:
    """A replay that is paused after one message."""
    router = pushed()
    chain(router, lower=True)
    return router, paused(router.replay(node, background=True, batch_size=1, progress=pause_once))


def test_half_a_replay_has_changed_nothing():
    router = pushed()
    before = recorded(router)
    chain(router, lower=True)
    run = paused(router.replay(background=True, batch_size=1, progress=pause_once))
    for left, right in zip(recorded(router), before, strict=True):
        pd.testing.assert_frame_equal(left, right)
    run.cancel()
    for left, right in zip(recorded(router), before, strict=True):
        pd.testing.assert_frame_equal(left, right)
    assert "5 rows" in router.frame("clean").attrs["stale"]
    assert router.replay().state == "done"
    assert_same(router, fresh())


def test_an_interrupted_replay_changes_nothing_and_goes_on_with_resume():
    router = pushed()

    def clean(msg: Any) -> str:
        calls.append(msg.text)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return msg.text.strip().lower()

    calls: list[str] = []
    router.node("word", "read", name="clean")(clean)
    with unchanged(router), pytest.raises(KeyboardInterrupt):
        router.replay(batch_size=1)
    router.run.resume()
    assert calls == [*TEXTS[:3], *TEXTS[2:]]
    assert rows(router, "count") == rows(fresh(), "count")


def test_what_is_pushed_during_a_replay_is_replayed_too():
    router, run = waiting()
    router.push(["hail", "rain"], field="text")
    run.resume()
    assert run.wait(30)
    assert_same(router, fresh([*TEXTS, "hail", "rain"]))


def test_what_is_retried_during_a_replay_is_replayed_at_its_place():
    router, run = waiting()
    router.retry("count")
    assert router.failures()["attempts"].tolist() == [2]
    run.resume()
    assert run.wait(30)
    assert_same(router, fresh())


CHANGES: dict[str, Callable[[Router], Any]] = {
    "redefinition": lambda router: router.node("word", "read", name="clean")(lambda msg: "other"),
    "subscription": lambda router: router.subscribe("last", "read"),
    "rename of an origin": lambda router: router.rename("read", "texts"),
    "newcomer": lambda router: (
        router.node("n", "clean", name="new")(lambda msg: 1),
        router.push(["hail"], field="text"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_graph_that_changes_during_a_replay_ends_it_and_leaves_the_frames(change):
    router, run = waiting()
    CHANGES[change](router)
    with unchanged(router):
        run.resume()
        with pytest.raises(EmitError, match="the graph changed while it was replayed"):
            run.wait(30)


@pytest.mark.parametrize("change", ["rename", "remove"])
def test_a_node_that_is_gone_during_its_replay_ends_it_and_leaves_the_frames(change):
    router, run = waiting()
    if change == "rename":
        router.rename("clean", "tidy")
    else:
        router.remove("clean")
    with unchanged(router):
        run.resume()
        with pytest.raises(EmitError, match="clean is no longer in the graph; nothing of it was"):
            run.wait(30)
    if change == "rename":
        router.replay("tidy")
        assert column(router, "tidy") == column(fresh(), "clean")


def test_a_clear_during_a_replay_ends_it():
    router, run = waiting()
    router.clear()
    router.push(["hail"], field="text")
    with unchanged(router):
        run.resume()
        with pytest.raises(EmitError, match="cleared while it was replayed"):
            run.wait(30)


def test_an_origin_that_is_replayed_during_a_replay_ends_it():
    router, run = waiting("count")
    router.replay("clean")
    with unchanged(router):
        run.resume()
        with pytest.raises(EmitError, match="clean, which it reads, was replayed meanwhile"):
            run.wait(30)
    assert_same(router, fresh())


def test_two_replays_of_a_node_at_a_time_come_to_the_same():
    router, run = waiting()
    router.replay("clean")
    run.resume()
    assert run.wait(30)
    assert_same(router, fresh())


# --- bad input ------------------------------------------------------------------------------------


def test_an_unknown_node_is_refused():
    router = pushed()
    with unchanged(router), pytest.raises(UnknownNodeError, match=r"claen.*clean"):
        router.replay("claen")
    with unchanged(router), pytest.raises(EmitError, match="batch_size"):
        router.replay("clean", batch_size=0)


def test_a_replay_of_nothing_is_over_at_once():
    assert chain().replay("clean").total == 0


def test_a_hopeless_replay_stops_and_leaves_the_frames():
    router = pushed()
    router.node("word", "read", name="clean")(lambda msg: 1 // 0)
    router.max_failures = 3
    with unchanged(router), pytest.raises(EmitError, match="clean failed 3 times in a row"):
        router.replay(batch_size=1)


def test_a_removed_node_whose_parents_were_replayed_comes_back_and_is_summed_up():
    router = Router()
    router.node("n", entry_point=True, name="first")(lambda msg: msg.n)

    def keyed(msg: Any, state: dict[str, int]) -> int:
        return int(msg.n)

    router.node("n", "first", name="second", key="n")(keyed)
    router.push(range(20), field="n")
    router.remove("second")
    router.replay("first")
    router.node("n", name="second", key="n")(keyed)
    assert router.summary().loc["second", "in"] == 20
    assert router.frame("second", lineage=True)["parent_row"].tolist() == [-1] * 20
    assert router.frame("second", lineage=True)["source"].tolist() == list(range(20))
