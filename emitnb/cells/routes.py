"""The lines of ``%%emit_route``: ``a -> b -> c`` subscribes, ``a -x b`` cuts; ``a! -> b`` too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from emitnb.errors import DeclarationError
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, node_of
from emitnb.subscription import is_name, subscriptions

FORM = "Write `a -> b -> c` to subscribe, `a -x b` to cut; an origin may be a /pattern/"

_WORD = re.compile(r"(?P<name>/.+?/(?=\s|->|$)|[^\s/-]+)\s*(?P<arrow>->|-x(?=\s)|$)\s*")


class Change(NamedTuple):
    """One arrow: ``node`` shall receive from ``origin``, or no longer."""

    origin: str
    node: str
    cut: bool


def parse_routes(text: str, graph: Graph) -> list[Change]:
    """Return what the lines change; ``#`` begins a comment.

    Everything is tried on the graph, which is a value, before anything is changed. Raises
    DeclarationError or UnknownNodeError, naming the line.
    """
    changes: list[Change] = []
    for number, line in enumerate(text.splitlines(), 2):
        for change in _changes(line, number):
            if is_name(node_of(change.origin)) and node_of(change.origin) != ENTRY_POINT:
                graph.find(node_of(change.origin))
            graph = _tried(change, graph)
            changes.append(change)
    if not changes:
        raise DeclarationError(f"%%emit_route: no routes here. {FORM}")
    return changes


def _changes(line: str, number: int) -> Iterator[Change]:
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    at, origin, arrow = 0, "", ""
    while at < len(line):
        word = _WORD.match(line, at)
        if word is None:
            raise _problem(line, number)
        if origin:
            yield Change(origin, word["name"], arrow == "-x")
        origin, arrow, at = word["name"], word["arrow"], word.end()
        if bool(arrow) == (at == len(line)) or word["name"] == line:
            raise _problem(line, number)


def _tried(change: Change, graph: Graph) -> Graph:
    wanted = subscriptions(change.origin, change.node)
    if change.cut:
        return graph.without_subscription(change.node, wanted[0])
    return graph.with_subscriptions(change.node, wanted)


def _problem(line: str, number: int) -> DeclarationError:
    return DeclarationError(f"%%emit_route: line {number}, `{line}`, is no route. {FORM}")
