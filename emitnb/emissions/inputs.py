"""The latest pushed messages, for showing which input made which output.

Pushing a file larger than memory must not hold it, so the record is bounded: the oldest inputs
make room. (What failed keeps its own input, whatever happens here.)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from emitnb.table import FrameTable, ListTable, Positions, RecordTable, Table

BUDGET = 64 * 2**20
"""Bytes of pushed messages that are kept."""


@dataclass(frozen=True)
class InputRecord:
    """The last tables pushed; ``first`` is the number of the oldest message kept."""

    rows: int = 0
    first: int = 0
    kept: tuple[tuple[Table, int], ...] = ()

    def with_rows(self, table: Table) -> InputRecord:
        """Return the record with ``table`` pushed behind it, within the budget."""
        if not len(table):
            return self
        kept = (*self.kept, (table, _size(table)))
        first = self.first
        total = sum(size for _, size in kept)
        while total > BUDGET:
            (oldest, size), *rest = kept
            kept = tuple(rest)
            first += len(oldest)
            total -= size
        return InputRecord(self.rows + len(table), first, kept)

    def values(self, row: int) -> dict[str, Any] | None:
        """Return the fields of one pushed message; None where it is no longer kept."""
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
        frame = pd.concat([table.frame() for table, _ in self.kept], ignore_index=True)
        return frame.set_axis(pd.RangeIndex(self.first, self.first + len(frame)))

    def cleared(self) -> InputRecord:
        """Return an empty record."""
        return replace(self, rows=0, first=0, kept=())


def _size(table: Table) -> int:
    """Bytes held, near enough: what the values of the columns themselves take."""
    if isinstance(table, ListTable):
        # 12: the place in the list, and what allocation rounds up.
        return sum(sum(map(sys.getsizeof, c)) + 12 * len(c) for c in table.columns) + 64
    if isinstance(table, RecordTable):
        return sum(sum(map(sys.getsizeof, record.values())) + 200 for record in table.records)
    if isinstance(table, FrameTable):
        data = table.data
        return sum(data[name].array.nbytes for name in data.columns)
    return BUDGET + 1  # it lies on a cluster: holding on to it here would hold it there
