"""The debugger of the notebook, opened where a node raises."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython.core.display_trap import DisplayTrap
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell

from emitnb.halting import error_text
from emitnb.notebook.display import Text
from emitnb.reproducing import FailingCall
from emitnb.text import cut

_PACKAGE = str(Path(__file__).parent.parent)
_untyped: Any = DisplayTrap  # IPython does not say what it takes


def debug(call: FailingCall, shell: InteractiveShell) -> Text | None:
    """Make a call; if it raises, open the debugger there and return when the user leaves it.

    A call that passes is told about. What was raised outside of the user's code is raised: there
    is no frame to look at; and so it is where nobody can answer, as in a notebook that is run by
    a program.
    """
    __tracebackhide__ = True
    try:
        call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        trace = _own_frames(error.__traceback__)
        if trace is None:
            raise
        print(_what(call, error))  # noqa: T201 - a line above the debugger's prompt
        try:
            _post_mortem(shell, trace)
        except StdinNotImplementedError:
            raise error from None
        return None
    name = call.node.name
    passes = f"{name} passes now; %emit_retry {name} sends it through"
    if call.same_code:
        before = cut(str(call.failure.error), 300)
        passes += (
            f"\nIts code is the same that failed with {call.failure.error_type}: "
            f"{before}. What it reads is another: its state, a service or a file, "
            "or the machine it ran on"
        )
    return Text(passes)


def _what(call: FailingCall, error: BaseException) -> str:
    return (
        f"{call.node.name} raises {error_text(error)}\n"
        "In the debugger: p msg prints the message, u and d go up and down, q ends it"
    )


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback below emitnb's own frames."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def _post_mortem(shell: InteractiveShell, trace: TracebackType) -> None:
    """Open the debugger in the innermost frame, as ``%debug`` does after a cell that raised."""
    debugger = shell.InteractiveTB.debugger_cls()
    with _untyped(hook=sys.__displayhook__):
        debugger.reset()
        debugger.botframe = trace.tb_frame
        debugger.interaction(None, trace)
