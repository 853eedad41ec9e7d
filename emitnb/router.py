"""The router: the live object that holds the graph, takes data in and keeps what came out.

It owns no algorithm. It holds one graph, one ledger and one backend, and each method says which
of them does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from os import PathLike
from types import ModuleType
from typing import Any

from emitnb import fields as field_specs
from emitnb import node as nodes_module
from emitnb import subscription
from emitnb.backends.pickling import send_whole
from emitnb.calling import NodeFunction, statement_place
from emitnb.declaration import describe, state_notes
from emitnb.dot import dot, tree
from emitnb.errors import DeclarationError, EmitError
from emitnb.exporting import Exporter
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.loading import module_of, without_loaded
from emitnb.message import Message
from emitnb.node import Node, Options
from emitnb.text import counted


class Router(Exporter):
    """Holds a graph of nodes, pushes data through it, and keeps what the nodes emit.

    Parameters
    ----------
    message_class : a subclass of :class:`emitnb.Message`, base of all messages of this router
    node_modules : names of modules that declare nodes; imported on first use
    node_package : the package that relative names in ``node_modules`` start from
    home : the module whose nodes are named after their function alone, as those of ``__main__``
        are: ``Router(home=__name__)``. On a cluster all that it defines travels with its nodes

    ``max_failures`` (default 1,000) failures in a row in one node stop a run. ``hop_limit``
    (default 1,000) is how many waves a loop may run for one pushed message.

    >>> router = Router()
    >>> @router.node(("word",), entry_point=True, name="words")
    ... def words(msg):
    ...     yield from msg.document.split()
    >>> run = router.push(["the rain in Spain", "stays mainly in the plain"])
    >>> router.frame("words")["word"].value_counts().head(2).to_dict()
    {'the': 2, 'in': 2}
    """

    def __init__(
        self,
        message_class: type[Message] | None = None,
        node_modules: Iterable[str] | None = None,
        node_package: str | None = None,
        *,
        home: str | None = None,
    ) -> None:
        base = Message if message_class is None else message_class
        if not (isinstance(base, type) and issubclass(base, Message)):
            raise DeclarationError(
                f"message_class is {base!r}; give a class that inherits from emitnb.Message"
            )
        if not (home is None or isinstance(home, str)):
            raise DeclarationError(f"home is {home!r}; give the name of a module: home=__name__")
        super().__init__(base)
        self._home = home
        modules = [node_modules] if isinstance(node_modules, str) else node_modules
        self._waiting_modules = tuple(modules or ())
        self._package = node_package
        self._loaded: dict[str, tuple[object, Callable[..., Any]]] = {}

    # -- the graph --------------------------------------------------------------------------

    def node(
        self,
        fields: field_specs.Spec,
        subscribe_to: subscription.Spec = None,
        entry_point: bool = False,
        ignore: subscription.Spec = None,
        *,
        name: str | None = None,
        key: str | Iterable[str] | None = None,
        when: Callable[[Any], Any] | None = None,
        batch: bool = False,
        fingerprint: str | None = None,
        retries: int = 0,
        backoff: float = 0.0,
        timeout: float | None = None,
        resources: Mapping[str, float] | None = None,
        workers: str | Iterable[str] | None = None,
        priority: int = 0,
        allow_shared: bool = False,
    ) -> Callable[[Callable[..., Any]], NodeFunction]:
        """Decorate a function, async function, class with ``__call__`` or instance as a node.

        Declaring a name again replaces the node whole. The declaration is checked first: one that
        fails leaves the graph as it was.

        Parameters
        ----------
        fields : names of what it emits: names, ``{name: type}``, one name, a dataclass or Struct
        subscribe_to : names or regular expressions of the nodes whose emissions it receives
        entry_point : whether it receives what is pushed into the router
        ignore : names or regular expressions to take away from ``subscribe_to``
        name : the node's name, instead of the function's
        key : field or fields; with a second parameter ``state``, one state is kept for each value
        when : predicate; messages for which it is false are dropped
        batch : the function takes a DataFrame of messages and returns a DataFrame with the fields
            (index: the input rows), or a dict of arrays
        fingerprint : text that stands for the node's code, if its own bytecode does not
        retries : how many more times a message that fails is tried before it is a failure
        backoff : seconds to wait before the second try, twice as long before each further one,
            up to a minute
        timeout : seconds that one try may take, or it fails with a TimeoutError; for async
            functions alone, which can be stopped where they await
        resources, workers, priority : on a cluster, what a worker must offer (``{"GPU": 1}``),
            the addresses or names of the only workers, and which tasks go first (the highest)
        allow_shared : let it change what it captured on a cluster too, each worker its own copy

        Raises DeclarationError, naming the node.
        """
        options = Options(
            fields,
            subscribe_to,
            entry_point,
            ignore,
            name,
            key,
            when,
            batch,
            fingerprint,
            retries,
            resources,
            workers,
            priority,
            allow_shared,
            backoff,
            timeout,
        )

        def declare(function: Callable[..., Any]) -> NodeFunction:
            made = nodes_module.declare(function, options, self._graph.message_class, self._home)
            node = replace(made, declared_at=statement_place())
            is_new = node.name not in self._graph.past
            (node, notes) = self._take([node], self._graph)[0]
            return NodeFunction(
                function,
                node.name,
                self._call_node,
                lambda: describe(self._graph, node.name, is_new, notes),
            )

        return declare

    def load(self, source: str | PathLike[str] | ModuleType | Router) -> tuple[str, ...]:
        """Take in the nodes of a module's router, or of another router; return their names.

        They are as they were declared there: functions, fields, subscriptions, options. What they
        read is the module's own, never a variable of the notebook. Loaded again, a module runs
        again if it is given by name or file; a node that changed has a new revision, and one that
        is gone there goes here. All is checked first: what fails leaves the graph as it was.

        Parameters
        ----------
        source : the name of a module that can be imported from here (``"wordcount"``), its file
            (``"graphs/wordcount.py"``), the module itself, or a router

        Raises DeclarationError where a node of that name is here already that did not come from
        there; EmitError where there is no such module, or no router in it.

        >>> theirs, router = Router(), Router()
        >>> @theirs.node("word", entry_point=True, name="words")
        ... def words(msg):
        ...     yield from msg.document.split()
        >>> router.load(theirs)
        ('words',)
        """
        __tracebackhide__ = True
        module = module_of(source) if isinstance(source, str | PathLike) else source
        theirs = getattr(module, "router", None) if isinstance(module, ModuleType) else module
        if not isinstance(theirs, Router) or theirs is self:
            raise EmitError(
                f"{getattr(module, '__name__', repr(module))} has no router of its own to load; "
                "name a module that says `router = Router(home=__name__)`"
            )
        origin = module.__name__ if isinstance(module, ModuleType) else theirs
        nodes = list(theirs.graph.nodes.values())
        graph = without_loaded(self.graph, self._loaded, origin, theirs.graph)
        if isinstance(module, ModuleType):
            # Workers would import it as its file was the first time.
            send_whole(module.__name__)
        self._take(nodes, graph)
        self._loaded |= {node.name: (origin, node.function) for node in nodes}
        return tuple(node.name for node in nodes)

    def subscribe(self, node: str, pattern: subscription.Spec, *, from_start: bool = False) -> None:
        """Let ``node`` also receive what matches ``pattern`` (a name, a regex, or several).

        With ``from_start`` it is replayed at once, and has all that it would have received.
        """
        self._graph = self.graph.with_subscriptions(node, subscription.subscriptions(pattern, node))
        if from_start:
            self.replay(node)

    def unsubscribe(self, node: str, pattern: subscription.Spec) -> None:
        """Let ``node`` no longer receive what matches ``pattern``, however it came."""
        graph = self.graph
        for gone in subscription.subscriptions(pattern, node):
            graph = graph.without_subscription(node, gone)
        self._graph = graph

    def rename(self, old: str, new: str) -> None:
        """Rename a node; its emissions, failures and state, and subscriptions by name, follow."""
        old = self.graph.find(old)
        renamed = self.graph.renamed(old, new)
        if new in self._ledger.log.tracks:
            raise DeclarationError(
                f"cannot rename {old}: {new!r} is taken by what a removed node of that name "
                "emitted; choose another name, or forget all emissions with clear()"
            )
        self._graph = renamed
        self._store.change(lambda ledger: ledger.renamed(old, new))
        self._logs.rename(old, new)

    def remove(self, node: str) -> None:
        """Remove a node. What it emitted stays; subscriptions to it match nothing for now."""
        self._graph = self.graph.without(node)

    def add_entry_point(self, node: str) -> None:
        """Let ``node`` receive what is pushed into the router."""
        declared = self.graph.nodes[self.graph.find(node)]
        self._graph = self.graph.with_node(replace(declared, entry_point=True))

    def get_name(self, function: Callable[..., Any]) -> str:
        """Return the name that ``function`` has, or would have, as a node."""
        return (
            function.name
            if isinstance(function, NodeFunction)
            else nodes_module.node_name(function, self._home)
        )

    @property
    def graph(self) -> Graph:
        """The graph as it is now: an immutable value."""
        self.resolve_node_modules()
        return self._graph

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The nodes by name, in the order of declaration."""
        return self.graph.nodes

    def dot(self) -> str:
        """Return the graph as DOT text, isolated nodes included."""
        return dot(self.graph)

    def __str__(self) -> str:
        return tree(self.graph)

    def __repr__(self) -> str:
        count = len(self._graph.nodes)
        return f"<Router: {counted(count, 'node')}, {self._backend.name}>"

    def resolve_node_modules(self) -> None:
        """Import the modules given to the constructor, once. Called by itself on first use."""
        waiting, self._waiting_modules = self._waiting_modules, ()  # nodes ask while they declare
        try:
            for module in waiting:
                import_module(module, self._package)
        except BaseException:
            self._waiting_modules = waiting  # mended, it is imported the next time
            raise

    def _take(self, nodes: Sequence[Node], graph: Graph) -> list[tuple[Node, tuple[str, ...]]]:
        """Let nodes stand in ``graph``, which becomes the graph; return them with their notes."""
        earlier = [graph.past.get(node.name, node) for node in nodes]
        graph = graph.with_nodes(nodes)
        nodes = [graph.nodes[node.name] for node in nodes]
        common = self._backend.check(nodes)
        self._graph = graph
        notes = []
        for before, node in zip(earlier, nodes, strict=True):
            notes.append((*common, *state_notes(before, node, node.name in self._ledger.states)))
            if node.revision != before.revision or not node.keeps_state_of(before):
                self._declared(before, node)
        # A live replay may follow: not before all nodes are the new ones.
        return [
            (node, (*noted, *self._after_change(node.name)))
            for node, noted in zip(nodes, notes, strict=True)
        ]

    def _declared(self, before: Node, node: Node) -> None:
        descendants = self._graph.descendants(node.name)
        self._store.change(lambda ledger: ledger.declared(before, node, descendants))

    # -- forgetting -------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget emissions, failures, figures and states; keep the graph."""
        self._store.change(Ledger.cleared)
        self._logs.clear()

    def reset(self) -> None:
        """Forget everything: the graph too. Runs that are not over are cancelled."""
        self._register.forget()
        self._graph = Graph(message_class=self._graph.message_class)
        self.clear()
