"""Frames of the log: emissions as pandas DataFrames, with lineage if asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.emissions.columns import dtype_of, series, widened
from emitnb.emissions.filed import FiledRows
from emitnb.emissions.lineage import Segment
from emitnb.emissions.log import FrameRows, KeptRows, Log, Part, Rows, Track
from emitnb.message import ENTRY_POINT
from emitnb.node import Node
from emitnb.table import STR, Positions

LINEAGE = ("parent_node", "parent_row", "source", "revision", "time")
"""Columns that ``lineage=True`` adds."""


def node_frame(log: Log, name: str, node: Node | None, lineage: bool = False) -> pd.DataFrame:
    """Return the emissions of one node: its fields as columns and a RangeIndex.

    With ``lineage`` also ``parent_node`` (str), ``parent_row`` (int64), ``source`` (int64, number
    of the pushed message), ``revision`` (int64) and ``time`` (datetime64[ns, UTC]).
    """
    track = log.tracks.get(name, Track())
    frame = _values(track, node)
    if lineage:
        frame = pd.concat([frame, _lineage(log, name)], axis=1)
    return frame


def whole_frame(
    log: Log, nodes: Mapping[str, Node], order: Iterable[str], lineage: bool = False
) -> pd.DataFrame:
    """Return all emissions in push order: ``node``, ``row``, and the union of the fields.

    A field that a node does not have is missing in its rows; whole numbers and truth values keep
    their values in pandas' nullable dtypes then.
    """
    names = [*(n for n in order if n in log.tracks), *(n for n in log.tracks if n not in nodes)]
    names = [name for name in names if log.tracks[name].rows]
    frames = {name: node_frame(log, name, nodes.get(name), lineage) for name in names}
    sizes = [len(frame) for frame in frames.values()]
    places = dict(zip(names, np.cumsum([0, *sizes]).tolist(), strict=False))
    taken = _push_order(log, names)
    columns: dict[str, Any] = {
        "node": pd.Series(np.repeat(np.array(names, dtype=object), sizes), dtype=STR),
        "row": pd.Series(np.concatenate([np.arange(0), *map(np.arange, sizes)])),
    }
    found = dict.fromkeys(c for frame in frames.values() for c in frame.columns)
    for column in sorted(found, key=lambda name: lineage and name in LINEAGE):
        columns[column] = _stacked(column, frames, places, sum(sizes))
    whole = pd.DataFrame(columns)
    return whole.take(taken).reset_index(drop=True)


def sources_of(log: Log, node: str) -> Positions:
    """Return the number of the pushed message that each row of a node descends from."""
    segments = log.tracks.get(node, Track()).segments
    known: dict[tuple[str, int], Positions] = {}
    waiting = [(node, place) for place in range(len(segments))]
    while waiting:
        name, place = waiting[-1]
        segment = log.tracks[name].segments[place]
        needed = _parent_segments(log, segment)
        missing = [key for key in needed if key not in known]
        if missing:
            waiting += missing
            continue
        known[waiting.pop()] = _segment_sources(log, segment, needed, known)
    return np.concatenate([np.arange(0), *(known[node, i] for i in range(len(segments)))])


def _parent_segments(log: Log, segment: Segment) -> list[tuple[str, int]]:
    """The segments of the one origin whose rows the inputs were; none where sources are stored."""
    if segment.sources is not None or segment.origins == (ENTRY_POINT,):
        return []
    (origin,) = segment.origins
    segments = log.tracks[origin].segments
    place = max(bisect_right(segments, segment.start, key=lambda s: s.first) - 1, 0)
    found = []
    while place < len(segments) and segments[place].first < segment.start + segment.inputs:
        found.append((origin, place))
        place += 1
    return found


def _segment_sources(
    log: Log,
    segment: Segment,
    needed: list[tuple[str, int]],
    known: Mapping[tuple[str, int], Positions],
) -> Positions:
    if segment.sources is not None:
        sources = segment.sources
    elif not needed:
        sources = np.arange(segment.start, segment.start + segment.inputs)
    else:
        origin, place = needed[0]
        skipped = segment.start - log.tracks[origin].segments[place].first
        joined = np.concatenate([known[key] for key in needed])
        sources = joined[skipped : skipped + segment.inputs]
    return sources if segment.counts is None else np.repeat(sources, segment.counts)


def _field_names(track: Track, node: Node | None) -> tuple[str, ...]:
    declared = () if node is None else node.fields
    return tuple(dict.fromkeys((*declared, *track.field_names())))


def _values(track: Track, node: Node | None) -> pd.DataFrame:
    names = _field_names(track, node)
    if track.parts and all(_is_frame(part) and part.fields == names for part in track.parts):
        made = [part.data for part in track.parts if not isinstance(part, Rows | KeptRows)]
        # Only a batch node made these rows: pandas joins whole frames faster than columns.
        frame = pd.concat(made, ignore_index=True)
        frame = frame if len(made) > 1 else frame.copy()  # one may lie in a file, read-only
        for field, declared in ({} if node is None else node.types).items():
            dtype = dtype_of(declared)
            if dtype is not None and frame[field].dtype != dtype:
                frame[field] = series([frame[field]], declared)
        return frame
    columns = {field: _column(track, field, node) for field in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(track.rows), copy=False)


def _is_frame(part: Part) -> bool:
    return isinstance(part, FrameRows) or (isinstance(part, FiledRows) and part.framed)


def rows_frame(part: Part, types: Mapping[str, Any]) -> pd.DataFrame:
    """Return some consecutive rows of a node as a frame."""
    columns = {name: series([part.piece(name)], types.get(name)) for name in part.fields}
    return pd.DataFrame(columns, index=pd.RangeIndex(part.size))


def _column(track: Track, field: str, node: Node | None) -> pd.Series:
    declared = None if node is None else node.types.get(field)
    return series([part.piece(field) for part in track.parts], declared)


def _lineage(log: Log, name: str) -> pd.DataFrame:
    track = log.tracks.get(name, Track())
    parts = [_segment_lineage(segment) for segment in track.segments]
    columns = list(zip(*parts, strict=True)) or [()] * 4
    nodes, rows, revisions, times = columns
    return pd.DataFrame(
        {
            "parent_node": series([pa.array([], pa.large_string()), *nodes]),
            "parent_row": np.concatenate([np.arange(0), *rows]),
            "source": sources_of(log, name),
            "revision": np.concatenate([np.arange(0), *revisions]),
            "time": pd.to_datetime(np.concatenate([np.arange(0), *times]), unit="ns", utc=True),
        },
        index=pd.RangeIndex(track.rows),
    )


def _segment_lineage(segment: Segment) -> tuple[pa.Array, Positions, Positions, Positions]:
    codes, rows = segment.parents()
    names = pa.array(segment.origins, pa.large_string()).take(pa.array(codes))
    runs, times = zip(*segment.times, strict=True)
    return names, rows, np.full(segment.rows, segment.revision), np.repeat(times, runs)


def _push_order(log: Log, names: list[str]) -> Positions:
    """Return the order in which rows were made, given the tracks of ``names`` one after another."""
    if not names:
        return np.arange(0)
    sources = np.concatenate([sources_of(log, name) for name in names])
    ranks = np.concatenate([_per_row(log.tracks[name], "rank") for name in names])
    waves = np.concatenate([_waves(log.tracks[name]) for name in names])
    return np.lexsort((waves, ranks, sources))


def _per_row(track: Track, attribute: str) -> Positions:
    values = [getattr(segment, attribute) for segment in track.segments]
    return np.repeat(np.array(values, dtype=np.int64), [s.rows for s in track.segments])


def _waves(track: Track) -> Positions:
    parts = [
        np.arange(s.first, s.first + s.rows) if s.waves is None else s.waves for s in track.segments
    ]
    return np.concatenate([np.arange(0), *parts])


def _stacked(
    column: str, frames: Mapping[str, pd.DataFrame], places: Mapping[str, int], size: int
) -> pd.Series:
    """One column of all frames, one below the other; missing where a frame does not have it."""
    having = {name: frame[column] for name, frame in frames.items() if column in frame}
    if len(having) < len(frames):
        having = {name: widened(values) for name, values in having.items()}
    stacked: pd.Series = pd.concat(
        [values.set_axis(places[name] + np.arange(len(values))) for name, values in having.items()]
    )
    return stacked.reindex(pd.RangeIndex(size)) if len(stacked) < size else stacked
