"""Why a run stops before its end: the first failure, or too many of them in a row."""

from __future__ import annotations

from collections.abc import Iterable

from emitnb.errors import error_words
from emitnb.process import NodeOutcome, Outcome
from emitnb.sources import Taken, Unreadable
from emitnb.text import cut

SHOWN = 100
"""Characters that are shown of a message."""


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


def error_text(error: BaseException, width: int = 300) -> str:
    """Return the type and text of an error, cut off where it would fill the page."""
    name, text = error_words(error)
    return f"{name}: {cut(text, width)}"


MAX_FAILURES = 1_000
"""Failures in a row in one node that stop a run, where nobody says otherwise."""


class Streaks:
    """How often each node has failed in a row by now; ``most`` is how often it may."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_node: dict[str, int] = {}

    def hopeless(self, nodes: Iterable[NodeOutcome]) -> str:
        """Count on with one batch; say which node failed too often, "" if none did."""
        for node in nodes:
            self._by_node[node.node], longest = _streak(node, self._by_node.get(node.node, 0))
            if longest >= self._most:
                self._by_node.clear()
                last = error_text(node.failures[-1].error)
                return f"{node.node} failed {longest:,} times in a row, the last with {last}. "
        return ""


def _streak(node: NodeOutcome, before: int) -> tuple[int, int]:
    """Return how many failures in a row there are at the end of a batch, and at the most in it."""
    longest = current = before
    next_position = 0
    for failed in node.failures:
        current = current + 1 if failed.position == next_position else 1
        next_position = failed.position + 1
        longest = max(longest, current)
    at_the_end = next_position == node.received
    return (current if at_the_end else 0), (longest if node.failures else 0)
