"""A hash of keys that is the same in every process, on every machine and in every run.

Python's own is not: that of text differs from process to process. Keys that are equal, and so
share a state, have the same hash here too, whatever their types: ``1``, ``1.0`` and ``True``.
"""

from __future__ import annotations

import datetime
import enum
import uuid
import zlib
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from emitnb.table import Positions


def stable_hash(key: Hashable) -> int:
    """Return the hash of a key: 32 bits of CRC (ISO 3309) of its canonical text.

    Keys of a type that is not known here all have the hash 0: they are kept together, for nothing
    is known about which of them are equal.

    >>> stable_hash("rain"), stable_hash(1) == stable_hash(1.0)
    (3075639981, True)
    """
    if isinstance(key, str):
        return zlib.crc32(key.encode("utf-8", "surrogatepass"))
    if isinstance(key, tuple):
        return _crc("tuple", *(str(stable_hash(part)) for part in key))
    if isinstance(key, np.generic):
        return stable_hash(key.item())
    text = _text(key)
    return 0 if text is None else _crc(*text)


def partition_of(key: Hashable, count: int) -> int:
    """Return which of ``count`` partitions owns a key, from 0.

    >>> partition_of("rain", 4)
    1
    """
    return stable_hash(key) % count


def partitions_of(keys: Iterable[Hashable], count: int) -> Positions:
    """Return the partition of each key; each different key is hashed once."""
    known = _Known(count)
    return np.fromiter(map(known.__getitem__, keys), dtype=np.int64)


class _Known(dict[Hashable, int]):
    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def __missing__(self, key: Hashable) -> int:
        self[key] = partition = partition_of(key, self._count)
        return partition


def _crc(*texts: str) -> int:
    return zlib.crc32("\x1f".join(texts).encode("utf-8", "surrogatepass"))


def _text(key: Any) -> tuple[str, ...] | None:
    """Return a canonical text of a key: the same for equal keys."""
    if isinstance(key, bytes):
        return "bytes", key.hex()
    if isinstance(key, complex):
        return ("complex", repr(key)) if key.imag else _text(key.real)
    if hasattr(key, "as_integer_ratio"):
        return _number(key)
    if isinstance(key, datetime.datetime):
        return "datetime", _moment(key)
    if isinstance(key, datetime.date | uuid.UUID):
        return type(key).__name__, str(key)
    if isinstance(key, enum.Enum):
        return "enum", type(key).__qualname__, key.name
    if isinstance(key, frozenset):
        return "set", str(sum(map(stable_hash, key)))
    return None


def _number(key: Any) -> tuple[str, ...]:
    try:
        numerator, denominator = key.as_integer_ratio()
    except (OverflowError, ValueError):
        return "number", repr(float(key))  # infinite, or not a number
    return "number", f"{numerator}/{denominator}"


def _moment(key: datetime.datetime) -> str:
    """To the microsecond; with a time zone as UTC, for moments that are equal are one key."""
    aware = key.tzinfo is not None and key.utcoffset() is not None
    moment = key.astimezone(datetime.UTC) if aware else key
    return f"{moment:%Y-%m-%d %H:%M:%S.%f} {aware}"
