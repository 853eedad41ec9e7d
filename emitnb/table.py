"""Tables: rows of messages of one origin, before they are messages.

What goes through a graph travels as columns, and becomes messages only for the node that reads
them. Four forms hold rows where they already are: Python lists, a DataFrame, Arrow arrays, or
records that do not all have the same fields. Rows are numbered from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from emitnb.message import Message, message_type

Positions = npt.NDArray[np.int64]
"""Row numbers, or counts of rows."""

Piece: TypeAlias = "list[Any] | pa.Array | pd.Series[Any]"
"""Some values of one column: as they came, sealed, or as a batch node made them."""

STR = pd.StringDtype("pyarrow", na_value=np.nan)
"""What pandas calls ``str``."""


class Table(Protocol):
    """Rows of one origin; ``len()`` counts them."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the columns (of records: the union, in order of appearance)."""

    def __len__(self) -> int: ...

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """Return rows ``start`` to ``stop`` as messages of ``origin``."""

    def frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame with a RangeIndex and the fields as columns."""

    def take(self, rows: Positions) -> Table:
        """Return the named rows, in the order named."""


@dataclass(frozen=True, slots=True)
class ListTable:
    """Columns as Python lists of equal length. ``size`` counts rows where there are no columns.

    ``kinds`` are the types in each column, if they are known already.

    >>> ListTable(("word", "count"), [["a", "b"], [1, 2]]).messages("w", Message)
    [w(word='a', count=1), w(word='b', count=2)]
    """

    fields: tuple[str, ...]
    columns: list[list[Any]]
    size: int = 0
    kinds: tuple[frozenset[type], ...] | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else self.size

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`Table`."""
        kind = message_type(origin, self.fields, base)
        if not self.columns:
            return [kind() for _ in range(*slice(start, stop).indices(self.size))]
        if start == 0 and stop is None:
            return list(map(kind, *self.columns))
        return list(map(kind, *(column[start:stop] for column in self.columns)))

    def frame(self) -> pd.DataFrame:
        """See :class:`Table`."""
        data = dict(zip(self.fields, self.columns, strict=True))
        return pd.DataFrame(data, index=pd.RangeIndex(len(self)))

    def take(self, rows: Positions) -> ListTable:
        """See :class:`Table`."""
        chosen = rows.tolist()
        taken = [[column[row] for row in chosen] for column in self.columns]
        return ListTable(self.fields, taken, len(chosen))


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The rows of a DataFrame, dtypes kept; its index is ignored."""

    data: pd.DataFrame

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`Table`."""
        return tuple(self.data.columns)

    def __len__(self) -> int:
        return len(self.data)

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`Table`. Values are Python's own: ``int``, ``str``, ``Timestamp`` …"""
        rows = self.data.iloc[start:stop]
        kind = message_type(origin, self.fields, base)
        if not self.fields:
            return [kind() for _ in range(len(rows))]
        return list(map(kind, *(rows[name].tolist() for name in self.fields)))

    def frame(self) -> pd.DataFrame:
        """See :class:`Table`."""
        index = pd.RangeIndex(len(self.data))
        return self.data if self.data.index.equals(index) else self.data.set_axis(index)

    def take(self, rows: Positions) -> FrameTable:
        """See :class:`Table`."""
        return FrameTable(self.data.take(rows))


@dataclass(frozen=True, slots=True)
class SealedTable:
    """Columns in Arrow where their values are of one simple type, else as Python lists."""

    fields: tuple[str, ...]
    pieces: tuple[Piece, ...]
    size: int

    def __len__(self) -> int:
        return self.size

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`Table`."""
        columns = [values_of(piece[start:stop]) for piece in self.pieces]
        size = len(range(*slice(start, stop).indices(self.size)))
        return ListTable(self.fields, columns, size).messages(origin, base)

    def frame(self) -> pd.DataFrame:
        """See :class:`Table`; dtypes are those of the same values in lists."""
        columns = {name: _inferred(p) for name, p in zip(self.fields, self.pieces, strict=True)}
        return pd.DataFrame(columns, index=pd.RangeIndex(self.size))

    def take(self, rows: Positions) -> SealedTable:
        """See :class:`Table`."""
        pieces = tuple(_taken(piece, rows) for piece in self.pieces)
        return SealedTable(self.fields, pieces, len(rows))


class Keeper(Protocol):
    """Whoever keeps rows elsewhere."""

    def fetch(self, handle: Any) -> Table:
        """Bring rows here."""

    def check_room(self, size: int) -> None:
        """Raise BackendError if ``size`` bytes are too many to be brought here."""


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Rows that were left where they were made.

    ``like`` is an empty frame with the columns and dtypes that they make, ``handle`` what their
    keeper knows them by.
    """

    fields: tuple[str, ...]
    size: int
    nbytes: int
    like: pd.DataFrame
    handle: Any
    keeper: Keeper

    def __len__(self) -> int:
        return self.size

    def fetch(self) -> Table:
        """Bring the rows here."""
        return self.keeper.fetch(self.handle)

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`Table`."""
        return self.fetch().messages(origin, base, start, stop)

    def frame(self) -> pd.DataFrame:
        """See :class:`Table`."""
        return self.fetch().frame()

    def take(self, rows: Positions) -> Table:
        """See :class:`Table`."""
        return self.fetch().take(rows)


@dataclass(frozen=True, slots=True)
class RecordTable:
    """Rows as dicts, each with fields of its own."""

    records: Sequence[dict[str, Any]]

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`Table`."""
        return tuple(dict.fromkeys(name for record in self.records for name in record))

    def __len__(self) -> int:
        return len(self.records)

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`Table`."""
        rows = self.records[start:stop]
        kinds = map(message_type, repeat(origin), map(tuple, rows), repeat(base))
        return [kind(*row.values()) for kind, row in zip(kinds, rows, strict=True)]

    def frame(self) -> pd.DataFrame:
        """See :class:`Table`. A field that a record does not have is missing in its row."""
        index = pd.RangeIndex(len(self.records))
        return pd.DataFrame(list(self.records), index=index, columns=list(self.fields))

    def take(self, rows: Positions) -> RecordTable:
        """See :class:`Table`."""
        return RecordTable([self.records[row] for row in rows.tolist()])


_DIRECT = (pa.types.is_integer, pa.types.is_floating, pa.types.is_large_string)
"""Types whose values numpy gives as Python's own, several times faster than Arrow does."""


