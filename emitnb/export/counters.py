"""What counts in attributes of its own: a cell that calls it leaves it as the module would not.

``inner.calls += 1`` in a decorator, ``self.seen.add(n)`` in a method, ``first.seen.add(n)`` in a
function. Nodes change it too, so its value tells nothing of how it was made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from emitnb.export.cells import Statement
from emitnb.export.scopes import counted

DEFINED = ast.FunctionDef | ast.AsyncFunctionDef

Counters = Mapping[str, frozenset[str]]
"""For each name, what counts when it is called: methods, and ``""`` for a call of itself."""


def counters(traced: Iterable[Statement]) -> Counters:
    """Return the names of statements whose value counts in attributes that somebody looks at."""
    traced = list(traced)
    looked_at = frozenset(attr for one in traced for attr in _looked_at(one.tree))
    makers = {
        name: methods
        for one in traced
        if one.is_definition and (methods := frozenset(_counting(one.tree, looked_at)))
        for name in one.names.binds
    }
    return {
        name: methods
        for one in traced
        for name in one.names.binds
        if (methods := frozenset(_made_by(one, name, makers)))
    }


def counts_on(tree: ast.stmt, known: Counters) -> frozenset[str]:
    """Return the names of counters that a statement calls."""
    return frozenset(name for name, method in _calls(tree) if method in known.get(name, ()))


def _calls(tree: ast.stmt) -> Iterator[tuple[str, str]]:
    """The ``x`` and the method of ``x.method(…)``; "" as method for ``x(…)``."""
    for part in ast.walk(tree):
        function = getattr(part, "func", None)
        if isinstance(function, ast.Name):
            yield function.id, ""
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            yield function.value.id, function.attr


def _made_by(one: Statement, name: str, makers: Counters) -> Iterator[str]:
    """What counts when the value that a statement gives a name is called."""
    if isinstance(one.tree, DEFINED):
        if name in makers.get(name, ()):
            yield ""  # it counts in an attribute of its own
        if any(getattr(part, "id", "") in makers for part in _marks(one.tree)):
            yield ""
    elif not isinstance(one.tree, ast.ClassDef):
        for read in one.names.now & makers.keys():
            yield from ("" if method == "__call__" else method for method in makers[read])


def _marks(tree: ast.stmt) -> Iterator[ast.AST]:
    for mark in getattr(tree, "decorator_list", ()):
        yield from ast.walk(mark)


def _counting(tree: ast.stmt, looked_at: frozenset[str]) -> Iterator[str]:
    """Names of the functions in a definition that count in an attribute."""
    for function in ast.walk(tree):
        if isinstance(function, DEFINED) and function.name != "__init__":
            attributes = {p.attr for p in counted(function) if isinstance(p, ast.Attribute)}
            if attributes & looked_at:
                yield function.name


def _looked_at(tree: ast.stmt) -> Iterator[str]:
    """Names of attributes that are read, but for adding to them."""
    parts = list(ast.walk(tree))
    calls = [getattr(part.value, "func", None) for part in parts if isinstance(part, ast.Expr)]
    added = {getattr(function, "value", None) for function in calls}
    for part in parts:
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Load) and part not in added:
            yield part.attr
