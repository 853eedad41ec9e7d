"""Values of a column as short texts, as a table shows them: honest, one line, never large."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from emitnb.text import cut

WIDTH = 100
"""Characters of a value that are shown."""

WHOLE = 1000
"""Characters of its tooltip, where it is longer."""

DECIMALS = 6
"""Decimals of a float that are shown, as pandas does."""

SMALL, LARGE = 10.0**-DECIMALS, 1e15
"""Between these a float is shown without an exponent."""

SIGNS = dict.fromkeys([*range(32), 127], "�") | {ord("\n"): "↵", ord("\t"): "⇥"}
"""What is shown for a line break or another control character."""

BRACKETS = {dict: ("{", "}"), list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}")}
"""What may hold a great deal."""

DEPTH = 8
"""One in another, so many are shown."""


class Shown(NamedTuple):
    """A value to be shown: its text, more of it where it was cut, and whether it is missing."""

    text: str
    more: str = ""
    is_missing: bool = False


def shown(values: pd.Series[Any]) -> list[Shown]:
    """Return the values of (some rows of) a column as they are to be shown.

    All floats have as many decimals as one of them needs, six at the most, and times are dates if
    all of them are.

    >>> [value.text for value in shown(pd.Series([0.5, 1234.25, None]))]
    ['0.50', '1234.25', 'NaN']
    """
    missing = _are_missing(values)
    items = values.tolist()
    present = [item for item, gone in zip(items, missing, strict=True) if not gone]
    if pd.api.types.is_float_dtype(values.dtype):
        texts = iter(_floats(present))
    elif present and all(isinstance(item, pd.Timestamp) for item in present):
        texts = iter(_times(present))
    else:
        return [_missing(i) if g else _shown(i) for i, g in zip(items, missing, strict=True)]
    return [_missing(i) if g else Shown(next(texts)) for i, g in zip(items, missing, strict=True)]


def is_number(dtype: Any) -> bool:
    """Whether values of a dtype stand at the right, digit below digit."""
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def short(value: object, width: int = WIDTH) -> str:
    """Return what a value is, in about ``width`` characters, without looking at all of it.

    >>> short({"word": "rain" * 1000, "counts": [1, 2]}, 30)
    "{'word': 'rainrainrainrainrai…"
    """
    try:
        if isinstance(value, str):
            text = str.__str__(value)[: width + 1]
        else:
            text = _described(value, width) if type(value) in BRACKETS else str(value)
    except Exception:  # texts of a class of the user's own may raise anything
        text = f"<{type(value).__name__}>"
    return cut(text, width)


def _are_missing(values: pd.Series[Any]) -> list[bool]:
    try:
        found: list[bool] = values.isna().tolist()
    except ArithmeticError:  # a signalling NaN
        return [False] * len(values)
    return found


def _missing(value: object) -> Shown:
    return Shown("NaN" if isinstance(value, float) else str(value), is_missing=True)


def _shown(value: object) -> Shown:
    whole = short(value, WHOLE)
    return Shown(cut(whole, WIDTH).translate(SIGNS), whole if len(whole) > WIDTH else "")


def _described(value: Any, width: int, depth: int = 0) -> str:
    """What ``repr`` says, but no more than is needed of what may hold a great deal."""
    if isinstance(value, str):
        return repr(str.__str__(value)[: width + 1])
    kind: Any = type(value)
    if not value or kind not in BRACKETS:
        return repr(value)
    start, end = BRACKETS[kind]
    if depth > DEPTH:
        return f"{start}…{end}"
    taken: list[str] = []
    length = 0
    for item in value:
        text = _described(item, width, depth + 1)
        if kind is dict:
            text = f"{text}: {_described(value[item], width, depth + 1)}"
        taken.append(text)
        length += len(text) + 2
        if length > width:
            return start + ", ".join(taken) + ", …"
    return start + ", ".join(taken) + ("," if kind is tuple and len(taken) == 1 else "") + end


def _floats(values: list[float]) -> list[str]:
    decimals = max(map(_decimals, values), default=1)
    return [_float(value, decimals) for value in values]


def _decimals(value: float) -> int:
    """How many decimals a value needs, within those that are shown."""
    if not math.isfinite(value) or not SMALL <= abs(value) < LARGE:
        return 1
    return max(1, len(f"{value:.{DECIMALS}f}".rstrip("0").partition(".")[2]))


def _float(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return str(value)
    if value and not SMALL <= abs(value) < LARGE:
        return f"{value:.{DECIMALS + 1}g}"  # decimals would show nothing of it, or too much
    return f"{value:.{decimals}f}"


def _times(values: list[pd.Timestamp]) -> list[str]:
    """Times as texts, in the same form; UTC, which the dtype tells, is left out."""
    if all(value == value.normalize() for value in values):
        return [value.strftime("%Y-%m-%d") for value in values]
    naive = [v.tz_localize(None) if str(v.tz) == "UTC" else v for v in values]
    return [str(value) for value in naive]
