"""What a node needs: names are followed through code, back to the statements that made them.

Which statement that is, the order decides in which cells ran, not the order in which they stand.
What is read when a function is called is what the name means now. What is read while a statement
runs (a default, a decorator, the right side of ``=``) is what the name meant then; where that is
no longer what it means now, the two cannot both be in one module, and that is a problem.
"""

from __future__ import annotations

import ast
import builtins
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from emitnb.export.cells import Cell, History, Statement
from emitnb.export.chosen import Choices
from emitnb.export.outside import (
    ipython_line,
    is_builtin,
    is_data,
    is_of_module,
    outside_call,
    public_names,
)
from emitnb.export.problems import NO_VALUE, Need, Problems
from emitnb.export.registering import registrations

PROVIDED = {"display", "get_ipython", "In", "Out", "exit", "quit"}
"""What IPython gives a notebook, and nobody gives a module."""

NOTEBOOK = ("IPython", "ipykernel", "ipywidgets")
"""Packages that a module must do without."""


@dataclass(frozen=True)
class Definition:
    """The statements that made a name what it is: of one cell, in order.

    They bind it, or change its value in place.
    """

    statements: tuple[Statement, ...]

    @property
    def last(self) -> Statement:
        """The statement after which the name was what it is."""
        return self.statements[-1]

    def is_same_as(self, other: Definition) -> bool:
        """Whether both make the same of the name."""
        pairs = zip(self.statements, other.statements, strict=False)
        return len(self.statements) == len(other.statements) and all(
            one is two or one.is_same_as(two) for one, two in pairs
        )


@dataclass
class Traced:
    """What was found: statements with the need that brought them in, and names chosen otherwise.

    ``registered`` are the definitions among them that register themselves, with the names of what
    they change. ``chosen`` are the needed names that the user wants as a literal, parameter or
    file; ``stars`` the needed names that a star import gave, with their module.
    """

    statements: dict[Statement, Need] = field(default_factory=dict)
    registered: dict[Statement, frozenset[str]] = field(default_factory=dict)
    chosen: dict[str, Need] = field(default_factory=dict)
    stars: dict[str, str] = field(default_factory=dict)


