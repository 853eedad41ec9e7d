"""Whether the names in the data can be the fields of a message."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from emitnb.errors import DeclarationError, SourceError
from emitnb.message import check_fields
from emitnb.text import counted


@lru_cache(maxsize=1024)
def shape_problem(shape: tuple[Any, ...]) -> DeclarationError | None:
    """Return why the keys of a record cannot be the fields of a message, or None if they can.

    >>> shape_problem(("word", "count")) is None, str(shape_problem(("class",)))
    (True, "record: field 'class' is a Python keyword; call it class_ instead")
    """
    try:
        check_fields("record", shape)
    except DeclarationError as error:
        return error
    return None


def check_names(owner: str, names: Iterable[Any], way_out: str = "") -> tuple[str, ...]:
    """Return ``names`` as fields; raise SourceError where one cannot be a field.

    ``owner`` names the source. ``way_out`` tells how to rename: ``{}`` in it stands for the call.

    >>> check_names("the DataFrame", ["word", "first name"], "push df{}")
    Traceback (most recent call last):
    ...
    emitnb.errors.SourceError: the DataFrame: field 'first name' is not a valid name; use letters, \
digits and _, not starting with a digit. To rename: push df.rename(columns={'first name': \
'first_name'})
    """
    given = tuple(names)
    try:
        return check_fields(owner, given)
    except DeclarationError as error:
        advice = f". To rename: {way_out.format(_renaming(given))}" if way_out else ""
        raise SourceError(f"{error}{advice}") from None


def wrong_cells(count: int, fields: Sequence[str]) -> SourceError:
    """Return what is wrong with a row of so many cells.

    >>> str(wrong_cells(1, ["word", "n"]))
    '1 cell where the header has 2: word, n'
    """
    cells = counted(count, "cell")
    return SourceError(f"{cells} where the header has {len(fields)}: {', '.join(fields)}")


def _renaming(names: tuple[Any, ...]) -> str:
    """Return the pandas call that gives every column a name that can be a field."""
    bad = [name for name in names if shape_problem((name,))]
    if not bad:
        return f".set_axis({[f'{name}_{n}' for n, name in enumerate(names)]!r}, axis=1)"
    if "" in names:  # pandas gives what has no name in a file one of its own
        better = [_better(name) if name in bad else name for name in names]
        numbered = [f"{new}_{n}" if better.count(new) > 1 else new for n, new in enumerate(better)]
        return f".set_axis({numbered!r}, axis=1)"
    return f".rename(columns={ {name: _better(name) for name in bad}!r})"


def _better(name: Any) -> str:
    word = re.sub(r"\W+", "_", str(name)).strip("_")
    if keyword.iskeyword(word):
        return f"{word}_"
    return word if word and not shape_problem((word,)) else f"column_{word}".rstrip("_")
