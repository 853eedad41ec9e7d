"""What is on the other side of a shell: a page, a terminal, or a program that runs notebooks."""

from __future__ import annotations

import os
import re
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

PROGRAM = re.compile(r"_\d+_\d+$")
"""Ends the ids of messages from Python programs (jupyter_client): consoles, nbclient, nbconvert."""


def has_page(shell: InteractiveShell) -> bool:
    """Whether what runs the cell can show widgets."""
    return hasattr(shell, "kernel") and not asked_by_program(shell)


def asked_by_program(shell: InteractiveShell) -> bool:
    """Whether a program runs the cell: it can show no widgets.

    It may save their state all the same, and then a page made of the notebook loads scripts from
    elsewhere. Voilà is a program that hands widgets on to a page.
    """
    kernel: Any = getattr(shell, "kernel", None)
    if kernel is None or "voila" in os.environ.get("SERVER_SOFTWARE", ""):
        return False
    asked = kernel.get_parent("shell").get("header", {}).get("msg_id", "")
    return PROGRAM.search(str(asked)) is not None
