"""Which rows of a frame come first and last when it is sorted by a column, without sorting it.

A table shows some rows of each order. To find them takes a few passes over the column, however
long it is; what they are is what pandas' stable sort gives, missing values last.
"""

from __future__ import annotations

import datetime
import decimal
import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Keys: TypeAlias = "npt.NDArray[Any] | pa.Array | list[Any]"
"""Values that sort as those of a column do, none of them missing."""

NUMBER, TEXT, OBJECT = 1, 6, 25
"""What a value costs to look at, in looks at a number (about 12 ns each)."""

NUMBERS = frozenset({int, float, bool})
ALIKE = frozenset(
    {
        str,
        bytes,
        decimal.Decimal,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        pd.Timestamp,
        pd.Timedelta,
    }
)
"""Types whose values have one order among themselves. Of others ``<`` may say anything."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The rows that are shown of both orders of a column, by position."""

    ascending: list[int]
    descending: list[int]


class NoOrderError(Exception):
    """Raised for a column that has no order; says why."""


def cost(column: pd.Series[Any]) -> int:
    """Return what :func:`orders` costs, in looks at a number."""
    if _is_text(column.dtype):
        return len(column) * TEXT
    return len(column) * (NUMBER if _number_kind(column.dtype) else OBJECT)


def orders(column: pd.Series[Any], first: int, last: int) -> Orders:
    """Return which rows come first and last, in this order, when a frame is sorted by a column.

    Parameters
    ----------
    column : its values; the index does not matter
    first, last : how many rows; together at most all of them

    They are those of ``sort_values(kind="stable", na_position="last")``, ascending or not. Raises
    NoOrderError where values cannot be compared, or only some of them.

    >>> orders(pd.Series([3, 1, None, 2, 1]), 2, 1)
    Orders(ascending=[1, 4, 2], descending=[0, 3, 2])
    """
    try:
        missing = column.isna().to_numpy(dtype=bool)
        gone = np.flatnonzero(missing).tolist() if missing.any() else []
        rows = np.flatnonzero(~missing) if gone else np.arange(len(column))
        keys = _keys(column[~missing] if gone else column)
        return Orders(*(_ends(keys, rows, gone, first, last, down) for down in (False, True)))
    except NoOrderError:
        raise
    except Exception as error:  # to compare them is the values' own, and may raise anything
        raise NoOrderError(f"its values cannot be compared ({type(error).__name__})") from error


def _ends(
    keys: Keys, rows: npt.NDArray[Any], gone: list[int], first: int, last: int, down: bool
) -> list[int]:
    """The first and the last rows of one order: first those with a value, then those without."""
    head = _extremes(keys, min(first, len(keys)), not down, down, late=False)
    head = [*rows[head].tolist(), *gone[: first - len(head)]]
    tail_gone = gone[-last:] if last else []
    tail = _extremes(keys, min(last - len(tail_gone), len(keys)), down, down, late=True)
    return [*head, *rows[tail].tolist(), *tail_gone]


def _extremes(keys: Keys, count: int, least: bool, down: bool, *, late: bool) -> list[int]:
    """The places of the ``count`` least (or greatest) keys, sorted ``down`` or up.

    Of equal ones that are not all taken, the first; with ``late`` the last.
    """
    if not count:
        return []
    if isinstance(keys, list):
        places: Iterable[int] = range(len(keys) - 1, -1, -1) if late else range(len(keys))
        pick = heapq.nsmallest if least else heapq.nlargest
        return sorted(
            sorted(pick(count, places, key=keys.__getitem__)), key=keys.__getitem__, reverse=down
        )
    beyond, equal = _around(keys, count, least)
    open_places = count - len(beyond)
    ties = equal[len(equal) - open_places :] if late else equal[:open_places]
    chosen = sorted([*beyond.tolist(), *ties.tolist()])
    values = keys.take(pa.array(chosen)) if isinstance(keys, pa.Array) else keys[chosen]
    texts = dict(zip(chosen, values.tolist(), strict=True))
    return sorted(chosen, key=texts.__getitem__, reverse=down)


def _around(
    keys: npt.NDArray[Any] | pa.Array, count: int, least: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Which keys are beyond the last one of ``count`` that is taken, and which equal to it."""
    if isinstance(keys, pa.Array):
        order = "ascending" if least else "descending"
        limit = keys[pc.select_k_unstable(keys, count, [("", order)])[-1].as_py()]
        beyond = (pc.less if least else pc.greater)(keys, limit).to_numpy(zero_copy_only=False)
        return np.flatnonzero(beyond), np.flatnonzero(pc.equal(keys, limit))
    place = count - 1 if least else len(keys) - count
    bound = np.partition(keys, place)[place]
    return np.flatnonzero(keys < bound if least else keys > bound), np.flatnonzero(keys == bound)


def _keys(values: pd.Series[Any]) -> Keys:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy()
    if _number_kind(dtype) in ("m", "M"):
        return values.astype("int64").to_numpy()
    if _number_kind(dtype):
        return values.to_numpy()
    if _is_text(dtype):
        found = pa.array(values, pa.large_string())
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return _comparable(values.tolist())


def _comparable(values: list[Any]) -> list[Any]:
    kinds = set(map(type, values))
    if not (kinds <= NUMBERS or (len(kinds) == 1 and kinds <= ALIKE)):
        names = sorted(kind.__name__ for kind in kinds)
        raise NoOrderError(f"its values have no one order ({', '.join(names)})")
    return values


def _is_text(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype)


def _number_kind(dtype: Any) -> str:
    """How NumPy can compare the values: ``biuf`` as numbers, ``mM`` as times, or not at all."""
    if isinstance(dtype, pd.CategoricalDtype):
        return "i"
    is_known = isinstance(dtype, np.dtype | pd.DatetimeTZDtype) or hasattr(dtype, "numpy_dtype")
    arrow = isinstance(dtype, pd.ArrowDtype)
    return dtype.kind if is_known and not arrow and dtype.kind in "biufmM" else ""
