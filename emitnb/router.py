"""The router: the live object that holds the graph, takes data in and keeps what came out.

It owns no algorithm. It holds one graph, one ledger and one backend, and each method says which
of them does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal

from emitnb import fields as field_specs
from emitnb import node as nodes_module
from emitnb import subscription
from emitnb.backends import Backend
from emitnb.backends.memory import Memory
from emitnb.calling import NodeFunction, one_message, results_of
from emitnb.declaration import describe, state_notes
from emitnb.dot import dot, tree
from emitnb.errors import DeclarationError, EmitError, SourceError
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, Message
from emitnb.node import Node, Options
from emitnb.plan import HOP_LIMIT, Plan, make_plan
from emitnb.process import Outcome
from emitnb.reading import Reader
from emitnb.run import OnError, Run, first_failure
from emitnb.sources import open_source
from emitnb.table import Table


class Router(Reader):
    """Holds a graph of nodes, pushes data through it, and keeps what the nodes emit.

    Parameters
    ----------
    message_class : a subclass of :class:`emitnb.Message`, base of all messages of this router
    node_modules : names of modules that declare nodes; imported on first use
    node_package : the package that relative names in ``node_modules`` start from

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
    ) -> None:
        base = Message if message_class is None else message_class
        if not (isinstance(base, type) and issubclass(base, Message)):
            raise DeclarationError(
                f"message_class is {base!r}; give a class that inherits from emitnb.Message"
            )
        self.max_failures = 1_000
        self.hop_limit = HOP_LIMIT
        self.run: Run | None = None
        self._graph = Graph(message_class=base)
        super().__init__()
        self._backend: Backend = Memory()
        self._routing = True
        modules = [node_modules] if isinstance(node_modules, str) else node_modules
        self._waiting_modules = tuple(modules or ())
        self._package = node_package
        self._planned: tuple[Graph, str | None, int, Plan] | None = None

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
        when: Callable[[Message], Any] | None = None,
        batch: bool = False,
        fingerprint: str | None = None,
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

        Raises DeclarationError, naming the node.
        """
        options = Options(
            fields, subscribe_to, entry_point, ignore, name, key, when, batch, fingerprint
        )

        def declare(function: Callable[..., Any]) -> NodeFunction:
            node = nodes_module.declare(function, options, self._graph.message_class)
            is_new = node.name not in self._graph.past
            before = self._graph.past.get(node.name, node)
            self._graph = self._graph.with_node(node)
            node = self._graph.nodes[node.name]
            notes = state_notes(before, node, node.name in self._ledger.states)
            if node.revision != before.revision or not node.keeps_state_of(before):
                descendants = self._graph.descendants(node.name)
                self._store.change(lambda ledger: ledger.declared(before, node, descendants))
            return NodeFunction(
                function,
                node.name,
                self._call_node,
                lambda: describe(self._graph, node.name, is_new, notes),
            )

        return declare

    def subscribe(self, node: str, pattern: subscription.Spec) -> None:
        """Let ``node`` also receive what matches ``pattern`` (a name, a regex, or several)."""
        self._graph = self.graph.with_subscriptions(node, subscription.subscriptions(pattern, node))

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
            else nodes_module.node_name(function)
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
        return f"<Router: {count} node{'s' if count != 1 else ''}, {self._backend.name}>"

    def resolve_node_modules(self) -> None:
        """Import the modules given to the constructor, once. Called by itself on first use."""
        waiting, self._waiting_modules = self._waiting_modules, ()  # nodes ask while they declare
        try:
            for module in waiting:
                import_module(module, self._package)
        except BaseException:
            self._waiting_modules = waiting  # mended, it is imported the next time
            raise

    # -- routing ----------------------------------------------------------------------------

    def disable_routing(self) -> None:
        """Let nodes that are called directly route and record nothing; for tests of functions."""
        self._routing = False

    def enable_routing(self) -> None:
        """Undo :meth:`disable_routing`."""
        self._routing = True

    @contextmanager
    def routing_disabled(self) -> Iterator[None]:
        """Disable routing in a ``with`` block."""
        before, self._routing = self._routing, False
        try:
            yield
        finally:
            self._routing = before

    # -- data in ----------------------------------------------------------------------------

    def __call__(self, **fields: Any) -> None:
        """Push one message to every entry point. What a node raises is raised here."""
        __tracebackhide__ = True
        self.resolve_node_modules()
        if self._routing:
            self._push_one(one_message(ENTRY_POINT, fields, self._graph.message_class), None)

    def push(
        self,
        source: Any,
        *,
        to: str | None = None,
        limit: int | None = None,
        batch_size: int | Literal["auto"] = "auto",
        on_error: OnError = "collect",
        progress: bool | Callable[[Run], Any] | None = None,
        field: str = "document",
        lines: bool = False,
    ) -> Run:
        """Push data through the graph, batch by batch, and return the finished run.

        Parameters
        ----------
        source : a dict; an iterable, generator or async iterator of dicts, messages or plain
            values; a DataFrame; a dask bag or dataframe; or a path or glob of .txt (one message
            a file), .csv, .jsonl or .parquet files, also .gz. Read as it is needed.
        to : the only node to push to, instead of all entry points
        limit : the largest number of messages to push
        batch_size : messages a batch; it never shows in the result
        on_error : ``"collect"`` keeps failing messages for :meth:`failures` and goes on;
            ``"stop"`` raises at the first, with its batch not committed
        progress : show a bar (None: after a second), or a function called with the run after
            each batch
        field : the field that plain values and lines of text fill
        lines : whether files are read as text, one message a line

        Raises SourceError for data that cannot be read, RunStoppedError when the run stops before
        its end, and RunInterrupted (a KeyboardInterrupt). The last two carry ``run``, which is
        also ``router.run``: its ``resume()`` goes on where it stopped.
        """
        self.resolve_node_modules()
        target = None if to is None else self._graph.find(to)
        _check_push(batch_size, on_error)
        self._checked_plan(target)
        self.run = Run(
            open_source(source, field=field, lines=lines, limit=limit),
            self._store,
            self._backend.execute,
            lambda: self._checked_plan(target),
            batch_size=None if batch_size == "auto" else batch_size,
            on_error=on_error,
            max_failures=self.max_failures,
            progress=progress,
        )
        return self.run.resume()

    # -- forgetting -------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget emissions, failures, figures and states; keep the graph."""
        self._store.change(Ledger.cleared)

    def reset(self) -> None:
        """Forget everything: the graph too."""
        self._graph = Graph(message_class=self._graph.message_class)
        self.clear()

    # -- inside -----------------------------------------------------------------------------

    def _plan(self, to: str | None) -> Plan:
        wanted = (self._graph, to, self.hop_limit)
        if self._planned is None or self._planned[:3] != wanted:
            self._planned = (*wanted, make_plan(*wanted))
        return self._planned[3]

    def _checked_plan(self, to: str | None) -> Plan:
        """The plan, unless nothing would receive what is pushed (any more)."""
        if not self._routing:
            raise EmitError("routing is disabled, so nothing would receive it: enable_routing()")
        if to is None and not self._graph.subscribers(ENTRY_POINT):
            raise DeclarationError(
                "no node receives pushed data; make one an entry point "
                "(entry_point=True, or --entry on its cell), or push to one (to=…, or --to)"
            )
        return self._plan(to)

    def _push_one(self, table: Table, to: str | None) -> Outcome:
        __tracebackhide__ = True
        outcome = self._execute(self._checked_plan(to), table)
        self._store.change(lambda ledger: ledger.with_batch(table, outcome))
        return outcome

    def _execute(self, plan: Plan, table: Table) -> Outcome:
        __tracebackhide__ = True
        outcome = self._backend.execute(plan, table, self._ledger.states)
        failed = first_failure(outcome)
        if failed is not None:
            raise failed[1]
        return outcome

    def _call_node(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Call one node directly; return what it emits, routed on unless routing is disabled."""
        __tracebackhide__ = True
        self.resolve_node_modules()
        name = self._graph.find(name)
        table = one_message(name, fields, self._graph.message_class)
        if self._routing:
            outcome = self._push_one(table, name)
        else:
            alone = Graph({name: self._graph.nodes[name]}, {}, self._graph.message_class)
            outcome = self._execute(make_plan(alone, name, self.hop_limit), table)
        return results_of(self._graph.nodes[name], outcome)


def _check_push(batch_size: object, on_error: object) -> None:
    if batch_size != "auto" and not (isinstance(batch_size, int) and batch_size >= 1):
        raise SourceError(f"batch_size is {batch_size!r}; give a number from 1 on, or 'auto'")
    if on_error not in ("collect", "stop"):
        raise SourceError(f"on_error is {on_error!r}; give 'collect' or 'stop'")
