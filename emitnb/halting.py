"""Why a run stops before its end: the first failure, or too many of them in a row."""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emitnb.errors import error_words
from emitnb.failures import Failure, failure
from emitnb.process import Failed, NodeOutcome, Outcome
from emitnb.sources import Taken, Unreadable
from emitnb.text import cut

SHOWN = 100
"""Characters that are shown of a message, or of a line of code."""

WIDTH = 300
"""Characters that are shown of an error."""


def first_failure(outcome: Outcome, taken: Taken | None = None) -> tuple[str, BaseException] | None:
    """Return what failed first in push order, in words, and its error; None if nothing did."""
    found: list[tuple[int, int, int, str, BaseException]] = [
        (one.before, -1, 0, _unreadable_text(one), one.error)
        for one in (taken.unreadable if taken is not None else ())
    ]
    for place, node in enumerate(outcome.nodes):
        for failed in node.failures:
            source = int(node.sources[failed.position])
            message = cut(repr(failed.message), SHOWN)
            text = f"{node.node} failed on {message}: {error_text(failed.error)}. "
            found.append((source, place, failed.position, text, failed.error))
    if not found:
        return None
    *_, what, error = min(found, key=lambda failure: failure[:3])
    return what, error


def _unreadable_text(one: Unreadable) -> str:
    line = f", line {one.place['line']}" if "line" in one.place else ""
    return f"{one.place.get('path', 'the source')}{line}: {error_text(one.error)}. "


def error_text(error: BaseException, width: int = WIDTH) -> str:
    """Return the type and text of an error, cut off where it would fill the page."""
    name, text = error_words(error)
    return f"{name}: {cut(text, width)}"


MAX_FAILURES = 1_000
"""Failures in a row in one node that stop a run, where nobody says otherwise."""


@dataclass(frozen=True)
class Hopeless:
    """A node that failed too often in a row: how often, on what first, and the last error."""

    node: str
    times: int
    first: Failure
    last: str

    def __str__(self) -> str:
        return f"{self._how_often()}, the last with {self.last}. "

    def in_replay(self) -> str:
        """What it means for a replay, which is given up.

        What came of it would take the place of good rows, so it goes nowhere; its failures are not
        recorded either, and so the first of them is told here.
        """
        one = self.first
        line = "" if one.line is None else f" in line {one.line}{self._code(one.line)}"
        error = f"{one.error_type}: {cut(one.error, WIDTH)}"
        end = "" if error.endswith((".", "?", "!", "…")) else "."
        return (
            f"{self._how_often()}, first{line} on {cut(repr(one.input), SHOWN)}: {error}{end} "
            "Nothing has changed; mend the cell, then %emit_replay again"
        )

    def _how_often(self) -> str:
        return f"{self.node} failed {self.times:,} times in a row"

    def _code(self, line: int) -> str:
        code = linecache.getline(self.first.places[0][0], line).strip()
        return f" ({cut(code, SHOWN)})" if code else ""


_NO_STREAK: tuple[int, Any] = 0, None


class Streaks:
    """How often each node has failed in a row by now; ``most`` is how often it may."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_node: dict[str, tuple[int, Failure | None]] = {}

    def hopeless(self, nodes: Iterable[NodeOutcome]) -> Hopeless | None:
        """Count on with one batch; return which node failed too often, None if none did."""
        for node in nodes:
            times, first = self._count(node)
            if first is not None and times >= self._most:
                self._by_node.clear()
                return Hopeless(node.node, times, first, error_text(node.failures[-1].error))
        return None

    def _count(self, node: NodeOutcome) -> tuple[int, Failure | None]:
        """Count on with one node; return its longest streak in this batch, and how that began."""
        current, start = self._by_node.pop(node.node, _NO_STREAK)
        longest, began = 0, start
        next_position = 0
        for failed in node.failures:
            if not current or failed.position != next_position:
                current, start = 0, failed
            current += 1
            next_position = failed.position + 1
            if current > longest:
                longest, began = current, start
        if current and next_position == node.received:  # the next batch may go on with it
            self._by_node[node.node] = current, _recorded(node, start)
        return longest, _recorded(node, began)


def _recorded(node: NodeOutcome, one: Failed | Failure | None) -> Failure | None:
    """The record of it: an exception that is kept would hold on to all that it saw on its way."""
    if not isinstance(one, Failed):
        return one
    nowhere = {"parent_node": None, "parent_row": None, "source": None, "time": 0}
    return failure(one, node=node.node, revision=node.revision, **nowhere)
