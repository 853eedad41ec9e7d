"""The ledger: everything that is committed, in one value.

A batch's emissions, failures, states, figures and source position become visible together, or not
at all: a commit makes a new ledger from the old and swaps one reference. An interrupt before the
swap leaves the old, one after it the new; there is nothing in between.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from emitnb.bounds import Bounds
from emitnb.changes import Changes
from emitnb.emissions import Log, children_of, orphaned
from emitnb.failures import Failure, Failures, failures_of
from emitnb.figures import Figures, Totals, figures_of, summed
from emitnb.fixes import Fixes
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, node_of
from emitnb.node import Node
from emitnb.process import Given, Outcome, PackedStates, States
from emitnb.table import Table
from emitnb.turns import Turns


class Layers(NamedTuple):
    """The states of one node: what the last batch touched, over all that came before."""

    latest: States
    base: dict[Any, Any]

    def under(self, touched: States) -> Layers:
        """Return the layers with ``touched`` on top.

        Moving ``latest`` down changes nothing that a reader sees, and doing it twice neither, so
        an interrupt here does no harm.
        """
        if isinstance(touched, PackedStates):
            both = touched.over(self.latest)
            if both is not None:
                return Layers(both, self.base)
        self.base.update(self.latest)
        return Layers(touched, self.base)


class Position(NamedTuple):
    """How far one run has come: batches and messages committed, and its figures."""

    batches: int = 0
    messages: int = 0
    figures: Figures = MappingProxyType({})


class Mark(NamedTuple):
    """How far everything was: states forgotten, rows by origin, and the next failure's number."""

    version: int = 0
    rows: Mapping[str, int] = MappingProxyType({})
    failures: int = 0

    @property
    def is_something(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.failures or any(self.rows.values()))


