"""Magics for runs in the background. They parse a line and call the router."""

from __future__ import annotations

from typing import Any

from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.display import Text
from emitnb.notebook.line import parse
from emitnb.runs import Runs

_RUN = argument("run", nargs="?", type=int, metavar="RUN", help="number of a run; without it, all")
_OF_RUN = argument("--run", type=int, metavar="RUN", help="number of a run; without it, all")


@magics_class
class RunMagics(RouterMagics):
    """Runs that go on while other cells run."""

    @line_magic(_RUN)
    def emit_pause(self, line: str) -> Runs:
        """Pause the runs in the background, each after the batch under way.

        Examples:

            %emit_pause
            %emit_pause 2
        """
        return self.router.find_runs(parse(RunMagics.emit_pause, line).run).pause()

    @line_magic(_RUN)
    def emit_resume(self, line: str) -> Runs:
        """Let the runs that are paused go on; without any, the latest that did not end.

        That is one that was interrupted (■) or stopped by an error, also where others were pushed
        after it. Examples:

            %emit_resume
            %emit_resume 2
        """
        __tracebackhide__ = True
        return self.router.resumable(parse(RunMagics.emit_resume, line).run).resume()

    @line_magic(
        argument("n", nargs="?", type=int, default=1, metavar="N", help="batches (1)"),
        _OF_RUN,
    )
    def emit_step(self, line: str) -> Runs:
        """Let each run in the background commit N more batches, and pause it then.

        Examples:

            %emit_step
            %emit_step 10 --run 2
        """
        arguments = parse(RunMagics.emit_step, line)
        return self.router.find_runs(arguments.run).step(arguments.n)

    @line_magic(_RUN)
    def emit_stop(self, line: str) -> Runs:
        """End the runs that go on or are paused, for good. What is committed stays.

        Examples:

            %emit_stop
            %emit_stop 2
        """
        return self.router.find_runs(parse(RunMagics.emit_stop, line).run).cancel()

    @line_magic(
        argument("seconds", nargs="?", type=float, metavar="SECONDS", help="wait no longer"),
        _OF_RUN,
    )
    def emit_wait(self, line: str) -> Runs:
        """Wait until every message that was pushed is done, and return the runs.

        What stopped a run in the background is raised here. An interrupt (■) ends the waiting,
        not the runs. Examples:

            %emit_wait
            %emit_wait 10 --run 2
        """
        __tracebackhide__ = True
        arguments = parse(RunMagics.emit_wait, line)
        return self.router.wait(arguments.seconds, arguments.run)

    @line_magic(
        argument("node", metavar="NODE", help="the node that printed"),
    )
    def emit_log(self, line: str) -> Any:
        """Return what a node printed in the background: the latest 1,000 lines.

        An example:

            %emit_log words
        """
        return Text(self.router.log(parse(RunMagics.emit_log, line).node))
