"""What a ``@router.node(...)`` decorator says, option by option, before anything is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import fields
from functools import cache

from emitnb.node import Options

POSITIONAL = ("fields", "subscribe_to", "entry_point", "ignore")


@cache
def defaults() -> dict[str, str]:
    """Return the options of ``router.node`` with their defaults, as an AST shows them."""
    return {
        one.name: ast.dump(ast.parse(repr(one.default), mode="eval").body)
        for one in fields(Options)
    }


def options(call: ast.Call) -> dict[str, ast.expr] | None:
    """Return what a call of ``router.node`` says, without what goes without saying.

    None for a call whose options nobody can tell before it is made: ``*`` and ``**``.

    >>> found = options(ast.parse("router.node('word', 'words', batch=False)").body[0].value)
    >>> {name: ast.unparse(value) for name, value in found.items()}
    {'fields': "'word'", 'subscribe_to': "'words'"}
    """
    if any(isinstance(value, ast.Starred) for value in call.args):
        return None
    if any(keyword.arg not in defaults() for keyword in call.keywords):
        return None
    if len(call.args) > len(POSITIONAL):
        return None
    found = dict(zip(POSITIONAL, call.args, strict=False))
    found |= {str(keyword.arg): keyword.value for keyword in call.keywords}
    known = defaults()
    return {
        name: value
        for name, value in found.items()
        if name == "fields" or ast.dump(value) != known[name]
    }


def texts(value: ast.expr) -> list[str] | None:
    """Return the strings that an expression lists: one, or a tuple or list of them; else None.

    >>> texts(ast.parse("('a', 'b')").body[0].value)
    ['a', 'b']
    """
    items: Sequence[ast.expr] = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    found = [one.value for one in items if isinstance(one, ast.Constant)]
    if len(found) < len(items) or not all(isinstance(one, str) for one in found):
        return None
    return [str(one) for one in found]


def number(value: ast.expr) -> int | float | None:
    """Return the number that an expression writes down, else None."""
    try:
        found = ast.literal_eval(value)
    except ValueError:
        return None
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def is_true(value: ast.expr) -> bool:
    """Whether an expression is the word True."""
    return isinstance(value, ast.Constant) and value.value is True
