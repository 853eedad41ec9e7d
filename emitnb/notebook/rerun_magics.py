"""Magics that run again what failed or became stale. They parse a line and call the router."""

from __future__ import annotations

from argparse import Namespace

from emitnb.cells.node_line import MANY
from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.display import Text
from emitnb.notebook.line import parse
from emitnb.run import Run
from emitnb.text import counted

FAILURES = (
    argument("node", nargs="?", metavar="NODE", help="its failures; without it, those of all"),
    argument(
        "--rows", **MANY, type=int, metavar="ROW", help="only these rows of router.failures()"
    ),
)
"""Which failures are meant."""


@magics_class
class RerunMagics(RouterMagics):
    """Fix the cell and go on."""

    @line_magic(
        *FAILURES,
        argument("--step", action="store_true", help="only one: the first with fewest attempts"),
    )
    def emit_retry(self, line: str) -> Run | Text:
        """Send the messages that failed through their nodes again, as the cells are now.

        What passes leaves the failures and joins the frames; what fails again stays. Examples:

            %emit_retry parse
            %emit_retry parse --step
            %emit_retry --rows 3 17
        """
        __tracebackhide__ = True
        arguments = parse(RerunMagics.emit_retry, line)
        rows = self._next(arguments) if arguments.step else arguments.rows
        run = self.router.retry(arguments.node, rows)
        if run.total:
            return run
        left = len(self.router.failures())
        rest = f"; {left:,} that failed have no node to go through (%emit_failures)" if left else ""
        return Text(f"nothing failed that could be retried{rest}")

    @line_magic(*FAILURES)
    def emit_discard(self, line: str) -> Text:
        """Forget failures; their messages are not retried any more.

        Examples:

            %emit_discard parse
            %emit_discard --rows 3 17
        """
        arguments = parse(RerunMagics.emit_discard, line)
        count = self.router.discard(arguments.node, arguments.rows)
        return Text(f"discarded {counted(count, 'failure')}")

    @line_magic(
        argument("node", nargs="?", metavar="NODE", help="a node; without it, all that are stale"),
    )
    def emit_replay(self, line: str) -> Run | Text:
        """Run a node and all behind it again, from what it received, as the cells are now.

        Without NODE: all whose rows come from an older version of a cell. Nothing changes until
        it is through. Examples:

            %emit_replay
            %emit_replay clean
        """
        __tracebackhide__ = True
        arguments = parse(RerunMagics.emit_replay, line)
        run = self.router.replay(arguments.node)
        if run.total or arguments.node:
            return run
        return Text("nothing is stale; %emit_replay NODE runs a node again all the same")

    @line_magic(
        argument("switch", nargs="?", choices=("on", "off"), help="without it, say which"),
        argument(
            "--budget", type=float, default=5.0, metavar="S", help="seconds a replay may take"
        ),
    )
    def emit_live(self, line: str) -> Text:
        """Replay a node at once whenever its cell changes, or stop doing so.

        A replay that takes longer than the budget is given up, and says so. Examples:

            %emit_live on
            %emit_live on --budget 20
            %emit_live off
        """
        router = self.router
        arguments = parse(RerunMagics.emit_live, line)
        if arguments.switch is not None:
            router.live = arguments.budget if arguments.switch == "on" else None
        if router.live is None:
            return Text("live: off; %emit_live on replays a node whenever its cell changes")
        return Text(f"live: a changed node is replayed at once, for {router.live:g} s at most")

    def _next(self, arguments: Namespace) -> list[int]:
        router = self.router
        failures = router.failures(arguments.node)
        if arguments.rows is not None:
            if unknown := [row for row in arguments.rows if row not in failures.index]:
                return unknown  # the router says what is wrong with them
            failures = failures.loc[arguments.rows]
        elif arguments.node is None:
            failures = failures[failures["node"].isin(list(router.nodes))]
        return failures.sort_values("attempts", kind="stable").index[:1].tolist()
