"""Given rows: messages that were recorded before and enter a graph again, in its middle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from emitnb.message import Message
from emitnb.process.streams import Stream
from emitnb.table import Positions, Table


class Recorded(NamedTuple):
    """Where the rows of one given stream are recorded: the origin, and which of its rows."""

    origin: str
    rows: Positions


@dataclass(frozen=True)
class Given:
    """What enters a graph instead of pushed rows: a table in that it can be counted and sent.

    ``streams`` are what nodes read, by the names that the plan's entries have for them, and
    ``recorded`` is where their rows come from. Messages enter one after the other: the i-th
    descends from the pushed message ``sources[i]``. Those of a replay arrived before, the i-th as
    number ``arrivals[i]`` of all that ever did; those that are retried arrive now, and
    ``retried`` are the numbers of the failures that they were.
    """

    streams: Mapping[str, Stream]
    recorded: Mapping[str, Recorded]
    sources: Positions
    arrivals: Positions | None = None
    retried: tuple[int, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`emitnb.table.Table`: of all streams."""
        return tuple(dict.fromkeys(f for s in self.streams.values() for f in s.table.fields))

    def __len__(self) -> int:
        return len(self.sources)

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """Return the messages of all streams, in the order in which they enter."""
        found: list[tuple[int, Message]] = []
        for stream in self.streams.values():
            messages = stream.table.messages(stream.origin, base)
            found += zip(stream.sources.tolist(), messages, strict=True)
        return [one for _, one in sorted(found, key=lambda pair: pair[0])][start:stop]

    def frame(self) -> pd.DataFrame:
        """Return the rows of all streams."""
        return pd.concat([stream.table.frame() for stream in self.streams.values()])

    def renamed(self, named: Callable[[str], str]) -> Given:
        """Return them with the names that the origins of the rows have now."""
        recorded = {
            name: Recorded(named(one.origin), one.rows) for name, one in self.recorded.items()
        }
        return replace(self, recorded=recorded)

    def take(self, rows: Positions) -> Any:
        """What enters together stays together."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class MessageTable:
    """Rows that are messages already, each of its own origin and type."""

    rows: tuple[Message, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`emitnb.table.Table`."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.__struct_fields__))

    def __len__(self) -> int:
        return len(self.rows)

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """Return the messages as they are."""
        return list(self.rows[start:stop])

    def frame(self) -> pd.DataFrame:
        """See :class:`emitnb.table.Table`."""
        records = [message.as_dict() for message in self.rows]
        return pd.DataFrame(records, index=pd.RangeIndex(len(records)), columns=list(self.fields))

    def take(self, rows: Positions) -> MessageTable:
        """See :class:`emitnb.table.Table`."""
        return MessageTable(tuple(self.rows[row] for row in rows.tolist()))


@dataclass(frozen=True, slots=True)
class TallTable:
    """Tables one below the other, each as it is."""

    tables: tuple[Table, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`emitnb.table.Table`."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.fields))

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`emitnb.table.Table`."""
        stop = len(self) if stop is None else stop
        found: list[Message] = []
        for table in self.tables:
            if start < len(table) and stop > 0:
                found += table.messages(origin, base, max(start, 0), min(stop, len(table)))
            start, stop = start - len(table), stop - len(table)
        return found

    def frame(self) -> pd.DataFrame:
        """See :class:`emitnb.table.Table`."""
        frames = [table.frame() for table in self.tables if len(table)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def take(self, rows: Positions) -> TallTable:
        """See :class:`emitnb.table.Table`. Rows next to each other are taken together."""
        if not len(rows):
            return TallTable(())
        ends = np.cumsum([len(table) for table in self.tables])
        places = np.searchsorted(ends, rows, side="right")
        cuts = np.flatnonzero(np.diff(places)) + 1
        pieces = [piece for piece in np.split(rows, cuts) if len(piece)]
        taken = []
        for piece, place in zip(pieces, places[np.r_[0, cuts]].tolist(), strict=False):
            table = self.tables[place]
            taken.append(table.take(piece - (ends[place] - len(table))))
        return TallTable(tuple(taken))
