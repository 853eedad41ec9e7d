"""Data that comes in parts: a DataFrame, an Arrow table, the partitions of a dask collection."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from emitnb.errors import SourceError
from emitnb.sources.base import EMPTY, BaseSource, Step, Unreadable
from emitnb.sources.checks import check_names
from emitnb.sources.items import tabulate
from emitnb.table import FrameTable, Table

PART_ROWS = 32_768
"""Rows of Arrow data that become a DataFrame at a time, whatever the size of a take."""

_NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}

Load = Callable[[], Any]
"""Returns a part: a DataFrame, or a list of items."""

Cutter = Callable[[Any, int, int, int], tuple[Table, tuple[Unreadable, ...]]]
"""Cuts rows out of a part: called with the part, its number, the first row and the one after."""


class PartSource(BaseSource[tuple[int, int]]):
    """Parts that are loaded one after another, one held at a time."""

    def __init__(
        self, parts: Sequence[Load], cut: Cutter, total: int | None, limit: int | None
    ) -> None:
        super().__init__((0, 0), total, limit)
        self._parts = parts
        self._cut = cut
        self._held: tuple[int, Any] = (-1, None)

    def close(self) -> None:
        """Let go of the part that is held."""
        self._held = (-1, None)

    def _read(self, at: tuple[int, int], size: int) -> Step[tuple[int, int]]:
        first, start = at
        for number in range(first, len(self._parts)):
            part = self._part(number)
            stop = min(start + size, len(part))
            if start < stop:
                table, unreadable = self._cut(part, number, start, stop)
                after = (number, stop) if stop < len(part) else (number + 1, 0)
                return Step(table, unreadable, after, after == (len(self._parts), 0))
            start = 0
        return Step(EMPTY, (), (len(self._parts), 0), True)

    def _part(self, number: int) -> Any:
        if self._held[0] != number:
            self._held = (-1, None)
            self._held = (number, self._parts[number]())
        return self._held[1]


def frame_source(data: pd.DataFrame, limit: int | None) -> PartSource:
    """Return the rows of a DataFrame, as they are now."""
    check_names("the DataFrame", data.columns, "push df{}")
    # A shallow copy: pandas copies on write, so later changes do not reach what waits.
    frame = data.copy(deep=False)
    return PartSource([lambda: frame], _cut_frame, len(frame), limit)


def arrow_source(data: pa.Table, limit: int | None) -> PartSource:
    """Return the rows of an Arrow table."""
    check_names("the table", arrow_fields(data.schema), "push table.to_pandas(){}")
    nullable = [
        field.name
        for field in data.schema
        if field.type in _NULLABLE and data.column(field.name).null_count
    ]
    starts = range(0, data.num_rows, PART_ROWS)
    parts = [partial(_arrow_part, data, start, nullable) for start in starts]
    return PartSource(parts, _cut_frame, data.num_rows, limit)


def dask_source(data: Any, field: str, limit: int | None) -> PartSource:
    """Return the items of a dask bag, or the rows of a dask dataframe, partition by partition."""
    parts = [partial(_computed, *numbered) for numbered in enumerate(dask_parts(data) or ())]
    return PartSource(parts, partial(_cut, field), None, limit)


def dask_parts(data: Any) -> list[Any] | None:
    """Return the partitions of a dask bag or dataframe, delayed; None for what is not dask's."""
    if not is_dask(data):
        return None
    kinds = {kind.__name__ for kind in type(data).__mro__}
    if "DataFrame" in kinds:
        check_names("the dask dataframe", data.columns, "push ddf{}")
    elif "Bag" not in kinds:
        raise SourceError(
            f"cannot push a dask {type(data).__name__}; push a bag or a dataframe, "
            "or what .compute() returns"
        )
    return list(data.to_delayed())


def part_table(part: Any, number: int, field: str) -> tuple[Table, tuple[Unreadable, ...]]:
    """Return a whole partition as a table, and what in it is no message."""
    if not isinstance(part, pd.DataFrame):
        part = list(part)
    return _cut(field, part, number, 0, len(part))


def is_dask(data: object) -> bool:
    """Whether ``data`` is a dask collection, told without importing dask."""
    return any(kind.__module__.partition(".")[0] == "dask" for kind in type(data).__mro__)


def arrow_fields(schema: pa.Schema) -> tuple[Any, ...]:
    """Return the columns that Arrow data has as a DataFrame; the index is not one of them."""
    return tuple(schema.empty_table().to_pandas().columns)


def is_nullable(kind: pa.DataType) -> bool:
    """Whether a column of this type needs another dtype where it has missing values."""
    return kind in _NULLABLE


def arrow_frame(data: pa.Table | pa.RecordBatch, nullable: Iterable[str]) -> pd.DataFrame:
    """Return Arrow rows as a DataFrame.

    The columns named in ``nullable`` (whole numbers and booleans with a missing value anywhere)
    get pandas' nullable dtype. By default they would be float or object in those parts that miss
    a value and int or bool in the others, and large numbers would lose digits.
    """
    frame: pd.DataFrame = data.to_pandas()
    for name in nullable:
        if name in frame.columns:
            frame[name] = data.column(name).to_pandas(types_mapper=_NULLABLE.get).array
    return frame


def _arrow_part(data: pa.Table, start: int, nullable: list[str]) -> pd.DataFrame:
    return arrow_frame(data.slice(start, PART_ROWS), nullable)


def _cut_frame(
    part: pd.DataFrame, number: int, start: int, stop: int
) -> tuple[Table, tuple[Unreadable, ...]]:
    return FrameTable(part.iloc[start:stop]), ()


def _cut(
    field: str, part: Any, number: int, start: int, stop: int
) -> tuple[Table, tuple[Unreadable, ...]]:
    if isinstance(part, pd.DataFrame):
        check_names(f"partition {number} of the dask dataframe", part.columns)
        return _cut_frame(part, number, start, stop)
    items = part[start:stop]
    return tabulate(
        items,
        field,
        lambda n: {"partition": number, "item": start + n, "value": reprlib.repr(items[n])},
    )


def _computed(number: int, delayed: Any) -> Any:
    try:
        part = delayed.compute()
    except Exception as error:
        raise SourceError(
            f"partition {number} of the dask collection failed: {type(error).__name__}: {error}. "
            "What came before it is pushed; resume to compute it again"
        ) from error
    return part if isinstance(part, pd.DataFrame) else list(part)
