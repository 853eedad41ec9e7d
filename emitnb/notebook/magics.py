"""Magics that build the graph, look at it and change it. They parse a line and call the router."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from emitnb.cells.node_line import NODE_ARGUMENTS, amounts
from emitnb.cells.routes import parse_routes
from emitnb.cells.words import names
from emitnb.declaration import Declaration
from emitnb.notebook.base import RouterMagics, argument, cell_magic, line_magic, magics_class
from emitnb.notebook.cell import CellText, NodeCell, compile_body, restored
from emitnb.notebook.display import Drawing, Several, Text, drawing, overview
from emitnb.notebook.graphs import Graphs
from emitnb.notebook.line import parse
from emitnb.notebook.options import Predicate, fields
from emitnb.reruns import LAST, Difference
from emitnb.text import counted


@magics_class
class GraphMagics(RouterMagics):
    """Nodes and routes."""

    def __init__(self, shell: InteractiveShell, graphs: Graphs) -> None:
        super().__init__(shell)
        self.text = CellText(shell)
        self.graphs = graphs

    @cell_magic(
        "emit_node",
        *(argument(*flags, **details) for flags, details in NODE_ARGUMENTS),
    )
    def emit_node(self, line: str, cell: str) -> Declaration | Difference | Several:
        """Declare the function in the cell as a node of `router`.

        The last function (or class with `__call__`) is the node, those before it are helpers.
        Fields come first; what has blanks in it goes in quotes. An example:

            %%emit_node word count:int --on words --key word --when "msg.word != 'the'"
            def count_word(msg, state):
                state["n"] = state.get("n", 0) + 1
                return msg.word, state["n"]

        One that asks a server, three times if need be, and no longer than 10 seconds each:

            %%emit_node page --on links --retries 2 --backoff 0.5 --timeout 10
            async def fetch(msg):
                return await client.get(msg.url)

        With --diff the cell is tried on the last messages that the node received, and nothing
        changes until it runs without.
        """
        __tracebackhide__ = True
        arguments = parse(GraphMagics.emit_node, line)
        if not arguments.diff:
            return self._declared(arguments, line, cell)
        found = self._tried(arguments, line, cell)
        return Several(found, self._declared(arguments, line, cell)) if arguments.apply else found

    def _declared(self, arguments: Namespace, line: str, cell: str) -> Declaration | Several:
        __tracebackhide__ = True
        router = self.router
        options, body = self._options(arguments), compile_body(self.shell, self.text, line, cell)
        with restored(self.namespace, body.definitions):
            name, function = body.run(self.namespace)
            declared = router.node(**options(body, self.namespace))(function)
            self.namespace[name] = declared
        parts: list[Any] = [declared.declaration]
        if arguments.from_start:
            parts.append(router.replay(declared.name))
        if arguments.retry:
            parts.append(router.retry(declared.name))
        return Several(*parts) if len(parts) > 1 else declared.declaration

    def _tried(self, arguments: Namespace, line: str, cell: str) -> Difference:
        __tracebackhide__ = True
        router = self.router
        options, body = self._options(arguments), compile_body(self.shell, self.text, line, cell)
        # In names of its own: what was declared before still reads those of the notebook.
        namespace = dict(self.namespace)
        _, function = body.run(namespace)
        last = LAST if arguments.last is None else arguments.last
        return router.diff(**options(body, namespace), last=last)(function)

    def _options(
        self, arguments: Namespace
    ) -> Callable[[NodeCell, dict[str, Any]], dict[str, Any]]:
        """What the line says, given the cell: types and predicates may be of the cell's making."""
        when = None if arguments.when is None else Predicate(arguments.when)

        def options(body: NodeCell, namespace: dict[str, Any]) -> dict[str, Any]:
            return {
                "fields": fields(arguments.fields, namespace),
                "subscribe_to": names(arguments.on),
                "entry_point": arguments.entry,
                "ignore": names(arguments.ignore),
                "name": arguments.name,
                "key": names(arguments.key) or None,
                "when": None if when is None else when.function(namespace, body.file),
                "batch": arguments.batch,
                "fingerprint": body.fingerprint,
                "retries": arguments.retries,
                "backoff": arguments.backoff,
                "timeout": arguments.timeout,
                "resources": amounts(arguments.resources),
                "workers": names(arguments.workers),
                "priority": arguments.priority,
                "allow_shared": arguments.allow_shared,
            }

        return options

    @cell_magic(
        "emit_route",
        argument("--from-start", action="store_true", help="then replay all that nodes now read"),
    )
    def emit_route(self, line: str, cell: str) -> Drawing:
        """Subscribe nodes to others, or cut what goes between them; a line for each route.

        All lines are checked before the first change. An example:

            %%emit_route
            words -> long_words -> count_word
            words -x count_word        # cut
            /count_.*/ -> report       # all nodes that match
        """
        arguments = parse(GraphMagics.emit_route, line)
        router = self.router
        changes = list(parse_routes(cell, router.graph))
        for change in changes:
            (router.unsubscribe if change.cut else router.subscribe)(change.node, change.origin)
        for node in dict.fromkeys(c.node for c in changes if arguments.from_start and not c.cut):
            router.replay(node)
        return drawing(router)

    @line_magic(
        argument("--around", metavar="NODE", help="only this node and its neighbours"),
    )
    def emit_graph(self, line: str) -> Drawing:
        """Show the graph, live: a widget that moves with the data.

        Click a node for its code, emissions and failures, an edge for what went over it. What
        needs attention has buttons: pause, resume, step, stop, retry, replay. Examples:

            %emit_graph
            %emit_graph --around count_word
        """
        return self.graphs.graph(self.router, parse(GraphMagics.emit_graph, line).around)

    @line_magic(
        argument("node", metavar="NODE", help="the node to remove"),
    )
    def emit_remove(self, line: str) -> Text:
        """Remove a node; what it emitted stays.

        An example:

            %emit_remove count_word
        """
        router = self.router
        name = router.graph.find(parse(GraphMagics.emit_remove, line).node)
        router.remove(name)
        return Text(f"removed {name}; what it emitted stays")

    @line_magic(
        argument("node", metavar="A", help="the node to rename"),
        argument("new", metavar="B", help="its new name"),
    )
    def emit_rename(self, line: str) -> Text:
        """Rename a node; its emissions, and subscriptions to it by name, follow.

        An example:

            %emit_rename count_word counts
        """
        router = self.router
        arguments = parse(GraphMagics.emit_rename, line)
        name = router.graph.find(arguments.node)
        router.rename(name, arguments.new)
        return Text(f"renamed {name} to {arguments.new}")

    @line_magic(
        argument("--keep-graph", action="store_true", help="keep the nodes, forget what they did"),
    )
    def emit_reset(self, line: str) -> Text:
        """Forget everything: nodes, emissions, failures and states.

        Runs that are not over are cancelled, but with --keep-graph. Examples:

            %emit_reset
            %emit_reset --keep-graph
        """
        router = self.router
        if parse(GraphMagics.emit_reset, line).keep_graph:
            router.clear()
            return Text("reset: forgot emissions, failures and states; the nodes stay")
        nodes, runs = len(router.nodes), len(router.runs)
        router.reset()
        cancelled = f"; cancelled {counted(runs, 'run')}" if runs else ""
        return Text(f"reset: forgot {counted(nodes, 'node')} and all they emitted{cancelled}")

    @line_magic()
    def emit(self, line: str) -> Text:
        """List the magics of emitnb, a line each.

        An example:

            %emit
        """
        parse(GraphMagics.emit, line)
        return overview()
