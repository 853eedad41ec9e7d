"""Which nodes read, when they are called, what a cell has just changed.

A name is changed when what makes it says something else than before, or reads what is changed, but
for small values that are equal. A cell that runs again as it was changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from emitnb.export.building import Origin, line_names, origin_of
from emitnb.export.cells import History, Statement
from emitnb.export.chosen import Choices
from emitnb.export.literals import is_small, literal
from emitnb.export.problems import Problems
from emitnb.export.tracing import Definition, Tracer
from emitnb.graph import Graph
from emitnb.text import listed

SHOWN = 3
"""Names that are said."""


def small_values(namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that hold small values, and these as texts.

    >>> small_values({"rate": 0.5, "frame": object()})
    {'rate': '0.5'}
    """
    return {name: str(literal(value)) for name, value in namespace.items() if is_small(value)}


def outdated(
    history: History,
    namespace: Mapping[str, Any],
    routers: Collection[str],
    graph: Graph,
    before: Mapping[str, str],
) -> dict[str, str]:
    """Return the nodes that read what the last cell changed, in topological order, with what it is.

    ``routers`` are the names of the router among the variables of the notebook, ``namespace``;
    ``before`` its small values before the cell. One that is equal now has not changed.
    """
    changed = {
        name
        for name in _changed(history, routers)
        if name not in before or literal(namespace.get(name)) != before[name]
    }
    if not changed:
        return {}
    made = {name: one for one in history.statements for name in one.names.binds}
    found = {}
    for name in (member for part in graph.order for member in part.members):
        origin = origin_of(history, graph.nodes[name])
        if origin is not None and origin.statement.cell is not history.cells[-1]:
            names = changed.intersection(_read(origin, made, namespace))
            if names:
                found[name] = listed(sorted(names), SHOWN)
    return found


def _changed(history: History, routers: Collection[str]) -> frozenset[str]:
    """The names that the last cell gave another meaning, or whose values it changed in place."""
    ran = [one for one in history.statements if one.cell is history.cells[-1]]
    earlier = [one for one in history.statements if one.cell is not history.cells[-1]]
    known = _union(one.names.binds for one in earlier)
    imported = _union(one.names.binds for one in earlier if one.is_import)
    bound = _union(one.names.binds | one.names.unbinds for one in ran)
    # What nodes themselves change while they run is emptied and filled as a matter of course.
    theirs = _union(one.names.changed for one in history.statements)
    grown = (_union(one.grows for one in ran) & known) - bound - theirs - imported
    meanings = _Meanings(history, routers, len(earlier))
    return grown.difference(routers).union(filter(meanings.differ, bound & known))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


class _Meanings:
    """Compares what names mean now with what they meant before the time ``before``."""

    def __init__(self, history: History, routers: Collection[str], before: int) -> None:
        self._history = history
        self._routers = routers
        self._before = before

    @cached_property
    def _definition(self) -> Callable[[str, int | None], Definition | None]:
        tracer = Tracer(self._history, None, self._routers, Choices(), Problems())
        return tracer.definition

    def differ(self, name: str) -> bool:
        """Whether it means something else."""
        return self._differ(name, None, self._before, frozenset())

    def _differ(
        self, name: str, now: int | None, then: int | None, above: frozenset[tuple[int, int]]
    ) -> bool:
        one, two = self._definition(name, now), self._definition(name, then)
        if one is None or two is None:
            return one is not two
        if one.last is two.last:
            return False
        if not one.is_same_as(two):
            return True
        pair = (one.last.time, two.last.time)
        if pair in above:
            return False
        times = _first(one), _first(two)
        return any(self._differ(read, *times, above | {pair}) for read in one.last.names.now)


def _first(definition: Definition) -> int:
    return definition.statements[0].time


def _read(
    origin: Origin, made: Mapping[str, Statement], namespace: Mapping[str, Any]
) -> Iterator[str]:
    """The names that a node reads when it is called, itself or through what it calls."""
    if origin.line is not None:
        yield from line_names(origin.line)
    waiting, seen = [origin.statement], {origin.statement}
    while waiting:
        statement = waiting.pop()
        yield from statement.names.later - statement.names.binds
        for name in _called(statement, namespace):
            follows = made.get(name)
            if follows is not None and follows not in seen and not follows.is_import:
                seen.add(follows)
                waiting.append(follows)


def _called(statement: Statement, namespace: Mapping[str, Any]) -> frozenset[str]:
    """The names whose code a call of what a statement made may come to."""
    if statement.is_definition or any(callable(namespace.get(n)) for n in statement.names.binds):
        return statement.names.reads
    return statement.names.later  # what made a value has run
