"""What every source does alike: count, stop at the limit, and survive an interrupt.

A source is at a *position* (a place in a file, the items waiting to be handed out …). Reading
from a position changes nothing that counts: it returns the :class:`Step` that was made and the
position after it. :meth:`BaseSource.take` moves there in its very last statement, with no call
between that and its return, where Python raises no KeyboardInterrupt. So a take either returns
its messages or leaves the source where it was, and the next take hands out the same again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from emitnb.errors import SourceError
from emitnb.table import ListTable, Table, stacked

Position = TypeVar("Position")

EMPTY = ListTable((), [], 0)
"""No messages."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a source holds at ``place`` and could not read as a message.

    ``before`` counts the messages of the same take that come before it.
    """

    place: dict[str, Any]
    error: Exception
    before: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Messages taken from a source; ``ended`` says that nothing more will come."""

    table: Table
    unreadable: tuple[Unreadable, ...]
    ended: bool


class Source(Protocol):
    """Messages to push, read as far as they are taken.

    ``total`` is the number of messages, None if only reading would tell.
    """

    total: int | None

    def take(self, n: int) -> Taken:
        """Return at most ``n`` further messages; fewer do not mean that the source has ended."""

    def close(self) -> None:
        """Release files and threads. A later take opens them again where that is possible."""


@dataclass(frozen=True, slots=True)
class Step(Generic[Position]):
    """What was read from a position, and the position after it."""

    table: Table
    unreadable: tuple[Unreadable, ...]
    after: Position
    ended: bool


class BaseSource(Generic[Position]):
    """A source that stops after ``limit`` messages. A subclass implements :meth:`_read`."""

    def __init__(self, start: Position, total: int | None, limit: int | None) -> None:
        if limit is not None and limit < 0:
            raise SourceError(f"limit={limit}: give the number of messages to push, or None")
        self.total = total if total is None or limit is None else min(total, limit)
        self._at = start
        self._left = sys.maxsize if limit is None else limit
        self._ended = limit == 0

    def take(self, n: int) -> Taken:
        """Return at most ``n`` further messages, and what lies unreadable among them."""
        if self._ended or n < 1:
            return Taken(EMPTY, (), self._ended)
        step = self._read(self._at, min(n, self._left))
        left = self._left - len(step.table)
        ended = step.ended or not left
        taken = Taken(step.table, step.unreadable, ended)
        if ended:
            self.close()
        # No call from here to the return: see the module's docstring.
        self._at, self._left, self._ended = step.after, left, ended
        return taken

    def close(self) -> None:
        """Release what is open; nothing here."""

    def _read(self, at: Position, size: int) -> Step[Position]:
        """Return at most ``size`` messages from ``at`` on. Empty only at the end."""
        raise NotImplementedError


def joined(
    pieces: Iterable[tuple[Table, tuple[Unreadable, ...]]],
) -> tuple[Table, tuple[Unreadable, ...]]:
    """Return pieces read one after another as one."""
    tables: list[Table] = []
    unreadable: list[Unreadable] = []
    before = 0
    for table, problems in pieces:
        unreadable += [Unreadable(one.place, one.error, one.before + before) for one in problems]
        before += len(table)
        if len(table):
            tables.append(table)
    return (stacked(tables) if tables else EMPTY), tuple(unreadable)