@dataclass(frozen=True)
class Ledger:
    """Everything committed.

    ``version`` counts the times that states were forgotten; ``forgotten`` says at which of them a
    node's last were, and ``cleared_at`` when all were. What a batch that began before did to
    those states counts no more.
    """

    log: Log = field(default_factory=Log)
    failures: Failures = field(default_factory=Failures)
    fixed: Fixes = field(default_factory=Fixes)
    states: Mapping[str, Layers] = field(default_factory=dict)
    figures: Figures = field(default_factory=dict)
    positions: Mapping[int, Position] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    version: int = 0
    forgotten: Mapping[str, int] = field(default_factory=dict)
    cleared_at: int = 0

    def with_batch(
        self,
        pushed: Table,
        outcome: Outcome,
        unreadable: Iterable[tuple[int, Failure]] = (),
        run: int | None = None,
        started: Ledger | None = None,
        to: str | None = None,
    ) -> Ledger:
        """Return the ledger with one batch: what was pushed, what came of it, and for which run.

        ``unreadable`` is data that never became a message, each with the number of this batch's
        messages that came before it. ``started`` is the ledger from when the batch began: the
        graph may have changed since. ``to`` is the only node that it was pushed to.
        """
        started = started or self
        outcome = self.changes.renamed_since(started.changes, outcome)
        misread = list(unreadable)
        figures = figures_of(outcome.nodes)
        if not isinstance(pushed, Given):
            taken = len(pushed) + len(misread)
            figures[ENTRY_POINT] = Totals(taken, len(pushed), 0, len(misread))
        positions = self._positions_after(run, len(pushed), figures)
        if isinstance(pushed, Given) and self.cleared_at > started.version:
            return replace(self, positions=positions)  # what it was made from is no more
        named = partial(self.changes.name_since, started.changes)
        if isinstance(pushed, Given):
            pushed = pushed.renamed(named)
        log = self.log.with_batch(pushed, outcome.nodes, None if to is None else named(to))
        retried = self.failures.chosen(pushed.retried) if isinstance(pushed, Given) else []
        failures, again = self._failures_after(pushed, outcome, misread)
        return replace(
            self,
            log=log,
            failures=failures,
            fixed=self.fixed.with_more(one for one in retried if one.number not in again),
            states=self._with_states(self._still_known(outcome.states, started)),
            figures=summed(summed(self.figures, figures), _given_up(retried)),
            positions=positions,
            changes=self.changes.with_batch(outcome.nodes, log.starts()),
        )

    def _positions_after(
        self, run: int | None, messages: int, figures: Figures
    ) -> Mapping[int, Position]:
        if run is None:
            return self.positions
        at = self.positions.get(run, Position())
        further = Position(at.batches + 1, at.messages + messages, summed(at.figures, figures))
        return {**self.positions, run: further}

    def _failures_after(
        self, pushed: Table, outcome: Outcome, misread: Iterable[tuple[int, Failure]]
    ) -> tuple[Failures, Container[int]]:
        """In push order, whatever the batch size; within one message in the graph's order.

        With them the numbers of those that were retried and failed again.
        """
        failed = list(misread)
        again: dict[int, Failure] = {}
        places = self.log.places(pushed)
        for part in outcome.nodes:
            for local, retried, failure in failures_of(part, places):
                if retried is None:
                    failed.append((local, failure))
                else:
                    again[retried] = failure
        failed.sort(key=lambda pair: pair[0])
        retried_ones = pushed.retried if isinstance(pushed, Given) else ()
        kept = self.failures.retried(retried_ones, again)
        return kept.with_more(failure for _, failure in failed), again

    def renamed(self, old: str, new: str) -> Ledger:
        """Return the ledger with a node renamed."""
        return replace(
            self,
            log=self.log.renamed(old, new),
            failures=self.failures.renamed(old, new),
            fixed=self.fixed.renamed(old, new),
            states=_renamed(self.states, old, new),
            figures=_renamed(self.figures, old, new),
            changes=self.changes.renamed(old, new),
            forgotten=_renamed(self.forgotten, old, new),
        )

    def declared(self, before: Node, node: Node, descendants: Iterable[str]) -> Ledger:
        """Return the ledger after a node was declared again.

        Where it computes something else, what it and its descendants emitted is stale; where it
        keeps another kind of state, it starts afresh.
        """
        changes = self.changes
        if node.revision != before.revision:
            starts = self.log.starts()
            changes = changes.revised(node.name, node.revision, descendants, starts)
        if node.keeps_state_of(before):
            return replace(self, changes=changes)
        version = self.version + 1
        return replace(
            self,
            changes=changes,
            states={name: kept for name, kept in self.states.items() if name != node.name},
            version=version,
            forgotten={**self.forgotten, node.name: version},
        )

    def mark(self) -> Mark:
        """Return how far everything is now."""
        return Mark(self.version, self.log.starts(), self.failures.count)

    def failed_before(self, mark: Mark) -> Counter[str]:
        """Return how many of the failures of each node were there at a mark."""
        if self.cleared_at > mark.version:
            return Counter()
        return Counter(one.node for one in self.failures if one.number < mark.failures)

    def outdated(self, node: str, reads: str, descendants: Iterable[str], since: Mark) -> Ledger:
        """Return the ledger after what a node reads changed: what came of it by then is stale.

        What was replayed or forgotten since is not.
        """
        rows = {
            name: count
            for name, count in since.rows.items()
            if max(self.forgotten.get(node_of(name), 0), self.cleared_at) <= since.version
        }
        return replace(self, changes=self.changes.outdated(node, reads, descendants, rows))

    def discarded(self, numbers: Iterable[int]) -> Ledger:
        """Return the ledger without some failures; that they failed stays counted."""
        return replace(self, failures=self.failures.retried(numbers, {}))

    def closure(self, graph: Graph, nodes: Iterable[str]) -> frozenset[str]:
        """Return the nodes to replay with ``nodes``: all that what they emit can reach, or did."""
        found = graph.closure(nodes)
        while True:
            parents = children_of(self.log, found), self.failures.children_of(found)
            wider = graph.closure(found.union(*parents))
            if wider == found:
                return found
            found = wider

    def without_work_of(self, nodes: Container[str]) -> Ledger:
        """Return what a replay of ``nodes`` begins with: what all others did, and no failures."""
        return replace(
            self,
            log=self.log.without(nodes),
            failures=Failures(),
            states=_of_others(self.states, nodes),
            figures=_of_others(self.figures, nodes),
            positions={},
        )

    def replayed(self, replay: Ledger, nodes: frozenset[str], graph: Graph) -> Ledger:
        """Return the ledger with a replay's work of ``nodes`` in the place of what they did."""
        version = self.version + 1
        mine = frozenset(replay.states).difference(nodes)
        return replace(
            self,
            log=orphaned(self.log, nodes).without(nodes).with_tracks(replay.log, nodes),
            failures=self.failures.of_others(nodes).with_more(replay.failures),
            fixed=self.fixed.replayed(self.failures, replay.failures, nodes),
            states={**_of_others(self.states, nodes), **_of_others(replay.states, mine)},
            figures={
                **_of_others(self.figures, nodes),
                **{name: replay.figures[name] for name in nodes if name in replay.figures},
            },
            changes=self.changes.replayed(nodes, graph, self.log.starts()),
            version=version,
            forgotten={**self.forgotten, **dict.fromkeys(nodes, version)},
        )

    def cleared(self) -> Ledger:
        """Return an empty ledger in which runs keep their positions."""
        version = self.version + 1
        return Ledger(
            positions=self.positions,
            changes=self.changes.cleared(),
            version=version,
            cleared_at=version,
        )

    def within(self, bounds: Bounds) -> Ledger:
        """Return the ledger with what is beyond the bounds in files. Raises RecordFullError."""
        log, failures = bounds.kept(self.log, self.failures)
        if log is self.log and failures is self.failures:
            return self
        return replace(self, log=log, failures=failures)

    def _still_known(self, touched: Mapping[str, States], started: Ledger) -> Mapping[str, States]:
        if self.cleared_at > started.version:
            return {}
        return {
            name: states
            for name, states in touched.items()
            if self.forgotten.get(name, 0) <= started.version
        }

    def _with_states(self, touched: Mapping[str, States]) -> Mapping[str, Layers]:
        changed = {
            name: self.states.get(name, Layers({}, {})).under(states)
            for name, states in touched.items()
            if states
        }
        return {**self.states, **changed}


