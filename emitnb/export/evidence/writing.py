"""Values as Python, and as JSON with Python in it: only where reading gives the same again."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import re
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from emitnb.testing import MARK, NAMES, evaluated, same

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


class Writer:
    """Writes values; also those of the ``classes`` that the tested module has, by their names.

    >>> Writer().text([1.5, float("nan"), ("a", {"n": None})])
    '[1.5, float("nan"), (\\'a\\', {\\'n\\': None})]'
    """

    def __init__(self, classes: Mapping[str, type] | None = None) -> None:
        given = (classes or {}).items()
        self.classes = {
            name: kind
            for name, kind in given
            if kind.__name__ == name not in NAMES and _says_its_fields(kind)
        }
        self._names = {kind: name for name, kind in self.classes.items()}
        self._containers: Mapping[type, Callable[[Any], str]] = {
            list: lambda value: f"[{self._items(value)}]",
            tuple: lambda value: f"({self._items(value)}{',' if len(value) == 1 else ''})",
            dict: self._dict,
            # Sets have another order in each process.
            set: lambda value: f"{{{', '.join(sorted(map(self._text, value)))}}}",
            frozenset: lambda value: f"frozenset({self._text(set(value)) if value else ''})",
            np.ndarray: self._array,
        }

    def text(self, value: Any) -> str:
        """Return an expression that gives a value again, of the same types all through.

        Raises UnwritableError where there is none.
        """
        try:
            text = self._text(value)
            if same(value, self.value(text)):
                return text
        except UnwritableError:
            raise
        except Exception as error:  # a user's own class may raise anything
            raise UnwritableError(_kind(value)) from error
        raise UnwritableError(_kind(value))

    def value(self, text: str) -> Any:
        """Return the value of an expression."""
        return evaluated(text, self.classes)

    def as_json(self, value: Any) -> Any:
        """Return what stands for a value in a file of cases. Raises UnwritableError."""
        kind = type(value)
        if value is None or kind in (bool, int) or (kind is float and math.isfinite(value)):
            return value
        if _is_text(value):
            return value
        if kind is list:
            return [self.as_json(one) for one in value]
        if kind is dict and MARK not in value and all(map(_is_text, value)):
            return {name: self.as_json(one) for name, one in value.items()}
        return {MARK: self.text(value)}

    def line(self, value: Any) -> bytes:
        """Return a line of a file of cases. Raises UnwritableError."""
        return json.dumps(self.as_json(value), ensure_ascii=False).encode() + b"\n"

    def named(self, text: str) -> list[str]:
        """Return which of the classes a text names, by their names."""
        return sorted(name for name in self.classes if re.search(rf"\b{re.escape(name)}\b", text))

    def _text(self, value: Any) -> str:
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes):
            return repr(value)
        if kind is float:
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        if kind is complex:
            return f"complex({self._text(value.real)}, {self._text(value.imag)})"
        if kind is set and not value:
            return "set()"
        if kind in self._containers:
            return self._containers[kind](value)
        if kind in self._names:
            return self._object(value)
        return _other(value)

    def _object(self, value: Any) -> str:
        """What makes an object of a class of the module again."""
        name = self._names[type(value)]
        if isinstance(value, enum.Enum):
            return f"{name}.{value.name}"
        if dataclasses.is_dataclass(value):
            fields = [field.name for field in dataclasses.fields(value) if field.init]
        else:
            fields = list(getattr(value, "__struct_fields__", ()) or getattr(value, "_fields", ()))
        given = (f"{field}={self._text(getattr(value, field))}" for field in fields)
        return f"{name}({', '.join(given)})"

    def _dict(self, value: dict[Any, Any]) -> str:
        pairs = (f"{self._text(key)}: {self._text(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"

    def _array(self, value: Any) -> str:
        if value.dtype.kind not in "biufcSU":
            raise UnwritableError(_kind(value))
        return f"np.array({self._text(value.tolist())}, dtype={value.dtype.str!r})"

    def _items(self, values: Any) -> str:
        return ", ".join(map(self._text, values))


def _says_its_fields(kind: type) -> bool:
    """Whether objects of a class can be made again from what they say of themselves."""
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return (
        named_tuple
        or dataclasses.is_dataclass(kind)
        or issubclass(kind, enum.Enum | msgspec.Struct)
    )


def _other(value: Any) -> str:
    """A value of the libraries that may be written with."""
    kind = type(value)
    if value is pd.NaT:
        return "pd.NaT"
    if isinstance(value, np.generic) and kind.__module__ == "numpy":
        return f'np.{kind.__name__}("{value}")' if value != value else repr(value)
    if kind is decimal.Decimal:
        text = str(value)
        return f"decimal.Decimal({text if _WHOLE.fullmatch(text) else repr(text)})"
    if kind in _PREFIXES:
        text = repr(value).replace("datetime.timezone.utc", "datetime.UTC")
        return f"{_PREFIXES[kind]}{text}"
    raise UnwritableError(_kind(value))


def _kind(value: Any) -> str:
    kind = type(value)
    plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _is_text(value: object) -> bool:
    """Whether it is a text without halves of surrogate pairs, which no file takes."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
