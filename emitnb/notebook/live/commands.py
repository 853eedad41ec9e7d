"""What the buttons of the widget do. Each is one call of the router that returns at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emitnb.errors import EmitError
from emitnb.notebook.live.details import peek_rows, trace_path
from emitnb.router import Router
from emitnb.runs import Runs
from emitnb.text import printable, short_repr

TEXT = 1_000
"""Characters of an error."""

Command = Callable[[Router, Mapping[str, Any]], Any]


def pause(router: Router, arguments: Mapping[str, Any]) -> str:
    """Pause the runs in the background."""
    _meant(router, arguments).pause()
    return "pausing after the batch under way"


def resume(router: Router, arguments: Mapping[str, Any]) -> str:
    """Let those that are paused go on."""
    _meant(router, arguments).resume()
    return "resumed"


def step(router: Router, arguments: Mapping[str, Any]) -> str:
    """Let each run commit one more batch; nobody waits for it here."""
    _meant(router, arguments).begin_step()
    return "one more batch"


def stop(router: Router, arguments: Mapping[str, Any]) -> str:
    """End the runs; what is committed stays."""
    _meant(router, arguments).cancel()
    return "stopped; what is committed stays"


def retry(router: Router, arguments: Mapping[str, Any]) -> str:
    """Send failures through their nodes again: of one node, or all."""
    run = router.retry(arguments.get("node"), background=True)
    return f"retrying in the background, run {run.number}"


def replay(router: Router, arguments: Mapping[str, Any]) -> str:
    """Run again what is stale."""
    run = router.replay(arguments.get("node"), background=True)
    return f"replaying in the background, run {run.number}"


def peek(router: Router, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The latest messages that went over an edge."""
    return peek_rows(router, str(arguments["edge"]), int(arguments.get("n", 20)))


def trace(router: Router, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Where an emission came from, and what came of it."""
    return trace_path(router, str(arguments["node"]), int(arguments["row"]))


def _meant(router: Router, arguments: Mapping[str, Any]) -> Runs:
    """Those that were there when the button was pressed (``runs``: numbers), and are not over.

    By the time a busy kernel hears of it, others may have begun.
    """
    numbers = arguments.get("runs")
    return Runs(run for run in router.runs if numbers is None or run.number in numbers)


COMMANDS: Mapping[str, Command] = {
    "pause": pause,
    "resume": resume,
    "step": step,
    "stop": stop,
    "retry": retry,
    "replay": replay,
    "peek": peek,
    "trace": trace,
}


def answer(router: Router | None, message: object) -> dict[str, Any]:
    """Do what a message asks for, and return the answer: it names the ``id`` of the question.

    What goes wrong is part of the answer: it is shown beside the button that was pressed. Nothing
    is raised, whatever the message is.
    """
    asked: Mapping[str, Any] = message if isinstance(message, dict) else {}
    reply = {"id": asked.get("id"), "ok": False}
    command = COMMANDS.get(str(asked.get("do")))
    if router is None:
        return {**reply, "error": "this router is gone; %emit_graph draws the one there is now"}
    if command is None:
        wanted = short_repr(asked.get("do"), 80)
        return {**reply, "error": f"there is no command {wanted}; there are {', '.join(COMMANDS)}"}
    try:
        return {**reply, "ok": True, "result": command(router, asked)}
    except EmitError as error:
        return {**reply, "error": printable(str(error), TEXT)}
    except Exception as error:
        return {**reply, "error": printable(f"{type(error).__name__}: {error}", TEXT)}
