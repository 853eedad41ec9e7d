"""The text of a module: nodes and all that they need, as somebody would have written it."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emitnb.cells.node_line import parse_node_line
from emitnb.errors import ExportError
from emitnb.export import decorators
from emitnb.export.cells import History, Statement, lines_of
from emitnb.export.chance import check_chance
from emitnb.export.chosen import Choices, Chosen, check_unchanged, make_chosen
from emitnb.export.effects import check_in_place, check_surroundings
from emitnb.export.imports import Import
from emitnb.export.items import Item, Kind, arranged, item_of
from emitnb.export.module_text import ModuleText
from emitnb.export.problems import Need, Problems
from emitnb.export.scopes import expression_names
from emitnb.export.tracing import Tracer
from emitnb.halting import MAX_FAILURES
from emitnb.node import Node
from emitnb.plan import HOP_LIMIT
from emitnb.text import counted

FRONT_DOOR = "emitnb"
OURS = ("Router", "run_command")

SETTINGS = {"max_failures": MAX_FAILURES, "hop_limit": HOP_LIMIT}
"""Attributes of a router that a module sets where they are not as they are at first."""


@dataclass(frozen=True)
class Origin:
    """Where a node comes from: the statement that declared it.

    ``line`` is that of its ``%%emit_node`` cell, read; None where the statement says it all.
    """

    statement: Statement
    line: Namespace | None


@dataclass(frozen=True)
class Notebook:
    """What is exported from.

    Parameters
    ----------
    history : what ran
    namespace : its variables; None where no notebook runs
    routers : the names of the router there, the one to be used first
    name : of its file; "" if nobody knows
    version : of emitnb
    settings : attributes of the router that are not as they are at first
    """

    history: History
    namespace: Mapping[str, Any] | None
    routers: Sequence[str]
    name: str
    version: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Module:
    """A module's text, the files that belong beside it, and the names its nodes may change.

    ``traced`` are the statements in it, each with the need that brought it in; ``parameters`` the
    names that are options of its command line.
    """

    text: str
    files: Mapping[str, bytes]
    changed: frozenset[str]
    attributes: frozenset[str]
    traced: Mapping[Statement, Need]
    parameters: frozenset[str]


def build(
    notebook: Notebook,
    nodes: Mapping[str, tuple[Node, Origin]],
    choices: Choices,
    stem: str,
    folder: Path,
) -> Module:
    """Return the module of ``nodes`` (by name, in topological order).

    ``stem`` is the module's name, ``folder`` where it will stand. Raises ExportError with all
    that cannot be exported.
    """
    return _Builder(notebook, choices, stem, folder).build(nodes)


class _Builder:
    def __init__(self, notebook: Notebook, choices: Choices, stem: str, folder: Path) -> None:
        self.notebook = notebook
        self.choices = choices
        self.stem = stem
        self.folder = folder
        self.router = notebook.routers[0]
        self.problems = Problems()
        self.tracer = Tracer(
            notebook.history, notebook.namespace, notebook.routers, choices, self.problems
        )

    def build(self, nodes: Mapping[str, tuple[Node, Origin]]) -> Module:
        self.tracer.declaring = {origin.statement for _, origin in nodes.values()}
        for name, (_, origin) in nodes.items():
            self.tracer.need_statement(origin.statement, name)
            if origin.line is not None:
                self.tracer.need_names(line_names(origin.line), origin.statement, name)
                self.tracer.need_names([self.router], origin.statement, name)
        self._check_nodes()
        traced = self.tracer.traced.statements
        check_surroundings(self.notebook.history, traced, self.folder, self.problems)
        if self.notebook.namespace is not None:
            check_in_place(self.notebook.history, traced, self.problems, self._changed())
        check_chance(traced, self.notebook.namespace or {}, self.problems)
        self.problems.raise_if_any()
        chosen = self._chosen()
        items = [*self._items(nodes), *chosen.items]
        self._check_choices_are_needed()
        self._check_names(items)
        parameters = dict(sorted({**self._parameters(), **chosen.parameters}.items()))
        text = ModuleText(
            docstring=self._docstring(len(nodes)),
            router=self.router,
            is_lazy=self.notebook.history.is_lazy,
            imports=self._imports(chosen, nodes),
            items=arranged(items),
            parameters=parameters,
            data=chosen.data,
        )
        return Module(
            text.render(self.folder),
            chosen.files,
            self._changed() | chosen.data.keys(),
            frozenset().union(*(one.names.attributes for one in traced)),
            traced,
            frozenset({*parameters, *chosen.data}),
        )

    # -- pieces -----------------------------------------------------------------------------

    def _chosen(self) -> Chosen:
        namespace = self.notebook.namespace or {}
        needs = self.tracer.traced.chosen
        check_unchanged(needs, self._changed(), namespace)
        return make_chosen(sorted(needs), self.choices, namespace, self.stem)

    def _changed(self) -> frozenset[str]:
        """The names that nodes and helpers change while they run."""
        at_first = self.tracer.registrations.by
        traced = self.tracer.traced.statements
        return frozenset().union(*(s.names.changed - at_first.get(s, set()) for s in traced))

    def _items(self, nodes: Mapping[str, tuple[Node, Origin]]) -> list[Item]:
        items = []
        for statement in self.tracer.traced.statements:
            if statement in self.tracer.declaring or statement.is_import:
                continue
            item = item_of(statement, self.tracer.traced.registered.get(statement, ()))
            if set(self.notebook.routers) & statement.names.binds:
                text = _named_after_functions(statement)
                item = replace(item, kind=Kind.ROUTER, text=text)
            items.append(item)
        if not any(item.kind is Kind.ROUTER for item in items):
            made = f"{self.router} = Router(home=__name__)"
            items.append(Item(Kind.ROUTER, made, frozenset({self.router})))
        taken = {name for item in items for name in item.binds}
        done = set[Statement]()
        for node, origin in nodes.values():
            if origin.statement not in done:
                done.add(origin.statement)
                items.append(self._node_item(node, origin, taken))
        return self._with_settings(items)

    def _node_item(self, node: Node, origin: Origin, taken: set[str]) -> Item:
        statement = origin.statement
        item = replace(item_of(statement), kind=Kind.NODE)
        line = origin.line
        if line is None:
            taken |= item.binds
            return item
        (function,) = statement.names.binds
        name, text = function, statement.text
        if function in taken:
            name = node.short_name if node.short_name not in taken else f"{node.short_name}_node"
            text = decorators.renamed_function(text, function, name)
        taken.add(name)
        mark = decorators.decorator(self.router, node, line, name)
        kinds, when = decorators.names_in(line)
        return replace(
            item,
            text=_below_comments(text, mark),
            binds=frozenset({name}),
            now=item.now.union({self.router}, *map(expression_names, kinds)),
            later=item.later | expression_names(when or "0"),
        )

    def _with_settings(self, items: list[Item]) -> list[Item]:
        lines = [
            f"{self.router}.{name} = {value!r}" for name, value in self.notebook.settings.items()
        ]
        if not lines:
            return items
        text = "\n".join(lines)
        return [
            replace(item, text=f"{item.text}\n{text}") if item.kind is Kind.ROUTER else item
            for item in items
        ]

    def _imports(
        self, chosen: Chosen, nodes: Mapping[str, tuple[Node, Origin]]
    ) -> tuple[set[Import], set[Import]]:
        """The imports that are used, and those that only a type checker sees."""
        found = {Import(FRONT_DOOR, name) for name in OURS} | chosen.imports
        guarded = set[Import]()
        for statement in self.tracer.traced.statements:
            tree = statement.tree
            if isinstance(tree, ast.Import | ast.ImportFrom):
                (guarded if statement.is_guarded else found).add(Import.of(tree))
        found |= {Import(module, name) for name, module in self.tracer.traced.stars.items()}
        lines = [origin.line for _, origin in nodes.values() if origin.line is not None]
        if guarded:
            found.add(Import("typing", "TYPE_CHECKING"))
        if any(map(decorators.needs_any, lines)):
            found.add(Import("typing", "Any"))
        return found, guarded

    def _parameters(self) -> dict[str, str]:
        """The parameters that nodes need, with their help."""
        needed = {name for one in self.tracer.traced.statements for name in one.names.binds}
        told = {name: self.tracer.parameter_help(name) for name in needed}
        return {name: text for name, text in told.items() if text is not None}

    def _docstring(self, count: int) -> str:
        what = self.notebook.name or f"a notebook with {counted(count, 'node')}"
        return f'"""The graph of {what}, exported by emitnb {self.notebook.version}."""'

    # -- checks -----------------------------------------------------------------------------

    def _check_nodes(self) -> None:
        """A helper that is a node itself, and is not exported, has no router to call."""
        for statement, need in self.tracer.traced.statements.items():
            if statement not in self.tracer.declaring and self._is_node(statement):
                names = ", ".join(f"`{name}`" for name in sorted(statement.names.binds))
                self.problems.add(
                    f"{names or 'a node'}, {need}, is declared as a node that is not exported "
                    "(removed, or not among --nodes)",
                    ["export it too", "define a plain function in a cell of its own"],
                    statement,
                )

    def _is_node(self, statement: Statement) -> bool:
        """Whether a statement declares a node: in a cell of its own, as a decorator, by a call."""
        if statement.node_line is None:
            return _declares(statement, self.notebook.routers)
        ran = self.notebook.history.statements
        defined = [one for one in ran if one.cell is statement.cell and one.is_definition]
        return statement is defined[-1]

    def _check_choices_are_needed(self) -> None:
        unneeded = sorted(self.choices.names - set(self.tracer.traced.chosen))
        if unneeded:
            raise ExportError(f"no exported node needs `{unneeded[0]}`; leave it out")

    def _check_names(self, items: Sequence[Item]) -> None:
        """The names that the module itself needs must not mean something else."""
        bound = {name for item in items for name in item.binds}
        for name in OURS:
            if name in bound:
                raise ExportError(
                    f"`{name}` is a name that the module itself needs, and a node needs another "
                    "one of that name. Give it another name"
                )


def origin_of(history: History, node: Node) -> Origin | None:
    """Return where a node comes from that a notebook or script declared; None if nobody knows."""
    if node.declared_at is None:
        return None
    found = history.in_file(*node.declared_at)
    if not found:
        return None
    if found[0].node_line is None:
        return Origin(found[-1], None)
    return _of_cell(found, function_name(node.function))


def function_name(function: Any) -> str:
    """Return the name under which the function or class of a node was defined."""
    return str(getattr(function, "__name__", type(function).__name__))


def _of_cell(found: Sequence[Statement], name: str) -> Origin | None:
    line = found[0].node_line or ""
    defined = [one for one in found if one.is_definition]
    # What a decorator made may have another name than what it decorated.
    known = [one for one in defined if name in one.names.binds] or defined
    return Origin(known[-1], parse_node_line(line)) if known else None


def line_names(line: Namespace) -> list[str]:
    """Return the names that the line of a node reads when the node is called."""
    kinds, when = decorators.names_in(line)
    return sorted(frozenset().union(*map(expression_names, [*kinds, when or "0"])))


def _below_comments(text: str, mark: str) -> str:
    """Put the decorator above a function, below the comments that stand above it."""
    lines = lines_of(text)
    above = 0
    while lines[above].lstrip().startswith("#"):
        above += 1
    return "\n".join([*lines[:above], mark, *lines[above:]])


def _declares(statement: Statement, routers: Sequence[str]) -> bool:
    """Whether a statement declares a node, as a decorator or by a call."""
    if not statement.names.now.intersection(routers):
        return False  # a function that declares nodes when it is called
    for part in ast.walk(statement.tree):
        if isinstance(part, ast.Attribute) and part.attr == "node":
            owner = part.value
            if isinstance(owner, ast.Name) and owner.id in routers:
                return True
    return False


def _named_after_functions(statement: Statement) -> str:
    """Return the text of ``router = Router(…)`` with ``home=__name__`` among the arguments."""
    call = getattr(statement.tree, "value", None)
    if not isinstance(call, ast.Call) or any(one.arg == "home" for one in call.keywords):
        return statement.text
    has_more = bool(call.args or call.keywords)
    before, _, after = statement.text.rpartition(")")
    inside = before.rstrip()
    comma = "" if not has_more else " " if inside.endswith(",") else ", "
    return f"{inside}{comma}home=__name__){after}"
