"""Items of an async iterator, for a caller that is not async.

The iterator runs on an event loop of its own, in a thread, so that it works where a loop is
already running, as in Jupyter. Each ``__next__`` asks for one item and waits for it. An interrupt
ends the waiting and nothing else: the answer stays until the next ``__next__`` fetches it.

An interrupt may come anywhere in the caller, so everything it does can be done again. Each
question has a number. A thread too many ends at once. To be woken up for nothing does no harm,
for the answer itself says whether it is there. Only the loop's thread sets an answer, only the
caller takes it away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from emitnb.sources.items import ItemSource

_PATIENCE = 1.0
"""Seconds to wait before asking again: on Windows no interrupt ends a wait without a limit."""

_CANCELLED = "the async iterator was cancelled"
_CLOSED = "the async iterator was closed with its run; push a new one"


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
        self._claim = threading.Lock()
        self._closing = asyncio.Event()
        self._closed = False
        self._answer: _Answer | None = None
        self._step: asyncio.Task[None] | None = None
        self._received = 0
        self._news = threading.Lock()
        self._news.acquire()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        number = self._received + 1
        while self._answer is None:
            loop = self._running_loop()
            # The loop may close right now; then the next round tells.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._ask, number)
            self._news.acquire(timeout=_PATIENCE)
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
        if loop is None or thread is None:
            return
        # The loop is closed already when this is the second time.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._closing.set)
        thread.join(timeout=5 * _PATIENCE)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise RuntimeError(_CLOSED)
        if self._loop is None:
            _start(self._serve)
        while self._loop is None:
            self._news.acquire(timeout=_PATIENCE)
        return self._loop

    def _serve(self) -> None:
        if not self._claim.acquire(blocking=False):
            return
        self._thread = threading.current_thread()
        asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake()
        if not self._closed:
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
        except asyncio.CancelledError:
            answer = _Answer(error=RuntimeError(_CLOSED if self._closed else _CANCELLED))
        except BaseException as error:
            # Whatever it is, it belongs to the thread that waits for this item.
            answer = _Answer(error=error)
        self._answer, self._step = answer, None
        self._wake()

    def _wake(self) -> None:
        if self._news.locked():
            self._news.release()


def _start(target: Callable[[], None]) -> None:
    try:
        threading.Thread(target=target, name="emitnb async source", daemon=True).start()
    except RuntimeError as error:
        # An interrupt inside `start` may come out as "release unlocked lock" (Python 3.12, 3.13).
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
