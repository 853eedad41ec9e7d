"""What a preflight finds, as values."""

from __future__ import annotations

from dataclasses import dataclass

LARGE = 1_000_000
"""Bytes from which on something is worth a line, and is sent to each worker once."""


@dataclass(frozen=True)
class Variable:
    """A variable that a node captured.

    ``name`` is as the node's code knows it (``model``, ``self.count``), ``kind`` the name of its
    type. ``size`` is in bytes when pickled, None where it cannot be or is not sent; ``problem``
    says why it cannot. ``cell`` is where it is defined, ``In [3]`` or ``tasks.py, line 7``; else
    where the code that uses it is; empty if nobody can tell. ``change`` is how the node changes
    it, for instance ``seen.append(...), line 3``; empty if it does not.
    """

    name: str
    kind: str
    size: int | None
    problem: str
    cell: str
    change: str


@dataclass(frozen=True)
class Check:
    """What :func:`~emitnb.backends.preflight.check` found about one node.

    ``blob`` holds the node's function, ``when``, ``new_state``, ``record`` and ``types``, pickled;
    None if that cannot be done. ``problems`` are sentences; a node with one is refused. ``notes``
    are short lines for the declaration.
    """

    node: str
    variables: tuple[Variable, ...]
    blob: bytes | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A variable, and how it came to be captured: ``global``, ``closure``, ``default`` ..."""

    kind: str
    variable: Variable
