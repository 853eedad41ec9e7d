"""Whether a decorator stands in a module as an export writes it for a ``%%emit_node`` cell."""

from __future__ import annotations

import ast
from dataclasses import replace

from emitnb.cells.node_line import parse_node_line
from emitnb.cells.words import names
from emitnb.export.decorators import decorator
from emitnb.export.imports import WIDTH
from emitnb.export.saved import node_of_line
from emitnb.importing.parts import Definition


def is_as_written(call: ast.Call, line: str, statement: Definition) -> bool:
    """Whether the cell with this ``%%emit_node`` line is exported with just this decorator.

    What ruff makes of a long line is taken into account, whatever width it has been told.
    """
    said = parse_node_line(line.partition(" ")[2])
    node = replace(node_of_line(said, statement, statement.name), key=tuple(names(said.key)))
    text = decorator("router", node, said, statement.name)
    written = ast.parse(text.removeprefix("@")).body[0]
    assert isinstance(written, ast.Expr)
    if ast.dump(written.value) != ast.dump(call):
        return False
    is_cut = call.lineno != call.end_lineno
    return is_cut == ("\n" in text) and not any(map(_is_cut_for_no_need, _arguments(call)))


def _arguments(call: ast.Call) -> list[tuple[str, ast.expr]]:
    named = [(f"{word.arg}=", word.value) for word in call.keywords]
    return [*(("", value) for value in call.args), *named]


def _is_cut_for_no_need(argument: tuple[str, ast.expr]) -> bool:
    """Whether an argument takes several lines, though it would fit into one."""
    name, value = argument
    is_one_line = value.lineno == value.end_lineno
    return not is_one_line and len(f"    {name}{ast.unparse(value)},") <= WIDTH - 8
