"""The contract "Threads": declaring, reading and drawing are safe while a run goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from looking import column, figures

from emitnb import Router, Run

PATIENCE = 30
"""Seconds after which a test fails rather than hangs."""


class Gate:
    """A router whose first node waits at the messages that are multiples of ``every``."""

    def __init__(self, every: int) -> None:
        self.router = Router()
        self.reached = threading.Semaphore(0)
        self._opened = threading.Semaphore(0)

        @self.router.node("n", entry_point=True, name="first")
        def first(msg: Any) -> int:
            if msg.n % every == 0:
                self.reached.release()
                assert self._opened.acquire(timeout=PATIENCE)
            return msg.n

    def wait(self) -> None:
        """Wait until the node waits."""
        assert self.reached.acquire(timeout=PATIENCE)

    def open(self, times: int = 1) -> None:
        """Let it go on."""
        self._opened.release(times)


@contextmanager
def pushing(gate: Gate, source: Any, **options: Any) -> Iterator[threading.Thread]:
    """Push in a thread of its own; the block ends when the run is done."""
    errors: list[BaseException] = []

    def push() -> None:
        try:
            gate.router.push(source, **options)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield thread
    finally:
        gate.open(1_000)
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert errors == []


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


def test_threads_frames_can_be_read_while_a_run_goes_on_and_show_whole_batches():
    gate = Gate(every=4)
    router = gate.router
    router.node("n", "first", name="second")(lambda msg: 10 // (msg.n - 1))
    with pushing(gate, numbers(12), batch_size=4):
        for committed in (0, 4, 8):
            gate.wait()
            assert router.run is not None
            assert (router.run.state, router.run.done) == ("running", committed)
            assert column(router, "first") == list(range(committed))
            assert len(router.frame()) == 2 * committed - bool(committed)
            assert len(router.failures()) == bool(committed)
            assert figures(router, "first") == (committed, committed, 0, 0)
            assert "running" in repr(router.run)
            gate.open()
    assert router.run.state == "done"
    assert column(router, "first") == list(range(12))


def test_threads_a_trace_and_a_drawing_can_be_asked_for_while_a_run_goes_on():
    gate = Gate(every=2)
    with pushing(gate, numbers(4), batch_size=2):
        gate.wait()
        gate.open()
        gate.wait()
        assert len(gate.router.trace("first", 1)) == 2
        assert "first" in str(gate.router)
        assert '"first"' in gate.router.dot()


def test_threads_a_node_declared_while_a_run_goes_on_takes_part_from_the_next_batch_on():
    gate = Gate(every=3)
    router = gate.router
    router.node("n", "first", name="second")(lambda msg: msg.n)
    with pushing(gate, numbers(9), batch_size=3):
        gate.wait()
        router.node("n", "first", name="second")(lambda msg: -msg.n)
        router.node("n", "first", name="third")(lambda msg: msg.n)
        assert "third" in str(router)
        gate.open()
        gate.wait()
        assert column(router, "second") == [0, 1, 2]
        assert router.frame("third").empty
        router.remove("third")
    assert column(router, "second") == [0, 1, 2, -3, -4, -5, -6, -7, -8]
    assert column(router, "third") == [3, 4, 5]


def test_threads_a_node_renamed_while_a_run_goes_on_keeps_all_its_rows():
    gate = Gate(every=3)
    with pushing(gate, numbers(9), batch_size=3):
        gate.wait()
        gate.open()
        gate.wait()
        gate.router.rename("first", "start")
    assert sorted(gate.router.frame()["n"].tolist()) == list(range(9))
    assert column(gate.router, "start") == list(range(9))


def test_threads_clear_while_a_run_goes_on_leaves_what_comes_after():
    gate = Gate(every=2)
    with pushing(gate, numbers(6), batch_size=2):
        gate.wait()
        gate.open()
        gate.wait()
        gate.router.clear()
        assert gate.router.frame().empty
    assert column(gate.router, "first") == [2, 3, 4, 5]
    assert isinstance(gate.router.run, Run)
    assert gate.router.run.done == 6


def test_threads_many_declarations_and_reads_while_a_run_goes_on():
    gate = Gate(every=10)
    router = gate.router
    stop = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                frame = router.frame("first", lineage=True)
                assert frame["n"].tolist() == frame["source"].tolist() == list(range(len(frame)))
                router.summary()
                str(router)
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    gate.open(100)
    with pushing(gate, numbers(300), batch_size=3):
        for number in range(50):
            router.node("n", "first", name=f"more_{number}")(lambda msg: msg.n)
    stop.set()
    reader.join(PATIENCE)
    assert errors == []
    assert column(router, "first") == list(range(300))
