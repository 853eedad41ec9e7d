"""The ``emitnb`` command: watch a demonstration, open the notebooks, run a module.

Exit codes: 0 it worked, 1 it did not (one message on stderr says why), 2 the command was misspelt.
Everything heavy is imported by the command that needs it, so that ``emitnb --version`` is quick.
Each module is a group of commands: its ``add`` declares them, and sets the function that runs one.
"""

from emitnb.cli.commands import main
from emitnb.cli.demo import PAGE, SHOWN
from emitnb.cli.places import QUICKSTART

__all__ = ["PAGE", "QUICKSTART", "SHOWN", "main"]
