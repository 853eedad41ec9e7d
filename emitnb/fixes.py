"""Failures that were fixed: what failed in a node once, and passed later. Tests are made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from emitnb.failures import Failure, Failures
from emitnb.filing import weigh
from emitnb.message import renamed_origin

COLUMNS = ("node", "error_type", "error", "input", "revision", "time")

MOST = 1_000
"""Fixed failures that are remembered; the oldest go first."""

MOST_BYTES = 32_000_000
"""What they may take in memory: the budget of memory does not know of them."""


@dataclass(frozen=True)
class Fixes:
    """The failures that were fixed last, in the order in which they were. A value.

    Each stands as it was when it failed for the last time; ``sizes`` are their bytes.
    """

    kept: tuple[Failure, ...] = ()
    sizes: tuple[int, ...] = ()

    def with_more(self, fixed: Iterable[Failure]) -> Fixes:
        """Return them and some more, without the oldest where that is too many."""
        more = tuple(fixed)[-MOST:]
        if not more:
            return self
        kept = (*self.kept, *more)[-MOST:]
        sizes = (*self.sizes, *map(_size, more))[-MOST:]
        first, total = 0, sum(sizes)
        while total > MOST_BYTES:
            total -= sizes[first]
            first += 1
        return Fixes(kept[first:], sizes[first:])

    def replayed(self, before: Failures, after: Failures, nodes: frozenset[str]) -> Fixes:
        """Return them after ``nodes`` were replayed, with what failed in all nodes before, and
        what failed in these since: what fails again is not fixed."""
        again: dict[tuple[str, int | None], list[Failure]] = defaultdict(list)
        for failure in after:
            again[failure.node, failure.source].append(failure)

        def is_fixed(failure: Failure) -> bool:
            now = again.get((failure.node, failure.source), ())
            return not (now and any(_same_input(failure, other) for other in now))

        pairs = zip(self.kept, self.sizes, strict=True)
        left = [pair for pair in pairs if is_fixed(pair[0])]
        still = Fixes(tuple(one for one, _ in left), tuple(size for _, size in left))
        return still.with_more(f for f in before if f.node in nodes and is_fixed(f))

    def renamed(self, old: str, new: str) -> Fixes:
        """Return them with a node renamed."""
        kept = (
            replace(
                one,
                node=renamed_origin(one.node, old, new),
                parent_node=one.parent_node and renamed_origin(one.parent_node, old, new),
            )
            for one in self.kept
        )
        return replace(self, kept=tuple(kept))

    def frame(self, node: str | None = None) -> pd.DataFrame:
        """Return them as a frame, one row each, of one node or of all.

        Columns: ``node``, ``error_type`` and ``error`` (str), ``input`` (dict), ``revision``
        (Int64, the one that failed) and ``time`` (datetime64[ns, UTC], when it did). The index is
        a RangeIndex.
        """
        chosen = [one for one in self.kept if node in (None, one.node)]
        records = [
            (one.node, one.error_type, one.error, one.input_dict(), one.revision, one.time)
            for one in chosen
        ]
        frame = pd.DataFrame(records, pd.RangeIndex(len(records)), columns=list(COLUMNS))
        texts = dict.fromkeys(("node", "error_type", "error"), "str")
        frame = frame.astype({**texts, "input": object, "revision": "Int64"})
        return frame.assign(time=pd.to_datetime(frame["time"].astype("int64"), unit="ns", utc=True))


def _size(failure: Failure) -> int:
    return weigh([failure.error, failure.places, failure.input_dict()]) + 400


def _same_input(one: Failure, other: Failure) -> bool:
    """Also where values are not equal to themselves."""
    return repr(one.input_dict()) == repr(other.input_dict())
