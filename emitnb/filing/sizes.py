"""Sizes: what values take in memory, near enough, and how a size is written and read."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa

from emitnb.errors import EmitError
from emitnb.table import Piece

_UNITS = {"": 1, "b": 1}
_UNITS |= {f"{c}{b}": 1000**n for n, c in enumerate("kmgtp", 1) for b in ("", "b")}
_UNITS |= {f"{c}i{b}": 1024**n for n, c in enumerate("kmgtp", 1) for b in ("", "b")}
_SIZE = re.compile(r"\s*(?P<number>[0-9][0-9_]*\.?[0-9]*(?:e[0-9]+)?|\.[0-9]+)\s*(?P<unit>\w*)\s*")

_SLOT = 12
"""Bytes of a place in a list, and of what allocation rounds up."""

_SAMPLE = 32
"""Values of a column that are looked into; all are weighed on the outside."""

_PLAIN: dict[type, Callable[[Any], int]] = {
    kind: kind.__sizeof__ for kind in (str, int, float, bytes)
}
"""Types that hold no other values and that the garbage collector does not track: what they say
of their size is all that ``sys.getsizeof`` says, in a tenth of the time."""

_INSIDES = 200
"""Values inside of one value that are weighed."""


class Held(NamedTuple):
    """Rows, and the bytes they take in memory."""

    rows: int = 0
    bytes: int = 0

    def plus(self, other: Held) -> Held:
        """Return the sum."""
        return Held(self.rows + other.rows, self.bytes + other.bytes)


NOTHING = Held()


def total(parts: Iterable[Held]) -> Held:
    """Return the sum of all."""
    rows = size = 0
    for part in parts:
        rows += part[0]
        size += part[1]
    return Held(rows, size)


def weigh(piece: Piece) -> int:
    """Return the bytes that some values of one column take, near enough."""
    if isinstance(piece, list):
        return _weigh_list(piece)
    if isinstance(piece, pa.Array):
        return int(piece.nbytes)
    if piece.dtype == object:
        return _weigh_list(piece.tolist())
    return int(piece.array.nbytes)


def _weigh_list(values: list[Any]) -> int:
    plain = _plain_size(values)
    if plain is not None:
        return plain + _SLOT * len(values)
    try:
        outside = sum(map(sys.getsizeof, values)) + _SLOT * len(values)
    except Exception:
        outside = 100 * len(values)  # a class of the user's that does not know its own size
    step = max(1, len(values) // _SAMPLE)
    sample = values[::step]
    inside = sum(map(_inside, sample))
    return outside + inside * len(values) // max(len(sample), 1)


def _plain_size(values: list[Any]) -> int | None:
    """Bytes of values that are all of one plain type; None where they are not."""
    size_of = _PLAIN.get(type(values[0])) if values else None
    if size_of is None:
        return None
    try:
        return sum(map(size_of, values))
    except TypeError:
        return None  # others are among them


def _inside(value: Any) -> int:
    """Bytes of what a value holds, itself not counted; shared values count each time."""
    size = 0
    waiting = list(_parts(value))
    for _ in range(_INSIDES):
        if not waiting:
            return size
        part = waiting.pop()
        try:
            size += sys.getsizeof(part)
        except Exception:
            size += 100
        waiting += _parts(part)
    return size + 60 * len(waiting)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, str | int | float | bytes) or value is None:
        return ()
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    held = getattr(value, "__dict__", ())
    return list(held.values()) if isinstance(held, dict) and not isinstance(value, type) else ()


def parse_size(given: object) -> int | None:
    """Return a number of bytes; None for no limit. Units as usual, in any case.

    >>> parse_size("200 MB"), parse_size("1.5GiB"), parse_size(4096), parse_size("unlimited")
    (200000000, 1610612736, 4096, None)

    Raises EmitError for anything else.
    """
    if isinstance(given, str):
        if given.strip().lower() in ("unlimited", "inf"):
            return None
        match = _SIZE.fullmatch(given.lower())
        if match is not None and match["unit"] in _UNITS:
            return int(float(match["number"].replace("_", "")) * _UNITS[match["unit"]])
    elif _is_number(given):
        return None if given == math.inf else int(given)
    raise EmitError(
        f"{given!r} is not an amount of memory; give bytes, or a text as '200 MB', '1.5 GiB' or "
        "'unlimited'"
    )


def parse_rows(given: object) -> int | None:
    """Return a number of rows; None for no limit.

    >>> parse_rows("1_000"), parse_rows("unlimited")
    (1000, None)

    Raises EmitError for anything else.
    """
    text = given.strip().lower() if isinstance(given, str) else given
    if text in ("unlimited", "inf", math.inf):
        return None
    if isinstance(text, str) and re.fullmatch(r"[0-9][0-9_,]*", text):
        return int(text.replace(",", ""))
    if _is_number(text) and text == int(text):
        return int(text)
    raise EmitError(f"{given!r} is not a number of rows; give one from 0 on, or 'unlimited'")


def _is_number(given: object) -> TypeGuard[int | float]:
    return isinstance(given, int | float) and not isinstance(given, bool) and given >= 0
