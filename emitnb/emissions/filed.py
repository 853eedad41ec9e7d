"""Recorded rows that lie in files: a node's emissions, and pushed tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from emitnb.emissions.columns import seal
from emitnb.filing import FiledColumns, Folder, Held
from emitnb.message import Message
from emitnb.table import (
    FrameTable,
    ListTable,
    Piece,
    Positions,
    RecordTable,
    SealedTable,
    Table,
    values_of,
)


@dataclass(frozen=True)
class FiledRows:
    """Consecutive rows of one node, in a file. A part of the log like any other.

    ``framed`` says that they come back as a batch node made them. ``first`` is the number of the
    first of them.
    """

    fields: tuple[str, ...]
    columns: FiledColumns
    framed: bool
    first: int
    node: str

    @classmethod
    def write(
        cls,
        fields: tuple[str, ...],
        pieces: Sequence[Piece],
        size: int,
        framed: bool,
        first: int,
        node: str,
        folder: Folder,
    ) -> FiledRows:
        """Write rows to a new file. Raises RecordFullError where there is no room for it."""
        columns = FiledColumns.write(pieces, fields, size, folder)
        return cls(fields, columns, framed, first, node)

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.columns.size

    @property
    def held(self) -> Held:
        """What stayed in memory, because it cannot be pickled."""
        return Held(self.size, self.columns.held) if self.columns.held else Held()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The columns, read back."""
        return tuple(map(self.piece, self.fields))

    @property
    def data(self) -> pd.DataFrame:
        """The rows as a batch node made them."""
        columns = dict(zip(self.fields, self.pieces, strict=True))
        return pd.DataFrame(columns, index=pd.RangeIndex(self.size), copy=False)

    def piece(self, name: str) -> Piece:
        """Return one column, read back; all missing where these rows do not have the field."""
        if name not in self.fields:
            return pa.nulls(self.size)
        return self.columns.read(self.fields.index(name), self._what())

    def row(self, row: int) -> dict[str, Any]:
        """Return the fields of one of these rows."""
        what = self._what()
        pieces = [self.columns.read(c, what, row, row + 1) for c in range(len(self.fields))]
        return {name: value_at(piece, 0) for name, piece in zip(self.fields, pieces, strict=True)}

    def _what(self) -> str:
        return f"rows {self.first:,} to {self.first + self.size - 1:,} of {self.node}"


@dataclass(frozen=True)
class FiledTable:
    """Pushed messages in a file. ``first`` is the number of the first of them."""

    fields: tuple[str, ...]
    columns: FiledColumns
    kind: type[Table]
    first: int

    @classmethod
    def write(cls, table: Table, first: int, folder: Folder) -> FiledTable:
        """Write a table to a new file. Raises RecordFullError where there is no room for it."""
        pieces: list[Piece]
        if isinstance(table, RecordTable):
            pieces = [list(table.records)]
            names: tuple[str, ...] = ("record",)
        elif isinstance(table, FrameTable):
            names, pieces = table.fields, [table.data[name] for name in table.fields]
        else:
            assert isinstance(table, ListTable | SealedTable)
            given = table.columns if isinstance(table, ListTable) else table.pieces
            names = table.fields
            pieces = [seal(piece) if isinstance(piece, list) else piece for piece in given]
        columns = FiledColumns.write(pieces, names, len(table), folder)
        return cls(table.fields, columns, type(table), first)

    def __len__(self) -> int:
        return self.columns.size

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`emitnb.table.Table`."""
        return self.rows(start, stop).messages(origin, base)

    def frame(self) -> pd.DataFrame:
        """See :class:`emitnb.table.Table`."""
        return self.rows().frame()

    def take(self, rows: Positions) -> Table:
        """See :class:`emitnb.table.Table`."""
        if not len(rows):
            return self.rows(0, 0)
        start = int(rows.min())
        return self.rows(start, int(rows.max()) + 1).take(rows - start)

    def rows(self, start: int = 0, stop: int | None = None, sealed: bool = False) -> Table:
        """Return rows ``start`` to ``stop``, read back as they were pushed.

        Lists come back as Arrow, which takes less, if ``sealed``.
        """
        size = len(range(*slice(start, stop).indices(len(self))))
        last = self.first + len(self) - 1
        what = f"pushed messages {self.first:,} to {last:,}"
        pieces = [
            self.columns.read(column, what, start, stop)
            for column in range(len(self.columns.forms))
        ]
        if self.kind is RecordTable:
            return RecordTable(values_of(pieces[0]))
        if self.kind is FrameTable:
            columns = dict(zip(self.fields, pieces, strict=True))
            series = {name: pd.Series(c).reset_index(drop=True) for name, c in columns.items()}
            return FrameTable(pd.DataFrame(series, index=pd.RangeIndex(size)))
        if self.kind is ListTable and not sealed:
            return ListTable(self.fields, list(map(values_of, pieces)), size)
        return SealedTable(self.fields, tuple(pieces), size)


def value_at(piece: Piece, row: int) -> Any:
    """Return one value of a column."""
    if isinstance(piece, list):
        return piece[row]
    if isinstance(piece, pa.Array):
        return piece[row].as_py()
    return piece.iloc[row]
