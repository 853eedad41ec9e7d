"""Frames of the log: emissions as pandas DataFrames, with lineage if asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.emissions.columns import dtype_of, series, widened
from emitnb.emissions.descent import arrivals_of, sources_of, waves_of
from emitnb.emissions.filed import FiledRows
from emitnb.emissions.lineage import Segment
from emitnb.emissions.log import FrameRows, KeptRows, Log, Part, Rows, Track
from emitnb.message import PORT_FIELDS, is_port
from emitnb.node import Node
from emitnb.table import STR, Positions

LINEAGE = ("parent_node", "parent_row", "source", "revision", "time")
"""Columns that ``lineage=True`` adds."""

PLACE = ("node", "row")
"""Columns that say where an emission is, in a frame of all nodes."""


def node_frame(log: Log, name: str, node: Node | None, lineage: bool = False) -> pd.DataFrame:
    """Return the emissions of one node: its fields as columns and a RangeIndex.

    Of a port: ``node``, ``error_type``, ``error`` (str) and ``input`` (dict). With ``lineage``
    also ``parent_node`` (str), ``parent_row`` (int64), ``source`` (int64, number of the pushed
    message), ``revision`` (int64) and ``time`` (datetime64[ns, UTC]), named as
    :func:`own_columns` says.
    """
    track = log.tracks.get(name, Track())
    types = PORT_FIELDS if is_port(name) else {} if node is None else node.types
    declared = tuple(PORT_FIELDS) if is_port(name) else () if node is None else node.fields
    frame = _values(track, declared, types)
    if lineage:
        frame = _with_lineage(frame, log, name, own_columns(frame.columns))
    return frame


def own_columns(fields: Collection[str]) -> dict[str, str]:
    """Return what the columns that emitnb adds are called beside these fields.

    A field keeps its name, so that of emitnb's column begins with an underscore.

    >>> own_columns(["time", "level"])["time"]
    '_time'
    """
    names = {}
    for column in (*PLACE, *LINEAGE):
        name = column
        while name in fields:
            name = f"_{name}"
        names[column] = name
    return names


def whole_frame(
    log: Log, nodes: Mapping[str, Node], order: Iterable[str], lineage: bool = False
) -> pd.DataFrame:
    """Return all emissions in push order: ``node``, ``row``, and the union of the fields.

    The first two, and those of the lineage, are named as :func:`own_columns` says. A field that a
    node does not have is missing in its rows; whole numbers and truth values keep their values in
    pandas' nullable dtypes then. What went out of ports is not among them.
    """
    names = [*(n for n in order if n in log.tracks), *(n for n in log.tracks if n not in nodes)]
    names = [name for name in names if log.tracks[name].rows and not is_port(name)]
    frames = {name: node_frame(log, name, nodes.get(name)) for name in names}
    fields = dict.fromkeys(c for frame in frames.values() for c in frame.columns)
    own = own_columns(fields)
    if lineage:
        frames = {name: _with_lineage(frames[name], log, name, own) for name in names}
    sizes = [len(frame) for frame in frames.values()]
    places = dict(zip(names, np.cumsum([0, *sizes]).tolist(), strict=False))
    taken = _push_order(log, names)
    columns: dict[str, Any] = {
        own["node"]: pd.Series(np.repeat(np.array(names, dtype=object), sizes), dtype=STR),
        own["row"]: pd.Series(np.concatenate([np.arange(0), *map(np.arange, sizes)])),
    }
    for column in (*fields, *(own[name] for name in LINEAGE if lineage and names)):
        columns[column] = _stacked(column, frames, places, sum(sizes))
    whole = pd.DataFrame(columns)
    return whole.take(taken).reset_index(drop=True)


def _values(track: Track, declared: tuple[str, ...], types: Mapping[str, Any]) -> pd.DataFrame:
    names = tuple(dict.fromkeys((*declared, *track.field_names())))
    if track.parts and all(_is_frame(part) and part.fields == names for part in track.parts):
        made = [part.data for part in track.parts if not isinstance(part, Rows | KeptRows)]
        # Only a batch node made these rows: pandas joins whole frames faster than columns.
        frame = pd.concat(made, ignore_index=True)
        frame = frame if len(made) > 1 else frame.copy()  # one may lie in a file, read-only
        for field, kind in types.items():
            dtype = dtype_of(kind)
            if dtype is not None and frame[field].dtype != dtype:
                frame[field] = series([frame[field]], kind)
        return frame
    columns = {field: _column(track, field, types.get(field)) for field in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(track.rows), copy=False)


def _is_frame(part: Part) -> bool:
    return isinstance(part, FrameRows) or (isinstance(part, FiledRows) and part.framed)


def rows_frame(part: Part, types: Mapping[str, Any]) -> pd.DataFrame:
    """Return some consecutive rows of a node as a frame."""
    columns = {name: series([part.piece(name)], types.get(name)) for name in part.fields}
    return pd.DataFrame(columns, index=pd.RangeIndex(part.size))


def _column(track: Track, field: str, declared: Any) -> pd.Series:
    return series([part.piece(field) for part in track.parts], declared)


def _with_lineage(frame: pd.DataFrame, log: Log, name: str, own: Mapping[str, str]) -> pd.DataFrame:
    return pd.concat([frame, _lineage(log, name).rename(columns=own)], axis=1)


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
    runs, times, *_ = zip(*segment.times, strict=True)
    return names, rows, np.full(segment.rows, segment.revision), np.repeat(times, runs)


def _push_order(log: Log, names: list[str]) -> Positions:
    """Return the order in which rows were made, given the tracks of ``names`` one after another."""
    if not names:
        return np.arange(0)
    arrivals = np.concatenate([arrivals_of(log, name) for name in names])
    ranks = np.concatenate([_per_row(log.tracks[name], "rank") for name in names])
    waves = np.concatenate([waves_of(log, name) for name in names])
    return np.lexsort((waves, ranks, arrivals))


def _per_row(track: Track, attribute: str) -> Positions:
    values = [getattr(segment, attribute) for segment in track.segments]
    return np.repeat(np.array(values, dtype=np.int64), [s.rows for s in track.segments])


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
