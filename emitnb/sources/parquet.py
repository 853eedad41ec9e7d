"""Parquet files, read a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emitnb.errors import SourceError
from emitnb.sources.base import EMPTY, Unreadable
from emitnb.sources.checks import check_names
from emitnb.sources.frames import PART_ROWS, arrow_fields, arrow_frame, is_nullable
from emitnb.sources.lines import Mark, Piece
from emitnb.table import FrameTable

_ERRORS = (OSError, pa.ArrowException)
_BUFFER_BYTES = 1 << 20
"""Read through a buffer: without one, pyarrow holds the whole column of a row group."""


class ParquetReader:
    """Rows of a Parquet file, with the dtypes that pandas gives them."""

    def __init__(self, path: Path, at: Mark) -> None:
        self._path = path
        self._file = _open(path)
        self._nullable = _nullable(self._file)
        self._total: int = self._file.metadata.num_rows
        self._frames = self._frames_from(at.offset)
        # The frame that is being handed out, and the number of its first row.
        self._frame = pd.DataFrame()
        self._first = 0
        self._row = at.offset
        self.at: Mark | None = at

    def read(self, size: int) -> Piece:
        """Return at most ``size`` rows."""
        self.at = None
        try:
            rows = self._rows(size)
        except _ERRORS as error:
            place = {"path": str(self._path), "row": self._row}
            return Piece(EMPTY, (Unreadable(place, error, 0),), None)
        self._row += len(rows)
        self.at = Mark(self._row)
        return Piece(FrameTable(rows), (), self.at if self._row < self._total else None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rows(self, size: int) -> pd.DataFrame:
        while self._row >= self._first + len(self._frame) and self._row < self._total:
            self._first, self._frame = next(self._frames)
        start = self._row - self._first
        return self._frame.iloc[start : start + size]

    def _frames_from(self, row: int) -> Iterator[tuple[int, pd.DataFrame]]:
        """Give frames, each with the number of its first row, from the one with ``row`` on.

        Frames are cut at the same rows wherever reading begins, so that dtypes do not depend on it.
        """
        first = 0
        for group in range(self._file.metadata.num_row_groups):
            rows: int = self._file.metadata.row_group(group).num_rows
            if row >= first + rows:
                first += rows
                continue
            for batch in self._file.iter_batches(PART_ROWS, row_groups=[group]):
                if row < first + batch.num_rows:
                    yield first, arrow_frame(batch, self._nullable)
                first += batch.num_rows


def check_parquet(path: Path) -> int:
    """Return the number of rows; raise SourceError for a file that cannot be pushed."""
    with _open(path) as file:
        names = arrow_fields(file.schema_arrow)
        rows: int = file.metadata.num_rows
    check_names(str(path), names, f"push pd.read_parquet({str(path)!r}){{}}")
    return rows


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except _ERRORS as error:
        raise SourceError(f"{path}: cannot be read as Parquet: {error}") from error


def _nullable(file: pq.ParquetFile) -> list[str]:
    """Return the columns for :func:`~emitnb.sources.frames.arrow_frame`, by the file's counts."""
    names = {field.name for field in file.schema_arrow if is_nullable(field.type)}
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    columns = range(file.metadata.num_columns)
    paths = [file.schema.column(column).path for column in columns]
    return [
        paths[column]
        for column in columns
        if paths[column] in names and any(_misses(group.column(column)) for group in groups)
    ]


def _misses(chunk: Any) -> bool:
    counts = chunk.statistics
    return counts is None or not counts.has_null_count or counts.null_count > 0
