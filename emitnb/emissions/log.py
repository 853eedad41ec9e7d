"""The log: everything nodes emitted, in columns, with where it came from.

A log is a value. :meth:`Log.with_batch` returns a new one that shares what the old one had, so
a reader never sees half a batch and a commit is the swap of one reference.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.emissions.columns import seal
from emitnb.emissions.filed import FiledRows, value_at
from emitnb.emissions.inputs import InputRecord
from emitnb.emissions.lineage import Segment, compact, merged
from emitnb.emissions.parts import FULL, grown
from emitnb.filing import Folder, Held
from emitnb.filing.sizes import total, weigh
from emitnb.message import ENTRY_POINT
from emitnb.process import NodeOutcome
from emitnb.table import FrameTable, KeptTable, ListTable, Piece, SealedTable, Table, joined


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of one node: a piece for each field."""

    fields: tuple[str, ...]
    pieces: tuple[Piece, ...]
    size: int
    kinds: tuple[frozenset[type], ...] | None = None

    def piece(self, name: str) -> Piece:
        """Return the column; all missing where these rows do not have the field."""
        if name in self.fields:
            return self.pieces[self.fields.index(name)]
        return pa.nulls(self.size)

    @cached_property
    def held(self) -> Held:
        """What it takes in memory."""
        return Held(self.size, sum(map(weigh, self.pieces)))


@dataclass(frozen=True)
class FrameRows:
    """Consecutive rows of one node as a batch node made them; the index of ``data`` is ignored."""

    data: pd.DataFrame

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.data.columns)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.data)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The columns."""
        return tuple(self.data[name] for name in self.data.columns)

    def piece(self, name: str) -> Piece:
        """Return the column; all missing where these rows do not have the field."""
        return self.data[name] if name in self.data.columns else pa.nulls(self.size)

    @cached_property
    def held(self) -> Held:
        """What it takes in memory."""
        return Held(self.size, sum(map(weigh, self.pieces)))


@dataclass(frozen=True)
class KeptRows:
    """Consecutive rows of one node that were left on a cluster."""

    table: KeptTable
    held = Held()

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.table.fields

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.table)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The columns, brought here."""
        return self.fetched().pieces

    def piece(self, name: str) -> Piece:
        """Return the column, brought here."""
        return self.fetched().piece(name)

    def fetched(self) -> Rows | FrameRows:
        """Return the rows, brought here."""
        part = _part(self.table.fetch())
        assert isinstance(part, Rows | FrameRows)
        return part


Part = Rows | FrameRows | KeptRows | FiledRows


@dataclass(frozen=True)
class Track:
    """All rows of one node, and the segments that say where they came from."""

    rows: int = 0
    parts: tuple[Part, ...] = ()
    segments: tuple[Segment, ...] = ()

    @cached_property
    def held(self) -> Held:
        """What its rows take in memory."""
        return total(part.held for part in self.parts)

    def loose(self) -> Iterator[tuple[int, Held]]:
        """Yield the parts that could go to files, the oldest first: their place and size."""
        for place, part in enumerate(self.parts):
            if isinstance(part, Rows | FrameRows):
                yield place, part.held

    def filed(self, places: Iterable[int], name: str, folder: Folder) -> Track:
        """Return the track of the node ``name`` with some parts in files; RecordFullError."""
        chosen = set(places)
        parts, first = [], 0
        for place, part in enumerate(self.parts):
            if place in chosen and isinstance(part, Rows | FrameRows):
                part = _filed(part, first, name, folder)
            parts.append(part)
            first += part.size
        return replace(self, parts=tuple(parts))

    def field_names(self) -> tuple[str, ...]:
        """Fields in use, the latest declaration's first."""
        names = (name for part in reversed(self.parts) for name in part.fields)
        return tuple(dict.fromkeys(names))

    def values(self, row: int) -> dict[str, Any]:
        """Return the fields of one row."""
        for part in self.parts:
            if row < part.size:
                if isinstance(part, FiledRows):
                    return part.row(row)
                values = (value_at(piece, row) for piece in part.pieces)
                return dict(zip(part.fields, values, strict=True))
            row -= part.size
        raise IndexError(row)

    def segment_of(self, row: int) -> Segment:
        """Return the segment that made one row."""
        return next(s for s in self.segments if s.first <= row < s.first + s.rows)


