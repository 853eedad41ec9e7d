"""Texts for people: short lines, numbers with their nouns, sizes, columns."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def cut(text: str, width: int) -> str:
    """Return a text of ``width`` characters at the most.

    >>> cut("the rain in Spain", 9)
    'the rain…'
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"


def one_line(text: str, width: int) -> str:
    r"""Return a text with single blanks for all white space, and cut.

    >>> one_line("the\nrain  in Spain", 12)
    'the rain in…'
    """
    return cut(" ".join(text.split()), width)


def printable(text: str, width: int) -> str:
    r"""Return a text in one line, and cut: blanks for all that is not printed, blanks kept.

    >>> printable("rain\n\ud800\tsun", 9)
    'rain   s…'
    """
    return cut("".join(c if c.isprintable() else " " for c in text[: width + 1]), width)


def short_repr(value: Any, width: int) -> str:
    """Return a repr of ``width`` characters at the most; it never raises.

    What is not shown of a container or a text is not looked at: a huge value costs no more.

    >>> short_repr([*range(10**6)], 72)
    '[0, 1, 2, 3, 4, 5, …]'
    """
    try:
        return printable(_Short(width).repr(value), width)
    except Exception:  # a user's own class, whose repr may do anything
        return printable(f"<{type(value).__name__}>", width)


def value_text(value: Any, width: int) -> str:
    """Return a value as a table shows it: a text as it is, anything else as its short repr.

    >>> value_text("rain", 72), value_text(["rain"], 72)
    ('rain', "['rain']")
    """
    if isinstance(value, str):
        return printable(str.__getitem__(value, slice(width + 1)), width)
    return short_repr(value, width)


class _Short(reprlib.Repr):
    """A repr of bounded size. Unlike its base it sorts nothing, and knows subclasses and bytes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = width
        self.maxlevel = 4
        self.fillvalue = "…"

    def repr1(self, x: Any, level: int) -> str:
        kind = type(x)
        if isinstance(x, str | bytes | bytearray):
            few = x[: self.maxstring]
            head = repr(str(few) if isinstance(few, str) else bytes(few))
            return f"{head}{self.fillvalue}" if len(x) > self.maxstring else head
        if isinstance(x, dict):
            return _named(kind, dict, self._pairs(x, level))
        if isinstance(x, set | frozenset):
            return _named(kind, set, self._items(x, level, "{}")) if x else f"{kind.__name__}()"
        if isinstance(x, list):
            return _named(kind, list, self._items(x, level, "[]"))
        if isinstance(x, tuple) and kind is not tuple:
            return f"{kind.__name__}{self.repr_tuple(tuple(islice(x, self.maxtuple + 1)), level)}"
        return super().repr1(x, level)

    def _pairs(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{…}"
        inner = level - 1
        few = islice(x.items(), self.maxdict)
        texts = [f"{self.repr1(key, inner)}: {self.repr1(value, inner)}" for key, value in few]
        return f"{{{', '.join([*texts, *self._more(x, self.maxdict)])}}}"

    def _items(self, x: Any, level: int, ends: str) -> str:
        if level <= 0:
            return f"{ends[0]}…{ends[1]}"
        texts = [self.repr1(one, level - 1) for one in islice(x, self.maxlist)]
        return f"{ends[0]}{', '.join([*texts, *self._more(x, self.maxlist)])}{ends[1]}"

    def _more(self, x: Any, most: int) -> list[str]:
        return [self.fillvalue] if len(x) > most else []


def _named(kind: type, plain: type, text: str) -> str:
    return text if kind is plain else f"{kind.__name__}({text})"


def plural(noun: str, count: int) -> str:
    """Return a noun as it stands behind a number.

    >>> plural("row", 1), plural("row", 0)
    ('row', 'rows')
    """
    return noun if count == 1 else f"{noun}s"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "message"), counted(1204, "message")
    ('1 message', '1,204 messages')
    """
    return f"{count:,} {plural(noun, count)}"


def listed(texts: Sequence[str], most: int) -> str:
    """Return texts with commas between them, ``most`` of them, and how many more there are.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def size_text(size: int | None) -> str:
    """Return bytes as people write them; None is no limit.

    >>> size_text(812), size_text(34_200_000), size_text(999_999), size_text(None)
    ('812 B', '34.2 MB', '1,000 kB', 'unlimited')
    """
    if size is None:
        return "unlimited"
    for unit, factor in UNITS:
        if size >= factor:
            number = size / factor
            return f"{number:.3g} {unit}" if number < 999.5 else f"{number:,.0f} {unit}"
    return f"{size} B"


def aligned(rows: Iterable[Sequence[str]], right: Sequence[bool] = ()) -> list[str]:
    """Return rows of cells as lines with columns; those that are ``right`` end at one place.

    >>> aligned([("node", "rows"), ("clean", "7")], right=(False, True))
    ['node   rows', 'clean     7']
    """
    columns = []
    for place, cells in enumerate(zip(*rows, strict=True)):
        width = max(map(len, cells))
        ends = place < len(right) and right[place]
        columns.append([cell.rjust(width) if ends else cell.ljust(width) for cell in cells])
    return ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
