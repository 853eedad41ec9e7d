"""The log: everything nodes emitted, in columns, with where it came from.

A log is a value. :meth:`Log.with_batch` returns a new one that shares what the old one had, so
a reader never sees half a batch and a commit is the swap of one reference.
"""

from __future__ import annotations

import operator
from collections.abc import Container, Iterable, Iterator, Mapping
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
from emitnb.message import ENTRY_POINT, node_of, renamed_origin
from emitnb.places import Places
from emitnb.process import Given, NodeOutcome, with_ports
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


Push = tuple[int, int, str | None]
"""Pushed messages: the first row, when it arrived, and the only node they went to, if one."""


@dataclass(frozen=True)
class Log:
    """A track for each node that ever ran, and the pushed messages.

    ``arrived`` counts the messages that ever entered: pushed ones, and failures that were retried.
    ``pushes`` has an entry where the pushed rows stop being numbered as they arrived, or go
    somewhere else.
    """

    tracks: Mapping[str, Track] = field(default_factory=dict)
    inputs: InputRecord = field(default_factory=InputRecord)
    arrived: int = 0
    pushes: tuple[Push, ...] = ()

    @property
    def pushed(self) -> int:
        """Number of messages pushed so far."""
        return self.inputs.rows

    def starts(self) -> dict[str, int]:
        """Return the number of the next row of each origin."""
        rows = {name: track.rows for name, track in self.tracks.items()}
        return {**rows, ENTRY_POINT: self.pushed}

    def places(self, pushed: Table) -> Places:
        """Return where a batch's inputs will be recorded, if it is the next."""
        given = pushed if isinstance(pushed, Given) else None
        return Places(self.starts(), self.arrived, given)

    def with_batch(
        self, pushed: Table, outcomes: Iterable[NodeOutcome], to: str | None = None
    ) -> Log:
        """Return the log with what one batch made: pushed rows and each node's outcome.

        ``to`` is the only node that the pushed rows went to.
        """
        places = self.places(pushed)
        tracks = dict(self.tracks)
        for outcome in with_ports(outcomes, self.taken):
            if outcome.received:
                track = tracks.get(outcome.node, Track())
                tracks[outcome.node] = _extended(track, outcome, places)
        if isinstance(pushed, Given):
            arriving = 0 if pushed.arrivals is not None else len(pushed)
            return replace(self, tracks=tracks, arrived=self.arrived + arriving)
        return Log(
            tracks,
            self.inputs.with_rows(pushed),
            self.arrived + len(pushed),
            self._with_push(to) if len(pushed) else self.pushes,
        )

    def _with_push(self, to: str | None) -> tuple[Push, ...]:
        if self.pushes:
            first, arrived, last = self.pushes[-1]
            if last == to and self.arrived - arrived == self.pushed - first:
                return self.pushes
        return (*self.pushes, (self.pushed, self.arrived, to))

    def taken(self, node: str) -> int:
        """Return how many inputs of a node are recorded."""
        return sum(segment.inputs for segment in self.tracks.get(node, Track()).segments)

    def without(self, nodes: Container[str]) -> Log:
        """Return the log without the rows of some nodes."""
        tracks = {name: track for name, track in self.tracks.items() if node_of(name) not in nodes}
        return replace(self, tracks=tracks)

    def with_tracks(self, other: Log, nodes: Container[str]) -> Log:
        """Return the log with the rows that some nodes have in another."""
        more = {name: track for name, track in other.tracks.items() if node_of(name) in nodes}
        return replace(self, tracks={**self.tracks, **more})

    def renamed(self, old: str, new: str) -> Log:
        """Return the log with a node renamed, as itself and as an origin."""
        tracks = {
            renamed_origin(name, old, new): replace(
                track,
                parts=_labelled(track.parts, renamed_origin(name, old, new)),
                segments=tuple(segment.renamed(old, new) for segment in track.segments),
            )
            for name, track in self.tracks.items()
        }
        pushes = tuple((row, at, new if to == old else to) for row, at, to in self.pushes)
        return replace(self, tracks=tracks, pushes=pushes)


def _extended(track: Track, outcome: NodeOutcome, places: Places) -> Track:
    size = len(outcome.table)
    parts = track.parts
    if size:
        parts = grown(parts, _part(outcome.table), _merged_parts)
    segments = grown(track.segments, _segment(outcome, track.rows, places), merged)
    return Track(track.rows + size, parts, segments)


def _segment(outcome: NodeOutcome, first: int, places: Places) -> Segment:
    parents = outcome.parents
    origins = tuple(map(places.origin, parents.origins))
    start: int | None = 0
    if parents.rows is None and origins:
        start = places.start(parents.origins[0], outcome.received)
    explicit = parents.rows is not None or start is None
    all_inputs = np.arange(outcome.received)
    codes, rows = places.parents(parents, all_inputs) if explicit else (None, None)
    if codes is not None:  # what was given and what was made may have the same origin
        names = tuple(dict.fromkeys(origins))
        codes = np.array([names.index(name) for name in origins])[codes]
        origins = names
    return Segment(
        first=first,
        rows=len(outcome.table),
        inputs=outcome.received,
        origins=origins,
        start=start or 0,
        codes=None if codes is None or len(origins) < 2 else codes.astype(np.int16),
        parent_rows=rows,
        sources=places.sources(outcome.sources) if explicit else None,
        counts=compact(outcome.counts),
        waves=outcome.waves,
        revision=outcome.revision,
        rank=outcome.rank,
        times=outcome.times,
        arrivals=places.arrivals(outcome.sources) if explicit else None,
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
