"""The pushed messages: which input made which output, and what can be sent through again.

What lies on a cluster is not recorded here, and what was pushed before it no longer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from emitnb.emissions.columns import sealed
from emitnb.emissions.filed import FiledTable
from emitnb.emissions.parts import FULL
from emitnb.filing import Folder, Held, weigh
from emitnb.filing.sizes import NOTHING
from emitnb.table import (
    FrameTable,
    ListTable,
    Positions,
    RecordTable,
    SealedTable,
    Table,
    stacked,
)


@dataclass(frozen=True)
class InputRecord:
    """The tables pushed; ``first`` is the number of the oldest message kept.

    ``kept`` are the tables, each with the bytes that it takes in memory.
    """

    rows: int = 0
    first: int = 0
    kept: tuple[tuple[Table, int], ...] = ()
    held: Held = NOTHING

    def with_rows(self, table: Table) -> InputRecord:
        """Return the record with ``table`` pushed behind it."""
        if not len(table):
            return self
        rows = self.rows + len(table)
        size = _size(table)
        if size is None:
            return InputRecord(rows, rows)
        kept = self.kept
        held = self.held.plus(Held(len(table), size))
        while kept and (both := _merged(kept[-1][0], table)) is not None:
            table, size = both, kept[-1][1] + size
            kept = kept[:-1]
        return InputRecord(rows, self.first, (*kept, (table, size)), held)

    def loose(self) -> Iterator[tuple[int, Held]]:
        """Yield the tables that could go to files, the oldest first: their place and size."""
        for place, (table, size) in enumerate(self.kept):
            if not isinstance(table, FiledTable):
                yield place, Held(len(table), size)

    def filed(self, places: Iterable[int], folder: Folder) -> InputRecord:
        """Return the record with some tables in files. Raises RecordFullError."""
        chosen = set(places)
        kept, first = [], self.first
        held = self.held
        for place, (table, size) in enumerate(self.kept):
            if place in chosen and not isinstance(table, FiledTable):
                filed = FiledTable.write(table, first, folder)
                left = Held(len(table), filed.columns.held) if filed.columns.held else Held()
                held = Held(held.rows - len(table) + left.rows, held.bytes - size + left.bytes)
                table, size = filed, left.bytes
            kept.append((table, size))
            first += len(table)
        return InputRecord(self.rows, self.first, tuple(kept), held)

    def values(self, row: int) -> dict[str, Any] | None:
        """Return the fields of one pushed message; None where it is not kept."""
        row -= self.first
        if row < 0:
            return None
        for table, _ in self.kept:
            if row < len(table):
                one = table.take(np.array([row]))
                return {str(k): v for k, v in one.frame().iloc[0].to_dict().items()}
            row -= len(table)
        return None

    def picked(self, rows: Positions) -> pd.DataFrame:
        """Return those of the named messages that are kept, in the order named, by number."""
        frames, first = [], self.first
        for table, _ in self.kept:
            mine = rows[(rows >= first) & (rows < first + len(table))]
            if len(mine):
                frames.append(table.take(mine - first).frame().set_axis(mine))
            first += len(table)
        kept = rows[rows >= self.first]
        fields = self.kept[-1][0].fields if self.kept else ()
        frame = pd.concat(frames).loc[kept] if frames else pd.DataFrame(columns=list(fields))
        return frame.set_axis(pd.Index(kept, dtype="int64", name="row"))

    def frame(self) -> pd.DataFrame:
        """Return the messages kept, indexed by their numbers."""
        if not self.kept:
            return pd.DataFrame(index=pd.RangeIndex(self.first, self.first))
        # Whole, as if they had been pushed at once: what goes to files when never shows.
        runs = groupby((table for table, _ in self.kept), _likeness)
        frames = [stacked([*map(_sealed, run)]).frame() for _, run in runs]
        frame = pd.concat(frames, ignore_index=True)
        return frame.set_axis(pd.RangeIndex(self.first, self.first + len(frame)))


def _likeness(table: Table) -> object:
    """Equal for tables that are as good as one."""
    kind = table.kind if isinstance(table, FiledTable) else type(table)
    if kind is RecordTable:
        return kind
    return (kind, table.fields) if kind is ListTable else id(table)


def _sealed(table: Table) -> Table:
    if isinstance(table, FiledTable):
        return table.rows(sealed=True)
    return sealed(table)


def _merged(one: Table, two: Table) -> Table | None:
    """Both as one, while that keeps single pushes from piling up; None where it does not."""
    if len(one) > len(two) or len(one) >= FULL or isinstance(one, FiledTable):
        return None
    return stacked([one, two]) if _likeness(one) == _likeness(two) else None


def _size(table: Table) -> int | None:
    """Bytes held, near enough; None where holding on to it here would hold it on a cluster."""
    if isinstance(table, ListTable):
        return sum(map(weigh, table.columns)) + 64
    if isinstance(table, RecordTable):
        return sum(sum(map(sys.getsizeof, record.values())) + 200 for record in table.records)
    if isinstance(table, FrameTable):
        return sum(weigh(table.data[name]) for name in table.data.columns)
    if isinstance(table, SealedTable):
        return sum(map(weigh, table.pieces))
    return None
