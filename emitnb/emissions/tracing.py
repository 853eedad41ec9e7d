"""Tracing: which inputs made an emission, and what came of it.

Whole waves are taken a segment at a time, so that an emission with 100,000 descendants costs about
what their columns cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from emitnb.emissions.lineage import Segment
from emitnb.emissions.log import Log, Track
from emitnb.emissions.picking import picked_values
from emitnb.message import ENTRY_POINT
from emitnb.table import Positions

COLUMNS = ("hop", "node", "row", "parent_node", "parent_row", "revision", "ms", "values")

Group = tuple[int, str, Positions]
"""Rows of one node that are equally far away: hop, node and rows, ascending."""


def trace_frame(log: Log, node: str, row: int) -> pd.DataFrame:
    """Return the ancestors and descendants of one emission, and itself.

    Columns: ``hop`` (int64: 0 is the emission, negative its ancestors up to the pushed message,
    positive its descendants), ``node`` (str), ``row`` (int64), ``parent_node`` (str),
    ``parent_row`` (Int64), ``revision`` (Int64), ``ms`` (float64: milliseconds in the node's
    function for one message, the mean of the slice in which it was processed, which is what is
    measured) and ``values`` (dict; None for a pushed message that is no longer kept). Ancestors
    first, then by hop, node and row.
    """
    above = list(_ancestors(log, node, row))
    source = above[-1][1] if above else row
    start = np.array([row], dtype=np.int64)
    groups: list[Group] = [
        (place - len(above), name, np.array([number], dtype=np.int64))
        for place, (name, number) in enumerate(reversed(above))
    ]
    groups += [(0, node, start), *_descendants(log, source, node, start)]
    return _frame(log, groups)


def _ancestors(log: Log, node: str, row: int) -> Iterator[tuple[str, int]]:
    """The node and row that an emission was made from, those that this was made from, and so on."""
    while node != ENTRY_POINT:
        segment = log.tracks[node].segment_of(row)
        codes, rows = segment.parents_of(np.array([row - segment.first]))
        node, row = segment.origins[int(codes[0])], int(rows[0])
        yield node, row


def _descendants(log: Log, source: int, node: str, rows: Positions) -> Iterator[Group]:
    """All that came of some rows, wave by wave; ``source`` is the pushed message they are from."""
    segments = [
        (name, segment, inputs)
        for name, track in sorted(log.tracks.items())
        for segment in track.segments
        if (inputs := _inputs_of(segment, source)) is None or len(inputs)
    ]
    wave = {node: rows}
    hop = 0
    while wave:
        hop += 1
        following: dict[str, list[Positions]] = {}
        for name, segment, inputs in segments:
            reached = _reached(segment, inputs, wave)
            made = segment.rows_of_inputs(reached) if len(reached) else reached
            if len(made):
                following.setdefault(name, []).append(made)
        wave = {name: np.sort(np.concatenate(parts)) for name, parts in following.items()}
        yield from ((hop, name, made) for name, made in wave.items())


def _inputs_of(segment: Segment, source: int) -> Positions | None:
    """The inputs that descend from a pushed message; None where only their origin can tell."""
    return None if segment.sources is None else np.flatnonzero(segment.sources == source)


def _reached(segment: Segment, inputs: Positions | None, wave: dict[str, Positions]) -> Positions:
    """Which inputs of a segment are rows of the wave; ``inputs`` are those that may be."""
    if segment.parent_rows is None:
        rows = wave.get(segment.origins[0], np.arange(0))
        ends = np.searchsorted(rows, (segment.start, segment.start + segment.inputs))
        return rows[ends[0] : ends[1]] - segment.start
    assert inputs is not None
    codes = np.zeros(len(inputs)) if segment.codes is None else segment.codes[inputs]
    found = np.zeros(len(inputs), dtype=bool)
    for code, origin in enumerate(segment.origins):
        if origin in wave:
            mine = np.flatnonzero(codes == code)
            found[mine] = np.isin(segment.parent_rows[inputs[mine]], wave[origin])
    return inputs[found]


def _frame(log: Log, groups: list[Group]) -> pd.DataFrame:
    hops, names, rows = zip(*groups, strict=True)
    sizes = [len(part) for part in rows]
    joined = np.concatenate(rows)
    nodes = np.repeat(np.array(names, dtype=object), sizes)
    columns: dict[str, Any] = {
        "parent_node": np.full(len(joined), None, dtype=object),
        "parent_row": np.full(len(joined), None, dtype=object),
        "revision": np.full(len(joined), None, dtype=object),
        "ms": np.full(len(joined), np.nan),
        "values": np.full(len(joined), None, dtype=object),
    }
    for name in dict.fromkeys(names):
        mine = np.flatnonzero(nodes == name)
        if name == ENTRY_POINT:
            # There is one: what was pushed.
            columns["values"][mine[0]] = log.inputs.values(int(joined[mine[0]]))
            continue
        for column, values in _details(log.tracks[name], joined[mine]).items():
            columns[column][mine] = values
    frame = pd.DataFrame({"hop": np.repeat(hops, sizes), "node": nodes, "row": joined, **columns})
    kinds = {"hop": "int64", "node": "str", "row": "int64", "parent_node": "str"}
    return frame.astype({**kinds, "parent_row": "Int64", "revision": "Int64"})[list(COLUMNS)]


def _details(track: Track, rows: Positions) -> dict[str, Any]:
    """What a trace says of some rows of a node, by column."""
    firsts = np.array([segment.first for segment in track.segments])
    # The last that begins at or before a row: segments without rows begin where the next does.
    homes = np.searchsorted(firsts, rows, side="right") - 1
    nodes = np.empty(len(rows), dtype=object)
    parents, revisions, ms = np.zeros_like(rows), np.zeros_like(rows), np.zeros(len(rows))
    for home in np.unique(homes).tolist():
        segment = track.segments[home]
        places = np.flatnonzero(homes == home)
        inside = rows[places] - segment.first
        codes, parents[places] = segment.parents_of(inside)
        nodes[places] = np.array(segment.origins, dtype=object)[codes]
        revisions[places] = segment.revision
        ms[places] = segment.ms_of(inside)
    values = np.empty(len(rows), dtype=object)
    values[:] = picked_values(track, rows)
    return {
        "parent_node": nodes,
        "parent_row": parents,
        "revision": revisions,
        "ms": ms,
        "values": values,
    }
