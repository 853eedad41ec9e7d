"""The command line as a whole: which commands there are, and what becomes of their errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from emitnb.cli import checking, demo, importing, lab, linting, running
from emitnb.errors import EmitError, file_words

GROUPS = (demo, lab, running, importing, checking, linting)
"""Modules whose ``add`` declares commands, in the order in which ``--help`` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (by default ``sys.argv``) and return its exit code."""
    parser = _parser()
    asked, extra = parser.parse_known_args(arguments)
    if extra and not getattr(asked, "hands_on", False):
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    try:
        return asked.run(asked, extra) or 0
    except EmitError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(file_words(error))
    except KeyboardInterrupt:
        return _failed("interrupted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emitnb", description="Turn a notebook into a live dataflow.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"emitnb {_version()}\n")
        parser.exit()


def _version() -> str:
    return str(import_module("importlib.metadata").version("emitnb"))


def _failed(message: str) -> int:
    sys.stderr.write(f"emitnb: {message}\n")
    return 1
