"""Where emissions came from, run-length encoded: for each input, how many rows it made.

Nothing at all is stored for one-to-one. Parents are expanded when somebody asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from emitnb.message import renamed_origin
from emitnb.process.outcome import Slice
from emitnb.table import Positions

PACE_MS = 10.0 ** (np.arange(-16, 29) / 4)
"""Edges of the bins in which messages are counted by their milliseconds: four to a power of ten."""


@dataclass(frozen=True)
class Segment:
    """A run of inputs of one node, of one revision, and the rows they made.

    ``first`` is the first row made. With one origin and no ``parent_rows``, input i is the
    origin's row ``start + i``; otherwise ``codes``, ``parent_rows`` and ``sources`` (the number
    of the pushed message) say it for each input. ``arrivals`` says when its pushed message, or
    the failure that it was retried from, entered (None: as it was pushed).
    ``waves`` orders the rows of a loop's members within one pushed message. ``times`` are
    the slices of inputs, in order: when they ran, and how long.
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
    times: tuple[Slice, ...]
    arrivals: Positions | None = None

    @property
    def size(self) -> int:
        """Rows and inputs: what it costs to hold."""
        return self.rows + self.inputs

    @cached_property
    def by_origin(self) -> Mapping[str, int]:
        """How many of the inputs came from each origin; counted once, for it is asked often."""
        if self.codes is None:
            return {self.origins[0]: self.inputs} if self.inputs else {}
        counts = np.bincount(self.codes, minlength=len(self.origins)).tolist()
        return dict(zip(self.origins, counts, strict=True))

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

    def parents_of(self, rows: Positions) -> tuple[Positions, Positions]:
        """Return what :meth:`parents` does, for some rows counted from the segment's first."""
        inputs = rows
        if self.counts is not None:
            inputs = np.searchsorted(np.cumsum(self.counts, dtype=np.int64), rows, side="right")
        codes = np.zeros(len(rows), np.int64) if self.codes is None else self.codes[inputs]
        parents = inputs + self.start if self.parent_rows is None else self.parent_rows[inputs]
        return codes.astype(np.int64), parents.astype(np.int64)

    def ms_of(self, rows: Positions) -> npt.NDArray[np.float64]:
        """Return milliseconds a message in the slices that made some rows, counted likewise."""
        made, _, inputs, ns = np.array(self.times, dtype=np.int64).T
        means = ns / np.maximum(inputs, 1) / 1e6
        means_of: npt.NDArray[np.float64] = means[np.searchsorted(made.cumsum(), rows, "right")]
        return means_of

    @cached_property
    def pace(self) -> Positions:
        """How many inputs took how long: a number for each bin of PACE_MS, the ends open."""
        _, _, inputs, ns = np.array(self.times, dtype=np.int64).reshape(-1, 4).T
        means = ns / np.maximum(inputs, 1) / 1e6
        bins = np.searchsorted(PACE_MS[1:-1], means, "right")
        return np.bincount(bins, weights=inputs, minlength=len(PACE_MS) - 1).astype(np.int64)

    def received(self, origin: str) -> Positions:
        """Return the rows of an origin that were inputs, in the order in which they were taken."""
        if origin not in self.origins:
            return np.arange(0)
        if self.parent_rows is None:
            return np.arange(self.start, self.start + self.inputs)
        mine = slice(None) if self.codes is None else self.codes == self.origins.index(origin)
        return self.parent_rows[mine].astype(np.int64)

    def rows_of_inputs(self, inputs: Positions) -> Positions:
        """Return the rows (of the node) that these inputs made."""
        if self.counts is None:
            return inputs + self.first
        ends = np.cumsum(self.counts, dtype=np.int64)
        sizes = self.counts[inputs].astype(np.int64)
        # Each input's rows follow each other: its first, and how far into them a row is.
        skipped = np.repeat(ends[inputs] - np.cumsum(sizes), sizes)
        return skipped + np.arange(len(skipped)) + self.first

    def renamed(self, old: str, new: str) -> Segment:
        """Return the segment with one origin renamed."""
        return replace(self, origins=tuple(renamed_origin(o, old, new) for o in self.origins))


def counted_by_origin(segments: Sequence[Segment]) -> dict[str, int]:
    """Return how many messages came from each origin; one that was sent again counts once."""
    counts: Counter[str] = Counter()
    for segment in segments:
        counts.update(segment.by_origin)
    if any(segment.arrivals is not None for segment in segments):
        for origin in counts:
            rows = np.concatenate([segment.received(origin) for segment in segments])
            counts[origin] = len(np.unique(rows))
    return counts


def merged(one: Segment, two: Segment) -> Segment | None:
    """Return both as one, if they say nothing different and follow each other."""
    alike = (one.revision, one.rank, one.origins) == (two.revision, two.rank, two.origins)
    same_form = (one.parent_rows is None, one.arrivals is None) == (
        two.parent_rows is None,
        two.arrivals is None,
    )
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
        arrivals=_joined(one.arrivals, two.arrivals),
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
"""Slices closer than 10 ms are one: a push of single messages would store one for each."""


def _times(one: tuple[Slice, ...], two: tuple[Slice, ...]) -> tuple[Slice, ...]:
    left, right = one[-1], two[0]
    if right.time - left.time < _TIME_STEP:
        rows, inputs, ns = left.rows + right.rows, left.inputs + right.inputs, left.ns + right.ns
        return (*one[:-1], Slice(rows, left.time, inputs, ns), *two[1:])
    return one + two
