"""Magics about what failed. They parse a line and call the router."""

from __future__ import annotations

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.debugging import debug
from emitnb.notebook.display import Text
from emitnb.notebook.groups import Groups
from emitnb.notebook.line import parse
from emitnb.notebook.pushing import row
from emitnb.notebook.showing import Tables


@magics_class
class FailureMagics(RouterMagics):
    """Failures: what they have in common, and why."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._tables = Tables(shell)

    @line_magic(
        argument("node", nargs="?", metavar="NODE", help="a node; without it, all of them"),
        argument("--rows", action="store_true", help="every message that failed, a row each"),
    )
    def emit_failures(self, line: str) -> pd.DataFrame:
        """Return what failed by node, exception type and line, with the smallest input of each.

        ROW is the number of that failure; %emit_debug takes it. With --rows a frame of all
        messages that failed, each with its input, error and traceback. Examples:

            %emit_failures
            failed = %emit_failures parse --rows
        """
        router = self.router
        arguments = parse(FailureMagics.emit_failures, line)
        if arguments.rows:
            return self._tables.frame(router.failures(arguments.node))
        return Groups(router.failure_groups(arguments.node))

    @line_magic(
        argument("row", nargs="+", metavar="ROW", help="the failure: a number or an expression"),
    )
    def emit_debug(self, line: str) -> Text | None:
        """Call the node again, as it is now, on the input of a failure; stop where it raises.

        ROW is the one %emit_failures shows. In the debugger `p msg` prints the message, `u` and
        `d` go up and down the calls, `q` ends it. Nothing is recorded or routed. An example:

            %emit_debug 3
        """
        __tracebackhide__ = True
        router = self.router
        words = parse(FailureMagics.emit_debug, line).row
        number = row(" ".join(words), self.namespace, "%emit_debug")
        return debug(router.failing_call(number), self.shell)