@dataclass(frozen=True)
class Log:
    """A track for each node that ever ran, and the latest pushed messages."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    inputs: InputRecord = field(default_factory=InputRecord)

    @property
    def pushed(self) -> int:
        """Number of messages pushed so far."""
        return self.inputs.rows

    def starts(self) -> dict[str, int]:
        """Return the number of the next row of each origin."""
        rows = {name: track.rows for name, track in self.tracks.items()}
        return {**rows, ENTRY_POINT: self.pushed}

    def with_batch(self, pushed: Table, outcomes: Iterable[NodeOutcome]) -> Log:
        """Return the log with what one batch made: pushed rows and each node's outcome."""
        starts = self.starts()
        tracks = dict(self.tracks)
        for outcome in outcomes:
            if outcome.received:
                track = tracks.get(outcome.node, Track())
                tracks[outcome.node] = _extended(track, outcome, starts)
        return Log(tracks, self.inputs.with_rows(pushed))

    def renamed(self, old: str, new: str) -> Log:
        """Return the log with a node renamed, as itself and as an origin."""
        tracks = {
            new if name == old else name: replace(
                track,
                parts=_labelled(track.parts, new) if name == old else track.parts,
                segments=tuple(segment.renamed(old, new) for segment in track.segments),
            )
            for name, track in self.tracks.items()
        }
        return replace(self, tracks=tracks)


def _extended(track: Track, outcome: NodeOutcome, starts: Mapping[str, int]) -> Track:
    size = len(outcome.table)
    parts = track.parts
    if size:
        parts = grown(parts, _part(outcome.table), _merged_parts)
    segments = grown(track.segments, _segment(outcome, track.rows, starts), merged)
    return Track(track.rows + size, parts, segments)


def _segment(outcome: NodeOutcome, first: int, starts: Mapping[str, int]) -> Segment:
    parents = outcome.parents
    offsets = [starts.get(origin, 0) for origin in parents.origins]
    rows = parents.rows
    if rows is not None and parents.codes is not None:
        rows = rows + np.array(offsets, dtype=np.int64)[parents.codes]
    return Segment(
        first=first,
        rows=len(outcome.table),
        inputs=outcome.received,
        origins=parents.origins,
        start=offsets[0] if offsets else 0,
        codes=None if parents.codes is None else parents.codes.astype(np.int16),
        parent_rows=rows,
        sources=None if rows is None else outcome.sources + starts[ENTRY_POINT],
        counts=compact(outcome.counts),
        waves=outcome.waves,
        revision=outcome.revision,
        rank=outcome.rank,
        times=outcome.times,
    )


def _part(table: Table) -> Part:
    if isinstance(table, ListTable):
        return _sealed(Rows(table.fields, tuple(table.columns), len(table), table.kinds))
    if isinstance(table, SealedTable):
        return Rows(table.fields, table.pieces, len(table))
    if isinstance(table, KeptTable):
        return KeptRows(table)
    assert isinstance(table, FrameTable)
    return FrameRows(table.data)


def _merged_parts(one: Part, two: Part) -> Part | None:
    if one.fields != two.fields:
        return None
    if isinstance(one, FrameRows) and isinstance(two, FrameRows):
        return FrameRows(pd.concat([one.data, two.data], ignore_index=True))
    if not (isinstance(one, Rows) and isinstance(two, Rows)):
        return None
    pieces: list[Piece] = []
    for left, right in zip(one.pieces, two.pieces, strict=True):
        piece = joined(left, right)
        if piece is None:
            return None
        pieces.append(piece)
    kinds = None
    if one.kinds is not None and two.kinds is not None:
        kinds = tuple(map(operator.or_, one.kinds, two.kinds))
    return _sealed(Rows(one.fields, tuple(pieces), one.size + two.size, kinds))


def _sealed(rows: Rows) -> Rows:
    if rows.size < FULL:
        return rows
    kinds = rows.kinds or repeat(None)
    pieces = zip(rows.pieces, kinds, strict=False)
    return replace(rows, pieces=tuple(seal(p, k) if isinstance(p, list) else p for p, k in pieces))


def _filed(part: Rows | FrameRows, first: int, name: str, folder: Folder) -> FiledRows:
    pieces = [seal(piece) if isinstance(piece, list) else piece for piece in part.pieces]
    framed = isinstance(part, FrameRows)
    return FiledRows.write(part.fields, pieces, part.size, framed, first, name, folder)


def _labelled(parts: tuple[Part, ...], name: str) -> tuple[Part, ...]:
    return tuple(replace(p, node=name) if isinstance(p, FiledRows) else p for p in parts)
