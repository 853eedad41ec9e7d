"""Which pushed messages a node needs to emit a row: what that descends from, and, where nodes
have state, what came before that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

import numpy as np

from emitnb.emissions import Track
from emitnb.export.evidence.past import Past
from emitnb.export.evidence.received import Failing, Input, inputs_of
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, node_of

ROWS = 20
"""Rows of a node of which one is wanted: the first."""

SETS = 4
"""Sets of messages that are proposed, of those with as many of each state."""

NEAR = (3, 10, 100)
"""Messages of a state that are taken with one that it received: few, if that will do."""

OF_STATE = 20_000
"""Messages of a node with state that those before others are looked for in."""


class Reaching:
    """Looks for the pushed messages that nodes need."""

    def __init__(self, ledger: Ledger, graph: Graph, failing: Failing) -> None:
        self._ledger = ledger
        self._graph = graph
        self._failing = failing
        self._past = cache(self._past_of)

    def needs(self, node: str, most: int) -> Iterator[Collection[int]]:
        """Yield sets of pushed messages of which a node may emit one of its first rows.

        None has more than ``most`` of them; the first have few, and may be too few.
        """
        seen = set[frozenset[int]]()
        track = self._ledger.log.tracks.get(node, Track())
        for near in NEAR:
            found = (self._needs(node, row, near, most) for row in range(min(track.rows, ROWS)))
            fitting = {one for one in found if len(one) <= most} - seen
            yield from sorted(fitting, key=lambda one: (len(one), sorted(one)))[:SETS]
            seen |= fitting

    def _needs(self, node: str, row: int, near: int, most: int) -> frozenset[int]:
        """The pushed messages that one row needs; more than ``most`` where that is too many."""
        found = set[int]()
        waiting = [(node, row)]
        seen = set(waiting)
        while waiting and len(found) <= most:
            origin, row = waiting.pop()
            if origin == ENTRY_POINT:
                found.add(row)
                continue
            more = [one for one in self._before(origin, row, near) if one not in seen]
            seen.update(more)
            waiting += more
        return frozenset(found)

    def _before(self, origin: str, row: int, near: int) -> list[tuple[str, int]]:
        """What a row was made of, and what its node had received for the same state, latest."""
        track = self._ledger.log.tracks.get(origin, Track())
        if row >= track.rows:
            return []
        segment = track.segment_of(row)
        codes, rows = segment.parents_of(np.array([row - segment.first]))
        parent = segment.origins[int(codes[0])], int(rows[0])
        past, inputs = self._past(node_of(origin))
        if past is None or parent not in inputs:
            return [parent]
        before = past.before(inputs[parent])[-near:]
        return [*((one.origin, one.row) for one in before), parent]

    def _past_of(self, name: str) -> tuple[Past | None, dict[tuple[str, int], Input]]:
        node = self._graph.nodes.get(name)
        if node is None or node.new_state is None:
            return None, {}
        inputs = inputs_of(self._ledger, self._graph, name, self._failing, OF_STATE)
        return Past(node, inputs), {(one.origin, one.row): one for one in inputs}
