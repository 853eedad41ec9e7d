"""Tables: rows of messages of one origin, before they are messages.

What goes through a graph travels as columns, and becomes messages only for the node that reads
them. Three forms hold rows where they already are: Python lists, a DataFrame, or records that do
not all have the same fields. Rows are numbered from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from emitnb.message import Message, message_type

Positions = npt.NDArray[np.int64]
"""Row numbers, or counts of rows."""


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
