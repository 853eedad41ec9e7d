"""The cells that ran, and the statements that they are made of.

A cell comes as IPython runs it: with its syntax translated to Python. So a magic is a call, and
``ast`` can read it all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TypeGuard

from emitnb.cells.parameters import parameter
from emitnb.export.scopes import Names, changed_in_place, names_of

TRANSPARENT = ("time", "capture")
"""Cell magics that run what stands below them as it stands there."""

NODE, PARAMETER = "emit_node", "emit_param"


@dataclass(frozen=True)
class Cell:
    """One cell, the one time that it ran.

    Parameters
    ----------
    place : what a user calls it: ``In [3]``
    source : its text as Python: IPython syntax translated
    raw : its text as it was typed
    file : the file name that its code has; "" if nobody knows
    failed_at : the line at which it raised, if it did, or is now: what stands there or below has
        not run
    identity : what stays the same when the cell is edited and runs again; "" if nobody knows
    is_gone : whether the cell was deleted from the notebook after it ran
    """

    place: str
    source: str
    raw: str = ""
    file: str = ""
    failed_at: int | None = None
    identity: str = ""
    is_gone: bool = False

    def line(self, number: int) -> str:
        """Return a line as the user typed it, counted from 1."""
        lines = lines_of(self.raw or self.source)
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement at the top of a cell, at the ``time`` when it ran (0, 1, …).

    ``text`` is what the user wrote, with the comments above it; ``line`` its first line in the
    cell. ``parameter`` is the help text of a ``%emit_param``, None for any other statement;
    ``node_line`` the line of the ``%%emit_node`` cell that it stands in; ``is_guarded``: it is an
    import that stands under ``if TYPE_CHECKING``.
    """

    cell: Cell
    time: int
    text: str
    tree: ast.stmt
    line: int
    names: Names
    parameter: str | None = None
    node_line: str | None = None
    is_guarded: bool = False

    @property
    def place(self) -> str:
        """Where it stands, as a person would say it."""
        return f"{self.cell.place}, line {self.line}"

    @property
    def end(self) -> int:
        """Its last line in the cell."""
        return self.line + (self.tree.end_lineno or 0) - first_line(self.tree)

    @cached_property
    def grows(self) -> frozenset[str]:
        """The names whose values it changes in place while it runs."""
        if self.is_definition or self.is_import:
            return frozenset()
        return changed_in_place(self.tree) - self.names.binds

    @property
    def is_import(self) -> bool:
        """Whether it imports one name."""
        return isinstance(self.tree, ast.Import | ast.ImportFrom)

    @property
    def is_definition(self) -> bool:
        """Whether it defines a function or a class."""
        return isinstance(self.tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @property
    def is_compound(self) -> bool:
        """Whether it holds other statements, of which some may not have run."""
        kinds = ast.If | ast.Try | ast.TryStar | ast.For | ast.While | ast.With | ast.Match
        return isinstance(self.tree, kinds)

    @property
    def magic(self) -> tuple[str, str, str | None] | None:
        """The name, the line and the body of the magic that it is, if it is one."""
        return _magic(self.tree)

    def is_same_as(self, other: Statement) -> bool:
        """Whether both say the same, comments and layout apart."""
        return ast.dump(self.tree) == ast.dump(other.tree)


@dataclass
class History:
    """What ran, in the order in which it ran."""

    cells: Sequence[Cell]
    statements: list[Statement] = field(default_factory=list)
    is_lazy: bool = False
    """Whether annotations are not evaluated: a cell imported that from ``__future__``."""

    def __post_init__(self) -> None:
        for cell in self.cells:
            for statement in _statements(cell, self.is_lazy):
                if _is_lazy_import(statement.tree):
                    self.is_lazy = True
                    continue
                self.statements.append(replace(statement, cell=cell, time=len(self.statements)))

    def in_file(self, file: str, line: int) -> list[Statement]:
        """Return the statements that a line of a cell belongs to; the latest run of that cell."""
        cells = [cell for cell in self.cells if cell.file == file]
        if not cells:
            return []
        ran = [one for one in self.statements if one.cell is cells[-1]]
        if any(one.node_line is not None for one in ran):
            return ran
        return [one for one in ran if first_line(one.tree) <= line <= (one.tree.end_lineno or line)]


def first_line(tree: ast.stmt) -> int:
    """Return the line at which a statement begins: with its decorators."""
    marks: list[ast.expr] = getattr(tree, "decorator_list", [])
    return min([tree.lineno, *(mark.lineno for mark in marks)])


@lru_cache(maxsize=4096)  # after each cell all that ran is read again
def _statements(cell: Cell, lazy: bool) -> Sequence[Statement]:
    return tuple(_Reader(cell, lazy).statements())


class _Reader:
    """Cuts a cell into statements."""

    def __init__(self, cell: Cell, lazy: bool) -> None:
        self.cell = cell
        self.lazy = lazy

    def statements(self) -> Iterator[Statement]:
        tree = _parsed(self.cell.source)
        magic = _magic(tree.body[0]) if tree is not None and len(tree.body) == 1 else None
        if magic is None or magic[2] is None:
            yield from self._of(self.cell.source, 0, None)
            return
        name, line, body = magic
        assert body is not None
        if name == NODE:
            is_only_tried = "--diff" in line.split() and "--apply" not in line.split()
            if self.cell.failed_at is None and not is_only_tried:
                yield from self._of(body, 1, line)
        elif name in TRANSPARENT and _parsed(body) is not None:
            yield from self._of(body, 1, None)
        else:
            yield from self._of(self.cell.source, 0, None)

    def _of(self, source: str, above: int, node_line: str | None) -> Iterator[Statement]:
        """Yield the statements of ``source``, which stands below so many lines of the cell."""
        tree = _parsed(source)
        if tree is None:
            return
        lines = lines_of(source)
        end = 0
        for number, part in enumerate(tree.body):
            last = (part.end_lineno or part.lineno) + above
            if self.cell.failed_at is not None and last >= self.cell.failed_at:
                return
            text = _text(lines, tree.body, number, end)
            end = _last_line(lines, tree.body, number)
            line = first_line(part) + above
            if _is_guard(part):
                for inner in part.body:
                    for piece, words in _pieces(inner, ""):
                        found = names_of(words, piece)
                        yield Statement(self.cell, 0, words, piece, line, found, is_guarded=True)
                continue
            for piece, words in _pieces(part, text):
                found = names_of(words, piece, lazy=self.lazy)
                yield self._statement(words, piece, line, found, node_line)

    def _statement(
        self, text: str, tree: ast.stmt, line: int, names: Names, node_line: str | None
    ) -> Statement:
        magic = _magic(tree)
        if magic is None or magic[0] != PARAMETER:
            return Statement(self.cell, 0, text, tree, line, names, None, node_line)
        made = parameter(magic[1])
        if made is None:
            return Statement(self.cell, 0, text, tree, line, names, None, node_line)
        names = names_of(made.text, made.tree, lazy=self.lazy)
        above = [one for one in lines_of(text) if one.startswith("#")]
        words = "\n".join([*above, made.text])
        return Statement(self.cell, 0, words, made.tree, line, names, made.help)


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _magic(tree: ast.AST) -> tuple[str, str, str | None] | None:
    """The name, the line and the body (None for a line magic) of a statement that is a magic."""
    call = getattr(tree, "value", None) if isinstance(tree, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr not in ("run_line_magic", "run_cell_magic"):
        return None
    values = [part.value for part in call.args if isinstance(part, ast.Constant)]
    if len(values) < 2 or not all(isinstance(value, str) for value in values):
        return None
    return str(values[0]), str(values[1]), str(values[2]) if len(values) > 2 else None


def _is_guard(tree: ast.stmt) -> TypeGuard[ast.If]:
    """Whether it is ``if TYPE_CHECKING:`` with nothing but imports."""
    return (
        isinstance(tree, ast.If)
        and not tree.orelse
        and ast.unparse(tree.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        and all(isinstance(part, ast.Import | ast.ImportFrom) for part in tree.body)
    )


def _is_lazy_import(tree: ast.stmt) -> bool:
    return (
        isinstance(tree, ast.ImportFrom)
        and tree.module == "__future__"
        and any(alias.name == "annotations" for alias in tree.names)
    )


def lines_of(text: str) -> list[str]:
    r"""Return lines as Python counts them: no form feed in a text and no U+2028 ends one.

    >>> lines_of("a = '\f'\nb = 2")
    ["a = '\x0c'", 'b = 2']
    """
    return text.split("\n")


def _last_line(lines: Sequence[str], body: Sequence[ast.stmt], number: int) -> int:
    """The last line of a statement, with the comments that end its body."""
    part = body[number]
    last = part.end_lineno or part.lineno
    if not hasattr(part, "body"):
        return last
    below = body[number + 1].lineno - 1 if number + 1 < len(body) else len(lines)
    for place in range(last, below):
        line = lines[place]
        if line.strip() and not line[0].isspace():
            break
        if line.lstrip().startswith("#"):
            last = place + 1
    return last


def _text(lines: Sequence[str], body: Sequence[ast.stmt], number: int, end: int) -> str:
    """The text of a statement, with the comments right above it and those that end its body."""
    part = body[number]
    first, last = first_line(part), part.end_lineno or part.lineno
    shares = [
        other
        for other in body
        if other is not part and first_line(other) <= last and first <= (other.end_lineno or 0)
    ]
    if shares:  # `a = 1; b = 2`
        return ast.get_source_segment("\n".join(lines), part) or ""
    above = first - 1
    while above > end and lines[above - 1].lstrip().startswith("#"):
        above -= 1
    text = "\n".join(lines[above : _last_line(lines, body, number)]).rstrip()
    return re.sub(r"\s*;\s*$", "", text) if text.endswith(";") else text


def _pieces(part: ast.stmt, text: str) -> Iterator[tuple[ast.stmt, str]]:
    """Yield a statement; of an import, each name that it imports by itself."""
    if not isinstance(part, ast.Import | ast.ImportFrom) or _is_lazy_import(part):
        yield part, text
        return
    for alias in part.names:
        kind: ast.stmt = (
            ast.Import([alias])
            if isinstance(part, ast.Import)
            else ast.ImportFrom(part.module, [alias], part.level)
        )
        yield ast.copy_location(kind, part), ast.unparse(kind)
