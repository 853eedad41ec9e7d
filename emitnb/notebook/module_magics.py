"""Magics for modules: into a notebook file, and into the running notebook."""

from __future__ import annotations

from emitnb.importing import import_module_file
from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.display import Drawing, Text, drawing
from emitnb.notebook.line import parse


@magics_class
class ModuleMagics(RouterMagics):
    """Back from a module."""

    @line_magic(
        argument("module", metavar="MODULE.py", help="a module of nodes, as %%emit_export wrote"),
        argument("notebook", nargs="?", metavar="NOTEBOOK.ipynb", help="the notebook to write"),
        argument("--force", action="store_true", help="write over a notebook that is there"),
    )
    def emit_import(self, line: str) -> Text:
        """Write a module of nodes as a notebook: a cell for each node and helper.

        This notebook stays as it is. Without NOTEBOOK it goes beside the module, under its name.
        Exported again, it gives the same module. Examples:

            %emit_import wordcount.py
            %emit_import wordcount.py explore.ipynb --force
        """
        arguments = parse(ModuleMagics.emit_import, line)
        made = import_module_file(arguments.module, arguments.notebook, force=arguments.force)
        return Text(f"wrote {made}; open it, and run all its cells")

    @line_magic(
        argument("module", metavar="MODULE", help="a module's name, or its file"),
    )
    def emit_load(self, line: str) -> Drawing:
        """Take the nodes of a module in, without cells for them; show the graph.

        What the nodes read is the module's own. After a change of its file, load it again: what
        changed has a new revision. Examples:

            %emit_load wordcount
            %emit_load graphs/wordcount.py
        """
        __tracebackhide__ = True
        router = self.router
        router.load(parse(ModuleMagics.emit_load, line).module)
        return drawing(router)
