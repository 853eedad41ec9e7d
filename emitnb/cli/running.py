"""``emitnb run``: run an exported module, as ``python MODULE.py`` does, or a notebook."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path

from emitnb.cli.places import Commands
from emitnb.errors import EmitError, did_you_mean

WRONG_USE = 2


def add(commands: Commands) -> None:
    """Declare ``run``."""
    run = commands.add_parser(
        "run",
        help="run an exported module, as python MODULE.py ..., or a notebook's graph",
        description="Run an exported module: the same as python MODULE.py with these arguments. "
        "Of a notebook, what it would export if its cells ran from top to bottom; they are not "
        "run themselves.",
        usage="%(prog)s MODULE.py|NOTEBOOK.ipynb [ARGUMENT ...]",
        epilog="emitnb run MODULE.py --help shows what the module takes.",
        allow_abbrev=False,
    )
    run.add_argument("module", metavar="MODULE.py", help="the file of a module, or a notebook")
    more = run.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="handed on as they are"
    )
    more.required = False  # or argparse asks for them too where the module is missing
    run.set_defaults(run=_run)


def _run(asked: argparse.Namespace, _: list[str]) -> int:
    path = Path(asked.module)
    if not path.is_file():
        sys.stderr.write(f"emitnb run: {_nothing_there(path)}\n")
        return WRONG_USE
    if path.suffix not in (".py", ".ipynb"):
        sys.stderr.write(
            f"emitnb run: {path} is no module; name MODULE.py or NOTEBOOK.ipynb first, then data\n"
        )
        return WRONG_USE
    if path.suffix == ".ipynb":
        return _run_notebook(path, asked.arguments)
    return run_file(path, asked.arguments)


def _run_notebook(path: Path, arguments: list[str]) -> int:
    """Run what a notebook would export, without writing it."""
    from emitnb.cli.saved import exported

    # Without a `__file__`: processes of a cluster would run the notebook as if it were Python.
    module = types.ModuleType("__main__")
    text = exported(path, path.with_name(f"{_identifier(path.stem)}.py"), to_run=True)
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules["__main__"] = module  # what is pickled is looked up there
    return _ended(lambda: exec(compile(text, str(path), "exec"), module.__dict__))


def _identifier(name: str) -> str:
    """A module's name made of a notebook's: ``04-to-production`` is none."""
    return re.sub(r"\W", "_", f"_{name}" if name[:1].isdigit() else name)


def run_file(path: Path, arguments: list[str]) -> int:
    """Run a file as Python would, in this process; return the exit status."""
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    return _ended(lambda: runpy.run_path(str(path), run_name="__main__"))


def _ended(run: Callable[[], object]) -> int:
    """Run something, and return the status with which it exits."""
    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (EmitError, OSError):
        raise  # a sentence says it
    except Exception as error:
        shown = _of_the_module(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(shown), shown)
        return 1
    return 0


def _of_the_module(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """Return a traceback as Python itself would show it: from the module on."""
    while traceback and traceback.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        traceback = traceback.tb_next
    return traceback


def _nothing_there(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder; name the file of a module"
    folder = path.parent
    near = [str(one) for one in folder.glob("*.py")] if folder.is_dir() else []
    return f"there is no file {path}.{did_you_mean(str(path), near)}"
