"""The body of a ``%%emit_node`` cell: compiled as the cell it is, run once, its node found.

The code keeps the cell's file name and line numbers, with the line of the magic as line 1, so that
tracebacks, ``inspect.getsource`` and the debugger show what the user sees.
"""

from __future__ import annotations
import __future__

import ast
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import CodeType
from typing import Any

from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

from emitnb.errors import DeclarationError

FORM = """\
%%emit_node word --entry
def words(msg):
    yield from msg.document.split()"""

_ABSENT = object()
_FUTURE = reduce(
    or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
"""Of the shell's flags, those that the imports from `__future__` of earlier cells have set."""


class CellText:
    """The cell that runs now, as the front end sent it; IPython tells before each cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.raw = ""
        self.number = 0
        shell.events.register("pre_run_cell", self._remember)

    def _remember(self, info: ExecutionInfo) -> None:
        self.raw = info.raw_cell or ""
        # A cell that is kept in the history has had its number counted up already.
        self.number = self.shell.execution_count - bool(info.store_history)

    def around(self, line: str, body: str) -> tuple[str, int, int]:
        """Return the text of the cell, its number, and how many lines come before ``body``.

        A body that is not of the cell's own text (made by a program) gets a text of its own.
        """
        kept = body.rstrip("\n")
        raw = self.raw.rstrip("\n")
        if raw.endswith(f"\n{kept}"):
            return self.raw, self.number, raw.count("\n") - kept.count("\n")
        return f"%%emit_node {line}\n{body}", self.shell.execution_count, 1


@dataclass(frozen=True, slots=True)
class NodeCell:
    """A compiled body. ``definitions`` are its top-level functions and classes."""

    code: CodeType
    definitions: tuple[str, ...]
    fingerprint: str
    file: str

    def run(self, namespace: dict[str, Any]) -> tuple[str, Callable[..., Any]]:
        """Run the body in a namespace; return the last function's name and value.

        A class counts where it makes objects that can be called; one that does not is a helper.
        """
        __tracebackhide__ = True  # IPython leaves such frames out of what it shows
        exec(self.code, namespace)
        for name in reversed(self.definitions):
            found = namespace[name]
            if not inspect.isclass(found) or _makes_callables(found):
                return name, found
        raise DeclarationError(
            f"%%emit_node: the class {self.definitions[-1]} has no __call__(self, msg). "
            f"Add one, or end the cell with a function:\n\n{FORM}"
        )


def compile_body(shell: InteractiveShell, text: CellText, line: str, body: str) -> NodeCell:
    """Return ``body`` compiled; DeclarationError if it does not compile or defines no function."""
    raw, number, before = text.around(line, body)
    file = shell.compile.cache(raw, number, raw_code=raw)
    flags = shell.compile.flags & _FUTURE
    tree = _compiled("\n" * before + body, file, flags | ast.PyCF_ONLY_AST)
    definitions = tuple(
        statement.name
        for statement in tree.body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )
    if not definitions:
        raise DeclarationError(
            f"%%emit_node: the cell defines no function, and a node is one. The form is\n\n{FORM}"
        )
    code = _compiled(tree, file, flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        raise DeclarationError(
            "%%emit_node: `await` outside of a function is not supported in the cell of a node. "
            "Await in a cell of its own, or inside `async def`, which makes an async node"
        )
    return NodeCell(code, definitions, ast.dump(tree), file)


@contextmanager
def restored(namespace: dict[str, Any], names: Sequence[str]) -> Iterator[None]:
    """Give ``names`` back what they were bound to if the block raises."""
    earlier = {name: namespace.get(name, _ABSENT) for name in names}
    try:
        yield
    except BaseException:
        for name, value in earlier.items():
            if value is _ABSENT:
                namespace.pop(name, None)
            else:
                namespace[name] = value
        raise


def _compiled(source: str | ast.Module, file: str, flags: int) -> Any:
    try:
        # This module's own `from __future__` must not leak into the user's code.
        return compile(source, file, "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        # Shown as a SyntaxError, it would come with every frame of emitnb's and IPython's.
        place = (error.text or "").rstrip("\n")
        caret = " " * ((error.offset or 1) - 1) + "^"
        raise DeclarationError(
            f"%%emit_node: line {error.lineno} of the cell does not compile: {error.msg}\n"
            f"{place}\n{caret}"
        ) from error


def _makes_callables(kind: type) -> bool:
    return any("__call__" in vars(base) for base in kind.__mro__)
