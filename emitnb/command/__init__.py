"""A graph as a command: what ``main`` of an exported module does.

``arguments`` says which options there are, ``parameters`` makes one for each parameter of the
module, ``data`` for each value that a file holds, ``helping`` writes ``--help``, ``reading`` opens
what is to be pushed, ``signals`` ends a run between two commits, ``tables`` and ``output`` write
what came out, ``telling`` says the rest.
"""

from emitnb.command.running import run_command

__all__ = ["run_command"]
