"""What a declaration did to the graph, in a few short lines."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emitnb.errors import did_you_mean
from emitnb.fields import type_name
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, is_port, port_of
from emitnb.node import Form, Node
from emitnb.text import listed, one_line

PREDICATE = 40
"""Characters of a predicate that are shown."""


@dataclass(frozen=True)
class Declaration:
    """The outcome of declaring a node; ``str()`` gives the lines a notebook shows."""

    node: Node
    is_new: bool
    origins: tuple[str, ...]
    subscribers: tuple[str, ...]
    port_subscribers: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        node = self.node
        head = f"{node.name}({', '.join(field_texts(node))})"
        marks = [*node_marks(node)]
        if not self.is_new:
            marks.insert(0, f"revision {node.revision}")
        lines = [" · ".join([head, *marks])]
        if self.origins:
            lines.append(f"  receives from  {_listed(self.origins)}")
        if self.subscribers:
            lines.append(f"  emits to       {_listed(self.subscribers)}")
        if self.port_subscribers:
            lines.append(f"  failures go to {_listed(self.port_subscribers)}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    __repr__ = __str__


def describe(
    graph: Graph, name: str, is_new: bool = True, notes: tuple[str, ...] = ()
) -> Declaration:
    """Return where ``name`` stands in a graph, and what about it deserves a note."""
    node = graph.nodes[name]
    return Declaration(
        node=node,
        is_new=is_new,
        origins=graph.origins(name),
        subscribers=graph.subscribers(name),
        port_subscribers=graph.subscribers(port_of(name)),
        notes=(*_notes(graph, node), *notes),
    )


def state_notes(before: Node, node: Node, has_state: bool) -> tuple[str, ...]:
    """Say what becomes of the state that a node had before it was declared again."""
    if not has_state:
        return ()
    if not node.keeps_state_of(before):
        return ("its state starts afresh: the key or the kind of state is another",)
    if node.revision != before.revision:
        forget = "router.clear() (%emit_reset --keep-graph)"
        return (f"it goes on with the state it has; {forget} forgets all states",)
    return ()


def field_texts(node: Node) -> list[str]:
    """Return the fields as ``word`` or ``count: int``."""
    return [f"{f}: {type_name(node.types[f])}" if f in node.types else f for f in node.fields]


def node_marks(node: Node) -> list[str]:
    """Return the options that shape what a node does, as ``key=word`` or ``batch``."""
    marks = [f"key={','.join(node.key)}"] if node.key else []
    if node.new_state is not None and not node.key:
        marks.append("state")
    if node.when is not None:
        predicate = _predicate(node.when)
        marks.append(f"when {predicate}" if predicate else "when")
    if node.batch:
        marks.append("batch")
    if node.form in (Form.ASYNC, Form.ASYNC_GENERATOR):
        marks.append("async")
    return marks


def _predicate(when: Callable[..., Any]) -> str:
    """What a predicate is called; of a lambda, what it returns, if its file is at hand."""
    name = getattr(when, "__name__", "")
    if name != "<lambda>":
        return name
    code = when.__code__
    # What Python knows of each instruction: together they are what stands behind the colon.
    places = [
        (line, start, last, end)
        for line, last, start, end in code.co_positions()
        if line and last and start is not None and end
    ]
    if not places:
        return ""
    first, start = min(place[:2] for place in places)
    last, end = max(place[2:] for place in places)
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(first, last + 1)]
    lines[-1] = lines[-1][:end]  # columns are counted in bytes
    lines[0] = lines[0][start:]
    text = b"".join(lines).decode(errors="replace")
    if first < last:  # without comments
        text = ast.unparse(ast.parse(f"({text})", mode="eval"))
    return one_line(text, PREDICATE)


def _notes(graph: Graph, node: Node) -> list[str]:
    notes = [
        f"{wanted} matches nothing yet.{_hint(graph, node, wanted.text)}"
        for wanted in node.subscriptions
        if not graph.matched(wanted, node)
    ]
    if not graph.origins(node.name):
        notes.append("receives nothing: subscribe it to a node, or make it an entry point")
    part = graph.order[graph.ranks[node.name]]
    if part.is_loop:
        notes.append(f"a cycle: {' -> '.join((*part.members, part.members[0]))}")
    notes += _broken_keys(graph, node)
    return notes


def _hint(graph: Graph, node: Node, text: str) -> str:
    candidates = graph.ambiguous(text)
    if candidates:
        return f" It may be {' or '.join(candidates)}: write the whole name"
    others = [name for name in graph.nodes if name != node.name]
    return did_you_mean(text, map(port_of, others) if is_port(text) else others)


def _broken_keys(graph: Graph, node: Node) -> list[str]:
    """Subscribers whose key this node no longer emits: legal, since their cells may change next."""
    notes = []
    for name in graph.subscribers(node.name):
        missing = [field for field in graph.nodes[name].key if field not in node.fields]
        if missing:
            notes.append(f"{name} has key {', '.join(missing)}, which {node.name} does not emit")
    return notes


def _listed(names: tuple[str, ...], most: int = 6) -> str:
    return listed(["pushed data" if name == ENTRY_POINT else name for name in names], most)
