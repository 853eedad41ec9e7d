"""What a comparison says: a line a node, and the lines that differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from emitnb.comparing.rows import Row

CONTEXT = 2
"""Lines shown around one that differs."""


def table(rows: Sequence[Row]) -> str:
    """Return an aligned line for each node: its name, and what is to be said.

    >>> print(table([Row("words", "same"), Row("count_word", "only in the module")]))
    words       same
    count_word  only in the module
    """
    width = max((len(row.node) for row in rows), default=0)
    return "\n".join(f"{row.node:<{width}}  {_told(row)}" for row in rows)


def differences(rows: Iterable[Row], notebook: str, module: str) -> str:
    """Return what differs as a diff, each thing once; "" where nothing does."""
    changes = dict.fromkeys(change for row in rows for change in _named(row))
    return "\n".join(
        line
        for what, before, after in changes
        for line in difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            f"{notebook}: {what}",
            f"{module}: {what}",
            n=CONTEXT,
            lineterm="",
        )
    )


def _named(row: Row) -> Iterator[tuple[str, str, str]]:
    for change in row.changes:
        is_own = change.what.startswith(("code", "declaration"))
        what = f"{change.what} of {row.node}" if is_own else change.what
        yield what, change.notebook, change.module


def _told(row: Row) -> str:
    if not row.changes:
        return row.state
    return f"{row.state}: {', '.join(change.what for change in row.changes)}"
