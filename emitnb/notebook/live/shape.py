"""The shape of a graph, as the widget draws it: boxes and edges, by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emitnb.declaration import field_texts
from emitnb.dot import back_edges, node_notes, pattern_routes
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, is_port, node_of
from emitnb.node import Form, Node
from emitnb.text import printable

Route = tuple[str, str]
"""An origin and the node that listens to it."""

TEXT = 200
"""Characters of a field or a note: a pattern may be of any length."""


@dataclass(frozen=True)
class Shape:
    """What is drawn of a graph: boxes in reading order, and edges; ``version`` tells them apart.

    ``names`` begin with ``__entry_point``, if a node listens to it. The origin of a route may be a
    failure port. A shape does not hold the graph, and so nothing of a router that is gone.
    """

    version: int = 0
    names: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()


def shape_of(graph: Graph, version: int) -> Shape:
    """Return the shape of a graph."""
    start = (ENTRY_POINT,) if graph.subscribers(ENTRY_POINT) else ()
    nodes = tuple(name for part in graph.order for name in part.members)
    routes = tuple((origin, name) for name in nodes for origin in graph.origins(name))
    return Shape(version, (*start, *nodes), routes)


def drawn(graph: Graph, shape: Shape) -> dict[str, Any]:
    """Return a graph and its shape for the wire."""
    places = {name: place for place, name in enumerate(shape.names)}
    back, by_pattern = back_edges(graph), pattern_routes(graph)
    edges = [
        {
            "from": places[node_of(origin)],
            "to": places[name],
            "port": is_port(origin),
            "pattern": (origin, name) in by_pattern,
            "back": (node_of(origin), name) in back,
        }
        for origin, name in shape.routes
    ]
    nodes = [_box(graph, name) for name in shape.names]
    return {"version": shape.version, "nodes": nodes, "edges": edges}


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
        "fields": [printable(text, TEXT) for text in field_texts(node)],
        "notes": [printable(note, TEXT) for note in node_notes(graph, name)],
        "kinds": kinds_of(node),
        "revision": node.revision,
    }
