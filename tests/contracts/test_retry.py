"""Retry only what failed: what passes joins the frames, what fails again stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from looking import column, figures, lineage, unchanged

from emitnb import EmitError, Router, Run, UnknownNodeError
from emitnb.errors import UnknownRowError

TEXTS = ["1", "x", "2", "y", "3"]


def parsing(*, mended: bool = False, router: Router | None = None) -> Router:
    """``words`` -> ``parse`` -> ``total``; unless mended, ``parse`` fails on what is no digit."""
    made = router is None
    router = Router() if router is None else router
    if made:
        router.node("text", entry_point=True, name="words")(lambda msg: msg.text)
    base = 36 if mended else 10

    def parse(msg: Any) -> int:
        return int(msg.text, base)

    router.node({"n": int}, "words", name="parse", fingerprint=str(base))(parse)
    if made:

        @router.node("total", "parse", name="total")
        def total(msg: Any, state: dict[str, int]) -> int:
            state["sum"] = state.get("sum", 0) + msg.n
            return state["sum"]

    return router


def mend(router: Router) -> None:
    parsing(mended=True, router=router)


def pushed(texts: list[str] = TEXTS, **options: Any) -> Router:
    router = parsing()
    router.push(texts, field="text", **options)
    return router


def adds_up(router: Router) -> None:
    """What each node received was emitted from (one each at most), dropped, or failed."""
    for name in router.nodes:
        taken, _, dropped, failed = figures(router, name)
        inputs = sum(segment.inputs for segment in router._ledger.log.tracks[name].segments)
        emitting = router.frame(name, lineage=True)[["parent_node", "parent_row"]]
        assert taken == len(emitting.drop_duplicates()) + dropped + failed
        assert inputs >= taken


def paused(run: Run) -> Run:
    """Wait until it is."""
    assert run._control.wait(lambda state: state == "paused", 30)
    return run


def pause_after(messages: int) -> Callable[[Run], Any]:
    """A callback that pauses a run once, after so many messages."""
    waiting = [messages]

    def progress(run: Run) -> None:
        if waiting and run.done >= waiting[0]:
            waiting.clear()
            run.pause()

    return progress


# --- what passes, and what does not ---------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_what_passes_joins_the_frames_under_its_original_parents(size):
    router = pushed()
    mend(router)
    run = router.retry("parse", batch_size=size)
    assert (run.state, run.done, run.total) == ("done", 2, 2)
    assert column(router, "parse") == [1, 2, 3, 33, 34]
    assert lineage(router, "parse")[3:] == [("words", 1, 1), ("words", 3, 3)]
    assert column(router, "total") == [1, 3, 6, 39, 73]
    assert lineage(router, "total")[3:] == [("parse", 3, 1), ("parse", 4, 3)]
    assert router.frame("parse", lineage=True)["revision"].tolist() == [1, 1, 1, 2, 2]
    assert router.failures().empty
    assert figures(router, "parse") == (5, 5, 0, 0)
    adds_up(router)
    assert router.trace("total", 3)["node"].tolist() == [
        "__entry_point",
        "words",
        "parse",
        "total",
    ]


def test_only_what_failed_runs():
    router, calls = pushed(), []

    def parse(msg: Any) -> int:
        calls.append(msg.text)
        return int(msg.text, 36)

    router.node({"n": int}, "words", name="parse")(parse)
    router.retry()
    assert calls == ["x", "y"]


def test_a_retried_run_is_one_in_which_the_failures_came_last():
    router = pushed()
    mend(router)
    router.retry()
    fresh = parsing()
    mend(fresh)
    fresh.push(["1", "2", "3", "x", "y"], field="text")
    for name in ("parse", "total"):
        assert column(router, name) == column(fresh, name)


def test_what_fails_again_stays_with_the_new_error_and_one_attempt_more():
    router = pushed()
    before = router.failures()

    def parse(msg: Any) -> int:
        if msg.text == "y":
            raise KeyError("another")
        return int(msg.text, 36)

    router.node({"n": int}, "words", name="parse")(parse)
    router.retry()
    (failure,) = router.failures().itertuples()
    assert failure.Index == before.index[1]
    assert (failure.error_type, failure.attempts, failure.revision) == ("KeyError", 2, 2)
    assert failure.input == {"text": "y"}
    assert (failure.parent_node, failure.parent_row, failure.source) == ("words", 3, 3)
    for attempts in (3, 4):
        router.retry("parse")
        assert router.failures()["attempts"].tolist() == [attempts]
    assert figures(router, "parse") == (5, 4, 0, 1)
    adds_up(router)


def test_a_message_that_is_dropped_at_last_is_no_failure_any_more():
    router = pushed()
    router.node({"n": int}, "words", name="parse")(lambda msg: None)
    router.retry()
    assert router.failures().empty
    assert figures(router, "parse") == (5, 3, 2, 0)
    adds_up(router)


def test_what_passes_and_fails_further_on_is_a_first_attempt_there():
    router = pushed()
    router.node("m", "parse", name="late")(lambda msg: 1 // (msg.n - 33))
    mend(router)
    router.retry()
    failures = router.failures()
    assert failures[["node", "attempts", "parent_node", "parent_row"]].values.tolist() == [
        ["late", 1, "parse", 3]
    ]
    assert column(router, "late") == [1]


def test_rows_of_the_failures_frame_are_retried_and_no_others():
    router = pushed()
    mend(router)
    failures = router.failures()
    assert router.retry(rows=failures.index[failures["error"].str.contains("'y'")]).done == 1
    assert column(router, "parse") == [1, 2, 3, 34]
    assert router.retry("parse", rows=router.failure_groups()["row"][0]).done == 1
    assert router.failures().empty


def test_a_row_named_twice_is_retried_once():
    router = pushed()
    mend(router)
    assert router.retry(rows=[0, 0]).done == 1
    assert column(router, "parse") == [1, 2, 3, 33]


def test_only_the_named_node_is_retried():
    router = pushed()
    router.node("m", "words", name="other")(lambda msg: 1 // 0)
    router.push(["5"], field="text")
    mend(router)
    assert router.retry("parse").done == 2
    assert router.failures()["node"].tolist() == ["other"]


def test_discarded_failures_are_not_retried_and_stay_counted():
    router = pushed()
    mend(router)
    assert router.discard("parse", rows=0) == 1
    assert router.retry().done == 1
    assert column(router, "parse") == [1, 2, 3, 34]
    assert figures(router, "parse") == (5, 4, 0, 1)
    assert router.discard() == 0


def test_after_a_change_the_declaration_says_what_failed_before():
    router = pushed()
    mend(router)
    parse = router.node({"n": int}, "words", name="parse")(lambda msg: int(msg.text, 36))
    assert "2 messages failed under revision 1; %emit_retry parse" in str(parse.declaration)
    router.retry(rows=0)
    parse = router.node({"n": int}, "words", name="parse")(lambda msg: int(msg.text, 35))
    assert "1 message failed under revision 1; %emit_retry parse" in str(parse.declaration)
    router.retry()
    assert "failed under" not in str(
        router.node({"n": int}, "words", name="parse")(lambda msg: 5).declaration
    )


# --- kinds of nodes -------------------------------------------------------------------------------


def double(router: Router, form: str, broken: bool) -> None:
    """A node ``double`` of some form, that fails on multiples of 3 while broken."""

    def work(n: int) -> int:
        if broken and n % 3 == 0:
            raise ValueError(n)
        return 2 * n

    async def awaited(msg: Any) -> int:
        return work(msg.n)

    def generated(msg: Any) -> Iterator[int]:
        yield -msg.n
        yield work(msg.n)

    def batch(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"m": [work(n) for n in frame["n"].tolist()]}, index=frame.index)

    def keyed(msg: Any, state: dict[str, int]) -> int:
        state["sum"] = state.get("sum", 0) + work(msg.n)
        return state["sum"]

    forms = {"async": awaited, "generator": generated, "batch": batch, "keyed": keyed}
    options = {"batch": {"batch": True}, "keyed": {"key": "parity"}}.get(form, {})
    mark = f"{form} {broken}"
    router.node("m", entry_point=True, name="double", fingerprint=mark, **options)(forms[form])


@pytest.mark.parametrize("spilled", [False, True])
@pytest.mark.parametrize("form", ["async", "generator", "batch", "keyed"])
@pytest.mark.parametrize("size", [1, 4, "auto"])
def test_any_form_of_node_is_retried(form, size, spilled):
    numbers = [{"n": n, "parity": n % 2} for n in range(20)]
    router, fresh = Router(), Router()
    double(router, form, broken=True)
    if spilled:
        router.bound(memory=0)
    router.push(numbers[:5] if form == "batch" else numbers, batch_size=1)
    failed = [failure["n"] for failure in router.failures()["input"]]
    assert failed
    double(router, form, broken=False)
    router.retry(batch_size=size)
    assert router.failures().empty
    double(fresh, form, broken=False)
    last = [number for number in numbers if number["n"] in failed]
    first = [number for number in numbers if number not in last]
    fresh.push((first[:3] if form == "batch" else first) + last)
    assert column(router, "double") == column(fresh, "double")
    adds_up(router)


def test_a_node_with_several_origins_is_retried_from_each():
    router = Router()
    router.node("n", entry_point=True, name="a")(lambda msg: msg.n)
    router.node("m", entry_point=True, name="b")(lambda msg: -msg.n)
    router.node("k", ["a", "b", "__entry_point"], name="merge")(lambda msg: 1 // 0)
    router.push([1, 2], field="n")
    router.node("k", ["a", "b", "__entry_point"], name="merge")(
        lambda msg: f"{msg._origin} {getattr(msg, 'm', None) or msg.n}"
    )
    router.retry(batch_size=2)
    assert column(router, "merge") == [
        f"{origin} {'-' if origin == 'b' else ''}{n}"
        for n in (1, 2)
        for origin in ("__entry_point", "a", "b")
    ]
    assert lineage(router, "merge") == [
        (origin, n, n) for n in (0, 1) for origin in ("__entry_point", "a", "b")
    ]


def test_a_message_that_failed_in_a_loop_goes_on_round_it():
    router = Router()
    router.node("n", ["half"], entry_point=True, name="half")(
        lambda msg: None if msg.n < 2 else 1 // 0 if msg.n == 4 else msg.n // 2
    )
    router.push([16, 3], field="n")
    assert column(router, "half") == [8, 4, 1]
    router.node("n", ["half"], entry_point=True, name="half")(
        lambda msg: msg.n // 2 if msg.n > 1 else None
    )
    router.retry()
    assert column(router, "half") == [8, 4, 1, 2, 1]
    assert lineage(router, "half")[3:] == [("half", 1, 0), ("half", 3, 0)]
    adds_up(router)


def test_pushed_frames_records_and_what_went_to_one_node_are_retried():
    router = Router()
    router.node("m", name="only")(lambda msg: 1 // 0)
    router.node("m", entry_point=True, name="all")(lambda msg: 1 // 0)
    router.push(pd.DataFrame({"n": [1, 2], "t": pd.to_datetime(["2020", "2021"])}))
    router.push([{"n": 3}, {"text": "four"}], to="only")
    for name in ("only", "all"):
        router.node("m", entry_point=name == "all", name=name)(lambda msg: msg.as_dict())
    router.retry()
    assert [message["n"] for message in column(router, "all")] == [1, 2]
    assert str(column(router, "all")[1]["t"]) == "2021-01-01 00:00:00"
    assert column(router, "only") == [{"n": 3}, {"text": "four"}]


def test_ten_thousand_failures_are_retried_at_once_and_from_files():
    for memory in (0, "unlimited"):
        router = Router()
        router.max_failures = 100_000
        router.bound(memory=memory)
        router.node("m", entry_point=True, name="node")(lambda msg: 1 // 0)
        router.push(({"n": n} for n in range(10_000)), progress=False)
        router.node("m", entry_point=True, name="node")(lambda msg: 1 // (msg.n % 100))
        run = router.retry(progress=False)
        assert (run.done, len(router.failures())) == (10_000, 100)
        assert figures(router, "node") == (10_000, 9_900, 0, 100)


# --- meanwhile ------------------------------------------------------------------------------------


def waiting(**options: Any) -> tuple[Router, Run]:
    """A retry of three that is paused after the first."""
    router = pushed(["x", "y", "z", "4"], **options)
    mend(router)
    run = router.retry(background=True, batch_size=1, progress=pause_after(1))
    return router, paused(run)


def test_a_push_during_a_retry_and_a_retry_during_a_run():
    router, run = waiting()
    router.push(["5"], field="text")
    run.resume()
    assert run.wait(30)
    assert column(router, "parse") == [4, 33, 5, 34, 35]
    assert column(router, "total") == [4, 37, 42, 76, 111]
    router.node({"n": int}, "words", name="parse")(lambda msg: int(msg.text, 10))
    run = router.push(
        ["1", "q", "2"], field="text", background=True, batch_size=2, progress=pause_after(2)
    )
    paused(run)
    mend(router)
    router.retry()
    run.resume()
    assert run.wait(30)
    assert column(router, "parse")[5:] == [1, 26, 2]
    adds_up(router)


def test_what_others_retried_discarded_or_cleared_meanwhile_is_left_out():
    router, run = waiting()
    router.retry(rows=2)
    router.discard(rows=1)
    run.resume()
    assert run.wait(30)
    assert column(router, "parse") == [4, 33, 35]


def test_two_retries_at_a_time_do_nothing_twice():
    router, run = waiting()
    other = router.retry(background=True, batch_size=1)
    run.resume()
    assert run.wait(30)
    assert other.wait(30)
    assert sorted(column(router, "parse")) == [4, 33, 34, 35]
    assert router.failures().empty
    adds_up(router)


def test_what_was_read_for_a_retry_that_was_interrupted_is_not_retried_twice():
    router = pushed(["x", "y"])

    def parse(msg: Any) -> int:
        if calls.append(msg.text) or len(calls) == 2:
            raise KeyboardInterrupt
        return int(msg.text, 36)

    calls: list[str] = []
    router.node({"n": int}, "words", name="parse")(parse)
    with pytest.raises(KeyboardInterrupt):
        router.retry(batch_size=1)
    run = router.run
    assert column(router, "parse") == [33]
    router.retry()
    assert column(router, "parse") == [33, 34]
    run.resume()
    assert run.state == "done"
    assert column(router, "parse") == [33, 34]


def test_after_a_clear_a_retry_does_not_touch_the_failures_of_today():
    router, run = waiting()
    router.clear()
    router.node("m", entry_point=True, name="other")(lambda msg: 1 // 0)
    router.push(["a", "b", "c"], field="text", to="other")
    run.resume()
    assert run.wait(30)
    assert column(router, "parse") == []
    assert router.failures()["attempts"].tolist() == [1, 1, 1]


def test_a_retry_follows_its_origin_to_another_name():
    router, run = waiting()
    router.rename("words", "texts")
    run.resume()
    assert run.wait(30)
    assert lineage(router, "parse") == [("texts", row, row) for row in (3, 0, 1, 2)]
    assert router.failures().empty


@pytest.mark.parametrize("how", ["rename", "remove"])
def test_a_retry_of_a_node_that_is_gone_says_so_and_loses_nothing(how):
    router, run = waiting()
    if how == "rename":
        router.rename("parse", "read")
    else:
        router.remove("parse")
    run.resume()
    with pytest.raises(EmitError, match="parse is no longer in the graph; nothing of it was lost"):
        run.wait(30)
    assert len(router.failures()) == 2
    if how == "rename":
        router.retry()
    else:
        mend(router)
        run.resume()
        assert run.wait(30)
    assert router.failures().empty


def test_a_cell_that_changes_during_a_retry_counts_from_the_next_batch():
    router, run = waiting()
    router.node({"n": int}, "words", name="parse")(lambda msg: ord(msg.text))
    run.resume()
    assert run.wait(30)
    assert column(router, "parse") == [4, 33, ord("y"), ord("z")]
    assert router.frame("parse", lineage=True)["revision"].tolist() == [1, 2, 3, 3]


@pytest.mark.parametrize("node", ["words", "parse"])
def test_what_was_replayed_meanwhile_is_not_retried(node):
    router, run = waiting()
    router.replay(node)
    run.resume()
    assert run.wait(30)
    assert column(router, "parse") == [33, 34, 35, 4]
    assert column(router, "total") == [33, 67, 102, 106]


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [5, [0, 5], [-1], ["x"]])
def test_unknown_rows_are_refused(rows):
    router = pushed()
    mend(router)
    for call in (router.retry, router.discard):
        with unchanged(router), pytest.raises(UnknownRowError, match="there is no failure"):
            call(rows=rows)


def test_rows_of_another_node_are_refused():
    router = pushed()
    with unchanged(router), pytest.raises(UnknownRowError, match=r"router\.failures\('total'\)"):
        router.retry("total", rows=[0])


def test_an_unknown_node_is_refused():
    router = pushed()
    for call in (router.retry, router.discard):
        with unchanged(router), pytest.raises(UnknownNodeError, match="prase"):
            call("prase")


def test_a_removed_node_says_what_to_do():
    router = pushed()
    router.remove("parse")
    for arguments in [("parse",), (None, [0])]:
        with unchanged(router), pytest.raises(EmitError, match="parse is no longer in the graph"):
            router.retry(*arguments)
    assert router.retry().total == 0
    assert len(router.failures()) == 2
    assert router.discard("parse") == 2


def test_data_that_could_not_be_read_has_no_node_to_go_through(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"text": "1"}\n{"text"\n')
    router = parsing()
    router.push(str(tmp_path / "data.jsonl"))
    for arguments in [("__entry_point",), (None, [0])]:
        with unchanged(router), pytest.raises(EmitError, match="no node to go through"):
            router.retry(*arguments)
    assert router.retry().done == 0
    assert router.discard("__entry_point") == 1


def test_a_retry_of_nothing_is_over_at_once():
    router = parsing()
    run = router.retry()
    assert (run.state, run.done, run.total) == ("done", 0, 0)
    with pytest.raises(EmitError, match="batch_size"):
        router.retry(batch_size=0)


def test_a_retry_that_is_hopeless_stops_and_keeps_the_failures():
    router = pushed()
    router.max_failures = 1
    with pytest.raises(EmitError, match="parse failed 1 times in a row"):
        router.retry(batch_size=1)
    assert router.failures()["attempts"].tolist() == [2, 1]
