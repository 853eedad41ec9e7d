"""Interrupting what runs on a worker.

An exception that is sent into a thread can be lost (Python drops what is raised in a finalizer), so
it is sent again until the task has ended; and it may strike anywhere, so no lock is taken here:
each step is one operation that cannot be divided.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

_T = TypeVar("_T")

AGAIN = 0.5
"""Seconds after which a task that goes on is interrupted again: time to end what it cleans up."""

_running: set[tuple[int, str]] = set()
"""Threads that may be interrupted now, each with the session that its task belongs to."""

_stopped: deque[str] = deque(maxlen=1_000)
"""Sessions that were stopped last: a task of theirs may be about to begin."""

_sent: set[asyncio.Task[None]] = set()
"""Asyncio keeps no task alive by itself."""

_send = ctypes.pythonapi.PyThreadState_SetAsyncExc
_INTERRUPT = ctypes.py_object(KeyboardInterrupt)


class StoppedError(Exception):
    """The run that a task belonged to was interrupted."""


def stoppable(session: str, call: Callable[[], _T]) -> _T:
    """Return what ``call`` returns; :func:`stop` ends it, by KeyboardInterrupt as in a notebook."""
    mine = (threading.get_ident(), session)
    try:
        try:
            _running.add(mine)
            if session in _stopped:
                raise KeyboardInterrupt
            return call()
        finally:
            # In place, for an interrupt may strike as a function is entered.
            while mine in _running:
                # What was sent before strikes at this call at the latest. (Taking it back would
                # leave Python 3.11 looking for it at every step, for good: it never forgets.)
                try:  # noqa: SIM105 - an interrupt may strike in suppress itself, as it is left
                    _running.discard(mine)
                except KeyboardInterrupt:
                    pass
    except KeyboardInterrupt:
        # Out of a task it would end the worker's thread.
        raise StoppedError("the run was interrupted") from None


async def stop(session: str, grace: float = AGAIN) -> int:
    """Interrupt a session's tasks on this worker; return how many go on after ``grace`` seconds.

    Those are interrupted again and again, until they end; tasks of the session that are still to
    begin end at once.
    """
    _stopped.append(session)
    interrupt(session)
    ends = perf_counter() + grace
    while _of(session) and perf_counter() < ends:
        await asyncio.sleep(0.02)
    if going_on := len(_of(session)):
        task = asyncio.get_running_loop().create_task(_insist(session))
        _sent.add(task)
        task.add_done_callback(_sent.discard)
    return going_on


async def _insist(session: str) -> None:
    while _of(session):
        interrupt(session)
        await asyncio.sleep(AGAIN)


def interrupt(session: str) -> None:
    """Send a KeyboardInterrupt into each thread that runs a task of ``session``."""
    for one in _of(session):
        thread = ctypes.c_ulong(one[0])
        # Python changes threads at calls, not between these two: nothing is sent to a thread that
        # has meanwhile taken itself off.
        if one in _running:
            _send(thread, _INTERRUPT)


def _of(session: str) -> list[tuple[int, str]]:
    return [one for one in list(_running) if one[1] == session]
