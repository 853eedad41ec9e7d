"""CSV files: the rows of a file with a header, their values as text.

Rows are read fast, many at a time. Where one of them is not as it should be, the same lines are
read again with care, a record at a time, to tell which it is and to go on behind it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from emitnb.errors import SourceError
from emitnb.sources.base import Unreadable
from emitnb.sources.checks import check_names, wrong_cells
from emitnb.sources.items import Bad
from emitnb.sources.lines import READ_ERRORS, LineFile, Mark, Piece
from emitnb.table import ListTable

Row = list[str]

SEPARATORS = ";\t|"
"""Those that stand in files of this kind instead of commas."""


class CsvReader:
    """Rows of a CSV file. Quotes are taken strictly: one that never closes swallows no rows."""

    def __init__(self, path: Path, at: Mark) -> None:
        self._fields, start = read_header(path)
        self._file = LineFile(path, max(at, start))
        self.at: Mark | None = at

    def read(self, size: int) -> Piece:
        """Return at most ``size`` rows, and the records among them that do not parse."""
        self.at = None
        rows = self._fast(size)
        unreadable: tuple[Unreadable, ...] = ()
        if rows is None:
            rows, unreadable, ended = self._careful(size)
        else:
            ended = len(rows) < size
            rows = list(filter(None, rows))
        unreadable += self._file.broken_off(len(rows)) if ended else ()
        columns = list(map(list, zip(*rows, strict=True))) if rows else [[] for _ in self._fields]
        self.at = self._file.at
        table = ListTable(self._fields, columns, len(rows))
        return Piece(table, unreadable, None if ended else self._file.at)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _fast(self, size: int) -> list[Row] | None:
        """Return ``size`` rows, blank ones among them, or None if there is anything wrong."""
        lines: list[bytes] = []
        rows: list[Row] = []
        try:
            rows.extend(islice(csv.reader(_texts(self._file, lines), strict=True), size))
        except (csv.Error, UnicodeDecodeError):
            pass
        else:
            if set(map(len, rows)) <= {0, len(self._fields)}:
                self._file.passed(lines)
                return rows
        self._file.give_back(lines)
        return None

    def _careful(self, size: int) -> tuple[list[Row], tuple[Unreadable, ...], bool]:
        """Return rows and unreadable records, ``size`` of both at most; True at the file's end."""
        rows: list[Row] = []
        unreadable: list[Unreadable] = []
        while len(rows) + len(unreadable) < size:
            lines: list[bytes] = []
            row = self._record(lines)
            if row is None:
                return rows, tuple(unreadable), True
            if isinstance(row, Bad):
                unreadable.append(Unreadable(self._file.place(lines), row.error, len(rows)))
            elif row:
                rows.append(row)
            self._file.passed(lines)
        return rows, tuple(unreadable), False

    def _record(self, lines: list[bytes]) -> Row | Bad | None:
        """Return the next record and put its lines into ``lines``; None at the end."""
        try:
            texts = _texts(self._file, lines, errors="surrogateescape")
            row = next(csv.reader(texts, strict=True), None)
            b"".join(lines).decode()
        except csv.Error as error:
            # A stray quote may have swallowed good rows: only its own line is given up.
            self._file.give_back(lines[1:])
            del lines[1:]
            return Bad(_explained(error))
        except UnicodeDecodeError as error:
            return Bad(error)
        problem = self._problem(row)
        if problem and not b"".join(lines).strip():
            return []
        return Bad(problem) if problem else row

    def _problem(self, row: Row | None) -> SourceError | None:
        if not row or len(row) == len(self._fields):
            return None
        return wrong_cells(len(row), self._fields)


def read_header(path: Path) -> tuple[tuple[str, ...], Mark]:
    """Return the fields that the header names, and where the rows begin.

    Raises SourceError for a file that has no header that can be read.
    """
    try:
        file = LineFile(path, Mark())
    except READ_ERRORS as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    try:
        return _header(file)
    finally:
        file.close()


def _header(file: LineFile) -> tuple[tuple[str, ...], Mark]:
    lines: list[bytes] = []
    try:
        names = next(filter(None, csv.reader(_texts(file, lines), strict=True)), None)
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file.path}: the header does not parse: {error}. Read the file another way, "
            f"perhaps with pd.read_csv({str(file.path)!r}, encoding=…), and push the rows"
        ) from error
    if file.error:
        raise SourceError(f"{file.path}: cannot be read: {file.error}") from file.error
    if names is None:
        raise SourceError(f"{file.path}: is empty; a CSV file begins with a line of field names")
    fields = check_names(str(file.path), names, _way_out(file, names))
    file.passed(lines)
    return fields, file.at


def _way_out(file: LineFile, names: Sequence[str]) -> str:
    """Return how to push a file whose names cannot be fields; many have other separators."""
    path = repr(str(file.path))
    others = [one for one in SEPARATORS if one in names[0]] if len(names) == 1 else []
    if others:
        return f"push pd.read_csv({path}, sep={others[0]!r}, dtype=str)"
    return f"push pd.read_csv({path}, dtype=str){{}}"


def _texts(file: LineFile, lines: list[bytes], errors: str = "strict") -> Iterator[str]:
    """Give the lines of a file as texts, and keep those that were given in ``lines``."""
    for line in file:
        lines.append(line)
        yield line.decode(errors=errors)


def _explained(error: csv.Error) -> Exception:
    if "field limit" not in str(error):
        return error
    return csv.Error(f"{error}; csv.field_size_limit(100_000_000) allows longer ones")
