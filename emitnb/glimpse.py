"""A look at what is recorded whose cost is bounded: for displays that look again and again.

Frames cost what they hold. This costs the last rows of each node, the latest failures, and one
addition for each part of the log, however much there is. Nothing is brought here from a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from emitnb.emissions import KeptRows, Track
from emitnb.emissions.columns import dtype_of
from emitnb.emissions.filed import FiledRows
from emitnb.emissions.lineage import PACE_MS
from emitnb.emissions.log import FrameRows, Part
from emitnb.errors import RecordLostError
from emitnb.failures import Failures
from emitnb.graph import Graph
from emitnb.grouping import group_failures, latest_of
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT
from emitnb.table import values_of

MOST_FAILURES = 10_000
"""Failures that are grouped."""

MOST_BYTES = 20_000_000
"""Bytes of failures that are grouped, near enough: the smallest input is found by measuring all."""

_NAMES = {int: "int64", float: "float64", str: "str", bool: "bool"}


class Last(NamedTuple):
    """The last rows of a node: values in the order of ``fields``, the number of the first.

    ``missing`` says why rows are not there that are recorded, or nothing. A dtype is the declared
    one, or else that of the values here.
    """

    fields: tuple[str, ...]
    dtypes: tuple[str, ...]
    first: int
    rows: list[tuple[Any, ...]]
    missing: str = ""


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What was recorded at one moment, with the graph of that moment. Nothing in it changes."""

    ledger: Ledger
    graph: Graph

    @property
    def failures(self) -> Failures:
        """All failures: the same object for as long as they are the same."""
        return self.ledger.failures

    def total(self, node: str) -> int:
        """Return how many rows a node has, or how many messages were pushed."""
        log = self.ledger.log
        return log.pushed if node == ENTRY_POINT else log.tracks.get(node, Track()).rows

    def stale(self, node: str) -> str:
        """Say how many of a node's rows come from an older cell, or nothing."""
        return self.ledger.changes.note(node)

    def last(self, node: str, n: int) -> Last:
        """Return the last ``n`` rows that a node emitted, or of what was pushed.

        Those that stay on a cluster are not fetched, and those in a file that is gone are not
        there; ``missing`` says so.
        """
        log = self.ledger.log
        if node == ENTRY_POINT:
            return _last_pushed(self.ledger, n)
        track = log.tracks.get(node, Track())
        declared = self.graph.nodes.get(node)
        found, missing = _tail(track, n)
        named = (name for row in reversed(found) for name in row)
        fields = tuple(dict.fromkeys((*(declared.fields if declared else ()), *named)))
        rows = [tuple(row.get(name) for name in fields) for row in found]
        dtypes = _dtypes(track, declared.types if declared else {}, fields, rows)
        return Last(fields, dtypes, track.rows - len(rows), rows, missing)

    def pace(self, node: str) -> tuple[list[float], list[int]]:
        """Return how many messages took how long in a node: edges in milliseconds, and counts.

        What is measured is a slice of up to 512 messages, of a batch node a batch; all of its
        messages count with its mean. The edges ascend by a constant factor; the first and the
        last bin hold what is beyond them. No counts: the node received nothing yet.
        """
        segments = self.ledger.log.tracks.get(node, Track()).segments
        paces = [segment.pace for segment in segments]
        counts = np.array(paces, np.int64).reshape(len(paces), len(PACE_MS) - 1).sum(axis=0)
        filled = np.flatnonzero(counts)
        if not len(filled):
            return [], []
        first, end = int(filled[0]), int(filled[-1]) + 1
        return PACE_MS[first : end + 1].tolist(), counts[first:end].tolist()

    @property
    def grouped(self) -> int:
        """How many failures :meth:`groups` takes in: the latest, as many as are soon measured."""
        held = self.failures.held
        each = held.bytes / max(held.rows, 1)
        return min(len(self.failures), MOST_FAILURES, max(100, int(MOST_BYTES / max(each, 1))))

    def groups(self) -> pd.DataFrame:
        """Return the latest failures as :meth:`emitnb.Router.failure_groups` does all of them.

        Raises RecordLostError where they lie in a file that is gone.
        """
        return group_failures(latest_of(self.failures, self.grouped))


def _last_pushed(ledger: Ledger, n: int) -> Last:
    inputs = ledger.log.inputs
    try:
        frame = inputs.picked(np.arange(max(inputs.rows - n, 0), inputs.rows))
    except RecordLostError as error:
        return Last((), (), inputs.rows, [], str(error))
    fields = tuple(map(str, frame.columns))
    rows = list(zip(*(frame[name].tolist() for name in frame.columns), strict=True))
    missing = "" if len(rows) == min(n, inputs.rows) else "what was pushed is no longer kept"
    dtypes = tuple(map(str, frame.dtypes))
    return Last(fields, dtypes, inputs.rows - len(frame), rows or [()] * len(frame), missing)


def _tail(track: Track, n: int) -> tuple[list[dict[str, Any]], str]:
    """The last rows of a track, and why there are fewer than there should be."""
    rows: list[dict[str, Any]] = []
    for part in reversed(track.parts):
        if len(rows) >= n:
            break
        if isinstance(part, KeptRows):
            return rows, "the rows stay on the cluster; %emit_frame NODE --lazy reads them there"
        try:
            rows = _last_of(part, n - len(rows)) + rows
        except RecordLostError as error:
            return rows, str(error)
    return rows, ""


def _last_of(part: Part, n: int) -> list[dict[str, Any]]:
    start = max(part.size - n, 0)
    if isinstance(part, FrameRows):
        data = part.data.iloc[start:]
        columns = [data[name].tolist() for name in part.fields]
    elif isinstance(part, FiledRows):
        return [part.row(row) for row in range(start, part.size)]
    else:
        columns = [values_of(piece[start:]) for piece in part.pieces]
    values = zip(*columns, strict=True) if columns else [()] * (part.size - start)
    return [dict(zip(part.fields, row, strict=True)) for row in values]


def _dtypes(
    track: Track, types: Mapping[str, Any], fields: Sequence[str], rows: list[tuple[Any, ...]]
) -> tuple[str, ...]:
    last = track.parts[-1] if track.parts else None
    made: Mapping[Any, Any] = dict(last.data.dtypes) if isinstance(last, FrameRows) else {}
    texts = []
    for place, name in enumerate(fields):
        dtype = dtype_of(types.get(name))
        dtype = made.get(name) if dtype is None else dtype
        texts.append(_kind(row[place] for row in rows) if dtype is None else str(dtype))
    return tuple(texts)


def _kind(values: Any) -> str:
    kinds = {type(value) for value in values}
    return _NAMES.get(kinds.pop(), "object") if len(kinds) == 1 else "object"
