"""The pieces of a module, and the order in which they stand.

Constants, then helpers, then nodes; but whatever a piece needs while it runs stands before it, with
all that what it calls needs.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from emitnb.export.cells import Statement, first_line, lines_of

EMPTY = {"dict", "list", "set", "deque", "Counter", "OrderedDict", "defaultdict"}
"""What a type checker wants to have annotated where it is made without a value."""


class Kind(IntEnum):
    """What a piece is; the order in which kinds stand."""

    CONDITIONAL_IMPORT = 0
    ROUTER = 1
    CONSTANT = 2
    HELPER = 3
    COMPUTED = 4
    NODE = 5


@dataclass(frozen=True, eq=False)
class Item:
    """A piece of a module: its text, the names it binds, and those it reads, now or later.

    ``grows`` are those of ``binds`` that it only changes. ``time`` is when its statement ran;
    ``cell``, ``line`` and ``end`` say where that stands.
    """

    kind: Kind
    text: str
    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    time: int = -1
    cell: object = None
    line: int = 0
    end: int = 0
    grows: frozenset[str] = frozenset()

    @property
    def is_block(self) -> bool:
        """Whether two blank lines stand around it."""
        return self.kind is not Kind.CONDITIONAL_IMPORT and bool(
            re.search(r"^(@|def |class |async def )", self.text, re.MULTILINE)
        )


def item_of(statement: Statement, registered: Iterable[str] = ()) -> Item:
    """Return the piece that a statement makes; it changes what it is ``registered`` with."""
    names = statement.names
    grows = statement.grows.union(registered)
    if statement.is_definition:
        kind, text = Kind.HELPER, _unchecked_members(statement)
    elif _is_conditional_import(statement.tree):
        kind, text = Kind.CONDITIONAL_IMPORT, _unchecked(statement.text, statement.tree)
    else:
        kind, text = Kind.CONSTANT, _unchecked_attribute(_annotated(statement), statement.tree)
    return Item(
        kind,
        text,
        names.binds | grows,
        names.now,
        names.later,
        statement.time,
        statement.cell,
        statement.line,
        statement.end,
        grows,
    )


def arranged(items: Sequence[Item]) -> list[Item]:
    """Return the pieces in the order in which they can stand in a module."""
    return _Arranging(_with_computed(items)).arranged()


def _with_computed(items: Sequence[Item]) -> list[Item]:
    """Mark the constants that call helpers: they stand behind them."""
    helpers = {name for item in items if item.kind is Kind.HELPER for name in item.binds}
    defined = {name for item in items for name in item.binds - item.grows if item.is_block}
    found = []
    computed: set[str] = set()
    for item in sorted(items, key=lambda item: item.time):
        if item.kind is Kind.CONSTANT and item.now & (helpers | computed):
            computed |= item.binds
            item = replace(item, kind=Kind.COMPUTED)
            if item.now & item.binds & defined and item.line == item.end:
                item = replace(item, text=_ignored(item.text))  # `make = wrapped(make)`
        found.append(item)
    nodes = [item for item in items if item.kind is Kind.NODE]
    rest = [item for item in found if item.kind is not Kind.NODE]
    return sorted(rest, key=lambda item: (item.kind, item.time)) + nodes


class _Arranging:
    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.placed: dict[int, Item] = {}
        self.makers: dict[str, list[Item]] = {}
        for item in items:
            for name in item.binds:
                self.makers.setdefault(name, []).append(item)

    def arranged(self) -> list[Item]:
        for item in self.items:
            self.place(item, set())
        return list(self.placed.values())

    def place(self, item: Item, on_way: set[int]) -> None:
        """Place an item behind all that it needs while it runs."""
        if id(item) in self.placed or id(item) in on_way:
            return
        on_way.add(id(item))
        for name in sorted(item.binds):
            for other in self.makers[name]:
                if other.cell is item.cell and other.time < item.time:
                    self.place(other, on_way)
        for name in sorted(item.now):
            self.make_ready(name, item, on_way, set())
        on_way.discard(id(item))
        self.placed[id(item)] = item

    def make_ready(self, name: str, reader: Item, on_way: set[int], seen: set[str]) -> None:
        """Place what a name stands for, and what it needs when it is called."""
        if name in seen:
            return
        seen.add(name)
        for maker in self.makers.get(name, ()):
            is_later = maker.time > reader.time >= 0
            grew_later = is_later and name in maker.grows
            if maker is reader or (is_later and maker.cell is reader.cell) or grew_later:
                continue
            self.place(maker, on_way)
            for deeper in sorted(maker.later):
                self.make_ready(deeper, reader, on_way, seen)


def joined(items: Iterable[Item]) -> str:
    """Return the text of pieces below one another, with the blank lines between them."""
    text = ""
    before: Item | None = None
    for item in items:
        if before is not None:
            text += _gap(before, item)
        text += item.text
        before = item
    return text


def _gap(before: Item, item: Item) -> str:
    if before.is_block or item.is_block:
        return "\n\n\n"
    is_close = before.cell is item.cell and item.cell is not None
    has_comment = item.text.startswith("#")
    is_next = item.line - before.end == 1 and not has_comment
    return "\n" if is_close and before.kind is item.kind and is_next else "\n\n"


def _is_conditional_import(tree: ast.stmt) -> bool:
    if not isinstance(tree, ast.If | ast.Try):
        return False
    inner = [part for part in ast.walk(tree) if isinstance(part, ast.stmt) and part is not tree]
    kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.Pass | ast.If | ast.Try
    return all(isinstance(part, kinds) for part in inner) and any(
        isinstance(part, ast.Import | ast.ImportFrom) for part in inner
    )


def _unchecked(text: str, tree: ast.stmt) -> str:
    """Tell a type checker not to mind which package of several is installed here."""
    if not isinstance(tree, ast.Try):
        return text
    lines = lines_of(text)
    above = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
    for part in ast.walk(tree):
        if isinstance(part, ast.Import | ast.ImportFrom | ast.Assign):
            number = part.lineno - tree.lineno + above
            if part.lineno == part.end_lineno and "#" not in lines[number]:
                lines[number] += "  # type: ignore"
    return "\n".join(lines)


def _unchecked_attribute(text: str, tree: ast.stmt) -> str:
    """Tell a type checker not to mind what a function or class is given after it was made."""
    targets = getattr(tree, "targets", [getattr(tree, "target", None)])
    is_one_line = tree.lineno == tree.end_lineno
    if is_one_line and any(isinstance(target, ast.Attribute) for target in targets):
        return _ignored(text)
    return text


def _unchecked_members(statement: Statement) -> str:
    """Return the text of a definition, of whose empty members a checker would ask the types.

    An annotation would be another code: in a dataclass it makes a field.
    """
    text, tree = statement.text, statement.tree
    if not isinstance(tree, ast.ClassDef):
        return text
    lines = lines_of(text)
    above = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
    for part in tree.body:
        if isinstance(part, ast.Assign) and _empty_kind(part.value):
            number = part.lineno - first_line(tree) + above
            lines[number] = _ignored(lines[number])
    return "\n".join(lines)


def _ignored(text: str) -> str:
    *above, last = lines_of(text)
    place = _comment(last)
    code, comment = last[:place].rstrip(), last[place:]
    if "type: ignore" not in comment:
        last = "  ".join(filter(None, [code, "# type: ignore", comment]))
    return "\n".join([*above, last])


def _comment(line: str) -> int:
    """Where the comment at the end of a line begins; its end if it has none."""
    code = line.lstrip()
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                return len(line) - len(code) + token.start[1]
    except tokenize.TokenError:  # a bracket that is open
        pass
    return len(line)


def _annotated(statement: Statement) -> str:
    """Return the text of a constant; one that is made empty gets the type a checker asks for."""
    tree, text = statement.tree, statement.text
    if not isinstance(tree, ast.Assign):
        return text
    target, kind = tree.targets[0], _empty_kind(tree.value)
    if kind and isinstance(target, ast.Name) and len(tree.targets) == 1:
        pattern = rf"^{re.escape(target.id)}\s*="
        return re.sub(pattern, f"{target.id}: {kind} =", text, count=1, flags=re.MULTILINE)
    # `a = b = {}` and `a, b = {}, []` have no place for types
    values = getattr(tree.value, "elts", [tree.value])
    is_empty = any(map(_empty_kind, values)) and tree.lineno == tree.end_lineno
    return _ignored(text) if is_empty else text


def _empty_kind(value: ast.expr) -> str:
    if isinstance(value, ast.Dict) and not value.keys:
        return "dict"
    if isinstance(value, ast.List) and not value.elts:
        return "list"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        is_factory = value.func.id == "defaultdict"
        is_empty = not value.args and (not value.keywords or value.func.id == "deque")
        if value.func.id in EMPTY and (is_empty or (is_factory and not value.keywords)):
            return value.func.id
    return ""
