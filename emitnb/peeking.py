"""What went over an edge: the messages that one node really received from another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emitnb.emissions import Log, Track, counted_by_origin, picked_frame
from emitnb.errors import EmitError, UnknownEdgeError, UnknownNodeError, did_you_mean
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, UNKNOWN
from emitnb.table import Positions

FORM = "write `A -> B`, for instance `words -> count_word`"


def peek(log: Log, graph: Graph, edge: str, n: int) -> pd.DataFrame:
    """Return the latest ``n`` messages of an edge; see :meth:`emitnb.Router.peek`."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise EmitError(f"n is {n!r}; give a number of messages from 1 on")
    origin, name = _resolved(log, graph, *_ends(edge))
    rows = received(log.tracks.get(name, Track()), origin, n)
    if origin == ENTRY_POINT:
        return log.inputs.picked(rows)
    return picked_frame(log.tracks.get(origin, Track()), graph.nodes.get(origin), rows)


def received(track: Track, origin: str, n: int) -> Positions:
    """Return which rows of ``origin`` a node received last, at most ``n``, the latest at the end.

    One that was sent again counts once, where it came last.
    """
    rows: Positions = np.arange(0)
    for segment in reversed(track.segments):
        rows = np.concatenate([segment.received(origin), rows])
        if not (np.diff(rows) > 0).all():
            _, latest = np.unique(rows[::-1], return_index=True)
            rows = rows[::-1][np.sort(latest)][::-1]
        if len(rows) >= n:
            break
    return rows[-n:]


def traffic(log: Log) -> dict[tuple[str, str], int]:
    """Return how many messages went over each edge; see :meth:`emitnb.Router.traffic`."""
    return {
        (origin, name): count
        for name, track in log.tracks.items()
        for origin, count in counted_by_origin(track.segments).items()
        if count and origin != UNKNOWN
    }


def origins(log: Log, graph: Graph, name: str) -> tuple[str, ...]:
    """Return what a node receives from now, and what it received from before."""
    now = graph.origins(name) if name in graph.nodes else ()
    segments = log.tracks.get(name, Track()).segments
    before = (origin for s in segments for origin in s.origins if origin != UNKNOWN)
    return tuple(dict.fromkeys([*now, *before]))


def _ends(edge: str) -> tuple[str, str]:
    parts = [part.strip() for part in edge.split("->")] if isinstance(edge, str) else []
    if len(parts) != 2 or not all(parts):
        raise EmitError(f"{edge!r} is no edge; {FORM}")
    return parts[0], parts[1]


def _resolved(log: Log, graph: Graph, origin: str, name: str) -> tuple[str, str]:
    """The full names of both ends of an edge."""
    if name in graph.nodes or name not in log.tracks:
        name = graph.find(name)  # else it was removed, and what it received stays
    known = origins(log, graph, name)
    full = origin if origin in known else _found(graph, origin)
    if full not in known:
        raise UnknownEdgeError(
            f"{name} does not receive from `{origin}`.{did_you_mean(origin, known)} "
            f"It receives from {', '.join(known) or 'nothing yet'}"
        )
    return full, name


def _found(graph: Graph, name: str) -> str:
    try:
        return graph.find(name)
    except UnknownNodeError:
        return name
