"""``emitnb lint``: ruff over the node cells of notebooks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emitnb.cli.places import Commands
from emitnb.errors import EmitError, file_words
from emitnb.text import counted


def add(commands: Commands) -> None:
    """Declare ``lint``."""
    command = commands.add_parser(
        "lint",
        help="run ruff over the node cells of notebooks",
        usage="emitnb lint [--all] NOTEBOOK.ipynb [...] [-- RUFF ARGUMENTS]",
        description="Run ruff over the cells that declare nodes, with the settings of the "
        "notebook's folder. It knows the names that all cells define, and those that the lines of "
        "magics read. Exit status: 0 nothing found, 1 findings, 2 wrong use.",
        allow_abbrev=False,
    )
    command.add_argument("--all", action="store_true", help="look at all cells with Python")
    command.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="NOTEBOOK.ipynb",
        help="notebooks; behind -- what ruff check takes: -- --select ALL",
    )
    command.set_defaults(run=_lint)


def _lint(asked: argparse.Namespace, _: list[str]) -> int:
    from emitnb.linting import lint

    cut = asked.words.index("--") if "--" in asked.words else len(asked.words)
    notebooks, arguments = asked.words[:cut], asked.words[cut + 1 :]
    every = asked.all or "--all" in notebooks
    notebooks = [one for one in notebooks if one != "--all"]
    unknown = [one for one in notebooks if one.startswith("-")]
    if unknown or not notebooks:
        what = f"{unknown[0]} goes behind --, with ruff's arguments" if unknown else "no notebook"
        return _wrong(f"{what}: emitnb lint NOTEBOOK.ipynb [...] [-- RUFF ARGUMENTS]")
    status, found, looked_at = 0, 0, 0
    for notebook in notebooks:
        try:
            findings, count = lint(Path(notebook), arguments, every=every)
        except (EmitError, OSError) as error:
            status = _wrong(file_words(error) if isinstance(error, OSError) else str(error))
            continue
        for finding in findings:
            sys.stdout.write(f"{finding}\n")
        found, looked_at = found + len(findings), looked_at + count
    if status and not looked_at:
        return status
    cells = counted(looked_at, "cell" if every else "node cell")
    sys.stderr.write(f"{counted(found, 'finding') if found else 'nothing found'} in {cells}\n")
    return status or int(found > 0)


def _wrong(message: str) -> int:
    sys.stderr.write(f"emitnb: {message}\n")
    return 2
