"""What a node received, as the log has it: each message with the rows that were made of it."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from emitnb.changes import Stale
from emitnb.emissions import Log, Track, recorded, sources_of_inputs
from emitnb.graph import Graph
from emitnb.grouping import json_size
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, UNKNOWN, Message

MOST = 10_000
"""Messages of a node that cases are chosen from: the first that it received."""


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """One message that a node received: ``count`` rows from ``first`` on were made of it.

    ``row`` is its row in the frame of its origin, and ``source`` the number of the pushed message
    that it descends from. ``size`` is the length of its JSON in bytes; ``is_current`` says whether
    the node as it is now made those rows.
    """

    origin: str
    row: int
    source: int
    message: Message
    size: int
    first: int
    count: int
    is_current: bool


_Place = tuple[str, int]
"""An origin, and one of its rows."""

_Made = tuple[int, int, int, int]
"""Of one input: its source, the first row that was made of it, how many, and the revision."""


Failing = Collection[tuple[str, str | None, int | None]]
"""What fails still: nodes, with the origin and row that each failed on."""


def inputs_of(
    ledger: Ledger, graph: Graph, node: str, failing: Failing, most: int = MOST
) -> list[Input]:
    """Return the first messages that a node received, in push order, but for those that fail.

    ``most`` is how many there are at the most. What one that was sent again made is what it made
    last.
    """
    log = ledger.log
    made = dict[_Place, _Made]()
    for place, rows in _taken(log, node, most):
        made.pop(place, None)
        if (node, *place) not in failing and _is_kept(log, place):
            made[place] = rows
    messages = _messages(log, graph, list(made))
    stale = ledger.changes.stale.get(node, Stale()).rows
    revision = graph.nodes[node].revision
    found = [
        Input(
            *place,
            source,
            message,
            size_of(message),
            first,
            count,
            made_by == revision and (first >= stale or not count),
        )
        for place, (source, first, count, made_by) in made.items()
        for message in [messages[place]]
    ]
    return sorted(found, key=lambda one: one.source)


def size_of(message: Message) -> int:
    """Return the length of a message's JSON in bytes; of its repr, where it has none."""
    size = json_size(message)
    return size if size < sys.maxsize else len(repr(message))


def _taken(log: Log, node: str, left: int) -> Iterator[tuple[_Place, _Made]]:
    """Yield the inputs of a node, each with what was made of it."""
    segments = log.tracks.get(node, Track()).segments
    for segment, sources in zip(segments, sources_of_inputs(log, node), strict=True):
        size = min(segment.inputs, left)
        left -= size
        zeros = np.zeros(size, np.int64)
        codes = zeros if segment.codes is None else segment.codes[:size]
        rows = np.arange(segment.start, segment.start + size)
        if segment.parent_rows is not None:
            rows = segment.parent_rows[:size]
        counts = zeros + 1 if segment.counts is None else segment.counts[:size].astype(np.int64)
        firsts = segment.first + np.cumsum(counts) - counts
        columns = (part.tolist() for part in (codes, rows, sources[:size], firsts, counts))
        for code, row, source, first, count in zip(*columns, strict=True):
            yield (segment.origins[code], row), (source, first, count, segment.revision)


def _is_kept(log: Log, place: _Place) -> bool:
    origin, row = place
    return origin != UNKNOWN and (origin != ENTRY_POINT or row >= log.inputs.first)


def _messages(log: Log, graph: Graph, places: list[_Place]) -> dict[_Place, Message]:
    by_origin = defaultdict[str, list[int]](list)
    for origin, row in places:
        by_origin[origin].append(row)
    found = dict[_Place, Message]()
    for origin, wanted in by_origin.items():
        rows = np.unique(np.array(wanted, dtype=np.int64))
        messages = recorded(log, origin, rows).messages(origin, graph.message_class)
        found.update(((origin, row), m) for row, m in zip(rows.tolist(), messages, strict=True))
    return found
