"""What is another in each process: the hash of a text, and with it the order of a set."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from emitnb.export.cells import Statement
from emitnb.export.problems import Need, Problems
from emitnb.export.reaching import called

_IN_TURN = {"list", "tuple", "enumerate", "zip", "map", "filter", "iter", "array", "Series", "join"}
"""Functions whose result depends on the order of what they are given."""

_IN_ANY_ORDER = {"sorted", "set", "frozenset", "sum", "min", "max", "any", "all", "len", "Counter"}
_OF_SETS = {"set", "frozenset", "union", "intersection", "difference", "symmetric_difference"}


def check_chance(
    traced: Mapping[Statement, Need], namespace: Mapping[str, Any], problems: Problems
) -> None:
    """Note what ``traced`` statements make that another process makes otherwise.

    Of nodes and helpers only the hashes: the order in which they take the items of a set may be
    of no matter, and is another in each run of the notebook, too.
    """
    own = {name for one in traced for name in one.names.binds}
    for one, need in traced.items():
        if "hash" not in own and any(_hashes(one.tree)):
            problems.hashed(need, one)
        if one.is_definition or one.is_import or _holds_numbers(one, namespace):
            continue
        if any(_is_set(part, namespace) for part in _taken_in_turn(one.tree)):
            problems.order_of_set(sorted(one.names.binds)[:1], need, one)


def _hashes(tree: ast.AST) -> Iterator[ast.AST]:
    if getattr(tree, "name", "") == "__hash__":
        return
    if getattr(getattr(tree, "func", None), "id", "") == "hash":
        yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _hashes(child)


def _taken_in_turn(tree: ast.AST) -> Iterator[ast.expr]:
    if isinstance(tree, ast.Call) and called(tree) in _IN_ANY_ORDER:
        return
    if isinstance(tree, ast.Call) and called(tree) in _IN_TURN:
        yield from tree.args
    elif isinstance(tree, ast.ListComp | ast.GeneratorExp):
        yield from (part.iter for part in tree.generators)
    for child in ast.iter_child_nodes(tree):
        yield from _taken_in_turn(child)


def _is_set(part: ast.expr, namespace: Mapping[str, Any]) -> bool:
    if isinstance(part, ast.Name):
        held = namespace.get(part.id)
        return isinstance(held, set | frozenset) and len(held) > 1 and not _are_numbers(held)
    if isinstance(part, ast.BinOp):
        return _is_set(part.left, namespace) or _is_set(part.right, namespace)
    if isinstance(part, ast.Set):
        values = [getattr(item, "value", None) for item in part.elts]
        return len(values) > 1 and not _are_numbers(values)
    return isinstance(part, ast.SetComp) or called(part) in _OF_SETS


def _holds_numbers(statement: Statement, namespace: Mapping[str, Any]) -> bool:
    """Whether a statement made a collection of numbers: these have one order in all processes."""
    held = [namespace[name] for name in statement.names.binds if name in namespace]
    collections = [one for one in held if isinstance(one, list | tuple)]
    return bool(collections) and all(map(_are_numbers, collections))


def _are_numbers(values: Any) -> bool:
    return all(isinstance(one, int | float) for one in values)
