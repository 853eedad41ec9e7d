"""Items of an async iterator, for a caller that is not async.

The iterator runs on an event loop of its own, in a thread, so that it works where a loop is
already running, as in Jupyter. Each ``__next__`` asks for one item and waits for it. An interrupt
ends the waiting and nothing else: the answer stays until the next ``__next__`` fetches it.

The two threads share no lock that an interrupt could leave closed. Asking again is harmless, for
each question has a number, and so is waking up for nothing, for the answer itself says whether it
is there. Only the loop's thread sets an answer, only the caller takes it away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from emitnb.sources.items import ItemSource

_PATIENCE = 1.0
"""Seconds to wait before asking again: on Windows no interrupt ends a wait without a limit."""


class AsyncSource(ItemSource):
    """The items of an async iterator."""

    def __init__(self, items: AsyncIterable[Any], field: str, limit: int | None) -> None:
        self._items = AsyncItems(items)
        super().__init__(self._items, field, limit)

    def close(self) -> None:
        """Stop the thread. A later take finds the iterator closed."""
        self._items.close()

    def _fragile(self, interrupt: BaseException) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Answer:
    value: Any = None
    error: BaseException | None = None


class AsyncItems:
    """An iterator over an async iterator."""

    def __init__(self, items: AsyncIterable[Any]) -> None:
        self._items = items
        self._iterator: AsyncIterator[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing = asyncio.Event()
        self._closed = False
        self._answer: _Answer | None = None
        self._step: asyncio.Task[None] | None = None
        self._received = 0
        self._answered = threading.Lock()
        self._answered.acquire()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        number = self._received + 1
        while self._answer is None:
            self._running_loop().call_soon_threadsafe(self._ask, number)
            self._answered.acquire(timeout=_PATIENCE)
        answer = self._answer
        if isinstance(answer.error, StopAsyncIteration):
            raise StopIteration
        # No call from here on, so that no interrupt comes between taking the answer and giving it.
        self._received = number
        self._answer = None
        if answer.error is not None:
            raise answer.error
        return answer.value

    def close(self) -> None:
        """Cancel what is waited for, close async generators and stop the thread."""
        self._closed = True
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or thread.ident is None:
            return
        # The loop is closed already when this is the second time.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._closing.set)
        thread.join(timeout=5 * _PATIENCE)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise RuntimeError("the async iterator was closed with its run; push a new one")
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, args=(self._loop,), name="emitnb async source", daemon=True
            )
        if self._thread.ident is None:
            self._thread.start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._wait_for_close())

    async def _wait_for_close(self) -> None:
        await self._closing.wait()

    def _ask(self, number: int) -> None:
        """Start a step, unless question ``number`` is answered or its step is on its way."""
        if self._answer is not None:
            self._wake()
        elif self._step is None and number > self._received:
            self._step = asyncio.get_running_loop().create_task(self._advance())

    async def _advance(self) -> None:
        try:
            if self._iterator is None:
                self._iterator = aiter(self._items)
            answer = _Answer(await anext(self._iterator))
        except asyncio.CancelledError as error:
            answer = _Answer(error=_cancelled(error))
        except BaseException as error:
            # Whatever it is, it belongs to the thread that waits for this item.
            answer = _Answer(error=error)
        self._answer, self._step = answer, None
        self._wake()

    def _wake(self) -> None:
        if self._answered.locked():
            self._answered.release()


def _cancelled(cause: BaseException) -> RuntimeError:
    error = RuntimeError("the async iterator was cancelled")
    error.__cause__ = cause
    return error
