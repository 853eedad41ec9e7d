"""Waiting: between two tries of a message, and for an async node no longer than it may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

from emitnb.message import Message
from emitnb.node import Form, Node

LONGEST_WAIT = 60.0
"""Seconds up to which waits double; a ``backoff`` that is longer stays as it is."""

_NAP = 0.05
"""Seconds asleep at a time. A signal ends a sleep at once, but only in the main thread; a task of
a cluster is interrupted between two naps."""


def waits(retries: int, backoff: float) -> Iterator[float]:
    """Yield the seconds to wait before each further try.

    >>> list(waits(4, 20.0))
    [20.0, 40.0, 60.0, 60.0]
    """
    seconds = backoff
    for _ in range(retries):
        yield seconds
        seconds = max(backoff, min(2 * seconds, LONGEST_WAIT))


def pause(seconds: float) -> None:
    """Sleep; an interrupt gets through."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _NAP))


async def awaited(node: Node, message: Message, states: Sequence[Any]) -> Any:
    """Return what an async node returns, an async generator's items as a list.

    Raises TimeoutError, with the traceback of where the node waited, if that takes longer than
    ``node.timeout`` seconds.
    """
    if node.timeout is None:
        return await _result(node, message, states)
    try:
        async with asyncio.timeout(node.timeout) as limit:
            return await _result(node, message, states)
    except TimeoutError as error:
        stopped = error.__cause__
        if not limit.expired() or not isinstance(stopped, asyncio.CancelledError):
            raise  # the node's own
        late = TimeoutError(f"{node.name} took longer than its timeout of {node.timeout:g} s")
        raise late.with_traceback(stopped.__traceback__) from None


async def _result(node: Node, message: Message, states: Sequence[Any]) -> Any:
    made = node.function(message, *states)
    if node.form is Form.ASYNC_GENERATOR:
        return [item async for item in made]
    return await made
