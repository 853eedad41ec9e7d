"""Values as Python, and as JSON with Python in it: only where reading gives the same again."""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
import math
import pathlib
import re
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from emitnb.testing import MARK, evaluated, same

_PREFIXES: Mapping[type, str] = {
    datetime.datetime: "",
    datetime.date: "",
    datetime.time: "",
    datetime.timedelta: "",
    fractions.Fraction: "fractions.",
    uuid.UUID: "uuid.",
    pathlib.PosixPath: "pathlib.",
    pathlib.WindowsPath: "pathlib.",
    pathlib.PurePosixPath: "pathlib.",
    pathlib.PureWindowsPath: "pathlib.",
    zoneinfo.ZoneInfo: "",
    pd.Timestamp: "pd.",
    pd.Timedelta: "pd.",
}
"""Types whose repr is Python, and what stands before it."""

_WHOLE = re.compile(r"-?[1-9][0-9]*|0")


class UnwritableError(Exception):
    """A value that cannot be written; its text says what it is."""


def written(value: Any) -> str:
    """Return an expression that gives a value again, of the same types all through.

    Raises UnwritableError where there is none.

    >>> written([1.5, float("nan"), ("a", {"n": None})])
    '[1.5, float("nan"), (\\'a\\', {\\'n\\': None})]'
    """
    try:
        text = _written(value)
        again = evaluated(text)
    except UnwritableError:
        raise
    except Exception as error:  # a user's own class may raise anything
        raise UnwritableError(_kind(value)) from error
    if not same(value, again):
        raise UnwritableError(_kind(value))
    return text


def as_json(value: Any) -> Any:
    """Return what stands for a value in a file of cases. Raises UnwritableError."""
    kind = type(value)
    if value is None or kind in (bool, int) or (kind is float and math.isfinite(value)):
        return value
    if kind is str and _is_text(value):
        return value
    if kind is list:
        return [as_json(one) for one in value]
    if kind is dict and MARK not in value and all(type(k) is str and _is_text(k) for k in value):
        return {name: as_json(one) for name, one in value.items()}
    return {MARK: written(value)}


def json_line(value: Any) -> bytes:
    """Return a line of a file of cases. Raises UnwritableError."""
    return json.dumps(as_json(value), ensure_ascii=False).encode() + b"\n"


def _written(value: Any) -> str:
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is complex:
        return f"complex({_written(value.real)}, {_written(value.imag)})"
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](value)
    if value is pd.NaT:
        return "pd.NaT"
    if isinstance(value, np.generic) and kind.__module__ == "numpy":
        return _scalar(value)
    if kind is decimal.Decimal:
        text = str(value)
        return f"decimal.Decimal({text if _WHOLE.fullmatch(text) else repr(text)})"
    if kind in _PREFIXES:
        text = repr(value).replace("datetime.timezone.utc", "datetime.UTC")
        return f"{_PREFIXES[kind]}{text}"
    raise UnwritableError(_kind(value))


def _scalar(value: np.generic) -> str:
    text = repr(value)
    return f'np.{type(value).__name__}("{value}")' if value != value else text


def _array(value: Any) -> str:
    if value.dtype.kind not in "biufcSU":
        raise UnwritableError(_kind(value))
    return f"np.array({_written(value.tolist())}, dtype={value.dtype.str!r})"


def _items(values: Any) -> str:
    return ", ".join(map(_written, values))


_CONTAINERS: Mapping[type, Callable[[Any], str]] = {
    list: lambda value: f"[{_items(value)}]",
    tuple: lambda value: f"({_items(value)},)" if len(value) == 1 else f"({_items(value)})",
    dict: lambda value: (
        "{" + ", ".join(f"{_written(k)}: {_written(v)}" for k, v in value.items()) + "}"
    ),
    # Sets have another order in each process.
    set: lambda value: "{" + ", ".join(sorted(map(_written, value))) + "}" if value else "set()",
    frozenset: lambda value: f"frozenset({_written(set(value)) if value else ''})",
    np.ndarray: _array,
}


def _kind(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _is_text(value: str) -> bool:
    """Whether it has no halves of surrogate pairs, which no file takes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
