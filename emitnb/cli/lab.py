"""``emitnb lab``: open the notebooks in JupyterLab."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

from emitnb.cli.places import QUICKSTART, Commands, notebooks


def add(commands: Commands) -> None:
    """Declare ``lab``."""
    lab = commands.add_parser(
        "lab",
        help="open the notebooks in JupyterLab",
        description="Open the notebooks in JupyterLab, on this machine only. "
        "Arguments it does not know go to JupyterLab.",
        allow_abbrev=False,
    )
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    lab.set_defaults(run=_lab, hands_on=True)


def _lab(asked: argparse.Namespace, extra: list[str]) -> None:
    folder = _lab_folder()
    os.chdir(folder)
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{QUICKSTART}",
        *(["--no-browser"] if asked.no_browser else []),
        *extra,
    ]
    import_module("jupyterlab.labapp").LabApp.launch_instance(arguments)


def _lab_folder() -> Path:
    """Return the checkout's own notebooks when run inside it, else a copy the user may change."""
    source = notebooks()
    if source.name == "notebooks" and Path.cwd().is_relative_to(source.parent):
        return source
    copy = Path.cwd() / "emitnb-notebooks"
    if not copy.exists():
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        sys.stderr.write(f"emitnb: the notebooks are now in {copy}\n")
    return copy
