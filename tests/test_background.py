"""Runs in the background: they leave the caller free, take turns, and end cleanly.

Threads are held at gates and waited for; nothing sleeps.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from looking import column, rows, unchanged

from emitnb import EmitError, Router, Run, RunInterrupted, RunStoppedError, SourceError
from emitnb.errors import BackendError, UnknownNodeError, WaitInterrupted
from emitnb.message import ENTRY_POINT

PATIENCE = 30
"""Seconds after which a test fails rather than hangs."""


class Gate:
    """Holds whoever passes, until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        self._opened = threading.Semaphore(0)

    def pass_by(self) -> None:
        """Wait here until it is opened."""
        self._reached.release()
        assert self._opened.acquire(timeout=PATIENCE)

    def wait(self, times: int = 1) -> None:
        """Wait until somebody waits."""
        for _ in range(times):
            assert self._reached.acquire(timeout=PATIENCE)

    def open(self, times: int = 1_000) -> None:
        """Let so many pass."""
        self._opened.release(times)


def threads() -> list[str]:
    """The names of runs' threads that are alive."""
    return [t.name for t in threading.enumerate() if t.name.startswith("emitnb-run")]


def gone() -> None:
    """Wait until no run has a thread."""
    for thread in threading.enumerate():
        if thread.name.startswith("emitnb-run"):
            thread.join(PATIENCE)
    assert threads() == []


