"""Texts for people: short lines, numbers with their nouns, sizes, columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
