"""Tracing: which inputs made an emission, and what came of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from emitnb.emissions.log import Log, Track
from emitnb.message import ENTRY_POINT

COLUMNS = ("hop", "node", "row", "parent_node", "parent_row", "revision", "values")


def trace_frame(log: Log, node: str, row: int) -> pd.DataFrame:
    """Return the ancestors and descendants of one emission, and itself.

    Columns: ``hop`` (int64: 0 is the emission, negative its ancestors up to the pushed message,
    positive its descendants), ``node`` (str), ``row`` (int64), ``parent_node`` (str),
    ``parent_row`` (Int64), ``revision`` (Int64) and ``values`` (dict; None for a pushed message
    that is no longer kept). Ancestors first, then by hop, node and row.
    """
    ancestors = reversed(_ancestors(log, node, row))
    records = [*ancestors, _record(log, 0, node, row), *_descendants(log, node, row)]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    kinds = {"hop": "int64", "node": "str", "row": "int64", "parent_node": "str"}
    return frame.astype({**kinds, "parent_row": "Int64", "revision": "Int64"})


def parent_of(log: Log, node: str, row: int) -> tuple[str, int]:
    """Return the node and row that one emission was made from."""
    segment = log.tracks[node].segment_of(row)
    place = row - segment.first
    codes, rows = segment.parents()
    return segment.origins[int(codes[place])], int(rows[place])


def _ancestors(log: Log, node: str, row: int) -> list[dict[str, Any]]:
    found = []
    hop = 0
    while node != ENTRY_POINT:
        node, row = parent_of(log, node, row)
        hop -= 1
        found.append(_record(log, hop, node, row))
    return found


def _descendants(log: Log, node: str, row: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    wave = {(node, row)}
    hop = 0
    while wave:
        hop += 1
        wave = {child for parent in wave for child in _children(log, *parent)}
        found += [_record(log, hop, *child) for child in sorted(wave)]
    return found


def _children(log: Log, node: str, row: int) -> list[tuple[str, int]]:
    children = []
    for name, track in log.tracks.items():
        for segment in track.segments:
            inputs = segment.inputs_from(node, row)
            if len(inputs):
                rows = segment.rows_of_inputs(inputs).tolist()
                children += [(name, child) for child in rows]
    return children


def _record(log: Log, hop: int, node: str, row: int) -> dict[str, Any]:
    if node == ENTRY_POINT:
        return {"hop": hop, "node": node, "row": row, "values": log.inputs.values(row)}
    track = log.tracks.get(node, Track())
    parent, parent_row = parent_of(log, node, row)
    return {
        "hop": hop,
        "node": node,
        "row": row,
        "parent_node": parent,
        "parent_row": parent_row,
        "revision": track.segment_of(row).revision,
        "values": track.values(row),
    }
