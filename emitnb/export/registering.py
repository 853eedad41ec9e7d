"""Definitions that register themselves: by a decorator, or with the class that they inherit from.

``@show.register``, ``@cleaner("upper")``, ``class Circle(Shape)`` bind a name that nobody may read,
and change what another name stands for. They are part of how that is made; so is
``show.register(list, show_list)``, in whatever cell.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from emitnb.export.cells import Statement
from emitnb.export.reaching import called
from emitnb.export.scopes import changed_in_place

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Registrations:
    """Which definitions register themselves.

    ``names``: the names of what each changes when it runs. ``by``: what a decorator changes while
    it decorates, and not when nodes call what it decorated.
    """

    names: dict[Statement, frozenset[str]] = field(default_factory=dict)
    by: dict[Statement, frozenset[str]] = field(default_factory=dict)

    def of(self, name: str, since: int) -> list[Statement]:
        """Return the definitions that registered with ``name`` after the time ``since``."""
        return [one for one, names in self.names.items() if name in names and one.time > since]


def registrations(statements: Iterable[Statement]) -> Registrations:
    """Return what registers itself; a statement knows what those before it defined."""
    statements = list(statements)
    is_asked = any(_asks_for_subclasses(one.tree) for one in statements)
    found = Registrations()
    makers: dict[str, Statement] = {}
    watched: dict[str, frozenset[str]] = {}
    for one in statements:
        names: frozenset[str] = frozenset()
        passed_on: frozenset[str] = frozenset()
        if one.is_definition:
            passed_on = frozenset().union(*(watched.get(base, ()) for base in _bases(one.tree)))
            names = passed_on.union(_by_decorators(one.tree, makers, found)) - one.names.binds
            passed_on |= _watching(one, is_asked)
        elif isinstance(one.tree, ast.Expr):
            names = frozenset(_by_call(one.tree.value, makers))
        if names:
            found.names[one] = names
        for name in one.names.binds:
            makers[name], watched[name] = one, passed_on
    return found


def _by_decorators(
    tree: ast.stmt, makers: dict[str, Statement], found: Registrations
) -> Iterator[str]:
    for mark in getattr(tree, "decorator_list", ()):
        is_call = isinstance(mark, ast.Call)
        function = mark.func if is_call else mark
        owner = getattr(getattr(function, "value", None), "id", "")
        if owner in makers and not makers[owner].is_import:
            yield owner  # `@show.register`: a method of what is registered with
        maker = makers.get(getattr(function, "id", ""))
        if maker is not None and isinstance(maker.tree, FUNCTIONS):
            names = _changed_within(maker, 2 if is_call else 1)
            found.by[maker] = names
            yield from names


def _by_call(call: ast.expr, makers: dict[str, Statement]) -> Iterator[str]:
    """The ``show`` of ``show.register(list, show_list)``."""
    owner = getattr(getattr(getattr(call, "func", None), "value", None), "id", "")
    if called(call) == "register" and owner in makers and not makers[owner].is_import:
        yield owner


def _changed_within(maker: Statement, depth: int) -> frozenset[str]:
    """The globals that a function changes, not counting functions that are so deep within it."""
    return changed_in_place(_Pruned(depth).visit(copy.deepcopy(maker.tree))) & maker.names.reads


class _Pruned(ast.NodeTransformer):
    def __init__(self, depth: int) -> None:
        self.depth = depth

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, FUNCTIONS):
            return super().generic_visit(node)
        if not self.depth:
            return ast.copy_location(ast.Pass(), node)
        self.depth -= 1
        super().generic_visit(node)
        self.depth += 1
        return node


def _bases(tree: ast.stmt) -> Collection[str]:
    """The classes that a class inherits from, and its metaclass."""
    found = [*getattr(tree, "bases", ()), *(word.value for word in getattr(tree, "keywords", ()))]
    return [base.id for base in found if isinstance(base, ast.Name)]


def _watching(one: Statement, is_asked: bool) -> frozenset[str]:
    """What may change when somebody inherits from a class: itself, and what it then changes."""
    if not isinstance(one.tree, ast.ClassDef):
        return frozenset()
    methods = {"__init_subclass__"}
    if "type" in _bases(one.tree):
        methods |= {"__new__", "__init__"}
    found = [part for part in one.tree.body if getattr(part, "name", "") in methods]
    if not found and not is_asked:
        return frozenset()
    return one.names.binds.union(*(changed_in_place(part) & one.names.reads for part in found))


def _asks_for_subclasses(tree: ast.stmt) -> bool:
    return any(getattr(part, "attr", "") == "__subclasses__" for part in ast.walk(tree))
