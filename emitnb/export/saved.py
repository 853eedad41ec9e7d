"""The graph that cells would declare if they ran from top to bottom: read, with nothing run.

So a saved notebook can be exported, checked and run without its data.
"""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeGuard

from emitnb.cells.node_line import amounts, parse_node_line
from emitnb.cells.routes import parse_routes
from emitnb.cells.words import names, unquoted, words
from emitnb.errors import EmitError, ExportError
from emitnb.export.building import SETTINGS, Origin
from emitnb.export.cells import History, Statement
from emitnb.graph import Graph
from emitnb.node import Node, Options, declare
from emitnb.subscription import subscriptions
from emitnb.text import one_line

ROUTER = "router"
_POSITIONAL = ("fields", "subscribe_to", "entry_point", "ignore")
_EDITS = {
    "rename": ("old", "new"),
    "remove": ("node",),
    "subscribe": ("node", "pattern"),
    "unsubscribe": ("node", "pattern"),
    "add_entry_point": ("node",),
    "reset": (),
    "load": (),
}
"""The methods of a router that change its graph, and what they take."""


def declared(history: History) -> tuple[Graph, dict[str, Origin], dict[str, Any]]:
    """Return the graph that the cells declare, where each node comes from, and the settings.

    The nodes have the routes that theirs will have, and no functions of their own; settings are
    those that are not as they are at first. Raises what declaring them would raise.
    """
    found = _Declared()
    for number, statement in enumerate(history.statements):
        following = history.statements[number + 1 : number + 2]
        is_last = not following or following[0].cell is not statement.cell
        found.take(statement, is_last)
    origins = {name: found.origins[name] for name in found.graph.nodes}
    nodes = {
        name: replace(node, key=tuple(names(line.key))) if (line := origins[name].line) else node
        for name, node in found.graph.nodes.items()
    }
    settings = {name: value for name, value in found.settings.items() if value != SETTINGS[name]}
    return replace(found.graph, nodes=nodes), origins, settings


class _Declared:
    def __init__(self) -> None:
        self.graph = Graph()
        self.origins: dict[str, Origin] = {}
        self.settings: dict[str, Any] = {}
        self._cell: list[Statement] = []

    def take(self, statement: Statement, is_last: bool) -> None:
        """Take in one statement; ``is_last``: of its cell."""
        try:
            self._take(statement, is_last)
        except EmitError as error:
            raise type(error)(f"{statement.cell.place}: {error}") from None

    def _take(self, statement: Statement, is_last: bool) -> None:
        if statement.node_line is not None:
            self._cell.append(statement)
            if is_last:
                self._of_cell(statement.node_line)
                self._cell = []
        elif statement.magic is not None:
            self._of_magic(*statement.magic)
        else:
            self._of_code(statement)

    def _of_cell(self, line: str) -> None:
        for statement in reversed(self._cell):
            if _can_be_node(statement.tree):
                said = parse_node_line(line)
                (function,) = statement.names.binds
                self._add(node_of_line(said, statement.tree, function), Origin(statement, said))
                return

    def _of_code(self, statement: Statement) -> None:
        self.settings |= _settings(statement.tree)
        if edit := edit_of(statement.tree):
            self._edit(*edit)
        for call, function in _declaring(statement.tree):
            options = _options(call)
            name = options.pop("name", None) or function or f"node_{len(self.origins) + 1}"
            self._add(_stub(statement.tree, name, options), Origin(statement, None))

    def _of_magic(self, name: str, line: str, body: str | None) -> None:
        given = [unquoted(word) for word in words(line)]
        if name == "emit_route" and body is not None:
            for change in parse_routes(body, self.graph):
                wanted = subscriptions(change.origin, change.node)
                if change.cut:
                    self.graph = self.graph.without_subscription(change.node, wanted[0])
                else:
                    self.graph = self.graph.with_subscriptions(change.node, wanted)
        elif name == "emit_reset" and "--keep-graph" in given:
            pass
        elif name.removeprefix("emit_") in ("rename", "remove", "reset", "load"):
            self._edit(name.removeprefix("emit_"), given)

    def _edit(self, name: str, given: list[Any]) -> None:
        """Change the graph as a method of the router with this name does."""
        if name == "rename":
            old = self.graph.find(given[0])
            self.graph = self.graph.renamed(old, given[1])
            self.origins[given[1]] = self.origins.pop(old)
        elif name == "remove":
            self.graph = self.graph.without(given[0])
        elif name == "add_entry_point":
            node = self.graph.nodes[self.graph.find(given[0])]
            self.graph = self.graph.with_node(replace(node, entry_point=True))
        elif name == "subscribe":
            wanted = subscriptions(given[1], given[0])
            self.graph = self.graph.with_subscriptions(given[0], wanted)
        elif name == "unsubscribe":
            for gone in subscriptions(given[1], given[0]):
                self.graph = self.graph.without_subscription(given[0], gone)
        elif name == "load":
            raise ExportError(
                "nobody knows here which nodes it loads; declare them in cells of this notebook"
            )
        else:
            self.graph = Graph()

    def _add(self, node: Node, origin: Origin) -> None:
        self.graph = self.graph.with_node(node)
        self.origins[node.name] = origin


