"""Files, read one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from emitnb.errors import SourceError
from emitnb.sources.base import EMPTY, BaseSource, Step, Unreadable, joined
from emitnb.sources.csvs import CsvReader, read_header
from emitnb.sources.lines import (
    READ_ERRORS,
    JsonReader,
    Mark,
    Piece,
    Reader,
    TextReader,
    WholeReader,
)
from emitnb.sources.paths import CSV, JSON, PARQUET, TEXT, find_files, kind_of

Position = tuple[int, Mark]
"""The number of the part, and the place in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or a row of text files that are a message each.

    ``total`` is the number of messages in it, if known. The messages of a part that ``joins`` may
    be handed out together with those of the next.
    """

    path: Path
    open: Callable[[Mark], Reader]
    total: int | None = None
    joins: bool = True


class FileSource(BaseSource[Position]):
    """The messages in files. One file is open at a time."""

    def __init__(self, parts: Sequence[Part], limit: int | None) -> None:
        totals = [part.total for part in parts if part.total is not None]
        total = sum(totals) if len(totals) == len(parts) else None
        super().__init__((0, Mark()), total, limit)
        self._parts = parts
        self._open: tuple[int, Reader] | None = None

    def close(self) -> None:
        """Close the file that is open."""
        # Let go first: an interrupt in between must not leave a closed file to read on from.
        held, self._open = self._open, None
        if held is not None:
            held[1].close()

    def _read(self, at: Position, size: int) -> Step[Position]:
        number, mark = at
        pieces: list[Piece] = []
        while number < len(self._parts) and size and self._joins(pieces, number):
            piece = self._piece(number, mark, size)
            size -= len(piece.table)
            if len(piece.table) or piece.unreadable:
                pieces.append(piece)
            number, mark = (number, piece.after) if piece.after else (number + 1, Mark())
        table, unreadable = joined((piece.table, piece.unreadable) for piece in pieces)
        return Step(table, unreadable, (number, mark), number == len(self._parts))

    def _joins(self, pieces: list[Piece], number: int) -> bool:
        """Whether messages of part ``number`` may follow those read already."""
        if not pieces:
            return True
        return (
            pieces[-1].after is None and self._parts[number - 1].joins and self._parts[number].joins
        )

    def _piece(self, number: int, mark: Mark, size: int) -> Piece:
        try:
            return self._reader(number, mark).read(size)
        except (*READ_ERRORS, SourceError) as error:
            place = {"path": str(self._parts[number].path)}
            return Piece(EMPTY, (Unreadable(place, error, 0),), None)

    def _reader(self, number: int, mark: Mark) -> Reader:
        """Return the reader that is open if it is there, else another."""
        if self._open is not None and (self._open[0], self._open[1].at) == (number, mark):
            return self._open[1]
        self.close()
        reader = self._parts[number].open(mark)
        self._open = (number, reader)
        return reader


def file_source(source: str | Path, field: str, lines: bool, limit: int | None) -> FileSource:
    """Return the messages in the files of a path or glob; see :func:`files_source`."""
    return files_source(find_files(source), field, lines, limit)


def files_source(paths: list[Path], field: str, lines: bool, limit: int | None) -> FileSource:
    """Return the messages in files, one file after the other.

    Headers and schemas are checked here, before anything is pushed.
    """
    if lines:
        return FileSource([Part(path, partial(TextReader, path, field)) for path in paths], limit)
    return FileSource(list(_parts(paths, field)), limit)


def _parts(paths: list[Path], field: str) -> Iterator[Part]:
    for kind, group in groupby(paths, kind_of):
        same = list(group)
        if kind == TEXT:
            yield Part(same[0], partial(WholeReader, same, field), len(same))
        elif kind == JSON:
            yield from (Part(path, partial(JsonReader, path, field)) for path in same)
        elif kind == CSV:
            yield from map(_csv_part, same)
        elif kind == PARQUET:
            yield from map(_parquet_part, same)


def _csv_part(path: Path) -> Part:
    read_header(path)
    return Part(path, partial(CsvReader, path))


def _parquet_part(path: Path) -> Part:
    # Loaded where it is used: it costs 35 ms, and few pushes need it.
    from emitnb.sources.parquet import ParquetReader, check_parquet

    return Part(path, partial(ParquetReader, path), check_parquet(path), joins=False)
