"""Interrupts that are sent into a worker's threads: none is lost, and none strikes too late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from cluster.plumbing import within

from emitnb.backends.dask.stopping import StoppedError, interrupt, stop, stoppable


class Deaf:
    """Loses an interrupt as Python does: what is raised in a finalizer is only printed."""

    def __init__(self, reached: threading.Event) -> None:
        self._reached = reached

    def __del__(self) -> None:
        self._reached.set()
        while True:
            threading.Event().wait(0.001)


def in_thread(task: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Run a task in a thread; what it returns, or raises, is found in the list."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(task())
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_is_lost_in_a_finalizer_is_sent_again():
    reached = threading.Event()

    def node() -> None:
        Deaf(reached)
        while True:
            threading.Event().wait(0.001)

    thread, came = in_thread(lambda: stoppable("lost", node))
    reached.wait()

    async def insist() -> None:
        await stop("lost", grace=0)
        while thread.is_alive():
            await asyncio.sleep(0.01)

    with within(60):
        asyncio.run(insist())
    assert isinstance(came[0], StoppedError)


def test_a_task_that_begins_after_its_session_was_stopped_does_not_run():
    asyncio.run(stop("over"))
    with pytest.raises(StoppedError):
        stoppable("over", lambda: pytest.fail("it ran"))
    assert stoppable("another", lambda: "it ran") == "it ran"


def test_interrupts_strike_only_within_tasks_of_their_session():
    over = threading.Event()

    def tasks() -> tuple[int, int]:
        ended = stopped = 0
        while ended < 3_000 or stopped < 100:
            try:
                stoppable("mine", lambda: sum(range(100)))
                ended += 1
            except StoppedError:
                stopped += 1
        return ended, stopped

    def others() -> int:
        return sum(stoppable("other", lambda: 1) for _ in range(3_000))

    def send() -> None:
        while not over.is_set():
            interrupt("mine")

    sender = threading.Thread(target=send)
    mine, came = in_thread(tasks)
    other, counted = in_thread(others)
    sender.start()
    with within(120):
        mine.join()
        other.join()
    over.set()
    sender.join()
    assert isinstance(came[0], tuple), came[0]
    assert counted == [3_000]
