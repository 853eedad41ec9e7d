"""``emitnb run``: run an exported module, as ``python MODULE.py`` does."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from emitnb.cli.places import Commands
from emitnb.errors import did_you_mean

WRONG_USE = 2


def add(commands: Commands) -> None:
    """Declare ``run``."""
    run = commands.add_parser(
        "run",
        help="run an exported module: the same as python MODULE.py ...",
        description="Run an exported module: the same as python MODULE.py with these arguments.",
        usage="%(prog)s MODULE.py [ARGUMENT ...]",
        epilog="emitnb run MODULE.py --help shows what the module takes.",
        allow_abbrev=False,
    )
    run.add_argument("module", metavar="MODULE.py", help="the file")
    run.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="handed on as they are"
    )
    run.set_defaults(run=_run)


def _run(asked: argparse.Namespace, _: list[str]) -> int:
    path = Path(asked.module)
    if not path.is_file():
        sys.stderr.write(f"emitnb run: {_nothing_there(path)}\n")
        return WRONG_USE
    return run_file(path, asked.arguments)


def run_file(path: Path, arguments: list[str]) -> int:
    """Run a file as Python would, in this process; return the exit status."""
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _nothing_there(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder; name the file of a module"
    folder = path.parent
    near = [str(one) for one in folder.glob("*.py")] if folder.is_dir() else []
    return f"there is no file {path}.{did_you_mean(str(path), near)}"
