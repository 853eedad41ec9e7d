"""Magics through which a graph leaves the notebook. They parse a line and call the router."""

from __future__ import annotations

from emitnb.cells.node_line import MANY
from emitnb.cells.parameters import set_parameter
from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.display import Text
from emitnb.notebook.line import parse


@magics_class
class ExportMagics(RouterMagics):
    """Parameters, and the module."""

    @line_magic(
        argument("path", metavar="PATH", help="the module, as wordcount.py"),
        argument("--nodes", **MANY, metavar="N", help="only these and what they receive from"),
        argument("--tests", action="store_true", help="write tests from what was recorded, too"),
        argument("--force", action="store_true", help="replace a file that is not emitnb's own"),
        argument("--params", **MANY, metavar="NAME", help="variables that become options"),
        argument("--files", **MANY, metavar="NAME", help="variables that go into files"),
        argument("--freeze", **MANY, metavar="NAME", help="small values that go into the code"),
    )
    def emit_export(self, line: str) -> Text:
        """Write the graph as a Python module that gives the same frames.

        It holds the nodes as they stand in their cells, with the imports, constants and helpers
        that they need. What no statement of the notebook made is refused, with the ways out.
        Examples:

            %emit_export wordcount.py
            %emit_export wordcount.py --tests
            %emit_export wordcount.py --nodes count_word --files lookup
        """
        arguments = parse(ExportMagics.emit_export, line)
        router = self.router
        written = router.export(
            arguments.path,
            nodes=arguments.nodes,
            tests=arguments.tests,
            force=arguments.force,
            params=arguments.params or (),
            files=arguments.files or (),
            freeze=arguments.freeze or (),
        )
        beside = "".join(f"\n  beside it: {path.name}" for path in written[1:])
        how = f"python {arguments.path} --help says how to run it"
        notes = "".join(f"\n  note: {note}" for note in written.notes)
        return Text(f"wrote {arguments.path}; {how}{beside}{notes}")

    @line_magic(
        argument("assignment", nargs="*", type=str, metavar="NAME = VALUE", help="a variable"),
    )
    def emit_param(self, line: str) -> None:
        """Make a variable that is an option of the exported module.

        Here it is a variable like any other. What stands behind `#` is the option's help. An
        example:

            %emit_param rate = 0.5  # share of the words that are kept
        """
        set_parameter(line, self.namespace)
