"""The shape of a graph, as the widget draws it: boxes and edges, by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emitnb.declaration import field_texts
from emitnb.dot import back_edges, node_notes, pattern_routes
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, is_port, node_of
from emitnb.node import Form, Node

Route = tuple[str, str]
"""An origin and the node that listens to it."""


@dataclass(frozen=True)
class Shape:
    """What is drawn of a graph: names in reading order, and routes; ``version`` tells them apart.

    ``__entry_point`` comes first, if a node listens to it.
    """

    graph: Graph
    version: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The boxes."""
        start = (ENTRY_POINT,) if self.graph.subscribers(ENTRY_POINT) else ()
        return (*start, *(name for part in self.graph.order for name in part.members))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The edges; the origin of one may be a failure port."""
        nodes = (name for name in self.names if name != ENTRY_POINT)
        return tuple((origin, name) for name in nodes for origin in self.graph.origins(name))

    def as_dict(self) -> dict[str, Any]:
        """Return it for the wire."""
        places = {name: place for place, name in enumerate(self.names)}
        back, by_pattern = back_edges(self.graph), pattern_routes(self.graph)
        edges = [
            {
                "from": places[node_of(origin)],
                "to": places[name],
                "port": is_port(origin),
                "pattern": (origin, name) in by_pattern,
                "back": (node_of(origin), name) in back or node_of(origin) == name,
            }
            for origin, name in self.routes
        ]
        nodes = [_box(self.graph, name) for name in self.names]
        return {"version": self.version, "nodes": nodes, "edges": edges}


def kinds_of(node: Node) -> list[str]:
    """Return what sets a node apart, in words that the drawing has a look for."""
    marks: Mapping[str, bool] = {
        "entry": node.entry_point,
        "keyed": bool(node.key),
        "state": node.new_state is not None and not node.key,
        "batch": node.batch,
        "async": node.form in (Form.ASYNC, Form.ASYNC_GENERATOR),
    }
    return [kind for kind, found in marks.items() if found]


def _box(graph: Graph, name: str) -> dict[str, Any]:
    if name == ENTRY_POINT:
        return {"name": name, "fields": [], "notes": ["what is pushed"], "kinds": ["source"]}
    node = graph.nodes[name]
    return {
        "name": name,
        "fields": field_texts(node),
        "notes": node_notes(graph, name),
        "kinds": kinds_of(node),
        "revision": node.revision,
    }
