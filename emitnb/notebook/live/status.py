"""What the widget says above and below the drawing: runs, progress, backend, what is slow."""

from __future__ import annotations

from typing import Any

from emitnb.pushing import Pusher
from emitnb.run import Run
from emitnb.steering import PUSHING, REPLAYING
from emitnb.text import printable

GOING = ("running", "ready")
ENDED = ("done", "cancelled")

TEXT = 1_000
"""Characters of an error."""

WORTH_SAYING = 0.05
"""Seconds in nodes below which nobody asks what is slow."""


def status_of(router: Pusher) -> dict[str, Any]:
    """Return the state of the runs of a router, as it is right now; cheap.

    The run shown is the one that began last among those that are not over, or else the last one.
    """
    unfinished = router.runs
    background = [run for run in unfinished if run.background]
    shown = unfinished[-1] if unfinished else router.run
    if shown is not None and shown.state in ENDED and not router.figures:
        shown = None  # what it did was forgotten since
    again = any(run.doing != PUSHING for run in unfinished)
    return {
        "run": None if shown is None else _run(shown),
        "runs": [run.number for run in background],
        "others": max(len(unfinished) - 1, 0),
        "failing": sum(router.failing().values()),
        "stale": sorted(router.stale()),
        "can": {
            "pause": any(run.state in GOING for run in background),
            "resume": any(run.state == "paused" for run in background),
            "step": bool(background),
            "stop": bool(background),
            "retry": not again and bool(router.failing()),
            "replay": not again and bool(router.stale()),
        },
    }


def surroundings_of(router: Pusher) -> dict[str, Any]:
    """Return where nodes run and what is slow: that takes some milliseconds, so it is not asked
    for as often."""
    facts = router.backend.facts()
    seconds = sum(done.seconds for done in router.figures.values())
    return {
        "backend": router.backend.name,
        "workers": facts.get("workers", ""),
        "dashboard": facts.get("dashboard", ""),
        "advice": router.advice() if seconds >= WORTH_SAYING else "",
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "state": run.shown_state,
        "done": run.done,
        "total": run.total,
        "error": _error(run),
        "background": run.background,
        "doing": run.doing,
        "hint": _hint(run),
    }


def _error(run: Run) -> str:
    """What stopped a run in the background; in the foreground its cell shows it."""
    if run.error is None or not run.background:
        return ""
    return printable(f"{type(run.error).__name__}: {run.error}", TEXT)


def _hint(run: Run) -> str:
    """What can be done with a run that no button reaches, and what a run does not show."""
    if run.doing == REPLAYING and not run.is_over:
        return "the graph shows the results of before until it is through"
    if run.background:
        return ""
    if run.state == "running":
        return "■ interrupts it"
    return "%emit_resume goes on" if run.is_open else ""
