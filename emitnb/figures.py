"""Figures: what each node did, in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from emitnb.message import ENTRY_POINT
from emitnb.process import NodeOutcome


class Totals(NamedTuple):
    """What one node did: numbers of messages, and seconds in its function."""

    received: int = 0
    emitted: int = 0
    dropped: int = 0
    failed: int = 0
    seconds: float = 0.0

    def plus(self, other: Totals) -> Totals:
        """Return the sum."""
        return Totals(
            self.received + other.received,
            self.emitted + other.emitted,
            self.dropped + other.dropped,
            self.failed + other.failed,
            self.seconds + other.seconds,
        )


Figures = Mapping[str, Totals]
"""Totals by node."""


def figures_of(nodes: Iterable[NodeOutcome]) -> dict[str, Totals]:
    """Return what the nodes did in one batch."""
    return {
        node.node: Totals(
            node.received, len(node.table), node.dropped, len(node.failures), node.seconds
        )
        for node in nodes
    }


def summed(one: Figures, two: Figures) -> Figures:
    """Return figures added up by node."""
    return {**one, **{name: one.get(name, Totals()).plus(more) for name, more in two.items()}}


def summary_frame(figures: Figures, order: Iterable[str]) -> pd.DataFrame:
    """Return figures as a frame, a row for each node, indexed by ``node``.

    Columns: ``in``, ``emitted``, ``dropped``, ``failed`` (int64, messages) and ``ms`` (float64,
    milliseconds in the node's function for each message received).
    """
    names = [name for name in (ENTRY_POINT, *order) if name in figures]
    names += [name for name in figures if name not in names]
    rows = [
        (t.received, t.emitted, t.dropped, t.failed, 1e3 * t.seconds / max(t.received, 1))
        for t in (figures[name] for name in names)
    ]
    index = pd.Index(names, name="node", dtype="str")
    frame = pd.DataFrame(rows, index=index, columns=["in", "emitted", "dropped", "failed", "ms"])
    counts = dict.fromkeys(["in", "emitted", "dropped", "failed"], "int64")
    return frame.astype({**counts, "ms": "float64"})
