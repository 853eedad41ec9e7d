"""Magics that push data and read what came of it. They parse a line and call the router."""

from __future__ import annotations

import re
from argparse import Namespace
from typing import Any

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

from emitnb.bounds import Kept
from emitnb.notebook.base import RouterMagics, argument, cell_magic, line_magic, magics_class
from emitnb.notebook.display import Summary, summary
from emitnb.notebook.line import parse
from emitnb.notebook.pushing import FORMATS, content, row, source
from emitnb.notebook.showing import Tables
from emitnb.run import Run
from emitnb.story import Trace


def _options(arguments: Namespace) -> dict[str, Any]:
    return {
        "to": arguments.to,
        "limit": arguments.limit,
        "batch_size": arguments.batch_size,
        "on_error": "stop" if arguments.stop_on_error else "collect",
        "field": arguments.field,
        "keep_on_cluster": arguments.keep_on_cluster,
        "background": arguments.background,
    }


def number_or_auto(text: str) -> int | str:
    """Read the argument of ``--batch-size``; argparse shows this function's name."""
    return text if text == "auto" else int(text)


INTO = (
    argument("--to", metavar="NODE", help="push to this node alone"),
    argument("--limit", type=int, metavar="N", help="push so many messages at most"),
    argument("--field", default="document", metavar="F", help="field of texts"),
    argument(
        "--batch-size", type=number_or_auto, default="auto", metavar="N", help="messages a batch"
    ),
    argument("--stop-on-error", action="store_true", help="stop at the first failure"),
    argument(
        "--keep-on-cluster",
        action="store_true",
        help="leave what nodes emit on the cluster, for %%emit_frame NODE --lazy",
    ),
    argument("--background", action="store_true", help="return at once; see %%emit_wait"),
)
"""What both forms of ``emit_push`` take."""


@magics_class
class DataMagics(RouterMagics):
    """Data in, frames out."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._tables = Tables(shell)

    @line_magic(
        argument(
            "source",
            nargs="*",
            type=str,  # quotes tell a path from an expression
            metavar="SOURCE",
            help="a path, a glob or an expression",
        ),
        *INTO,
        argument("--lines", action="store_true", help="text files: one message a line"),
    )
    def emit_push(self, line: str) -> Run:
        """Push data through the graph: files, or the value of an expression.

        SOURCE in quotes is a path. Else it is a path if there is such a file, or a glob that
        matches one; else it is an expression. Examples:

            %emit_push books/*.txt --limit 100
            %emit_push df[df.year > 1900] --to words
            %emit_push [{"document": "rain"}, {"document": "sun"}]
            %emit_push books/*.txt --background
        """
        __tracebackhide__ = True
        router = self.router
        arguments = parse(DataMagics.emit_push, line)
        data = source(" ".join(arguments.source), self.namespace)
        return router.push(data, lines=arguments.lines, **_options(arguments))

    @cell_magic(
        "emit_push",
        *INTO,
        argument("--lines", action="store_true", help="text: one message a line"),
        argument("--format", choices=FORMATS, help="what the cell holds"),
    )
    def emit_push_cell(self, line: str, cell: str) -> Run:
        """Push what is in the cell: text, JSON lines or CSV.

        JSON lines if the first line is an object; CSV with --format csv; else text, one message
        (with --lines one for each line that is not blank). A line that does not parse is a
        failure, and the rest goes on. An example:

            %%emit_push --lines
            the rain in Spain
            stays mainly in the plain
        """
        router = self.router
        arguments = parse(DataMagics.emit_push_cell, line)
        data = content(cell, arguments.format, by_line=arguments.lines, field=arguments.field)
        return router.push(data, **_options(arguments))

    @line_magic(
        argument("node", nargs="?", metavar="NODE", help="a node; without it, all in push order"),
        argument("--lineage", action="store_true", help="add parent, source, revision and time"),
        argument("--lazy", action="store_true", help="a dask DataFrame that stays on the cluster"),
    )
    def emit_frame(self, line: str) -> Any:
        """Return what a node, or all of them, emitted: a pandas DataFrame.

        It is shown as a table: click on a column to sort by it, again for the other way round, and
        once more for the rows' own order. Examples:

            counts = %emit_frame count_word
            %emit_frame --lineage
            %emit_frame count_word --lazy
        """
        arguments = parse(DataMagics.emit_frame, line)
        frame = self.router.frame(arguments.node, lineage=arguments.lineage, lazy=arguments.lazy)
        return self._tables.frame(frame)

    @line_magic()
    def emit_summary(self, line: str) -> Summary:
        """Return what each node received, emitted, dropped and failed, and its time.

        Below the table stands what is slow, and what would help; it is a DataFrame too.

        An example:

            %emit_summary
        """
        parse(DataMagics.emit_summary, line)
        return summary(self.router)

    @line_magic(
        argument("edge", nargs="+", metavar="NODE", help="an edge: A -> B"),
        argument("-n", type=int, default=20, metavar="N", help="so many messages at most"),
    )
    def emit_peek(self, line: str) -> pd.DataFrame:
        """Return the latest messages that went over an edge, the latest last.

        Examples:

            %emit_peek words -> count_word
            %emit_peek __entry_point -> words -n 5
        """
        # An arrow by itself would look like an option.
        arguments = parse(DataMagics.emit_peek, re.sub(r"\s*->\s*", "->", line))
        return self._tables.frame(self.router.peek(" ".join(arguments.edge), arguments.n))

    @line_magic(
        argument("memory", nargs="*", metavar="SIZE", help="bytes, 200MB, 1.5GiB or unlimited"),
        argument("--rows", metavar="N", help="rows in memory at the most, or unlimited"),
        argument("--folder", metavar="F", help="where files go from now on"),
    )
    def emit_budget(self, line: str) -> Kept:
        """Bound the memory that emissions, pushed messages and failures take; show what they take.

        What is beyond goes to files, the oldest first. Nothing is lost: frames, traces and
        failures read the files where they need them. Examples:

            %emit_budget
            %emit_budget 200MB
            %emit_budget 2GB --rows 50_000_000 --folder /data/scratch
        """
        arguments = parse(DataMagics.emit_budget, line)
        memory = " ".join(arguments.memory) or None
        return self.router.bound(memory, arguments.rows, arguments.folder)

    @line_magic(
        argument("node", metavar="NODE", help="the node that made the emission"),
        argument("row", nargs="+", metavar="ROW", help="its row: a number or an expression"),
    )
    def emit_trace(self, line: str) -> Trace:
        """Draw what an emission was made from and what was made from it; it is a DataFrame too.

        An example:

            %emit_trace count_word 12
        """
        arguments = parse(DataMagics.emit_trace, line)
        return self.router.trace(arguments.node, row(" ".join(arguments.row), self.namespace))