def values_of(piece: Piece) -> list[Any]:
    """Return a piece as Python values."""
    if isinstance(piece, list):
        return piece
    if isinstance(piece, pd.Series):
        return piece.tolist()
    if piece.null_count or not any(is_kind(piece.type) for is_kind in _DIRECT):
        return cast(list[Any], piece.to_pylist())
    return cast(list[Any], piece.to_numpy(zero_copy_only=False).tolist())


def joined(one: Piece, two: Piece) -> Piece | None:
    """Return two pieces as one, if they are of one kind; else None."""
    if isinstance(one, list) and isinstance(two, list):
        return one + two
    if isinstance(one, pa.Array) and isinstance(two, pa.Array):
        kinds = {piece.type for piece in (one, two) if not pa.types.is_null(piece.type)}
        if len(kinds) < 2:
            kind = kinds.pop() if kinds else pa.null()
            return pa.concat_arrays([one.cast(kind), two.cast(kind)])
    return None


def stacked(tables: Sequence[Table]) -> Table:
    """Return the rows of several tables, one below the other.

    Tables without rows say nothing about the others. Raises nothing: where no common form has
    room for all, the rows become records.
    """
    filled = [table for table in tables if len(table)] or list(tables[:1])
    if len(filled) == 1:
        return filled[0]
    kinds = {type(table) for table in filled}
    fields = {table.fields for table in filled}
    if not filled or len(kinds) > 1 or len(fields) > 1 or kinds == {RecordTable}:
        return RecordTable([record for table in filled for record in _records(table)])
    if kinds == {FrameTable}:
        frames = [table.data for table in filled if isinstance(table, FrameTable)]
        return FrameTable(pd.concat(frames, ignore_index=True))
    pieces = zip(*map(_pieces, filled), strict=True)
    stack = _stacked_lists if kinds == {ListTable} else _stacked_pieces
    columns: list[Any] = [stack(column) for column in pieces]
    names, size = filled[0].fields, sum(map(len, filled))
    if kinds == {ListTable}:
        return ListTable(names, columns, size)
    return SealedTable(names, tuple(columns), size)


def _pieces(table: Table) -> Sequence[Piece]:
    if isinstance(table, SealedTable):
        return table.pieces
    assert isinstance(table, ListTable)
    return table.columns


def _stacked_lists(lists: Sequence[Piece]) -> list[Any]:
    return [value for values in lists for value in values]


def _stacked_pieces(pieces: Sequence[Piece]) -> Piece:
    arrays = [piece for piece in pieces if isinstance(piece, pa.Array)]
    kinds = {piece.type for piece in arrays if not pa.types.is_null(piece.type)}
    if len(arrays) < len(pieces) or len(kinds) > 1:
        return [value for piece in pieces for value in values_of(piece)]
    kind = kinds.pop() if kinds else pa.null()
    return pa.concat_arrays([piece.cast(kind) for piece in arrays])


def _taken(piece: Piece, rows: Positions) -> Piece:
    if isinstance(piece, list):
        return [piece[row] for row in rows.tolist()]
    return piece.take(pa.array(rows)) if isinstance(piece, pa.Array) else piece.take(rows)


def _inferred(piece: Piece) -> Any:
    """What pandas makes a column of: whole arrays where that is the same as from their values."""
    if isinstance(piece, list | pd.Series):
        return piece
    if piece.null_count or not len(piece) or pa.types.is_null(piece.type):
        return values_of(piece)
    if pa.types.is_large_string(piece.type):
        return pd.array(pa.chunked_array([piece]), dtype=STR)
    return piece.to_numpy(zero_copy_only=False)


def _records(table: Table) -> Sequence[dict[str, Any]]:
    if isinstance(table, RecordTable):
        return table.records
    return [message.as_dict() for message in table.messages("", Message)]
