"""The graph as text: a tree to read, and DOT for programs that draw.

Both start at ``__entry_point`` and take the nodes in the order of the graph. Nothing here
recurses, so a chain of a thousand nodes is drawn like one of three.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emitnb.declaration import field_texts, node_marks
from emitnb.message import ENTRY_POINT, PORT, port_of

if TYPE_CHECKING:
    from emitnb.graph import Graph

MAX_DEPTH = 10
"""Levels of a tree before it goes on at the margin, which keeps the lines of a long chain short."""

EMPTY = """\
No nodes yet. Declare the first one in a cell of its own:

%%emit_node word --entry
def words(msg):
    yield from msg.document.split()"""

ABOVE, BELOW, LOOP = "↑", "↓", "↻"
_MEANINGS = {
    ABOVE: "shown above",
    BELOW: "goes on below",
    LOOP: "closes a loop",
    PORT: "receives what fails",
}

WRONG = "#e5484d"
"""A red that reads on light and on dark."""


def tree(graph: Graph) -> str:
    """Return the graph as a tree of lines: each node below an origin that it listens to.

    A node that has several origins is in full where it comes first, and a short reference where
    it comes again. What ``__entry_point`` does not reach is at the end. ::

        __entry_point
        └─ words(word)
           ├─ shout(word)
           │  └─ count_word(word: str, count: int) · key=word
           ├─ count_word ↑
           └─ ! repair(word)

        ↑ shown above   ! receives what fails
    """
    if not graph.nodes:
        return EMPTY
    return "\n".join(_Tree(graph).lines())


def dot(graph: Graph) -> str:
    """Return the graph as DOT text, isolated nodes and ``__entry_point`` included.

    What comes from a failure port is dashed and red, with a ``!``. ::

    digraph emitnb {
      rankdir=LR;
      node [shape=box, style=rounded];
      "__entry_point" [shape=plaintext];
      "words" [label="words\\nword"];
      "__entry_point" -> "words";
    }
    """
    lines = [f"{_quoted(ENTRY_POINT)} [shape=plaintext];"]
    for name, node in graph.nodes.items():
        parts = [name, ", ".join(field_texts(node)), *node_notes(graph, name)]
        label = "\n".join(filter(None, parts))
        lines.append(f"{_quoted(name)} [label={_quoted(label)}];")
    loops = back_edges(graph)
    for origin in (ENTRY_POINT, *graph.nodes):
        for name in graph.subscribers(origin):
            style = " [style=dashed]" if (origin, name) in loops else ""
            lines.append(f"{_quoted(origin)} -> {_quoted(name)}{style};")
        look = f'[style=dashed, color="{WRONG}", fontcolor="{WRONG}", label="{PORT}"]'
        listeners = graph.subscribers(port_of(origin))
        lines += [f"{_quoted(origin)} -> {_quoted(name)} {look};" for name in listeners]
    body = "".join(f"  {line}\n" for line in lines)
    return f"digraph emitnb {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n{body}}}\n"


def back_edges(graph: Graph) -> set[tuple[str, str]]:
    """Return the routes (origin, node) that close a loop; without them the graph has none.

    Which route of a loop that is depends on where the walk comes in: from ``__entry_point``, then
    from the nodes it does not reach, in the order of the graph.
    """
    seen: set[str] = set()
    return {route for root in _roots(graph) for route in _closing_routes(graph, root, seen)}


def pattern_routes(graph: Graph) -> set[tuple[str, str]]:
    """Return the routes (origin, node) that only a pattern gives: no name, and no entry flag.

    An origin may be a port, as in ``("parse!", "repair")``.
    """
    return {(origin, name) for name in graph.nodes for origin in _by_pattern(graph, name)}


def node_notes(graph: Graph, name: str) -> list[str]:
    """Return what else is worth a word about a node: options, revision, origins it waits for."""
    node = graph.nodes[name]
    notes = node_marks(node)
    if node.revision > 1:
        notes.append(f"revision {node.revision}")
    missing = [str(wanted) for wanted in node.subscriptions if not graph.matched(wanted, node)]
    return [*notes, f"waits for {', '.join(missing)}"] if missing else notes


def _by_pattern(graph: Graph, name: str) -> Iterator[str]:
    node = graph.nodes[name]
    if all(wanted.is_name for wanted in node.subscriptions):
        return
    named = {ENTRY_POINT} if node.entry_point else set()
    for wanted in node.subscriptions:
        if wanted.is_name:
            named.update(graph.matched(wanted, node))
    yield from (origin for origin in graph.origins(name) if origin not in named)


def _roots(graph: Graph) -> Iterator[str]:
    """Yield where to start walking: ``__entry_point``, nodes without an origin, then the rest."""
    yield ENTRY_POINT
    members = [name for part in graph.order for name in part.members]
    yield from sorted(members, key=lambda name: bool(graph.origins(name)))


def _closing_routes(graph: Graph, root: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    if root in seen:
        return
    seen.add(root)
    path = {root: iter(graph.listeners(root))}
    while path:
        origin, ahead = next(reversed(path.items()))
        name = next(ahead, None)
        if name is None:
            del path[origin]
        elif name in path:
            yield origin, name
        elif name not in seen:
            seen.add(name)
            path[name] = iter(graph.listeners(name))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class _Tree:
    """One drawing: what it has shown in full, and what is left to go on with at the margin."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.loops = back_edges(graph)
        self.shown: set[str] = set()
        self.postponed: dict[str, None] = {}
        self.signs: set[str] = set()

    def lines(self) -> list[str]:
        lines = [*self.from_root(ENTRY_POINT)]
        missed = [name for name in _roots(self.graph) if name not in self.shown]
        if missed:
            lines += ["", f"not reached from {ENTRY_POINT}:"]
        for name in missed:
            lines += self.from_root(name)
        if self.signs:
            legend = [f"{sign} {text}" for sign, text in _MEANINGS.items() if sign in self.signs]
            lines += ["", "   ".join(legend)]
        return lines

    def from_root(self, root: str) -> Iterator[str]:
        """Yield all that is below ``root``, in as many sections as its depth needs."""
        if root in self.shown:
            return
        yield from self.section(root)
        while self.postponed:
            name = next(iter(self.postponed))
            del self.postponed[name]
            if name not in self.shown:
                yield ""
                yield from self.section(name)

    def section(self, root: str) -> Iterator[str]:
        """Yield the tree below ``root``, down to ``MAX_DEPTH``."""
        self.shown.add(root)
        yield self.label(root)
        stack = [("", root, self.routes(root))]
        while stack:
            indent, origin, rest = stack[-1]
            if not rest:
                stack.pop()
                continue
            mark, name = rest.pop(0)
            sign = self.sign(origin, name, len(stack))
            self.signs.update(mark.strip())
            text = f"{name} {sign}" if sign else self.label(name)
            yield f"{indent}{'├─' if rest else '└─'} {mark}{text}"
            if not sign:
                self.shown.add(name)
                inner = indent + ("│  " if rest else "   ")
                stack.append((inner, name, self.routes(name)))

    def routes(self, origin: str) -> list[tuple[str, str]]:
        """Return who listens to a node, each with a mark: those to its port come last."""
        emissions = [("", name) for name in self.graph.subscribers(origin)]
        return emissions + [(f"{PORT} ", n) for n in self.graph.subscribers(port_of(origin))]

    def sign(self, origin: str, name: str, depth: int) -> str:
        """Return the sign of a node that is not drawn in full here, or "" for one that is."""
        sign = ""
        if (origin, name) in self.loops:
            sign = LOOP
        elif name in self.shown:
            sign = ABOVE
        elif depth >= MAX_DEPTH and self.graph.listeners(name):
            sign = BELOW
            self.postponed[name] = None
        self.signs.update(sign)
        return sign

    def label(self, name: str) -> str:
        if name == ENTRY_POINT:
            return name if self.graph.subscribers(name) else f"{name} (no node listens to it)"
        fields = _listed(field_texts(self.graph.nodes[name]))
        return " · ".join([f"{name}({fields})", *node_notes(self.graph, name)])


def _listed(texts: list[str], most: int = 6) -> str:
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return ", ".join(texts[:most] + more)
