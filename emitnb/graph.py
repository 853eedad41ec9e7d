"""The graph: an immutable value of nodes, from which routes and their order follow.

``graph.with_node(node)`` checks and returns a new graph; nothing is ever half registered. Routes
are not stored: they are resolved from the subscriptions when somebody asks, once for each graph,
so that declaring costs the same however many nodes there are and whatever order they come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from emitnb.errors import DeclarationError, UnknownNodeError, did_you_mean
from emitnb.fields import fields_read
from emitnb.message import (
    ENTRY_POINT,
    PORT_FIELDS,
    Message,
    is_port,
    node_of,
    port_of,
    renamed_origin,
)
from emitnb.node import Node
from emitnb.subscription import Subscription, is_name
from emitnb.text import listed
from emitnb.topology import Component, in_order


@dataclass(frozen=True)
class Graph:
    """Nodes by name, in the order in which they were first declared.

    ``past`` remembers the latest node of every name ever declared, so that a removed node that
    comes back goes on counting its revisions.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    past: Mapping[str, Node] = field(default_factory=dict)
    message_class: type[Message] = Message

    # -- changing ---------------------------------------------------------------------------

    def with_node(self, node: Node) -> Graph:
        """Return the graph in which ``node`` stands, new or in place of its namesake.

        Raises DeclarationError if its key or predicate reads a field that an origin does not have.
        """
        return self.with_nodes([node])

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """Return the graph in which all these nodes stand; each is checked among the others.

        Raises DeclarationError, as for one.
        """
        counted = {node.name: self._counted(node) for node in nodes}
        graph = replace(self, nodes={**self.nodes, **counted}, past={**self.past, **counted})
        for node in counted.values():
            if node.key or node.when is not None:
                _check_fields_read(graph, node)
        return graph

    def _counted(self, node: Node) -> Node:
        """Return a node with the revision that it has here."""
        last = self.past.get(node.name)
        revision = 1 if last is None else last.revision
        if last is not None and last.fingerprint != node.fingerprint:
            revision += 1
        return node if node.revision == revision else replace(node, revision=revision)

    def without(self, name: str) -> Graph:
        """Return the graph without a node; subscriptions to it stay, and match nothing."""
        gone = self.find(name)
        return replace(self, nodes={k: v for k, v in self.nodes.items() if k != gone})

    def renamed(self, old: str, new: str) -> Graph:
        """Return the graph with a node renamed; subscriptions by its name follow."""
        old = self.find(old)
        if new in self.nodes or new == ENTRY_POINT or not is_name(new):
            problem = "is taken" if new in self.nodes else "is not a valid name"
            raise DeclarationError(f"cannot rename {old}: {new!r} {problem}; choose another name")
        nodes = {}
        for name, node in self.nodes.items():
            node = replace(
                node,
                subscriptions=self._follow(node.subscriptions, old, new),
                ignores=self._follow(node.ignores, old, new),
            )
            nodes[new if name == old else name] = replace(node, name=new if name == old else name)
        return replace(self, nodes=nodes, past={**self.past, new: nodes[new]})

    def with_subscriptions(
        self, name: str, added: Iterable[Subscription], ignored: Iterable[Subscription] = ()
    ) -> Graph:
        """Return the graph in which a node also subscribes to ``added`` and ignores ``ignored``."""
        node = self.nodes[self.find(name)]
        added = tuple(added)
        return self.with_node(
            replace(
                node,
                subscriptions=tuple(dict.fromkeys((*node.subscriptions, *added))),
                ignores=tuple(
                    dict.fromkeys((*(s for s in node.ignores if s not in added), *ignored))
                ),
            )
        )

    def without_subscription(self, name: str, gone: Subscription) -> Graph:
        """Return the graph in which a node no longer gets anything through ``gone``.

        A subscription of that text is taken away; what still comes through a wider pattern is
        ignored. Raises DeclarationError where nothing came that way.
        """
        node = self.nodes[self.find(name)]
        reached = self.origins_through(gone, node.name)
        if not reached and gone not in node.subscriptions:
            origins = ", ".join(self.origins(node.name)) or "nothing"
            raise DeclarationError(
                f"{node.name} does not subscribe to {gone}; it subscribes to {origins}"
            )
        kept = tuple(s for s in node.subscriptions if s != gone)
        entry = node.entry_point and not gone.matches(ENTRY_POINT)
        graph = self.with_node(replace(node, subscriptions=kept, entry_point=entry))
        if graph.origins_through(gone, node.name):
            graph = graph.with_subscriptions(node.name, (), (gone,))
        return graph

    # -- asking -----------------------------------------------------------------------------

    def find(self, name: str) -> str:
        """Return the full name of the node that ``name`` means: its own, or short and unambiguous.

        Raises UnknownNodeError, with the nearest name there is.
        """
        name = getattr(name, "name", name)  # a declared function stands for its node
        found = self._named(str(name).removeprefix("__main__."))
        found = () if is_port(str(name)) else found
        if len(found) == 1 and found[0] != ENTRY_POINT:
            return found[0]
        if found and found[0] != ENTRY_POINT:
            raise UnknownNodeError(f"`{name}` may be {' or '.join(found)}; write the whole name")
        hint = did_you_mean(str(name), [*self.nodes, *self._by_short_name])
        known = "" if hint else f" Nodes: {listed(list(self.nodes), 10) or 'none yet'}."
        raise UnknownNodeError(f"no node is named `{name}`.{hint}{known}")

    def origins(self, name: str) -> tuple[str, ...]:
        """Return the origins a node receives from, in the order of the graph."""
        return self._routes[name]

    def origins_through(self, wanted: Subscription, name: str) -> list[str]:
        """Return those of a node's origins that one subscription takes in."""
        return [origin for origin in self.origins(name) if self._takes(wanted, origin)]

    def subscribers(self, origin: str) -> tuple[str, ...]:
        """Return the nodes that receive what ``origin`` emits, in the order of the graph."""
        return self._subscribers.get(origin, ())

    def listeners(self, name: str) -> tuple[str, ...]:
        """Return the nodes that receive from a node or from its port."""
        both = (*self.subscribers(name), *self.subscribers(port_of(name)))
        return tuple(dict.fromkeys(both))

    def descendants(self, name: str) -> tuple[str, ...]:
        """Return the nodes that what comes of ``name`` can reach, without itself, nearest first."""
        found = dict.fromkeys([name])
        for reached in (waiting := [name]):
            new = [other for other in self.listeners(reached) if other not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return tuple(found)[1:]

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """Return nodes and all that what they emit can reach."""
        known = [name for name in names if name in self.nodes]
        return frozenset(known).union(*(self.descendants(name) for name in known))

    def runs_alike(self, other: Graph, names: Iterable[str]) -> bool:
        """Whether these nodes are the same and read from the same origins in both graphs."""
        return all(
            name in self.nodes
            and name in other.nodes
            and self.nodes[name].revision == other.nodes[name].revision
            and self.origins(name) == other.origins(name)
            for name in names
        )

    def resolve(self, node: Node) -> dict[str, None]:
        """Return the origins that a node's subscriptions mean now, unordered."""
        origins = dict.fromkeys([ENTRY_POINT] if node.entry_point else [])
        for wanted in node.subscriptions:
            origins |= dict.fromkeys(self.matched(wanted, node))
        for ignored in node.ignores:
            for origin in [o for o in origins if self._takes(ignored, o)]:
                del origins[origin]
        return origins

    def matched(self, wanted: Subscription, node: Node) -> list[str]:
        """Return what one subscription of ``node`` matches now."""
        if wanted.is_name:
            found = self._named(wanted.text)
            return list(found) if len(found) == 1 else []
        ports = map(port_of, self.nodes) if wanted.takes_ports else ()
        names = (ENTRY_POINT, *self.nodes, *ports)
        return [name for name in names if node_of(name) != node.name and self._takes(wanted, name)]

    def ambiguous(self, text: str) -> tuple[str, ...]:
        """Return the full names a short name may mean, where there are several."""
        found = self._named(text)
        return found if len(found) > 1 else ()

    @cached_property
    def order(self) -> tuple[Component, ...]:
        """The nodes in topological order, ties by declaration order, loops taken as one."""
        origins = {name: map(node_of, found) for name, found in self._resolved.items()}
        return tuple(in_order(list(self.nodes), origins))

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The place of each node's component in the order; ``__entry_point`` is -1."""
        ranks = {name: rank for rank, part in enumerate(self.order) for name in part.members}
        return {ENTRY_POINT: -1, **ranks}

    @cached_property
    def _resolved(self) -> dict[str, dict[str, None]]:
        return {name: self.resolve(node) for name, node in self.nodes.items()}

    @cached_property
    def _routes(self) -> dict[str, tuple[str, ...]]:
        place = {ENTRY_POINT: -1}
        for part in self.order:
            place.update({name: len(place) + i for i, name in enumerate(part.members)})
        return {
            name: tuple(sorted(origins, key=lambda origin: (place[node_of(origin)], origin)))
            for name, origins in self._resolved.items()
        }

    @cached_property
    def _subscribers(self) -> dict[str, tuple[str, ...]]:
        subscribers: dict[str, list[str]] = {}
        for part in self.order:
            for name in part.members:
                for origin in self._resolved[name]:
                    subscribers.setdefault(origin, []).append(name)
        return {origin: tuple(names) for origin, names in subscribers.items()}

    @cached_property
    def _by_short_name(self) -> dict[str, tuple[str, ...]]:
        """Full names by each of their endings after a dot."""
        endings: dict[str, list[str]] = {}
        for name in self.nodes:
            parts = name.split(".")
            for start in range(1, len(parts)):
                endings.setdefault(".".join(parts[start:]), []).append(name)
        return {ending: tuple(names) for ending, names in endings.items()}

    def _named(self, text: str) -> tuple[str, ...]:
        if is_port(text):
            return tuple(map(port_of, self._named(node_of(text))))
        if text in self.nodes or text == ENTRY_POINT:
            return (text,)
        return self._by_short_name.get(text, ())

    def _takes(self, wanted: Subscription, name: str) -> bool:
        if wanted.is_name:
            return self._named(wanted.text) == (name,)
        return wanted.matches(name) or ("." in name and wanted.matches(name.rpartition(".")[2]))

    def _follow(
        self, subscriptions: tuple[Subscription, ...], old: str, new: str
    ) -> tuple[Subscription, ...]:
        return tuple(
            Subscription(renamed_origin(found[0], old, new))
            if s.is_name and (found := self._named(s.text)) in ((old,), (port_of(old),))
            else s
            for s in subscriptions
        )


def _check_fields_read(graph: Graph, node: Node) -> None:
    wanted = [("key", name) for name in node.key]
    if node.when is not None:
        read = sorted(fields_read(node.when))
        wanted += [("when", name) for name in read if not hasattr(graph.message_class, name)]
    for origin in graph.resolve(node):
        if origin == ENTRY_POINT:
            continue
        emitted = tuple(PORT_FIELDS) if is_port(origin) else graph.nodes[origin].fields
        for option, name in wanted:
            if name not in emitted:
                raise DeclarationError(
                    f"{node.name}: {option} reads the field `{name}`, which {origin} does not emit."
                    f"{did_you_mean(name, emitted)} "
                    f"{origin} emits {', '.join(emitted) or 'no fields'}"
                )
