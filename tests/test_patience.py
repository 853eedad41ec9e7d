"""How patient a node is: ``retries``, ``backoff`` and ``timeout``.

No test waits for time to pass; where one could hang, the wait that is not ended is an hour.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from looking import column

from emitnb import DeclarationError, Router, RunInterrupted
from emitnb.process.waiting import waits

HOUR = 3_600.0


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"backoff": 1}, "backoff=1 is the wait before a message is tried again"),
        ({"retries": 1, "backoff": -1}, "backoff=-1; give seconds"),
        ({"retries": 1, "backoff": float("nan")}, "backoff=nan; give seconds"),
        ({"retries": 1, "backoff": "1s"}, "backoff='1s'; give seconds"),
        ({"retries": 1, "backoff": True}, "backoff=True; give seconds"),
        ({"timeout": 0}, "timeout=0; give seconds"),
        ({"timeout": float("inf")}, "timeout=inf; give seconds"),
        ({"timeout": 5}, "node: a timeout could not be kept.*async def node"),
        ({"timeout": 5, "batch": True}, "node: a batch node takes many messages in one call"),
    ],
)
def test_impatience_that_cannot_be_kept_is_refused(options, says):
    router = Router()
    before = router.graph
    with pytest.raises(DeclarationError, match=says):
        router.node("n", name="node", **options)(lambda msg: 1)
    assert router.graph is before


def test_a_timeout_of_a_generator_or_an_async_batch_node_is_refused():
    router = Router()

    def items(msg: Any) -> Any:
        yield 1

    async def many(frame: Any) -> Any:
        return frame

    for function, options in ((items, {}), (many, {"batch": True})):
        with pytest.raises(DeclarationError, match="timeout"):
            router.node("n", timeout=1, **options)(function)


# --- Waiting before a second try ------------------------------------------------------------------


def test_waits_double_up_to_a_minute_and_an_hour_stays_an_hour():
    assert list(waits(4, 0.5)) == [0.5, 1.0, 2.0, 4.0]
    assert list(waits(3, 20)) == [20, 40, 60]
    assert list(waits(2, HOUR)) == [HOUR, HOUR]
    assert max(waits(5_000, 0.5)) == 60
    assert list(waits(0, 0.5)) == []
    assert list(waits(2, 0)) == [0, 0]


FORMS = ["plain", "generator", "state", "batch", "async", "async generator", "async state"]


def in_form(form: str, work: Any) -> Any:
    """Return ``work``, a function of n, as a node's function."""

    def generator(msg: Any) -> Any:
        yield work(msg.n)

    async def awaiting(msg: Any) -> Any:
        return work(msg.n)

    async def generating(msg: Any) -> Any:
        yield work(msg.n)

    async def remembering(msg: Any, state: Counter[str]) -> Any:
        return work(msg.n)

    return {
        "plain": lambda msg: work(msg.n),
        "generator": generator,
        "state": lambda msg, state: work(msg.n),
        "batch": lambda frame: {"n": [work(n) for n in frame["n"]]},
        "async": awaiting,
        "async generator": generating,
        "async state": remembering,
    }[form]


@pytest.mark.parametrize("form", FORMS)
def test_the_second_try_comes_no_sooner_than_the_node_says(form):
    router = Router()
    tries: list[float] = []

    def work(n: int) -> int:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise OSError("not yet")
        return n

    router.node("n", entry_point=True, name="node", retries=3, backoff=0.02, batch=form == "batch")(
        in_form(form, work)
    )
    router.push(numbers(1))
    assert column(router, "node") == [0]
    gaps = [after - before for before, after in pairwise(tries)]
    assert [gap >= wait for gap, wait in zip(gaps, (0.02, 0.04, 0.08), strict=True)] == [True] * 3


def test_while_one_async_message_waits_the_others_go_on():
    router = Router()
    tries: list[int] = []

    @router.node("n", entry_point=True, name="node", retries=1, backoff=0.02)
    async def node(msg: Any) -> int:
        tries.append(msg.n)
        if tries.count(msg.n) == 1:
            raise OSError("not yet")
        return msg.n

    router.push(numbers(20), batch_size=20)
    assert tries[:20] == list(range(20))
    assert sorted(tries[20:]) == list(range(20))