def node_of_line(said: Namespace, tree: ast.stmt, function: str) -> Node:
    """Return the node that the line of a cell declares, as far as nothing has to be run for it."""
    options = {
        "subscribe_to": names(said.on),
        "entry_point": said.entry,
        "ignore": names(said.ignore),
        "batch": said.batch,
        "retries": said.retries,
        "backoff": said.backoff,
        "timeout": said.timeout,
        "resources": amounts(said.resources),
        "workers": names(said.workers),
        "priority": said.priority,
        "allow_shared": said.allow_shared,
    }
    return _stub(tree, said.name or function, options)


def _stub(tree: ast.stmt, name: str, options: dict[str, Any]) -> Node:
    """Return a node that nothing can be pushed to: only what it says of itself is right.

    Without fields and key: which fields an origin has, only running its cell could tell.
    """

    def plain(msg: Any) -> None: ...

    async def waiting(msg: Any) -> None: ...

    return declare(waiting if _is_async(tree) else plain, Options(name=name, **options))


def _is_async(tree: ast.stmt) -> bool:
    if isinstance(tree, ast.ClassDef):
        return any(isinstance(part, ast.AsyncFunctionDef) for part in tree.body)
    return isinstance(tree, ast.AsyncFunctionDef)


def _can_be_node(tree: ast.stmt) -> bool:
    """Whether it is a function, or a class whose objects look as if they could be called."""
    if isinstance(tree, ast.ClassDef):
        return bool(tree.bases) or any(
            getattr(part, "name", "") == "__call__" for part in tree.body
        )
    return isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)


def _declaring(tree: ast.stmt) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls of ``router.node`` in a statement, each with the function's name, or ""."""
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for mark in tree.decorator_list:
            if _is_declaring(mark):
                yield mark, tree.name
        return
    for part in ast.walk(tree):
        if _is_declaring(part):
            name = tree.targets[0] if isinstance(tree, ast.Assign) else None
            yield part, name.id if isinstance(name, ast.Name) else ""


def settings_of(tree: ast.stmt) -> list[str]:
    """Return the names of the settings of the router that a statement makes.

    >>> settings_of(ast.parse("router.max_failures = 5").body[0])
    ['max_failures']
    """
    targets = tree.targets if isinstance(tree, ast.Assign) else []
    return [target.attr for target in targets if _is_setting(target)]


def _settings(tree: ast.stmt) -> dict[str, Any]:
    names = settings_of(tree)
    if not names or not isinstance(tree, ast.Assign):
        return {}
    try:
        value = ast.literal_eval(tree.value)
    except ValueError:
        raise ExportError(
            f"`{ast.unparse(tree)}` is known only when it has run; say it with a number"
        ) from None
    return dict.fromkeys(names, value)


def edit_of(tree: ast.stmt) -> tuple[str, list[Any]] | None:
    """Return the method of the router that a statement changes its graph with, and what it gives.

    Raises ExportError for a call that somebody would have to run to know what it changes.
    """
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    calls = [part for part in ast.walk(tree) if _is_editing(part)]
    if not calls:
        return None
    call, function = calls[0], calls[0].func
    assert isinstance(function, ast.Attribute)
    try:
        if getattr(tree, "value", None) is not call:
            raise ValueError
        said = {word.arg: word.value for word in call.keywords if word.arg != "from_start"}
        given = [*call.args, *(said[name] for name in _EDITS[function.attr][len(call.args) :])]
        return function.attr, [ast.literal_eval(value) for value in given]
    except (ValueError, KeyError):
        raise ExportError(
            f"what `{one_line(ast.unparse(tree), 60)}` does is known only when it has run; "
            "write it as a line of its own, with names in quotes"
        ) from None


def _is_editing(part: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in _EDITS
        and isinstance(part.func.value, ast.Name)
        and part.func.value.id == ROUTER
    )


def _is_setting(target: ast.expr) -> TypeGuard[ast.Attribute]:
    return (
        isinstance(target, ast.Attribute)
        and target.attr in SETTINGS
        and isinstance(target.value, ast.Name)
        and target.value.id == ROUTER
    )


def _is_declaring(part: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "node"
        and isinstance(part.func.value, ast.Name)
        and part.func.value.id == ROUTER
    )


def _options(call: ast.Call) -> dict[str, Any]:
    """What a call says about name and routes, as far as it says it in literals."""
    given = dict(zip(_POSITIONAL, call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg is not None}
    found: dict[str, Any] = {}
    for name in ("subscribe_to", "entry_point", "ignore", "name"):
        if name in given:
            try:
                found[name] = ast.literal_eval(given[name])
            except ValueError:
                continue
    return found
