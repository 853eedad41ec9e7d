"""``emitnb check``: do a notebook and the module that was exported from it still agree?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emitnb.cli.places import Commands
from emitnb.errors import EmitError, file_words


def add(commands: Commands) -> None:
    """Declare ``check``."""
    command = commands.add_parser(
        "check",
        help="do a notebook and its module still agree?",
        description="Compare what a notebook would export with a module, node by node; nothing is "
        "run. Comments, layout and docstrings do not count. Exit status: 0 they agree, 1 they do "
        "not, 2 wrong use.",
        allow_abbrev=False,
    )
    command.add_argument("notebook", metavar="NOTEBOOK.ipynb")
    command.add_argument("module", metavar="MODULE.py")
    command.set_defaults(run=_check)


def _check(asked: argparse.Namespace, _: list[str]) -> int:
    from emitnb.cli.saved import exported
    from emitnb.comparing import ALIKE, compare, differences, table
    from emitnb.importing import module_text, without_values

    notebook, module = Path(asked.notebook), Path(asked.module)
    try:
        theirs, given = without_values(module_text(module), str(module))
        ours = exported(notebook, module, given)
        rows = compare(ours, theirs, (str(notebook), str(module)))
    except (EmitError, OSError) as error:
        what = file_words(error) if isinstance(error, OSError) else error
        sys.stderr.write(f"emitnb: {what}\n")
        return 2
    sys.stdout.write(f"{table(rows)}\n")
    if shown := differences(rows, notebook.name, module.name):
        sys.stdout.write(f"\n{shown}\n")
    return int(any(row.state != ALIKE for row in rows))
