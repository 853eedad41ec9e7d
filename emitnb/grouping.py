"""Failures of one kind together: where, how often, and the smallest input to look at."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import pandas as pd

from emitnb.failures import Failure, Failures
from emitnb.text import one_line

GROUP_DTYPES = {
    "node": "str",
    "error_type": "str",
    "line": "Int64",
    "count": "int64",
    "first": "datetime64[ns, UTC]",
    "last": "datetime64[ns, UTC]",
    "error": "str",
    "smallest": "object",
    "row": "int64",
}
"""Columns of a frame of groups, and their dtypes."""

ERROR_LENGTH = 200
"""Characters that a group shows of an error; the frame of failures has all of it."""


@dataclass(slots=True)
class _Group:
    """What is known of the failures of one node, exception type and line."""

    row: int
    example: Failure
    size: int
    first: int
    last: int
    count: int = 1

    def add(self, row: int, failure: Failure) -> None:
        """Count one more; it is the example if its input is smaller."""
        self.count += 1
        self.first = min(self.first, failure.time)
        self.last = max(self.last, failure.time)
        size = json_size(failure.input)
        if size < self.size:
            self.row, self.example, self.size = row, failure, size

    def record(self) -> tuple[Any, ...]:
        """The row that stands for it."""
        one = self.example
        times = (pd.Timestamp(time, unit="ns", tz="UTC") for time in (self.first, self.last))
        line = pd.NA if one.line is None else one.line
        smallest = one.input_dict()
        error = one_line(one.error, ERROR_LENGTH)
        return (one.node, one.error_type, line, self.count, *times, error, smallest, self.row)


class KeptFailures:
    """Counts failures by node, for whoever asks often: each part of them is gone through once."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[Any, Counter[str]]] = {}

    def by_node(self, failures: Failures) -> Counter[str]:
        """Return how many failures each node has."""
        before, counted = self._counted, {}
        for part in failures.parts:
            # By identity, since parts never change; the part is held, so that its id stays its own.
            known = before.get(id(part)) or (part, Counter(failure.node for failure in part))
            counted[id(part)] = known
        self._counted = counted
        return sum((counts for _, counts in counted.values()), Counter())


def group_failures(failures: Iterable[Failure], node: str | None = None) -> pd.DataFrame:
    """Return a row for each node, exception type and line, as
    :meth:`emitnb.Router.failure_groups` describes it.

    The largest group comes first; of two as large, the one that began first. One failure is held
    for each group, however many there are.

    >>> bad = Failure("parse", 1, "ValueError", "no", (), {"n": "x"}, None, None, 0, 0)
    >>> group_failures([bad, bad])[["node", "error_type", "count", "smallest", "row"]].values
    array([['parse', 'ValueError', 2, {'n': 'x'}, 0]], dtype=object)
    """
    groups: dict[tuple[str, str, int | None], _Group] = {}
    for failure in failures:
        row = failure.number
        if node not in (None, failure.node):
            continue
        kind = failure.node, failure.error_type, failure.line
        group = groups.get(kind)
        if group is None:
            size = json_size(failure.input)
            groups[kind] = _Group(row, failure, size, failure.time, failure.time)
        else:
            group.add(row, failure)
    ordered = sorted(groups.values(), key=lambda group: -group.count)
    frame = pd.DataFrame([group.record() for group in ordered], columns=list(GROUP_DTYPES))
    return frame.astype(GROUP_DTYPES)


def latest_of(failures: Failures, most: int) -> Iterator[Failure]:
    """Yield the failures that came last, ``most`` of them, in their order; older ones stay unread.

    >>> bad = Failure("parse", 1, "ValueError", "no", (), {"n": "x"}, None, None, 0, 0)
    >>> [failure.number for failure in latest_of(Failures().with_more([bad, bad, bad]), 2)]
    [1, 2]
    """
    chosen = []
    for part in reversed(failures.parts):
        taken = min(most, len(part))
        if taken:
            chosen.append((part, len(part) - taken))
        most -= taken
    for part, start in reversed(chosen):
        yield from islice(part, start, None)


def json_size(values: Any) -> int:
    """Return the bytes of a message or mapping as JSON; what has no form there counts as its repr.

    >>> json_size({"n": 12})
    8
    """
    try:
        return len(msgspec.json.encode(values, enc_hook=repr))
    except Exception:
        return sys.maxsize  # no form at all: anything else is the better example
