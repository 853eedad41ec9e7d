"""A tuple of values in a file: pickled, with plain columns beside it that can be read alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pyarrow as pa

from emitnb.filing.columns import CHUNK, FiledColumns
from emitnb.filing.folder import Folder
from emitnb.filing.sizes import Held
from emitnb.table import Piece

V = TypeVar("V")


@dataclass(frozen=True)
class FiledValues(Generic[V]):
    """Values that are read back a few at a time, each time somebody goes through them.

    ``changes`` are made to each value as it is read, first to last; what the plain columns say
    is from before them.
    """

    columns: FiledColumns
    names: tuple[str, ...]
    what: str
    changes: tuple[Callable[[V], V], ...] = ()

    @classmethod
    def write(
        cls, values: Sequence[V], plain: Mapping[str, Piece], what: str, folder: Folder
    ) -> FiledValues[V]:
        """Write values to a new file, with plain columns. Raises RecordFullError."""
        names = ("value", *plain)
        pieces: list[Piece] = [list(values), *plain.values()]
        return cls(FiledColumns.write(pieces, names, len(values), folder), names, what)

    @property
    def held(self) -> Held:
        """What stayed in memory: values that cannot be pickled."""
        return Held(len(self), self.columns.held) if self.columns.held else Held()

    def __len__(self) -> int:
        return self.columns.size

    def __iter__(self) -> Iterator[V]:
        for start in range(0, len(self), CHUNK):
            for value in self.columns.read(0, self.what, start, start + CHUNK):
                yield self._changed(value)

    def __getitem__(self, place: int) -> V:
        place = range(len(self))[place]
        (value,) = self.columns.read(0, self.what, place, place + 1)
        return self._changed(value)

    def plain(self, name: str) -> pa.Array:
        """Return one of the plain columns; no value is read for it."""
        return self.columns.read(self.names.index(name), self.what)

    def changed(self, change: Callable[[V], V]) -> FiledValues[V]:
        """Return the values with ``change`` made to each of them, when it is read."""
        return replace(self, changes=(*self.changes, change))

    def _changed(self, value: V) -> V:
        for change in self.changes:
            value = change(value)
        return value
