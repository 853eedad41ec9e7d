"""What each row descends from: the pushed message, and its place in the order of all that entered.

Where a node has one origin, nothing is stored for its rows: they have it from their parents.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping

import numpy as np

from emitnb.emissions.lineage import Segment
from emitnb.emissions.log import Log, Track
from emitnb.message import ENTRY_POINT
from emitnb.table import Positions

Stored = Callable[[Segment], Positions | None]
"""What a segment says about its inputs itself; None where they have it from their parents."""


def sources_of(log: Log, node: str) -> Positions:
    """Return the number of the pushed message that each row of a node descends from."""
    if node == ENTRY_POINT:
        return np.arange(log.pushed)
    return _of_rows(log, node, sources_of_inputs(log, node))


def sources_of_inputs(log: Log, node: str) -> list[Positions]:
    """Return the same for each input, of each of the node's segments."""

    def stored(segment: Segment) -> Positions | None:
        if segment.sources is not None or segment.origins != (ENTRY_POINT,):
            return segment.sources
        return np.arange(segment.start, segment.start + segment.inputs)

    return _of_inputs(log, node, stored)


def arrivals_of(log: Log, node: str) -> Positions:
    """Return, for each row of a node, when what it descends from entered; ascending.

    That is the order of pushed messages, with failures where they were retried.
    """
    if node == ENTRY_POINT:
        return _as_pushed(log, np.arange(log.pushed))
    return _of_rows(log, node, arrivals_of_inputs(log, node))


def arrivals_of_inputs(log: Log, node: str) -> list[Positions]:
    """Return the same for each input, of each of the node's segments."""

    def stored(segment: Segment) -> Positions | None:
        if segment.arrivals is not None:
            return segment.arrivals
        if segment.sources is not None:
            return _as_pushed(log, segment.sources)
        if segment.origins != (ENTRY_POINT,):
            return None
        return _as_pushed(log, np.arange(segment.start, segment.start + segment.inputs))

    return _of_inputs(log, node, stored)


def waves_of(log: Log, node: str) -> Positions:
    """Return what orders the rows of a node that arrived together; within a loop also among all.

    That is the input each was made from, for a node and its port alike.
    """
    if node == ENTRY_POINT:
        return np.arange(log.pushed)
    parts, taken = [], 0
    for segment in log.tracks.get(node, Track()).segments:
        waves = segment.waves
        parts.append(taken + segment.input_of_rows() if waves is None else waves)
        taken += segment.inputs
    return np.concatenate([np.arange(0), *parts])


def _as_pushed(log: Log, rows: Positions) -> Positions:
    """When pushed rows arrived."""
    if len(log.pushes) < 2:
        return rows
    firsts, arrived, _ = zip(*log.pushes, strict=True)
    place = np.searchsorted(firsts, rows, side="right") - 1
    waited: Positions = np.array(arrived) - np.array(firsts)
    return rows + waited[place]


def _of_rows(log: Log, node: str, inputs: list[Positions]) -> Positions:
    segments = log.tracks.get(node, Track()).segments
    return np.concatenate([np.arange(0), *map(_repeated, segments, inputs)])


def _of_inputs(log: Log, node: str, stored: Stored) -> list[Positions]:
    """What the inputs of each segment have, stored or from their parents."""
    segments = log.tracks.get(node, Track()).segments
    known: dict[tuple[str, int], Positions] = {}
    waiting = [(node, place) for place in range(len(segments))]
    while waiting:
        name, place = waiting[-1]
        segment = log.tracks[name].segments[place]
        own = stored(segment)
        needed = [] if own is not None else _parent_segments(log, segment)
        missing = [key for key in needed if key not in known]
        if missing:
            waiting += missing
            continue
        made = _from_parents(log, segment, needed, known) if own is None else own
        known[waiting.pop()] = made
    return [known[node, place] for place in range(len(segments))]


def _repeated(segment: Segment, inputs: Positions) -> Positions:
    return inputs if segment.counts is None else np.repeat(inputs, segment.counts)


def _parent_segments(log: Log, segment: Segment) -> list[tuple[str, int]]:
    """The segments of the one origin whose rows the inputs were."""
    (origin,) = segment.origins
    segments = log.tracks[origin].segments
    place = max(bisect_right(segments, segment.start, key=lambda s: s.first) - 1, 0)
    found = []
    while place < len(segments) and segments[place].first < segment.start + segment.inputs:
        found.append((origin, place))
        place += 1
    return found


def _from_parents(
    log: Log,
    segment: Segment,
    needed: list[tuple[str, int]],
    known: Mapping[tuple[str, int], Positions],
) -> Positions:
    if not needed:
        return np.arange(0)
    origin, place = needed[0]
    skipped = segment.start - log.tracks[origin].segments[place].first
    segments = log.tracks[origin].segments
    joined = np.concatenate([_repeated(segments[at], known[name, at]) for name, at in needed])
    return joined[skipped : skipped + segment.inputs]
