"""``emitnb import``: a module of nodes becomes a notebook."""

from __future__ import annotations

import argparse
import sys

from emitnb.cli.places import Commands


def add(commands: Commands) -> None:
    """Declare ``import``."""
    command = commands.add_parser(
        "import",
        help="write a module of nodes as a notebook",
        description="Write a module of nodes, as %emit_export makes it, as a notebook: a cell for "
        "each node and helper. Exported again, the notebook gives the same module.",
        allow_abbrev=False,
    )
    command.add_argument("module", metavar="MODULE.py")
    command.add_argument(
        "notebook",
        nargs="?",
        metavar="NOTEBOOK.ipynb",
        help="the notebook to write (default: the module's name, beside it)",
    )
    command.add_argument("--force", action="store_true", help="write over a notebook that is there")
    command.set_defaults(run=_import)


def _import(asked: argparse.Namespace, _: list[str]) -> None:
    from emitnb.importing import import_module_file

    made = import_module_file(asked.module, asked.notebook, force=asked.force)
    sys.stdout.write(f"wrote {made}\n")
