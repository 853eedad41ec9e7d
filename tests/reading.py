"""Reading sources in tests: all of one, in takes of any size, interrupted anywhere."""

from __future__ import annotations

import gc
import gzip
import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import strategies as st

from emitnb.message import ENTRY_POINT, Message
from emitnb.sources import Source, Taken, open_source

Read = tuple[list[dict[str, Any]], list[tuple[int, dict[str, Any], str]]]
"""The messages of a source, and what was unreadable: after how many messages, where and what."""

finalizers_may_complain = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""For interrupts everywhere: Python swallows one that comes in a finalizer, and a file that was
being opened when it came is closed by the garbage collector."""

sizes = st.lists(st.integers(1, 7), max_size=12)
records_or_values = st.one_of(
    st.integers(),
    st.text(max_size=3),
    st.none(),
    st.dictionaries(st.sampled_from(["a", "b", "a b", "class"]), st.integers(), max_size=3),
)


def records(taken: Taken) -> list[dict[str, Any]]:
    return [message.as_dict() for message in taken.table.messages(ENTRY_POINT, Message)]


def read(source: Source, sizes: Iterator[int] | None = None) -> Read:
    """Take all that is in a source, in takes of the given sizes (then of 1,000)."""
    messages: list[dict[str, Any]] = []
    unreadable: list[tuple[int, dict[str, Any], str]] = []
    sizes = sizes or iter(())
    for _ in range(10_000):
        size = next(sizes, 1000)
        taken = source.take(size)
        got = records(taken)
        assert len(got) == len(taken.table) <= size
        assert got or taken.unreadable or taken.ended
        for one in taken.unreadable:
            assert one.before <= len(got)
            unreadable.append((len(messages) + one.before, one.place, type(one.error).__name__))
        messages += got
        if taken.ended:
            after = source.take(5)
            assert (len(after.table), after.unreadable, after.ended) == (0, (), True)
            return messages, unreadable
    raise AssertionError("the source does not end")


def messages_of(data: Any, **options: Any) -> list[dict[str, Any]]:
    messages, unreadable = read(open_source(data, **options))
    assert unreadable == []
    return messages


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


class Counting:
    """An iterator that tells how far it was advanced."""

    def __init__(self, stop: int = 1_000_000) -> None:
        self.given = 0
        self.stop = stop

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self.given == self.stop:
            raise StopIteration
        self.given += 1
        return self.given - 1


class Interrupt:
    """Raises KeyboardInterrupt once, at the n-th place inside ``call`` where Python may.

    Python looks for signals when a function begins and after a call of C. ``seen`` counts the
    places that were passed.
    """

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0

    def __call__(self, call: Callable[[], Taken]) -> Taken | None:
        # Python 3.11 may call a hook once more after it has raised: keep it alive.
        hook = self._pass
        sys.setprofile(hook)
        try:
            return call()
        except KeyboardInterrupt:
            return None
        finally:
            sys.setprofile(None)

    def _pass(self, frame: FrameType, event: str, arg: Any) -> None:
        # The end of a generator is reported as a call of it, too; no interrupt comes there.
        resumed = event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR
        if event in ("call", "c_return") and arg is not sys.setprofile and not resumed:
            self.seen += 1
            if self.seen == self.at and _is_complaint(frame):
                self.at += 1  # what pytest does there would fail, and not what is read
            elif self.seen == self.at:
                raise KeyboardInterrupt


def _is_complaint(frame: FrameType | None) -> bool:
    """Whether pytest notes what a finalizer complained of: a file that an interrupt left open."""
    while frame is not None and frame.f_code.co_name != "unraisable_hook":
        frame = frame.f_back
    return frame is not None


class Interruptible:
    """A source whose takes are interrupted once, and then repeated."""

    def __init__(self, source: Source, at: int) -> None:
        self.source = source
        self.interrupt = Interrupt(at)

    def take(self, n: int) -> Taken:
        taken = self.interrupt(lambda: self.source.take(n))
        return self.source.take(n) if taken is None else taken


def interrupted_everywhere(make: Callable[[], Any], step: int = 1, **options: Any) -> None:
    """Check that an interrupt at any place changes nothing in what is read."""
    whole = read(open_source(make(), **options), iter([2, 3]))
    for at in count(1, step):
        source = Interruptible(open_source(make(), **options), at)
        assert read(source, iter([2, 3, 2, 2])) == whole  # type: ignore[arg-type] # total, close
        source.source.close()
        if source.interrupt.seen < at:
            assert at > 5
            break
    # Files left open by an interrupt are closed here, and not in the middle of another test.
    gc.collect()


def same_in_any_sizes(make: Callable[[], Any], take_sizes: list[int], **options: Any) -> Read:
    whole = read(open_source(make(), **options))
    assert read(open_source(make(), **options), iter(take_sizes)) == whole
    return whole
