"""Which nodes read, when they are called, what a cell has just changed.

A name is changed when what makes it says something else than before, or reads what is changed.
Texts are compared, not values: a cell that runs again as it was changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from emitnb.export.building import Origin, line_names, origin_of
from emitnb.export.cells import History, Statement
from emitnb.export.chosen import Choices
from emitnb.export.problems import Problems
from emitnb.export.tracing import Definition, Tracer
from emitnb.graph import Graph


def outdated(
    history: History, namespace: Mapping[str, Any], routers: Collection[str], graph: Graph
) -> dict[str, str]:
    """Return the nodes that read what the last cell changed, in topological order, with its name.

    ``routers`` are the names of the router among the variables of the notebook, ``namespace``.
    """
    changed = _changed(history, routers)
    if not changed:
        return {}
    made = {name: one for one in history.statements for name in one.names.binds}
    found = {}
    for name in (member for part in graph.order for member in part.members):
        origin = origin_of(history, graph.nodes[name])
        if origin is not None and origin.statement.cell is not history.cells[-1]:
            names = changed.intersection(_read(origin, made, namespace))
            if names:
                found[name] = min(names)
    return found


def _changed(history: History, routers: Collection[str]) -> frozenset[str]:
    """The names that the last cell gave another meaning, or whose values it changed in place."""
    cell = history.cells[-1]
    ran = [one for one in history.statements if one.cell is cell]
    earlier = [one for one in history.statements if one.cell is not cell]
    known = frozenset().union(*(one.names.binds for one in earlier if not one.is_import))
    imported = frozenset().union(*(one.names.binds for one in earlier if one.is_import))
    bound = frozenset().union(*(one.names.binds | one.names.unbinds for one in ran))
    # What nodes themselves change while they run is emptied and filled as a matter of course.
    theirs = frozenset().union(*(one.names.changed for one in history.statements))
    grown = frozenset().union(*(one.grows for one in ran)) - bound - theirs - imported
    bound &= known | imported
    if not bound:
        return grown & known - frozenset(routers)
    meanings = _Meanings(Tracer(history, None, routers, Choices(), Problems()), ran[0].time)
    differing = {name for name in bound if meanings.differ(name)}
    return frozenset(differing | grown & known - frozenset(routers))


class _Meanings:
    """Compares what names mean now with what they meant before the time ``before``."""

    def __init__(self, tracer: Tracer, before: int) -> None:
        self._definition = tracer.definition
        self._before = before

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
        if not one.is_same_as(two) or name in one.last.names.now:
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
