"""What the widget says above and below the drawing: runs, progress, backend, what is slow."""

from __future__ import annotations

from typing import Any

from emitnb.pushing import Pusher
from emitnb.run import Run

GOING = ("running", "ready")


def status_of(router: Pusher) -> dict[str, Any]:
    """Return the state of the runs of a router, as it is right now; cheap.

    The run shown is the one that began last among those that are not over, or else the last one.
    """
    unfinished = router.runs
    shown = unfinished[-1] if unfinished else router.run
    return {
        "run": None if shown is None else _run(shown),
        "others": max(len(unfinished) - 1, 0),
        "failing": sum(router.failing().values()),
        "stale": sorted(router.stale()),
        "can": {
            "pause": any(run.background and run.state in GOING for run in unfinished),
            "resume": any(run.background and run.state == "paused" for run in unfinished),
            "step": any(run.background for run in unfinished),
            "stop": bool(unfinished),
            "retry": bool(router.failing()),
            "replay": bool(router.stale()),
        },
    }


def surroundings_of(router: Pusher) -> dict[str, Any]:
    """Return where nodes run and what is slow: that takes some milliseconds, so it is not asked
    for as often."""
    facts = router.backend.facts()
    return {
        "backend": router.backend.name,
        "workers": facts.get("workers", ""),
        "dashboard": facts.get("dashboard", ""),
        "advice": router.advice(),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "state": run.shown_state,
        "done": run.done,
        "total": run.total,
        "headline": run.headline,
        "background": run.background,
    }
