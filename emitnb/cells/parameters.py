"""The line of ``%emit_param``: an assignment to one name, and what it means."""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import Any, NamedTuple

from emitnb.errors import DeclarationError

TAKEN = frozenset(
    {
        "help",
        "limit",
        "lines",
        "field",
        "input_format",
        "output",
        "node",
        "format",
        "failures",
        "backend",
        "address",
        "workers",
        "graph",
        "dot",
        "svg",
    }
)
"""Names of the options that every exported module has."""

_KINDS = (type(None), bool, int, float, str, list, tuple, set, frozenset, dict, PurePath)


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


def set_parameter(line: str, namespace: dict[str, Any]) -> None:
    """Run the assignment of a line in ``namespace``, if it can be an option of a module.

    Raises DeclarationError, and then nothing is changed, for a line that is no assignment to one
    name, a name that every module has an option for, and a value that no option could give.

    >>> variables = {}
    >>> set_parameter("rate = 0.5  # share of the words", variables)
    >>> variables["rate"]
    0.5
    """
    made = parameter(line)
    if made is None:
        raise DeclarationError(
            f"%emit_param: {line.strip()!r} is no assignment to one name; "
            "write for instance %emit_param rate = 0.5  # share of the words"
        )
    target = made.tree.targets[0] if isinstance(made.tree, ast.Assign) else made.tree.target
    name = ast.unparse(target)
    check_parameter_name(name)
    assert made.tree.value is not None  # `rate: float` alone is no parameter
    value = eval(compile(ast.Expression(made.tree.value), "<%emit_param>", "eval"), namespace)
    if not isinstance(value, _KINDS):
        raise DeclarationError(
            f"%emit_param: {name} is of type {type(value).__name__}, which no option of a command "
            "can give; give a number, a text, a path, a bool, None, or a list, tuple, set or dict"
        )
    exec(made.text, namespace)


def check_parameter_name(name: str) -> None:
    """Raise DeclarationError if every module has an option of a name already.

    >>> check_parameter_name("rate")
    """
    if name in TAKEN:
        raise DeclarationError(
            f"the parameter {name} would be the option --{name.replace('_', '-')}, which every "
            "exported module has for itself; give it another name"
        )
