"""A module's text cut into its statements, each with the comments that stand above it.

Nothing is ever written anew: every part is lines of the module, to the letter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from emitnb.errors import EmitError

SEAL = re.compile(r"^# Written by emitnb; ", re.MULTILINE)
"""Begins the comment that closes an exported module."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Kind(Enum):
    """What a statement is for."""

    DOCSTRING = "docstring"
    IMPORT = "import"
    ROUTER = "router"
    CODE = "code"
    HELPER = "helper"
    NODE = "node"
    MAIN = "main"


@dataclass(frozen=True)
class Part:
    """Some whole lines of a module: one statement, or several that share a line.

    ``above`` are the lines with comments before it, each with its end, and ``gap`` is how many
    empty lines come before those; ``line`` is the number of the first line of ``text``.
    """

    kind: Kind
    gap: int
    above: str
    text: str
    line: int
    statements: tuple[ast.stmt, ...]

    @property
    def statement(self) -> ast.stmt:
        """The first statement, mostly the only one."""
        return self.statements[0]


def parts(text: str, name: str) -> list[Part]:
    """Return the parts of a module's text; ``name`` names the file in errors.

    Comments below the last statement are a part of their own, without statements; emitnb's own
    closing comment is none. Raises EmitError, naming the line, for text that is no Python, and
    for a module without nodes.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()
        where = (
            f"{name}, line {error.lineno}: {error.msg}: `{line}`" if line else f"{name}: {error}"
        )
        raise EmitError(f"{where}. Mend it, and try again") from None
    found = list(_cut(text.split("\n"), tree.body))
    if not declares_nodes(tree):
        raise EmitError(
            f"{name} declares no node: there is no function under `@router.node(...)` in it. "
            "Name a module that %emit_export wrote, or one of that form"
        )
    return found


def node_calls(statement: ast.stmt) -> list[ast.Call]:
    """Return the calls of ``router.node`` that a statement makes outside of functions."""
    roots: Sequence[ast.AST] = (
        statement.decorator_list if isinstance(statement, DEFINITIONS) else [statement]
    )
    return [
        inner
        for root in roots
        for inner in ast.walk(root)
        if isinstance(inner, ast.Call) and _declares(inner)
    ]


def declares_nodes(tree: ast.AST) -> bool:
    """Whether ``router.node`` is called in some place, be it in a function."""
    return any(isinstance(one, ast.Call) and _declares(one) for one in ast.walk(tree))


def _declares(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "router.node"


def is_main_guard(statement: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``."""
    return isinstance(statement, ast.If) and "__name__" in {
        name.id for name in ast.walk(statement.test) if isinstance(name, ast.Name)
    }


def run_command_call(statements: Sequence[ast.stmt]) -> ast.Call | None:
    """Return the call of ``run_command``, which says what the parameters are, if there is one."""
    for statement in statements:
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "run_command":
                return inner
    return None


def _cut(lines: list[str], body: Sequence[ast.stmt]) -> Iterator[Part]:
    at = 0
    for group in _sharing_lines(body):
        first, last = _first_line(group[0]) - 1, max(one.end_lineno or 0 for one in group)
        last = _with_indented_comments(lines, last)
        gap, above = _comments(lines[at:first])
        text = "\n".join(lines[first:last])
        is_first = group[0] is body[0]
        yield Part(_kind(group, is_first), gap, above, text, first + 1, group)
        at = last
    rest = [line for line in lines[at:] if not SEAL.match(line)]
    gap, left = _comments(rest)
    if left:
        yield Part(Kind.CODE, gap, "", left.rstrip("\n"), at + 1, ())


def _sharing_lines(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, ...]]:
    group: list[ast.stmt] = []
    for statement in body:
        if group and _first_line(statement) > (group[-1].end_lineno or 0):
            yield tuple(group)
            group = []
        group.append(statement)
    if group:
        yield tuple(group)


def _first_line(statement: ast.stmt) -> int:
    decorators = statement.decorator_list if isinstance(statement, DEFINITIONS) else []
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _with_indented_comments(lines: list[str], last: int) -> int:
    """Return where a statement ends that goes on with comments in its own block."""
    for number in range(last, len(lines)):
        line = lines[number]
        if line.strip() and not line.lstrip().startswith("#"):
            break
        if line[:1].isspace() and line.strip():
            last = number + 1
        elif line.strip():
            break
    return last


def _comments(lines: Sequence[str]) -> tuple[int, str]:
    """Return how many empty lines come first, and the others, each with its end."""
    gap = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    return gap, "".join(f"{line}\n" for line in lines[gap:])


def _kind(group: Sequence[ast.stmt], is_first: bool) -> Kind:
    statement = group[0]
    if is_first and isinstance(statement, ast.Expr) and _is_text(statement.value):
        return Kind.DOCSTRING
    if any(node_calls(one) for one in group):
        return Kind.NODE
    if is_main_guard(statement):
        return Kind.MAIN
    if isinstance(statement, DEFINITIONS):
        is_main = statement.name == "main" and run_command_call([statement]) is not None
        return Kind.MAIN if is_main else Kind.HELPER
    if all(map(_imports, group)):
        return Kind.IMPORT
    return Kind.ROUTER if _is_plain_router(group) else Kind.CODE


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _imports(statement: ast.stmt) -> bool:
    """Whether it imports, be it under a condition."""
    if isinstance(statement, ast.If | ast.Try):
        return any(isinstance(one, ast.Import | ast.ImportFrom) for one in ast.walk(statement))
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_plain_router(group: Sequence[ast.stmt]) -> bool:
    """Whether it makes the router that ``%load_ext emitnb`` makes too."""
    return len(group) == 1 and ast.unparse(group[0]) in (
        "router = Router()",
        "router = Router(home=__name__)",
    )
