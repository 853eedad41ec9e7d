"""Why a run stops before its end: the first failure, or too many of them in a row."""

from __future__ import annotations

from emitnb.process import NodeOutcome, Outcome
from emitnb.sources import Taken, Unreadable


def first_failure(outcome: Outcome, taken: Taken | None = None) -> tuple[str, BaseException] | None:
    """Return what failed first in push order, in words, and its error; None if nothing did."""
    found: list[tuple[int, int, int, str, BaseException]] = [
        (one.before, -1, 0, _unreadable_text(one), one.error)
        for one in (taken.unreadable if taken is not None else ())
    ]
    for place, node in enumerate(outcome.nodes):
        for failed in node.failures:
            source = int(node.sources[failed.position])
            message = clipped(repr(failed.message))
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
    return f"{type(error).__name__}: {clipped(str(error), width)}"


def clipped(text: str, width: int = 100) -> str:
    """Return a text, cut off after ``width`` characters."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def streak(node: NodeOutcome, before: int) -> tuple[int, int]:
    """Return how many failures in a row there are at the end of a batch, and at the most in it."""
    longest = current = before
    next_position = 0
    for failed in node.failures:
        current = current + 1 if failed.position == next_position else 1
        next_position = failed.position + 1
        longest = max(longest, current)
    at_the_end = next_position == node.received
    return (current if at_the_end else 0), (longest if node.failures else 0)
