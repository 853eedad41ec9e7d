"""The story of one emission: the frame of a trace, drawn as a tree of lines.

The lines are few, however long the story is; the frame has all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple, cast

import pandas as pd

from emitnb.text import printable, short_repr

FEW = 3
"""Emissions that are drawn of one node, for each hop below the emission asked for."""

MOST_HOPS = 8
"""Hops that are drawn above the emission, and below it."""

MOST_BELOW = 60
"""Emissions that are drawn below the emission."""

WIDTH = 72
"""Characters of the values in a line."""

ACCENT = "var(--jp-brand-color1,var(--vscode-textLink-foreground,#1e88e5))"

COLUMNS = ("hop", "node", "row", "parent_node", "parent_row", "revision", "ms", "values")


class Trace(pd.DataFrame):
    """The frame of one emission's ancestors and descendants; shown, it is drawn as a tree.

    It is a DataFrame in everything but how it is shown, and what is computed from it is a plain
    one: ``trace[:]`` shows the rows. The columns are those of :meth:`emitnb.Router.trace`.
    """

    def __repr__(self) -> str:
        if not _is_whole(self):
            return repr(self[:])
        lines = story(self)
        width = _width(lines)
        return "\n".join(f"{line.head:<{width}}  {line.detail}".rstrip() for line in lines)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str | None:
        if not _is_whole(self):
            plain: Any = self[:]
            return cast("str | None", plain._repr_html_())
        lines = story(self)
        width = _width(lines)
        texts = "\n".join(_html(line, width) for line in lines)
        return f'<pre style="white-space:pre;overflow-x:auto;background:none">{texts}</pre>'


class Record(NamedTuple):
    """One row of the frame."""

    hop: int
    node: str
    row: int
    parent_node: str
    parent_row: int
    revision: int
    ms: float
    values: dict[str, Any] | None


class Line(NamedTuple):
    """One line of the drawing: guides of the tree, who, what, and whether it was asked for."""

    guides: str
    who: str
    detail: str = ""
    is_start: bool = False

    @property
    def head(self) -> str:
        """The left column."""
        return f"{self.guides}{self.who}"


def story(frame: pd.DataFrame) -> list[Line]:
    """Return the lines that draw the frame of a trace: from what was pushed to what came of it."""
    records = [Record(*row) for row in zip(*(frame[c].tolist() for c in COLUMNS), strict=True)]
    above = [record for record in records if record.hop <= 0]
    lines = list(_above(above))
    tree = _Tree(record for record in records if record.hop > 0)
    lines += tree.lines(above[-1], "   " * (len(lines) - 1))
    drawn = sum(1 for line in lines if line.detail)
    if drawn < len(records):
        lines.append(Line("", f"… {drawn:,} of {len(records):,} drawn; the frame has all"))
    return lines


def values_text(values: dict[str, Any] | None) -> str:
    """Return the fields of a message in one line, cut where it would be too long.

    >>> values_text({"word": "rain", "count": 2})
    "word='rain', count=2"
    """
    if values is None:
        return "(no longer kept)"
    text = ""
    for name, value in values.items():
        text += f"{', ' if text else ''}{name}={short_repr(value, WIDTH)}"
        if len(text) > WIDTH:
            break
    return printable(text, WIDTH)


def _is_whole(frame: pd.DataFrame) -> bool:
    """Whether it is as it was made: a user may have changed it in place."""
    return set(COLUMNS) <= set(frame.columns) and int((frame["hop"] == 0).sum()) == 1


def _line(record: Record, guides: str) -> Line:
    parts = [values_text(record.values) or "(no fields)"]
    if pd.notna(record.ms):  # no node made what was pushed
        parts.append(f"revision {record.revision} · {record.ms:,.3f} ms")
    is_start = record.hop == 0
    who = f"{record.node} {record.row:,}{' ◀' if is_start else ''}"
    return Line(guides, who, "  ".join(parts), is_start)


def _above(path: list[Record]) -> Iterator[Line]:
    """What was pushed, down to the emission; of a loop that went round and round the last hops."""
    hidden = max(len(path) - 1 - MOST_HOPS, 0)
    drawn = [path[0], *path[1 + hidden :]]
    depth = 0
    for record in drawn:
        guides = f"{'   ' * (depth - 1)}└─ " if depth else ""
        if hidden and depth == 1:
            yield Line(guides, f"… {hidden:,} more between")
            depth, guides = 2, "   └─ "
        yield _line(record, guides)
        depth += 1


class _Tree:
    """What came of an emission: of each parent the children, by node."""

    def __init__(self, below: Iterator[Record]) -> None:
        self.children: dict[tuple[str, int], dict[str, list[Record]]] = {}
        for record in below:
            of_parent = self.children.setdefault((record.parent_node, record.parent_row), {})
            of_parent.setdefault(record.node, []).append(record)
        self.drawn: Counter[tuple[int, str]] = Counter()

    def lines(self, parent: Record, indent: str) -> list[Line]:
        """Return the lines below an emission."""
        entries: list[Record | str] = []
        for node, records in self.children.get((parent.node, parent.row), {}).items():
            room = self._room(parent.hop + 1, node)
            entries += records[:room]
            self.drawn[parent.hop + 1, node] += len(records[:room])
            if len(records) > room:
                entries.append(f"… {len(records) - room:,} more of {node}")
        lines: list[Line] = []
        for place, entry in enumerate(entries, 1):
            is_last = place == len(entries)
            guides = f"{indent}{'└─ ' if is_last else '├─ '}"
            if isinstance(entry, str):
                lines.append(Line(guides, entry))
                continue
            lines.append(_line(entry, guides))
            lines += self.lines(entry, f"{indent}{'   ' if is_last else '│  '}")
        return lines

    def _room(self, hop: int, node: str) -> int:
        if hop > MOST_HOPS:
            return 0
        free = MOST_BELOW - self.drawn.total()
        return max(min(FEW - self.drawn[hop, node], free), 0)


def _width(lines: list[Line]) -> int:
    return max(len(line.head) for line in lines if line.detail)


def _html(line: Line, width: int) -> str:
    if not line.detail:
        return escape(line.head)
    style = f' style="color:{ACCENT}"' if line.is_start else ""
    blanks = " " * (width - len(line.head) + 2)
    return f"{line.guides}<b{style}>{escape(line.who)}</b>{blanks}{escape(line.detail)}"
