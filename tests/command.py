"""Run the ``emitnb`` command as a new user would: with a home of their own, and nothing in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOREIGN = ("JUPYTER", "IPYTHON", "XDG_", "VIRTUAL_ENV")


def new_user(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of somebody who has set up nothing."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "HOME": str(home), "PYDEVD_DISABLE_FILE_VALIDATION": "1", **more}


def emitnb(
    *arguments: str, home: Path, folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in ``folder``; ``more`` goes into its environment."""
    return subprocess.run(
        [sys.executable, "-m", "emitnb.cli", *arguments],
        cwd=folder,
        env=new_user(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
