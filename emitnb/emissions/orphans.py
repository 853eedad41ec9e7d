"""Rows whose parents are replaced by others: they keep what they descend from, and no parent."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from emitnb.emissions.descent import arrivals_of_inputs, sources_of_inputs
from emitnb.emissions.lineage import Segment
from emitnb.emissions.log import Log, Track
from emitnb.message import UNKNOWN, node_of
from emitnb.table import Positions


def children_of(log: Log, nodes: Container[str]) -> Iterator[str]:
    """Yield the nodes (not the ports) that have rows made from rows of ``nodes``."""
    for name, track in log.tracks.items():
        if any(node_of(origin) in nodes for s in track.segments for origin in _sent(s)):
            yield node_of(name)


def _sent(segment: Segment) -> Iterable[str]:
    """The origins that inputs really came from: a node may subscribe to one that sent nothing."""
    if segment.codes is None:
        return segment.origins[:1] if segment.inputs else ()
    return (segment.origins[code] for code in np.unique(segment.codes).tolist())


def orphaned(log: Log, nodes: Container[str]) -> Log:
    """Return the log in which rows of other nodes no longer point to rows of ``nodes``."""
    tracks = {
        name: track if node_of(name) in nodes else _orphaned(log, name, track, nodes)
        for name, track in log.tracks.items()
    }
    return replace(log, tracks=tracks)


def _orphaned(log: Log, name: str, track: Track, nodes: Container[str]) -> Track:
    lost = [
        any(node_of(origin) in nodes for origin in segment.origins) for segment in track.segments
    ]
    if not any(lost):
        return track
    sources, arrivals = sources_of_inputs(log, name), arrivals_of_inputs(log, name)
    segments = (
        _cut(segment, nodes, sources[place], arrivals[place]) if lost[place] else segment
        for place, segment in enumerate(track.segments)
    )
    return replace(track, segments=tuple(segments))


def _cut(
    segment: Segment, nodes: Container[str], sources: Positions, arrivals: Positions
) -> Segment:
    """The segment with explicit rows, in which those of ``nodes`` are of an unknown origin."""
    codes = np.zeros(segment.inputs, np.int16) if segment.codes is None else segment.codes
    rows = segment.parent_rows
    rows = np.arange(segment.start, segment.start + segment.inputs) if rows is None else rows
    gone = np.array([node_of(origin) in nodes for origin in segment.origins])
    names = tuple(
        UNKNOWN if is_gone else origin
        for origin, is_gone in zip(segment.origins, gone, strict=True)
    )
    origins = tuple(dict.fromkeys(names))
    place = np.array([origins.index(name) for name in names], dtype=np.int16)
    compacted: Any = place[codes]
    return replace(
        segment,
        origins=origins,
        start=0,
        codes=compacted if len(origins) > 1 else None,
        parent_rows=np.where(gone[codes], -1, rows),
        sources=sources,
        arrivals=arrivals,
    )
