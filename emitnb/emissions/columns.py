"""Columns of recorded values, and the pandas columns they become.

The dtype of a column depends on all its values and the declared type, never on where batches or
sealed pieces begin. Values of one simple type are sealed into Arrow, anything else stays as it
is; a column whose pieces are not all of one simple type is built as pandas would build it from
the whole list.
"""

from __future__ import annotations

import datetime
import types
import typing
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, Union, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.table import STR, FrameTable, ListTable, Piece, SealedTable, Table, values_of

_ARROW: dict[type, pa.DataType] = {
    str: pa.large_string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}
_NONE = type(None)

_DTYPES: dict[Any, Any] = {
    int: "int64",
    float: "float64",
    bool: "bool",
    str: STR,
    datetime.datetime: "datetime64[us]",
}
_POOL = pa.system_memory_pool()
"""For a million words and counts (34 MB) the process grew by 48 MB with this pool, and by 68 MB
with Arrow's own, which keeps what it has rounded up."""

_MISSING = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_NULLABLE: dict[Any, Any] = {"int64": "Int64", "bool": "boolean"}


def seal(values: list[Any], kinds: Set[type] | None = None) -> Piece:
    """Return the values in Arrow if they are of one simple type (and None), else as they are.

    ``kinds`` is the set of their types, if known.
    """
    kinds = set(map(type, values)) if kinds is None else kinds
    kind = next(iter(kinds - {_NONE}), _NONE)
    if kind is _NONE:
        return pa.nulls(len(values))
    if kind not in _ARROW or len(kinds - {_NONE}) > 1:
        return values
    try:
        if kind is int and _NONE not in kinds:
            return pa.array(np.array(values, np.int64))  # half of what pyarrow takes for a list
        return pa.array(values, _ARROW[kind], memory_pool=_POOL)
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return values  # an int beyond 64 bits, or text with lone surrogates


def sealed(table: Table) -> Table:
    """Return a table of lists with its columns sealed; any other as it is."""
    if not isinstance(table, ListTable):
        return table
    kinds = table.kinds or [None] * len(table.fields)
    pieces = tuple(map(seal, table.columns, kinds))
    return SealedTable(table.fields, pieces, len(table))


def table_frame(table: Table, types: Mapping[str, Any] = MappingProxyType({})) -> pd.DataFrame:
    """Return the rows of a table as the frame of a node that emitted them and nothing else."""
    if isinstance(table, FrameTable):
        columns = {name: series([table.data[name]], types.get(name)) for name in table.fields}
    else:
        whole = sealed(table)
        assert isinstance(whole, SealedTable)
        pairs = zip(whole.fields, whole.pieces, strict=True)
        columns = {name: series([piece], types.get(name)) for name, piece in pairs}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def series(pieces: Sequence[Piece], declared: Any = None) -> pd.Series:
    """Return all pieces as one pandas Series with a RangeIndex, in the declared type's dtype."""
    column = _joined(pieces)
    dtype: Any = dtype_of(declared)
    if dtype is None or column.dtype == dtype:
        return column
    if dtype == "int64" and column.hasnans:
        dtype = "Int64"
    try:
        return column.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return column.astype("object")  # an int beyond 64 bits, or rows of another declaration


def dtype_of(declared: Any) -> Any:
    """Return the dtype of a declared type; None where pandas is to infer it.

    >>> dtype_of(int), dtype_of(int | None), dtype_of(list[int])
    ('int64', 'Int64', None)
    """
    if typing.get_origin(declared) in (Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(declared) if kind is not _NONE]
        dtype = _DTYPES.get(kinds[0]) if len(kinds) == 1 else None
        return _NULLABLE.get(dtype, dtype) if isinstance(dtype, str) else dtype
    return _DTYPES.get(declared) if isinstance(declared, type) else None


def widened(column: pd.Series) -> pd.Series:
    """Return the column in a dtype that can hold missing values without changing the others."""
    dtype: Any = _NULLABLE.get(str(column.dtype), column.dtype)
    return column.astype(dtype)


def _joined(pieces: Sequence[Piece]) -> pd.Series:
    if not pieces:
        return pd.Series([], dtype=object)
    if all(isinstance(piece, pd.Series) for piece in pieces):
        joined = cast(pd.Series, pd.concat(pieces, ignore_index=True))
        return joined if len(pieces) > 1 else joined.copy()  # one may lie in a file, read-only
    sealed: list[Any] = [seal(piece) if isinstance(piece, list) else piece for piece in pieces]
    if all(isinstance(piece, pa.Array) for piece in sealed):
        kinds = {piece.type for piece in sealed if not pa.types.is_null(piece.type)}
        if len(kinds) == 1:
            return _from_arrow([piece.cast(*kinds) for piece in sealed], *kinds)
        if not kinds:
            return pd.Series([None] * sum(map(len, sealed)), dtype=object)
    return _inferred([value for piece in pieces for value in values_of(piece)])


def _from_arrow(arrays: list[Any], kind: pa.DataType) -> pd.Series:
    chunks = pa.chunked_array(arrays, kind)
    if kind == pa.large_string():
        return pd.Series(pd.array(chunks, dtype=STR))
    if chunks.null_count and kind in _MISSING:
        return cast(pd.Series, chunks.to_pandas(types_mapper=_MISSING.get))
    values = chunks.to_numpy()
    return pd.Series(values, copy=not values.flags.writeable)  # one chunk is shown as it lies there


def _inferred(values: list[Any]) -> pd.Series:
    try:
        return pd.Series(values)
    except (TypeError, ValueError, OverflowError, UnicodeEncodeError):
        return pd.Series(values, dtype=object)
