"""Where the notebooks are that come with emitnb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

QUICKSTART = "01-quickstart.ipynb"

Commands = Any
"""The subparsers that ``add`` adds to; their class has no public name in argparse."""


def notebooks() -> Path:
    """Return the folder of notebooks: inside an installed package, beside it in a checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "_notebooks"
    return installed if installed.is_dir() else here.parent / "notebooks"
