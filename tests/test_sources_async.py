"""Async iterators that can be pushed, from any thread and inside a running loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import (
    finalizers_may_complain,
    interrupted_everywhere,
    messages_of,
    read,
    records,
    same_in_any_sizes,
    sizes,
)

from emitnb.errors import SourceError
from emitnb.sources import open_source


class Ticker:
    """An async iterator that counts how far it was advanced, and what runs at once."""

    def __init__(self, stop: int) -> None:
        self.stop = stop
        self.given = 0
        self.running = 0
        self.closed = False

    async def items(self) -> AsyncIterator[int]:
        try:
            for number in range(self.stop):
                self.running += 1
                assert self.running == 1
                await asyncio.sleep(0)
                self.running -= 1
                self.given += 1
                yield number
        finally:
            self.closed = True


def source_threads() -> list[threading.Thread]:
    # Not alive: a thread whose start was interrupted, which Python never forgets.
    ours = [one for one in threading.enumerate() if one.name == "emitnb async source"]
    return [one for one in ours if one.is_alive()]


def test_an_async_iterator_is_advanced_as_far_as_messages_are_taken() -> None:
    ticker = Ticker(6)
    source = open_source(ticker.items(), field="n")
    assert (source.total, source_threads()) == (None, [])
    assert records(source.take(2)) == [{"n": 0}, {"n": 1}]
    assert ticker.given == 2
    assert len(source_threads()) == 1
    assert read(source)[0] == [{"n": n} for n in range(2, 6)]
    assert source_threads() == []


def test_an_async_iterator_works_where_a_loop_is_running() -> None:
    async def cell() -> list[dict[str, Any]]:
        return messages_of(Ticker(3).items())

    assert asyncio.run(cell()) == [{"document": n} for n in range(3)]


def test_closing_stops_the_thread_and_closes_the_generator() -> None:
    ticker = Ticker(6)
    source = open_source(ticker.items())
    source.take(2)
    source.close()
    source.close()
    assert source_threads() == []
    assert ticker.closed
    with pytest.raises(SourceError, match="the async iterator was closed with its run"):
        source.take(1)


def test_closing_ends_a_wait_that_would_not_end() -> None:
    class Stuck:
        def __aiter__(self) -> Stuck:
            return self

        async def __anext__(self) -> int:
            waiting.set()
            await asyncio.Event().wait()
            raise AssertionError("not reached")

    waiting = threading.Event()
    source = open_source(Stuck())
    closer = threading.Thread(target=lambda: (waiting.wait(), source.close()))
    closer.start()
    with pytest.raises(SourceError, match="was closed with its run"):
        source.take(1)
    closer.join()
    assert source_threads() == []


def test_an_iterator_that_is_cancelled_from_inside_has_failed() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise asyncio.CancelledError

    source = open_source(items())
    assert records(source.take(5)) == [{"document": 1}]
    with pytest.raises(SourceError, match="the async iterator was cancelled"):
        source.take(5)
    source.close()


def test_a_limit_stops_the_thread_too() -> None:
    ticker = Ticker(6)
    assert len(open_source(ticker.items(), limit=2).take(9).table) == 2
    assert ticker.given == 2
    assert source_threads() == []


def test_an_error_in_an_async_iterator_comes_after_its_items() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    source = open_source(items())
    assert records(source.take(5)) == [{"document": 1}]
    with pytest.raises(SourceError, match="failed after 1 messages: OSError: gone"):
        source.take(5)
    source.close()


@finalizers_may_complain
def test_an_interrupt_anywhere_loses_no_async_item() -> None:
    interrupted_everywhere(lambda: Ticker(7).items())
    assert source_threads() == []


@settings(deadline=None)
@given(sizes, st.integers(0, 12))
def test_take_sizes_never_show_in_async_iterators(sizes: list[int], stop: int) -> None:
    expected = [{"document": n} for n in range(stop)]
    assert same_in_any_sizes(lambda: Ticker(stop).items(), sizes) == (expected, [])