class Store:
    """Holds the ledger, within its bounds. Reading takes no lock; changes come one by one.

    What begins with the committed states and is to change them takes one of the ``turns``.
    """

    def __init__(self, ledger: Ledger | None = None, bounds: Bounds | None = None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.bounds = Bounds() if bounds is None else bounds
        self.turns = Turns()
        self._lock = threading.RLock()

    def change(self, make: Callable[[Ledger], Ledger]) -> None:
        """Replace the ledger by what ``make`` makes of it.

        Raises RecordFullError, and changes nothing, where what goes to files has no room there.
        """
        with self._lock:
            self.ledger = make(self.ledger).within(self.bounds)

    def bound(self, change: Callable[[Bounds], Bounds]) -> None:
        """Replace the bounds, and keep to the new ones at once. Raises RecordFullError."""
        with self._lock:
            bounds = change(self.bounds)
            self.ledger = self.ledger.within(bounds)
            self.bounds = bounds

    def try_change(self, make: Callable[[Ledger], Ledger | None]) -> bool:
        """Replace the ledger by what ``make`` makes of it, if it makes one; return whether so."""
        with self._lock:
            made = make(self.ledger)
            self.ledger = self.ledger if made is None else made.within(self.bounds)
        return made is not None


def _given_up(retried: Iterable[Failure]) -> Figures:
    """What no longer counts: a message that is retried was received and failed before."""
    nodes = Counter(failure.node for failure in retried)
    return {node: Totals(received=-count, failed=-count) for node, count in nodes.items()}


def _of_others(by_name: Mapping[str, Any], nodes: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in by_name.items() if name not in nodes}


def _renamed(by_name: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in by_name.items()}