def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so."""
    tick = threading.Event()
    for _ in range(PATIENCE * 1_000):
        if reached():
            return
        tick.wait(0.001)
    raise AssertionError("it never came")


@pytest.fixture(autouse=True)
def no_stray_thread() -> Iterator[None]:
    yield
    gone()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def router(gate: Gate) -> Router:
    """A router whose node waits at the gate before multiples of 3, and counts by ``n % 2``."""
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if msg.n % 3 == 0:
            gate.pass_by()
        return msg.n

    @router.node(("parity", "count"), "first", name="counts")
    def counts(msg: Any, state: Counter) -> tuple[int, int]:
        state[msg.n % 2] += 1
        return msg.n % 2, state[msg.n % 2]

    return router


def pushed(router: Router, count: int = 9, **options: Any) -> Run:
    return router.push([{"n": n} for n in range(count)], batch_size=3, background=True, **options)


# --- one run --------------------------------------------------------------------------------------


def test_a_push_in_the_background_returns_at_once_and_goes_on_by_itself(router, gate):
    run = pushed(router)
    gate.wait()
    assert (run.state, run.done, run.total) == ("running", 0, 9)
    assert router.run is run
    assert router.runs == (run,)
    assert run.wait(timeout=0) is False
    gate.open(1)
    gate.wait()
    assert run.done == 3
    assert column(router, "first") == [0, 1, 2]
    gate.open()
    assert run.wait() is True
    assert (run.state, run.done, run.error) == ("done", 9, None)
    assert column(router, "first") == list(range(9))
    assert router.runs == ()


def test_a_run_in_the_background_gives_what_one_in_the_foreground_gives(router, gate):
    gate.open()
    run = pushed(router)
    run.wait()
    frame, summary = router.frame(), router.summary().drop(columns="ms")
    router.clear()
    same = router.push([{"n": n} for n in range(9)])
    assert same.state == "done"
    assert router.frame().equals(frame)
    assert router.summary().drop(columns="ms").equals(summary)


def test_a_paused_run_has_committed_whole_batches_and_has_no_thread(router, gate):
    run = pushed(router)
    gate.wait()
    assert run.pause() is run
    assert run.state == "running"
    gate.open(1)
    run.settle()
    assert (run.state, run.done) == ("paused", 3)
    gone()
    assert router.runs == (run,)
    assert run.wait(timeout=0) is False
    gate.open()
    assert run.resume() is run
    run.wait()
    assert column(router, "first") == list(range(9))
    assert rows(router, "counts")[-1] == (0, 5)


def test_a_step_commits_so_many_batches_and_pauses_again(router, gate):
    gate.open()
    run = pushed(router, 21, progress=lambda run: run.pause())
    run.settle()
    before = run.done
    assert run.step() is run
    assert (run.state, run.done) == ("paused", before + 3)
    run.step(2)
    assert (run.state, run.done) == ("paused", before + 6)


@pytest.fixture
def paused(router: Router, gate: Gate) -> Run:
    """A run of 9 messages, paused after 3."""
    run = pushed(router)
    gate.wait()
    run.pause()
    gate.open(1)
    run.settle()
    return run


def test_steps_of_a_paused_run(router, gate, paused):
    gate.open()
    assert paused.step().done == 6
    assert paused.state == "paused"
    assert paused.step(5).done == 9
    assert paused.state == "done"


def test_a_run_that_is_paused_and_resumed_before_its_batch_is_over_just_goes_on(router, gate):
    run = pushed(router)
    gate.wait()
    run.pause()
    run.resume()
    run.resume()
    gate.open()
    run.wait()
    assert column(router, "first") == list(range(9))


def test_a_node_mended_while_a_run_is_paused_takes_part_when_it_goes_on(router, gate, paused):
    router.node("n", entry_point=True, name="first")(lambda msg: -msg.n)
    paused.resume().wait()
    assert column(router, "first") == [0, 1, 2, -3, -4, -5, -6, -7, -8]


def test_a_cancelled_run_commits_nothing_more_and_cannot_go_on(router, gate):
    run = pushed(router)
    gate.wait()
    gate.open(1)
    gate.wait()
    run.cancel()
    gate.open()
    assert run.wait() is True
    assert (run.state, run.done, run.error) == ("cancelled", 3, None)
    assert column(router, "first") == [0, 1, 2]
    assert router.runs == ()
    assert run.cancel().state == "cancelled"
    for again in (run.resume, run.step):
        with pytest.raises(EmitError, match=r"run 1 was cancelled.*push again"):
            again()


async def feed(closed: threading.Event, waits: threading.Event) -> AsyncIterator[int]:
    """Gives six numbers, which make two batches, then waits for ever."""
    try:
        for number in range(6):
            yield number
        waits.set()
        await asyncio.Event().wait()
    finally:
        closed.set()


@pytest.mark.parametrize("pause", [True, False])
def test_a_run_that_is_cancelled_closes_its_source_and_does_not_wait_for_it(router, gate, pause):
    gate.open()
    closed, waits = threading.Event(), threading.Event()
    run = router.push(feed(closed, waits), field="n", batch_size=3, background=True)
    assert waits.wait(PATIENCE)
    until(lambda: run.done == 6)
    if pause:
        run.pause()
    run.cancel()
    assert run.wait()
    assert (run.state, run.done) == ("cancelled", 6)
    assert closed.wait(PATIENCE)


def test_a_paused_run_that_is_cancelled_is_over_at_once(router, gate, paused):
    assert paused.cancel().state == "cancelled"
    assert paused.wait()
    assert router.runs == ()


def test_a_run_that_is_done_cannot_be_cancelled(router, gate):
    gate.open()
    run = pushed(router)
    run.wait()
    assert run.cancel().resume().state == "done"


def test_progress_is_called_after_each_batch_in_the_thread_of_the_run(router, gate, capsys):
    gate.open()
    seen = []
    run = pushed(
        router, progress=lambda run: seen.append((run.done, threading.current_thread().name))
    )
    run.wait()
    assert seen == [(done, f"emitnb-run-{run.number}") for done in (3, 6, 9)]


def test_a_callback_may_pause_step_and_cancel_its_own_run_but_not_wait_for_it(router, gate):
    gate.open()
    errors: list[BaseException] = []

    def steer(run: Run) -> None:
        try:
            run.wait()
        except EmitError as error:
            errors.append(error)
        if run.done == 3:
            run.step(1)
        elif run.done == 9:
            run.cancel()

    run = pushed(router, progress=steer)
    run.settle()
    assert (run.state, run.done) == ("paused", 6)
    run.resume().wait()
    assert (run.state, run.done) == ("cancelled", 9)
    assert len(errors) == 3
    assert "cannot wait for itself" in str(errors[0])


def test_there_is_no_bar_in_the_background(router, gate, capsys):
    gate.open()
    pushed(router, progress=True).wait()
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


# --- what goes wrong ------------------------------------------------------------------------------


def failing() -> Router:
    router = Router()

    @router.node("n", entry_point=True, name="inverse")
    def inverse(msg: Any) -> float:
        return 1 / msg.n

    return router


def test_what_stops_a_run_is_kept_shown_and_raised_by_wait(capsys):
    router = failing()
    run = router.push([2, 1, 0, 4], field="n", batch_size=1, on_error="stop", background=True)
    with pytest.raises(RunStoppedError, match="inverse failed on") as caught:
        run.wait()
    assert caught.value is run.error
    assert caught.value.run is run
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "%emit_resume 1" in str(caught.value)
    with pytest.raises(RunStoppedError, match="2 of 4 messages committed"):
        run.wait()
    assert run.state == "stopped"
    for shown in (repr(run), run._repr_html_()):
        assert "run 1, stopped: 2 of 4 messages" in shown
        assert "ZeroDivisionError" in shown
    run.resume("collect").wait()
    assert (run.state, run.error) == ("done", None)
    assert column(router, "inverse") == [0.5, 1, 0.25]
    assert capsys.readouterr() == ("", "")


def test_what_a_source_or_a_callback_raises_is_raised_by_wait():
    router = failing()

    def source() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    def complain(run: Run) -> None:
        raise OSError("the disk is full")

    with pytest.raises((LookupError, SourceError), match="no more"):
        router.push(source(), field="n", batch_size=1, background=True).wait()
    with pytest.raises(OSError, match="the disk is full"):
        router.push([1, 2], field="n", batch_size=1, background=True, progress=complain).wait()
    with pytest.raises(BackendError, match="keep_on_cluster needs a cluster"):
        router.push([1], field="n", background=True, keep_on_cluster=True).wait()


def test_a_node_that_raises_keyboard_interrupt_interrupts_its_run_and_nothing_else():
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if msg.n == 2 and not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return msg.n

    interrupted: list[int] = []
    run = router.push(range(4), field="n", batch_size=1, background=True)
    with pytest.raises(RunInterrupted, match=r"2 of 4 messages committed; %emit_resume 1"):
        run.wait()
    assert run.state == "interrupted"
    run.resume().wait()
    assert column(router, "first") == [0, 1, 2, 3]


def test_a_run_that_failed_while_nobody_waited_is_seen_in_the_summary_and_the_next_wait():
    router = failing()
    run = router.push([0], field="n", on_error="stop", background=True)
    gone()
    assert router.runs == ()
    assert "run 1, stopped: 0 of 1 message" in router.summary().attrs["remarks"][0]
    router.push([1], field="n", background=True)
    with pytest.raises(RunStoppedError) as caught:
        router.wait()
    assert caught.value.run is run
    assert "stopped" not in router.summary().attrs
    (other,) = router.wait()
    assert other.state == "done"
    assert router.wait() == ()
    assert router.find_runs(1) == (run,)


def test_a_push_that_cannot_begin_is_refused_at_once(router):
    with pytest.raises(EmitError), unchanged(router):
        router.push([1], to="nobody", background=True)
    with pytest.raises(SourceError), unchanged(router):
        router.push(17, background=True)
    assert router.runs == ()


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_step_of_no_batches_is_refused(paused, n):
    with pytest.raises(EmitError, match="a number of batches from 1 on"):
        paused.step(n)
    assert paused.state == "paused"
    paused.cancel()


def test_runs_in_the_foreground_are_not_steered(router, gate):
    gate.open()
    run = router.push([1], field="n")
    for steer in (run.pause, run.step):
        with pytest.raises(EmitError, match=r"run 1 is in the foreground.*background=True"):
            steer()


def test_unknown_runs_and_nothing_to_do(router, gate, paused):
    with pytest.raises(EmitError, match=r"there is no run 7.*run 1 can be named"):
        router.find_runs(7)
    with pytest.raises(EmitError, match=r"run 1 is paused, so waiting would not end: %emit_resume"):
        router.wait()
    paused.cancel()
    for tell in ("pause", "resume", "cancel", "step"):
        with pytest.raises(EmitError, match="no run is going on"):
            getattr(router.find_runs(), tell)()
    with pytest.raises(UnknownNodeError, match="first"):
        router.log("frist")


# --- several runs ---------------------------------------------------------------------------------


def totals(router: Router) -> dict[int, int]:
    """The last count of each key."""
    return dict(rows(router, "total"))


def counting() -> Router:
    """A router that counts by key, in a way that shows the order."""
    router = Router()

    @router.node(("key", "count"), entry_point=True, key="key", name="total")
    def total(msg: Any, state: dict[str, int]) -> tuple[int, int]:
        state["n"] = state.get("n", 0) + 1
        return msg.key, state["n"]

    @router.node("mark", "total", name="order")
    def order(msg: Any, state: dict[str, int]) -> int:
        state["mark"] = (state.get("mark", 0) * 31 + msg.key + msg.count) % 1_000_003
        return state["mark"]

    return router


@contextmanager
def in_threads(*works: Callable[[], object]) -> Iterator[None]:
    """Do all of it at the same time; the block ends when it is done."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(works) + 1)

    def do(work: Callable[[], object]) -> None:
        try:
            barrier.wait(PATIENCE)
            work()
        except BaseException as error:
            errors.append(error)

    started = [threading.Thread(target=do, args=[work]) for work in works]
    for thread in started:
        thread.start()
    barrier.wait(PATIENCE)
    yield
    for thread in started:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert errors == []