@pytest.mark.parametrize("form", FORMS)
def test_an_interrupt_ends_the_wait(form):
    """The wait is an hour; the interrupt comes once the node waits."""
    router = Router()
    failed = threading.Event()
    mended: list[bool] = []

    def work(n: int) -> int:
        if n == 2 and not mended:
            failed.set()
            raise OSError("down")
        return n

    function = in_form(form, work)
    router.node("n", entry_point=True, name="node", retries=3, backoff=HOUR, batch=form == "batch")(
        function
    )

    def interrupt() -> None:
        failed.wait()
        main = threading.main_thread().ident
        wanted = "_in_loop" if "async" in form else "pause"
        while main is not None and wanted not in calls_of(main):
            time.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(RunInterrupted) as interrupted:
        router.push(numbers(4), batch_size=2)
    thread.join()
    assert column(router, "node") == [0, 1]
    mended.append(True)
    interrupted.value.run.resume()
    assert column(router, "node") == [0, 1, 2, 3]


def calls_of(thread: int) -> list[str]:
    """The names of the functions that a thread is in."""
    frame = sys._current_frames().get(thread)
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


# --- A limit on the time of a message -------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, "auto"])
@pytest.mark.parametrize("generates", [False, True])
def test_an_async_node_that_takes_too_long_fails_and_the_others_go_on(size, generates):
    router = Router()
    cancelled = []

    async def work(n: int) -> int:
        try:
            if n == 1:
                await asyncio.sleep(HOUR)  # too long
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    async def one(msg: Any) -> int:
        return await work(msg.n)

    async def several(msg: Any) -> Any:
        yield 10 * msg.n
        yield await work(msg.n)

    router.node("n", entry_point=True, name="node", timeout=0.05)(several if generates else one)
    router.push(numbers(3), batch_size=size)
    assert column(router, "node") == ([0, 0, 20, 2] if generates else [0, 2])
    (failure,) = router.failures().to_dict("records")
    assert failure["error_type"] == "TimeoutError"
    assert failure["error"] == "node took longer than its timeout of 0.05 s"
    assert "# too long" in failure["traceback"]
    assert "emitnb/process" not in failure["traceback"]
    assert cancelled == [1]


def test_a_timeout_error_of_the_nodes_own_is_left_as_it_is():
    router = Router()

    @router.node("n", entry_point=True, name="node", timeout=HOUR)
    async def node(msg: Any) -> int:
        if msg.n:
            raise TimeoutError("mine")
        async with asyncio.timeout(0):
            await asyncio.sleep(HOUR)
        return msg.n

    router.push(numbers(2))
    assert router.failures()["error"].tolist() == ["", "mine"]


def test_a_message_that_took_too_long_was_tried_once():
    router = Router()
    tries: Counter[int] = Counter()

    @router.node("n", entry_point=True, name="node", timeout=0.05, retries=2)
    async def node(msg: Any) -> int:
        tries[msg.n] += 1
        if msg.n == 0 or tries[msg.n] < 3:
            await asyncio.sleep(HOUR)
        return msg.n

    router.push(numbers(2))
    assert column(router, "node") == [1]
    assert tries == {0: 3, 1: 3}
    assert len(router.failures()) == 1


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("key", [None, "key"])
def test_a_message_that_took_too_long_leaves_the_state_as_it_was(key, retries):
    router = Router()

    @router.node("n", entry_point=True, name="node", key=key, timeout=0.05, retries=retries)
    async def node(msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        if msg.n % 3 == 1:
            await asyncio.sleep(HOUR)
        return len(state)

    router.push([{"n": n, "key": "one"} for n in range(6)])
    assert column(router, "node") == [1, 2, 3, 4]


def test_an_interrupt_is_no_timeout():
    router = Router()
    started = threading.Event()

    @router.node("n", entry_point=True, name="node", timeout=HOUR)
    async def node(msg: Any) -> int:
        started.set()
        await asyncio.Event().wait()
        return msg.n

    def interrupt() -> None:
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(RunInterrupted):
        router.push(numbers(1))
    thread.join()
    assert router.failures().empty
