"""Replay: nodes and all behind them run again, from what is recorded of what they received.

A replay works on a ledger of its own, and takes the place of what was recorded when it is through:
one that is interrupted half-way has changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from emitnb.emissions import Log, arrivals_of, recorded, sources_of, waves_of
from emitnb.errors import EmitError
from emitnb.graph import Graph
from emitnb.ledger import Ledger, Store
from emitnb.message import ENTRY_POINT, is_port, node_of, port_of
from emitnb.plan import Entries
from emitnb.process import Given, Recorded, Stream
from emitnb.sources.base import EMPTY, BaseSource, Step
from emitnb.table import Positions


class Replay:
    """Some nodes of a graph, closed under descent, run again from the start.

    ``source`` gives what they receive from outside, ``entries`` says where it enters, and
    ``store`` takes in what comes of it, until :meth:`finish`.
    """

    def __init__(self, store: Store, graph: Graph, nodes: Iterable[str]) -> None:
        ledger = store.ledger
        self.nodes = frozenset(nodes)
        self.store = Store(ledger.without_work_of(self.nodes), store.bounds)
        self._graph = graph
        self._main = store
        self._began = ledger
        self.source = ReplaySource(graph, self.nodes, ledger.log)
        self.entries = self.source.entries

    def finish(self, graph: Graph) -> bool:
        """Let the replay take the place of what was recorded; False if more was pushed meanwhile.

        Raises EmitError if the graph is another one by now, the router was cleared, or what the
        nodes read was replayed meanwhile.
        """
        if not graph.runs_alike(self._graph, self.nodes):
            raise EmitError("the graph changed while it was replayed; replay again")
        with self._main.turns.taken():
            changed = self._main.try_change(partial(self._replayed, graph))
        if not changed:
            self.source.extend(self._main.ledger.log)
        return changed

    def _replayed(self, graph: Graph, ledger: Ledger) -> Ledger | None:
        if ledger.cleared_at != self._began.cleared_at:
            raise EmitError("the router was cleared while it was replayed; push again")
        for name in map(node_of, self.source.origins):
            if ledger.forgotten.get(name, 0) > self._began.version:
                raise EmitError(f"{name}, which it reads, was replayed meanwhile; replay again")
        if not ledger.closure(graph, self.nodes) <= self.nodes:
            raise EmitError("the graph changed while it was replayed; replay again")
        if ledger.log.arrived > self.source.seen:
            return None
        return ledger.replayed(self.store.ledger, self.nodes, graph)


def behind(graph: Graph, ledger: Ledger, names: Iterable[str]) -> frozenset[str]:
    """Return what a replay of some nodes runs: them, and all that what they emit reaches, or did.

    A node whose port they read is among them where what is recorded of the port is not what
    fails in the node now: nobody listened there before, or failures were mended since.
    """
    nodes: frozenset[str] = frozenset()
    wanted = {name for name in names if name in graph.nodes}
    while not wanted <= nodes:
        nodes = ledger.closure(graph, wanted | nodes)
        read = {o for name in nodes for o in graph.origins(name) if is_port(o)}
        rows = ledger.log.starts()
        failed = {node: ledger.figures[node].failed for node in ledger.figures}
        wanted = {n for n in map(node_of, read) if failed.get(n, 0) != rows.get(port_of(n), 0)}
    return nodes


@dataclass(frozen=True)
class _Rows:
    """What one node receives from one origin: rows, with when each arrived, ascending."""

    origin: str
    rank: int
    rows: Positions
    arrivals: Positions
    waves: Positions


class ReplaySource(BaseSource[int]):
    """The recorded rows that go into some nodes of a graph, in the order in which they arrived."""

    def __init__(self, graph: Graph, nodes: frozenset[str], log: Log) -> None:
        self._graph = graph
        self._nodes = nodes
        self.extend(log)
        super().__init__(0, len(self._arrivals), None)

    def extend(self, log: Log) -> None:
        """Take in also what was recorded meanwhile; it all arrived later."""
        self._log = log
        self.seen = log.arrived
        self._streams = {
            f"{origin}>{node}": self._rows(origin, node)
            for node in self._graph.nodes
            if node in self._nodes
            for origin in self._outside(node)
        }
        used = [stream.arrivals for stream in self._streams.values()]
        self._arrivals = _united(used)
        self._sources = np.empty(len(self._arrivals), np.int64)
        for stream in self._streams.values():
            found = sources_of(log, stream.origin)[stream.rows]
            self._sources[np.searchsorted(self._arrivals, stream.arrivals)] = found
        self.total = len(self._arrivals)
        self._ended = False

    def skip_to_last(self, count: int) -> None:
        """Leave out all but the messages that arrived last."""
        self._at = max(len(self._arrivals) - count, 0)

    @property
    def entries(self) -> Entries:
        """The nodes that receive something from outside, with the streams that they read."""
        entries: dict[str, tuple[str, ...]] = {}
        for name in self._streams:
            node = name.rpartition(">")[2]
            entries[node] = (*entries.get(node, ()), name)
        return entries

    @property
    def origins(self) -> set[str]:
        """What the nodes receive from outside."""
        return {stream.origin for stream in self._streams.values()}

    def _outside(self, node: str) -> list[str]:
        origins = [o for o in self._graph.origins(node) if node_of(o) not in self._nodes]
        sent = any(to == node for *_, to in self._log.pushes)
        return [ENTRY_POINT, *origins] if sent and ENTRY_POINT not in origins else origins

    def _rows(self, origin: str, node: str) -> _Rows:
        arrivals = arrivals_of(self._log, origin)
        rows = np.arange(len(arrivals))
        if origin == ENTRY_POINT:
            rows = _pushed_to(self._log, node, ENTRY_POINT in self._graph.origins(node))
        waves = waves_of(self._log, origin)
        rank = self._graph.ranks.get(node_of(origin), -1)
        return _Rows(origin, rank, rows, arrivals[rows], waves[rows])

    def _read(self, at: int, size: int) -> Step[int]:
        arrivals = self._arrivals[at : at + size]
        after = at + len(arrivals)
        table = self._given(at, arrivals) if len(arrivals) else EMPTY
        return Step(table, (), after, after >= len(self._arrivals))

    def _given(self, at: int, arrivals: Positions) -> Given:
        streams, places = {}, {}
        for name, one in self._streams.items():
            first, last = np.searchsorted(one.arrivals, [arrivals[0], arrivals[-1] + 1])
            rows = one.rows[first:last]
            local = np.searchsorted(arrivals, one.arrivals[first:last])
            table = recorded(self._log, one.origin, rows)
            streams[name] = Stream(one.origin, table, local, None, one.rank, one.waves[first:last])
            places[name] = Recorded(one.origin, rows)
        return Given(streams, places, self._sources[at : at + len(arrivals)], arrivals)


def _united(ascending: Iterable[Positions]) -> Positions:
    """All that is in some ascending arrays, once each, ascending.

    A stable sort finds what is in order already: many times as fast as ``np.unique``, which hashes.
    """
    found = np.concatenate([np.arange(0), *ascending])
    found.sort(kind="stable")
    return found[np.diff(found, prepend=-1) > 0]


def _pushed_to(log: Log, node: str, is_entry: bool) -> Positions:
    """The pushed rows that a node receives: all that went to nobody else, and its own."""
    ends = [*(first for first, _, _ in log.pushes), log.pushed][1:]
    found = [
        np.arange(first, end)
        for (first, _, to), end in zip(log.pushes, ends, strict=True)
        if to == node or (to is None and is_entry)
    ]
    return np.concatenate([np.arange(0), *found])
