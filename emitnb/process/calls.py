"""Calling a user's function on many messages, with the loop itself in C.

``list.extend(map(function, messages))`` keeps what it has when the function raises, and the map
goes on with the next message when it is asked again. So an exception costs something only when
there is one, and the position it belongs to is the length of the list.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import wait
from functools import cache
from typing import Any

from emitnb.errors import ResultError
from emitnb.message import explain_missing_field


class FailedType(tuple[()]):
    """The type of :data:`FAILED`."""

    __slots__ = ()


FAILED = FailedType()
"""Stands in the results for a call that raised; empty, so that it counts as no emissions."""

_NAP = 0.1
"""Seconds to wait at a time. A signal gets into a wait for ever, but an interrupt that is sent into
the thread of a cluster's task does not."""

Errors = list[tuple[int, BaseException]]
"""Positions that raised, with what they raised, ascending."""


def call_each(
    calls: Iterator[Any], expected: int, recover: Callable[[int], None] | None = None
) -> tuple[list[Any], Errors]:
    """Return the results of ``expected`` lazy calls, and the errors of those that raised.

    ``recover`` is told the position of each error before the next call is made. Only
    KeyboardInterrupt passes through: a node may not end the kernel by SystemExit either.
    """
    __tracebackhide__ = True
    results: list[Any] = []
    errors: Errors = []
    while len(results) < expected:
        try:
            results.extend(calls)
            if len(results) == expected:
                break
            # The map ended early: a StopIteration raised inside the node looks like the end.
            error: BaseException = ResultError("the node raised StopIteration; return instead")
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            error = raised
        explain_missing_field(error)
        errors.append((len(results), error))
        results.append(FAILED)
        if recover is not None:
            recover(len(results) - 1)
    return results, errors


def await_each(calls: Iterable[Coroutine[Any, Any, Any]]) -> tuple[list[Any], Errors]:
    """Await many coroutines at a time; return results and errors as :func:`call_each` does."""
    results = _in_loop(_gather(list(calls)))
    errors: Errors = []
    for position, result in enumerate(results):
        if isinstance(result, _Raised):
            if isinstance(result.error, KeyboardInterrupt):
                raise result.error
            explain_missing_field(result.error)
            errors.append((position, result.error))
            results[position] = FAILED
    return results, errors


class _Raised:
    """An exception on its way out of the event loop, so that no result can be mistaken for it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def _gather(calls: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    return list(await asyncio.gather(*map(_caught, calls)))


async def _caught(call: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await call
    except BaseException as error:  # KeyboardInterrupt too: let out here, it would end the loop
        if is_cancelled(error):
            raise
        return _Raised(error)


def is_cancelled(error: BaseException) -> bool:
    """Whether the run is being interrupted; a node may also raise a CancelledError itself."""
    task = asyncio.current_task()
    cancelling = task is not None and bool(task.cancelling())
    return isinstance(error, asyncio.CancelledError) and cancelling


def _in_loop(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    future = asyncio.run_coroutine_threadsafe(work, _event_loop())
    try:
        while wait([future], _NAP).not_done:
            pass
        return future.result()
    except BaseException:
        future.cancel()
        raise


@cache
def _event_loop() -> asyncio.AbstractEventLoop:
    """One loop for the life of the process, in a thread of its own.

    A notebook's own loop is busy running the cell; and a client that a node keeps open between
    messages belongs to the loop it was opened in.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="emitnb-async-nodes", daemon=True).start()
    return loop
