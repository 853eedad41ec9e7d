"""The line of ``%emit_param``: an assignment to one name, and what it means."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter: the text of the assignment, its tree, and the help behind the ``#``."""

    text: str
    tree: ast.Assign | ast.AnnAssign
    help: str


def parameter(line: str) -> Parameter | None:
    """Return what a line says; None where it is no assignment to one name.

    >>> parameter("rate: float = 0.5  # share of the words")[0::2]
    ('rate: float = 0.5', 'share of the words')
    """
    line = line.strip()
    try:
        body = ast.parse(line).body
    except (SyntaxError, ValueError):
        return None
    made = body[0] if len(body) == 1 else None
    if isinstance(made, ast.Assign) and len(made.targets) == 1:
        target = made.targets[0]
    elif isinstance(made, ast.AnnAssign) and made.value is not None:
        target = made.target
    else:
        return None
    if not isinstance(target, ast.Name):
        return None
    text = ast.get_source_segment(line, made) or ""
    return Parameter(text, made, line[len(text) :].strip().removeprefix("#").strip())