class Tracer:
    """Follows names through the statements of a notebook.

    Parameters
    ----------
    history : what ran
    namespace : the notebook's variables; None where there is no notebook that runs
    routers : the names of the router in the notebook
    chosen : names whose statements are not looked for, and what becomes of them
    problems : takes what is wrong
    """

    def __init__(
        self,
        history: History,
        namespace: Mapping[str, Any] | None,
        routers: Collection[str],
        chosen: Choices,
        problems: Problems,
    ) -> None:
        self.history = history
        self.namespace = namespace
        self.routers = set(routers)
        self.chosen = chosen.names
        self.params = chosen.params
        self.problems = problems
        self.traced = Traced()
        self._bound: dict[str, list[Statement]] = {}
        for statement in history.statements:
            for name in statement.names.binds | statement.names.unbinds:
                self._bound.setdefault(name, []).append(statement)
            for name in statement.grows - self.routers:
                # What a cell does to a value that it has just made is part of how that is made.
                made = self._bound.get(name, [])
                if made and made[-1].cell is statement.cell and not made[-1].is_import:
                    made.append(statement)
        self._star_imports = [s for s in history.statements if s.text.endswith("import *")]
        self.registrations = registrations(history.statements)
        self._parameters = {
            name
            for statement in history.statements
            if statement.parameter is not None
            for name in statement.names.binds
        }
        self.declaring: Collection[Statement] = ()
        """The statements that declare the nodes: what else they bind is none of the router's."""
        self._waiting: deque[tuple[Statement, Need]] = deque()

    def parameter_help(self, name: str) -> str | None:
        """The help text of a parameter; None for a name that is none."""
        if name not in self._parameters:
            return None
        texts = [one.parameter for one in self._bound[name] if one.parameter is not None]
        return texts[-1]

    def need_statement(self, statement: Statement, node: str) -> None:
        """Take in a statement that declares a node, and all that it needs."""
        if statement.cell.is_gone:
            self.problems.node_is_gone(node, statement, None)
        elif (now := self._later_run(statement)) is not None:
            self.problems.node_is_gone(node, statement, now)
        self._take(statement, Need(node, ""))
        self._follow()

    def need_names(self, names: Collection[str], statement: Statement, node: str) -> None:
        """Take in what the line of a node reads when the node is called."""
        for name in sorted(names):
            self._resolve(name, statement, Need(node, ""), now=False)
        self._follow()

    def definition(self, name: str, before: int | None = None) -> Definition | None:
        """Return what made ``name`` what it is, or was before the time ``before``."""
        ran = [s for s in self._bound.get(name, ()) if before is None or s.time < before]
        if not ran:
            return None
        first = len(ran) - 1
        while first > 0 and ran[first - 1].cell is ran[-1].cell and _builds_on(ran[first], name):
            first -= 1
        return Definition(tuple(ran[first:]))

    # -- inside -----------------------------------------------------------------------------

    def _take(self, statement: Statement, need: Need) -> None:
        if statement not in self.traced.statements:
            self.traced.statements[statement] = need
            self._waiting.append((statement, need))

    def _follow(self) -> None:
        while self._waiting:
            statement, need = self._waiting.popleft()
            line = ipython_line(statement)
            if line is not None:
                self.problems.ipython(need, statement, line)
                continue
            inner = need.through(statement)
            for name in sorted(statement.names.now):
                self._resolve(name, statement, inner, now=True)
            for name in sorted(statement.names.later - statement.names.now):
                self._resolve(name, statement, inner, now=False)

    def _resolve(self, name: str, reader: Statement, need: Need, *, now: bool) -> None:
        if name in self.params and now and reader not in self.declaring:
            self.problems.made_from_parameter(name, need, reader)
        if name in self.chosen:
            self.traced.chosen.setdefault(name, need)
            return
        found = self.definition(name)
        if found is None:
            self._without_statement(name, reader, need, now)
        elif name in found.last.names.unbinds and is_builtin(name):
            return  # `del sum` gives the builtin back
        elif name in found.last.names.unbinds:
            self.problems.deleted(name, need, found.last)
        elif not now or self._is_as_then(name, found, reader, need):
            self._use(name, found, reader, need, now)

    def _is_as_then(self, name: str, found: Definition, reader: Statement, need: Need) -> bool:
        """Whether a name means now what it meant when ``reader`` ran."""
        then = self.definition(name, before=reader.time)
        if then is None:
            if name in found.last.names.binds and found.last is reader:
                return True  # the first statement of a chain reads a builtin: list = list
        elif reader in found.statements:
            if then.last in found.statements:
                return True
            if _is_wrapped(then, reader):
                self._use(name, then, reader, need, now=True)
                return True
            value = self._value(name)
            self.problems.made_from_itself(name, need, reader, then.last, value)
            return False
        elif then.is_same_as(found) or _is_half_made(then, found, reader):
            return True
        self.problems.rebound(name, need, reader, found.last)
        return False

    def _use(self, name: str, found: Definition, reader: Statement, need: Need, now: bool) -> None:
        last = found.last
        if now and name in self._parameters:
            self.problems.made_from_parameter(name, need, reader)
        elif self._is_gone(name, last, need) or self._is_outside(name, found, need):
            return
        for statement in self._with_submodules(name, found):
            self._take(statement, need)
        if name in self.routers:
            return  # what is declared with it are nodes
        for statement in self.registrations.of(name, found.statements[0].time):
            if not statement.cell.is_gone and self._later_run(statement) is None:
                self.traced.registered[statement] = self.registrations.names[statement]
                self._take(statement, need.through(last))

    def _with_submodules(self, name: str, found: Definition) -> list[Statement]:
        """``import a.b`` and ``import a.c`` both bind ``a``: all of them are needed."""
        last = found.last
        if not last.is_import or "." not in last.text.partition(" as ")[0]:
            return list(found.statements)
        dotted = [one for one in self._bound[name] if one.text.startswith(f"import {name}.")]
        return [*dict.fromkeys((*dotted, last))]

    def _is_gone(self, name: str, last: Statement, need: Need) -> bool:
        """Whether the cell that made a name is no longer there, or says something else now."""
        if last.cell.is_gone:
            self.problems.cell_is_gone(name, need, last)
            return True
        now = self._later_run(last)
        if now is None:
            return False
        self.problems.cell_ran_again(name, need, last, now)
        return True

    def _later_run(self, statement: Statement) -> Cell | None:
        """The latest run of the cell of a statement, if it is not the one that made it."""
        cell = statement.cell
        runs = [one for one in self.history.cells if one.identity == cell.identity]
        return runs[-1] if cell.identity and runs[-1] is not cell else None

    def _is_outside(self, name: str, found: Definition, need: Need) -> bool:
        """Whether a value is data, or is read from somewhere, and not made by code alone."""
        last = found.last
        if last.is_import and last.text.split()[1].partition(".")[0] in NOTEBOOK:
            self.problems.imported_from_ipython(name, need, last)
            return True
        if last.is_definition or last.is_import or self.routers & last.names.binds:
            return False
        if last in self.declaring:
            return False
        call = next(filter(None, (outside_call(one.tree) for one in found.statements)), "")
        value = self._value(name)
        if self.routers & last.names.now:
            self.problems.from_router(name, need, last, value)
        elif call:
            known = self.namespace or {}
            made = [known[need.via]] if need.via in known and need.via != name else []
            self.problems.outside(name, need, last, call, value, *made)
        elif is_data(value):
            self.problems.data(name, need, last, value)
        else:
            return False
        return True

    def _value(self, name: str) -> Any:
        return NO_VALUE if self.namespace is None else self.namespace.get(name)

    def _without_statement(self, name: str, reader: Statement, need: Need, now: bool) -> None:
        if name in self.routers:
            return
        module = self._star(name)
        if module is not None:
            self.traced.stars[name] = module
        elif name == "open":
            return  # IPython puts one of its own into the notebook
        elif name in PROVIDED:
            self.problems.provided(name, need, reader)
        elif name == "__name__" and self._names_a_logger(reader):
            return
        elif name == "__name__":
            self.problems.own_name("__name__", need, reader)
        elif self.namespace is not None and name in self.namespace:
            self.problems.no_statement(name, need, reader, self.namespace[name])
        elif not is_builtin(name) and not is_of_module(name):
            if (now and reader.names.binds == {name}) or name in reader.names.maybe:
                return
            self.problems.undefined(name, need, reader, hasattr(builtins, name))

    def _names_a_logger(self, reader: Statement) -> bool:
        """Whether ``__name__`` only names a logger, and nobody asks that for its name."""
        calls = [part for part in ast.walk(reader.tree) if _is_get_logger(part)]
        uses = [p for p in ast.walk(reader.tree) if getattr(p, "id", "") == "__name__"]
        asked = {
            part.value.id
            for one in self.history.statements
            for part in ast.walk(one.tree)
            if isinstance(part, ast.Attribute) and part.attr == "name"
            if isinstance(part.value, ast.Name)
        }
        return len(calls) == len(uses) and not asked & reader.names.binds

    def _star(self, name: str) -> str | None:
        """The module from which a star import took a name."""
        for statement in reversed(self._star_imports):
            module = getattr(statement.tree, "module", None) or ""
            if name in public_names(module):
                return module
        return None


def _is_get_logger(part: ast.AST) -> bool:
    """Whether it is ``getLogger(__name__)``."""
    if not isinstance(part, ast.Call) or len(part.args) != 1:
        return False
    called = getattr(part.func, "attr", getattr(part.func, "id", ""))
    return called == "getLogger" and getattr(part.args[0], "id", "") == "__name__"


def _is_wrapped(then: Definition, reader: Statement) -> bool:
    """Whether a statement of another cell wraps what a definition made, and has done so once."""
    cells = [one.cell.identity for one in then.statements if one.cell.identity]
    is_first = reader.cell.identity not in cells
    return then.last.is_definition and not reader.is_definition and is_first


def _is_half_made(then: Definition, found: Definition, reader: Statement) -> bool:
    """Whether the cell that makes a value reads it before it is done: they stay in that order."""
    return reader.cell is found.last.cell and set(then.statements) <= set(found.statements)


def _builds_on(statement: Statement, name: str) -> bool:
    """Whether a statement may leave something of what a name was before."""
    return name in statement.names.now | statement.grows or statement.is_compound