def in_one_push(router: Router) -> Router:
    """A router that was pushed the same, in the order in which the other one committed it."""
    again = counting()
    again.push(router.frame(ENTRY_POINT))
    return again


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_runs_pushes_and_calls_at_the_same_time_lose_no_state(size):
    router = counting()
    keys = [{"key": number % 5} for number in range(300)]
    options = {"batch_size": size}
    runs = [router.push(keys, background=True, **options) for _ in range(3)]

    def call() -> None:
        for number in range(100):
            router(key=number % 5)

    with in_threads(call, lambda: router.push(keys, **options), call):
        pass
    assert router.wait() == tuple(runs)
    assert totals(router) == dict.fromkeys(range(5), (4 * 300 + 200) // 5)
    again = in_one_push(router)
    for node in ("total", "order"):
        assert rows(router, node) == rows(again, node)


def test_each_run_commits_in_its_own_order():
    router = Router()
    router.node(("run", "n"), entry_point=True, name="first")(lambda msg: (msg.run, msg.n))
    for run in range(3):
        source = [{"run": run, "n": n} for n in range(50)]
        router.push(source, batch_size=2, background=True)
    for run in router.wait():
        assert (run.state, run.done) == ("done", 50)
    frame = router.frame("first")
    for _, part in frame.groupby("run"):
        assert part["n"].tolist() == list(range(50))


def test_runs_take_turns_first_come_first_served(gate):
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if msg.n == 0:
            gate.pass_by()
        return msg.n

    run = router.push([0, 1, 2], field="n", batch_size=1, background=True)
    gate.wait()
    for start in (10, 20):
        before = len(router._store.turns.queue)
        router.push([start, start + 1], field="n", batch_size=1, background=True)
        until(lambda queued=before: len(router._store.turns.queue) > queued)
    gate.open()
    router.wait()
    assert run.done == 3
    assert column(router, "first") == [0, 10, 20, 1, 11, 21, 2]


def test_a_slow_source_keeps_nobody_from_pushing(gate):
    router = counting()

    def slow() -> Iterator[int]:
        yield 1
        gate.pass_by()
        yield 2

    run = router.push(slow(), field="key", batch_size=1, background=True)
    gate.wait()
    router.push([1, 1], field="key")
    router(key=1)
    assert totals(router) == {1: 4}
    assert run.state == "running"
    gate.open()
    run.wait()
    assert totals(router) == {1: 4, 2: 1}


def test_a_run_that_waits_for_its_turn_can_be_cancelled_and_interrupted(router, gate):
    one = pushed(router)
    gate.wait()
    other = pushed(router)
    until(lambda: len(router._store.turns.queue) == 2)
    other.cancel()
    assert other.wait()
    main = threading.main_thread().ident
    waits = partial(interrupt_when, main, lambda: len(router._store.turns.queue) == 2)
    with in_threads(waits), pytest.raises(RunInterrupted, match="0 of 2 messages committed"):
        router.push([1, 2], field="n")
    assert one.state == "running"
    gate.open()
    one.wait()
    router.run.resume()
    assert column(router, "first") == [*range(9), 1, 2]


def interrupt_when(thread: int | None, reached: Callable[[], bool]) -> None:
    assert thread is not None
    until(reached)
    signal.pthread_kill(thread, signal.SIGINT)


def test_all_runs_can_be_told_at_once(router, gate):
    runs = (pushed(router), pushed(router, 6))
    gate.wait()
    assert router.runs == runs
    assert [run.number for run in runs] == [1, 2]
    router.runs.pause()
    gate.open()
    for run in runs:
        run.settle()
    assert [run.state for run in runs] == ["paused", "paused"]
    assert router.find_runs(2) == runs[1:]
    before = [run.done for run in runs]
    router.runs.step()
    assert [run.done - done for run, done in zip(runs, before, strict=True)] == [3, 3]
    assert "run 1, paused" in repr(router.runs)
    assert "run 2, paused" in router.runs._repr_html_()
    router.runs.resume()
    assert router.wait() == runs
    assert len(router.frame("counts")) == 15


def test_interrupting_a_wait_only_stops_the_waiting(router, gate):
    run = pushed(router)
    gate.wait()
    main = threading.main_thread().ident

    def waits() -> bool:
        frame = sys._current_frames()[main]
        while frame is not None:
            if frame.f_code.co_name == "wait" and frame.f_code.co_filename == threading.__file__:
                return True
            frame = frame.f_back
        return False

    for wait in (router.wait, run.wait):
        interrupt = partial(interrupt_when, main, waits)
        with in_threads(interrupt), pytest.raises(WaitInterrupted, match="run 1; it goes on"):
            wait()
    assert run.state == "running"
    gate.open()
    run.wait()
    assert column(router, "first") == list(range(9))


def test_a_push_in_the_foreground_that_another_thread_cancels(router, gate):
    def cancel() -> None:
        gate.wait()
        router.runs.cancel()
        gate.open()

    with in_threads(cancel), pytest.raises(RunStoppedError, match="cancelled: 0 of 3 messages"):
        router.push([{"n": n} for n in range(3)])
    assert router.run.state == "cancelled"
    assert router.frame().empty


# --- nodes that push ------------------------------------------------------------------------------


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("form", ["plain", "async"])
def test_a_node_may_push_into_its_own_router_and_call_other_nodes(background, form):
    router = Router()
    calls: list[Any] = []

    @router.node("n", name="aside")
    def aside(msg: Any) -> int:
        return -msg.n

    def more(msg: Any) -> int:
        if msg.n < 10:
            calls.append(aside(n=msg.n))
            router.push([msg.n + 10], field="n", to="second")
        return msg.n

    async def more_async(msg: Any) -> int:
        return more(msg)

    router.node("n", entry_point=True, name="first")(more if form == "plain" else more_async)
    router.node("n", name="second")(lambda msg: msg.n)
    router.push([1, 2, 3], field="n", batch_size=1, background=background).wait()
    router.wait()
    assert column(router, "first") == [1, 2, 3]
    assert column(router, "second") == [11, 12, 13]
    assert column(router, "aside") == [-1, -2, -3]


def test_a_node_may_push_in_the_background_and_is_told_not_to_wait_for_that():
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        run = router.push([msg.n], field="n", to="second", background=True)
        if msg.n == 2:
            run.wait()
        return msg.n

    router.node("n", name="second")(lambda msg: msg.n)
    router.push([1, 2, 3], field="n", batch_size=1)
    router.wait()
    assert column(router, "first") == [1, 3]
    assert column(router, "second") == [1, 2, 3]
    (error,) = router.failures()["error"]
    assert "cannot be waited for by a node of its router" in error


# --- declaring, reading, resetting ----------------------------------------------------------------


def test_nodes_are_declared_frames_read_and_graphs_drawn_while_runs_go_on():
    router = counting()
    keys = [{"key": number % 7} for number in range(400)]
    runs = [router.push(keys, batch_size=3, background=True) for _ in range(2)]
    for number in range(60):
        router.node("n", "total", name=f"more_{number % 5}")(lambda msg: msg.count)
        frame = router.frame("total", lineage=True)
        assert frame["source"].tolist() == list(range(len(frame)))
        assert len(router.frame("order")) >= len(frame)
        assert "total" in str(router)
        assert '"total"' in router.dot()
        router.failures()
        repr(runs[0])
    router.wait()
    assert rows(router, "total") == rows(in_one_push(router), "total")
    assert len(router.failures()) == 0


def test_a_reset_cancels_runs_and_nothing_of_them_comes_after_it(router, gate):
    runs = [pushed(router), pushed(router)]
    gate.wait()
    router.reset()
    gate.open()
    gone()
    assert [run.state for run in runs] == ["cancelled", "cancelled"]
    assert router.frame().empty
    assert len(router.frame(ENTRY_POINT)) == 0
    assert router.runs == ()
    assert router.nodes == {}


def test_a_clear_keeps_runs_going(router, gate):
    run = pushed(router)
    gate.wait()
    gate.open(1)
    gate.wait()
    router.clear()
    gate.open()
    run.wait()
    assert run.done == 9
    assert column(router, "first") == [3, 4, 5, 6, 7, 8]


def test_a_router_that_nobody_holds_keeps_no_thread_of_a_paused_run(paused):
    gone()
    assert paused.state == "paused"


# --- prints ---------------------------------------------------------------------------------------


def printing() -> Router:
    router = Router()

    def helper(text: str) -> None:
        print(text)

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> Iterator[int]:
        helper(f"first {msg.n}")
        yield msg.n

    @router.node("n", "first", name="second")
    async def second(msg: Any) -> int:
        print("second", end=" ")
        print(msg.n)
        return msg.n

    return router


def test_prints_in_the_background_go_to_the_log_of_the_node(capsys):
    router = printing()
    router.push(range(3), field="n", batch_size=2, background=True).wait()
    assert capsys.readouterr().out == ""
    assert router.log("first") == "first 0\nfirst 1\nfirst 2"
    assert sorted(router.log("second").split()) == ["0", "1", "2", *["second"] * 3]
    router.push([7], field="n")
    assert capsys.readouterr().out == "first 7\nsecond 7\n"
    assert "first 7" not in router.log("first")


def test_a_cell_that_prints_meanwhile_prints_for_itself(capsys, gate):
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        print("before")
        gate.pass_by()
        print("after")
        return msg.n

    run = router.push([1], field="n", background=True)
    gate.wait()
    print("a cell")
    gate.open()
    run.wait()
    assert capsys.readouterr().out == "a cell\n"
    assert router.log("first") == "before\nafter"


def test_a_log_is_bounded_in_lines_and_bytes_and_says_what_it_dropped():
    router = Router()

    @router.node("n", entry_point=True, name="loud")
    def loud(msg: Any) -> int:
        print("é" * msg.n if msg.n >= 1_000 else msg.n)
        return msg.n

    def log(numbers: Any) -> list[str]:
        router.push(numbers, field="n", background=True).wait()
        return router.log("loud").split("\n")

    lines = log(range(1_000))
    assert lines == [str(n) for n in range(1_000)]
    lines = log([500])
    assert lines[0] == "… 1 earlier line dropped"
    assert lines[1:] == [*map(str, range(1, 1_000)), "500"]
    lines = log([150_000])
    assert lines[0] == "… 2 earlier lines dropped"
    assert lines[-1].startswith("…éé")
    assert len(lines[-1].encode()) < 200_000
    lines = log([1_000] * 300)
    assert len(lines) < 300
    assert len("\n".join(lines[1:]).encode()) <= 200_000


def test_a_log_follows_its_node_and_is_forgotten_with_the_rest():
    router = printing()
    assert router.log("first") == ""
    router.push([1], field="n", background=True).wait()
    router.rename("first", "start")
    assert router.log("start") == "first 1"
    router.remove("start")
    assert router.log("start") == "first 1"
    router.clear()
    with pytest.raises(UnknownNodeError):
        router.log("start")


# --- the end of the process -----------------------------------------------------------------------

PROGRAM = """
import asyncio, threading
from emitnb import Router

router = Router()
started = threading.Event()

{node}

run = router.push(({{"n": n}} for n in range(10**9)), batch_size=2, background=True)
other = router.push(({{"n": n}} for n in range(10**9)), batch_size=2, background=True)
assert started.wait(60)
{end}
"""

NODES = {
    "busy": """
@router.node("n", entry_point=True, name="first")
def first(msg):
    print("never seen")
    started.set()
    return msg.n
""",
    "stuck": """
@router.node("n", entry_point=True, name="first")
def first(msg):
    started.set()
    threading.Event().wait()
""",
    "async": """
@router.node("n", entry_point=True, name="first")
async def first(msg):
    started.set()
    await asyncio.sleep(0)
    return msg.n
""",
    "stuck async": """
@router.node("n", entry_point=True, name="first")
async def first(msg):
    started.set()
    await asyncio.sleep(1_000_000)
""",
}


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("end", ["", "run.pause()", "raise SystemExit"])
def test_the_process_ends_quietly_with_runs_on(node, end):
    code = PROGRAM.format(node=NODES[node], end=end)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
