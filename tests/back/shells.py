"""Run a notebook in a shell of its own process, and export it: ``python shells.py NB MODULE``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from emitnb.ipynb import CODE, read


def exported(notebook: Path, module: Path, *options: str) -> str:
    """Run a notebook's cells in a fresh process, and return the module that it exports."""
    done = subprocess.run(
        [sys.executable, __file__, str(notebook), str(module), *options],
        cwd=notebook.parent,
        env={**os.environ, "JPY_SESSION_NAME": str(notebook.resolve())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return module.read_text(encoding="utf-8")


def main(notebook: str, module: str, *options: str) -> None:
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    cells = [cell.text for cell in read(Path(notebook)) if cell.kind == CODE]
    for text in [*cells, " ".join([f"%emit_export {module}", *options])]:
        shell.run_cell(text, store_history=True).raise_error()


if __name__ == "__main__":
    main(*sys.argv[1:])
