"""Where emissions came from, run-length encoded: for each input, how many rows it made.

Nothing at all is stored for one-to-one. Parents are expanded when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emitnb.message import renamed_origin
from emitnb.table import Positions


@dataclass(frozen=True)
class Segment:
    """A run of inputs of one node, of one revision, and the rows they made.

    ``first`` is the first row made. With one origin and no ``parent_rows``, input i is the
    origin's row ``start + i``; otherwise ``codes``, ``parent_rows`` and ``sources`` (the number
    of the pushed message) say it for each input.
    ``waves`` orders the rows of a loop's members within one pushed message. ``times`` are
    (rows, UTC time in ns) runs.
    """

    first: int
    rows: int
    inputs: int
    origins: tuple[str, ...]
    start: int
    codes: Positions | None
    parent_rows: Positions | None
    sources: Positions | None
    counts: Positions | None
    waves: Positions | None
    revision: int
    rank: int
    times: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Rows and inputs: what it costs to hold."""
        return self.rows + self.inputs

    def parents(self) -> tuple[Positions, Positions]:
        """Return, for each row, the code of its origin and the row it came from."""
        inputs = self.input_of_rows()
        codes = np.zeros(self.rows, np.int64) if self.codes is None else self.codes[inputs]
        rows = inputs + self.start if self.parent_rows is None else self.parent_rows[inputs]
        return codes.astype(np.int64), rows.astype(np.int64)

    def input_of_rows(self) -> Positions:
        """Return, for each row, which of the segment's inputs made it."""
        inputs = np.arange(self.inputs)
        return inputs if self.counts is None else np.repeat(inputs, self.counts)

    def inputs_from(self, origin: str, row: int) -> Positions:
        """Return which of the segment's inputs were this row of this origin."""
        if origin not in self.origins:
            return np.arange(0)
        if self.parent_rows is None:
            place = row - self.start
            return np.arange(place, place + 1) if 0 <= place < self.inputs else np.arange(0)
        hits = self.parent_rows == row
        if self.codes is not None:
            hits &= self.codes == self.origins.index(origin)
        return np.flatnonzero(hits)

    def rows_of_inputs(self, inputs: Positions) -> Positions:
        """Return the rows (of the node) that these inputs made."""
        if self.counts is None:
            return inputs + self.first
        ends = np.cumsum(self.counts, dtype=np.int64)
        spans = [np.arange(ends[i] - self.counts[i], ends[i]) for i in inputs]
        return np.concatenate([np.arange(0), *spans]) + self.first

    def renamed(self, old: str, new: str) -> Segment:
        """Return the segment with one origin renamed."""
        return replace(self, origins=tuple(renamed_origin(o, old, new) for o in self.origins))


def merged(one: Segment, two: Segment) -> Segment | None:
    """Return both as one, if they say nothing different and follow each other."""
    alike = (one.revision, one.rank, one.origins) == (two.revision, two.rank, two.origins)
    same_form = (one.parent_rows is None) == (two.parent_rows is None)
    follows = one.parent_rows is not None or one.start + one.inputs == two.start
    if not (alike and same_form and follows):
        return None
    return replace(
        one,
        rows=one.rows + two.rows,
        inputs=one.inputs + two.inputs,
        codes=_joined(one.codes, two.codes),
        parent_rows=_joined(one.parent_rows, two.parent_rows),
        sources=_joined(one.sources, two.sources),
        counts=_counts(one, two),
        waves=_joined(one.waves, two.waves),
        times=_times(one.times, two.times),
    )


def compact(counts: Positions | None) -> Any:
    """Return counts in the smallest integers that hold them."""
    if counts is None or bool((counts == 1).all()):
        return None
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def _counts(one: Segment, two: Segment) -> Positions | None:
    if one.counts is None and two.counts is None:
        return None
    left, right = (
        np.ones(segment.inputs, np.uint8) if segment.counts is None else segment.counts
        for segment in (one, two)
    )
    return np.concatenate([left, right])


def _joined(one: Positions | None, two: Positions | None) -> Positions | None:
    return None if one is None or two is None else np.concatenate([one, two])


_TIME_STEP = 10_000_000
"""Times closer than 10 ms are one run: a push of single messages would store one for each."""


def _times(
    one: tuple[tuple[int, int], ...], two: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    (rows, time), (more, next_time) = one[-1], two[0]
    if next_time - time < _TIME_STEP:
        return (*one[:-1], (rows + more, time), *two[1:])
    return one + two
