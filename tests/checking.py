"""Nodes made as the cells of a notebook make them, and what the preflight finds about them."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

from emitnb.backends.preflight import Check, Variable, check
from emitnb.node import Node, Options, declare

_numbers = itertools.count(1)


def cell(source: str, namespace: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a cell as a notebook does; return the notebook's variables."""
    namespace = {"__name__": "__main__"} if namespace is None else namespace
    file = f"<ipython-input-{next(_numbers)}-0123456789ab>"
    exec(compile(textwrap.dedent(source), file, "exec", dont_inherit=True), namespace)
    return namespace


def node_of(source: str, function: str = "node", **options: Any) -> Node:
    """Declare the node that a cell defines."""
    return declare(cell(source)[function], Options(**{"fields": "x", "name": "node"} | options))


def found(source: str, **options: Any) -> Check:
    return check(node_of(source, **options))


def variable(checked: Check, name: str) -> Variable:
    (one,) = [one for one in checked.variables if one.name == name]
    return one


def changed(source: str) -> dict[str, str]:
    """What a node changes, and how, by variable."""
    return {one.name: one.change for one in found(source).variables if one.change}
