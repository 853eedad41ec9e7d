"""Failures: messages that a node raised on, kept with what is needed to mend and run again."""

from __future__ import annotations

import itertools
import linecache
import traceback
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.errors import error_words
from emitnb.filing import FiledValues, Folder, Held, weigh
from emitnb.filing.sizes import total
from emitnb.message import ENTRY_POINT, UNKNOWN, Message, node_of, renamed_origin
from emitnb.places import Places
from emitnb.process import Failed, NodeOutcome
from emitnb.table import Piece

COLUMNS = (
    "node",
    "error_type",
    "error",
    "line",
    "input",
    "source",
    "parent_node",
    "parent_row",
    "revision",
    "attempts",
    "time",
    "traceback",
)

Place = tuple[str, int, str]
"""File name, line number and function of one frame of a traceback."""

_PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Failure:
    """One message that failed.

    ``places`` are the frames from the user's function on. The exception itself is not kept: it
    would hold on to every local variable on its way. ``parent_row`` and ``source`` are None for
    data that never became a message. ``number`` names the failure as long as it is kept;
    ``attempts`` counts how often the message was tried: once, and each time it was retried.
    """

    node: str
    revision: int | None
    error_type: str
    error: str
    places: tuple[Place, ...]
    input: Message | Mapping[str, Any]
    parent_node: str | None
    parent_row: int | None
    source: int | None
    time: int
    number: int = 0
    attempts: int = 1

    @property
    def line(self) -> int | None:
        """The line of the node's own file or cell that raised, or called what raised."""
        own = [line for file, line, _ in self.places if file == self.places[0][0]]
        return own[-1] if own else None

    def input_dict(self) -> dict[str, Any]:
        """What the node was given."""
        return self.input.as_dict() if isinstance(self.input, Message) else dict(self.input)

    def traceback(self) -> str:
        """The traceback as text, from the user's function on."""
        lines = ["Traceback (most recent call last):\n"] if self.places else []
        for file, line, function in self.places:
            lines.append(f'  File "{file}", line {line}, in {function}\n')
            source = linecache.getline(file, line).strip()
            lines += [f"    {source}\n"] if source else []
        return "".join([*lines, f"{self.error_type}: {self.error}"])


SAMPLE = 64
"""Failures of a part that are weighed: those of one node are much alike."""


class Loose(tuple[Failure, ...]):
    """Some failures in memory, and what they take there: weighed, where nobody knows it."""

    held: Held

    def __new__(cls, failures: Iterable[Failure], held: Held | None = None) -> Loose:
        """Put them together; ``held`` is what they take, if that is known."""
        made = super().__new__(cls, failures)
        sample = made[:: max(1, len(made) // SAMPLE)]
        if held is None:
            size = sum(weigh([f.error, f.places, f.input_dict()]) + 400 for f in sample)
            held = Held(len(made), size * len(made) // max(len(sample), 1))
        made.held = held
        return made


Part = Loose | FiledValues[Failure]
"""Some failures: in memory, or in a file."""

FILED = 10_000
"""Failures a file, so that what is written at once is bounded."""


@dataclass(frozen=True)
class Failures:
    """All failures so far, in the order in which their batches were committed. A value.

    Numbers ascend; ``count`` is the next one. A part in a file has plain columns beside its
    failures, for counting without reading them: ``node``, ``error_type``, ``line``, ``revision``
    and ``time``.
    """

    parts: tuple[Part, ...] = field(default=())
    count: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Failure]:
        return (failure for part in self.parts for failure in part)

    def with_more(self, failures: Iterable[Failure]) -> Failures:
        """Return these and ``failures``."""
        numbers = itertools.count(self.count)
        numbered = zip(failures, numbers, strict=False)
        new = Loose(replace(failure, number=number) for failure, number in numbered)
        if not new:
            return self
        count = self.count + len(new)
        parts = list(self.parts)
        while parts and isinstance(last := parts[-1], Loose) and len(last) <= len(new):
            new = Loose(last + new, last.held.plus(new.held))  # each is weighed once
            parts.pop()
        return Failures((*parts, new), count)

    def chosen(self, numbers: Iterable[int]) -> list[Failure]:
        """Return those of the numbers that are still kept, in their order here."""
        wanted = set(numbers)
        if not wanted:
            return []
        return [failure for failure in self if failure.number in wanted]

    def retried(self, numbers: Iterable[int], again: Mapping[int, Failure]) -> Failures:
        """Return them after some were retried: those that failed ``again`` stay, the rest go."""
        gone = {number: again.get(number) for number in numbers}
        if not gone:
            return self
        low, high = min(gone), max(gone)
        parts: list[Part] = [
            part
            if part[-1].number < low or part[0].number > high
            else Loose(_after_retry(part, gone))
            for part in self.parts
        ]
        return Failures(tuple(part for part in parts if part), self.count)

    def children_of(self, nodes: Container[str]) -> set[str]:
        """Return the nodes that failed on what ``nodes`` emitted."""
        return {one.node for one in self if node_of(one.parent_node or UNKNOWN) in nodes}

    def of_others(self, nodes: Container[str]) -> Failures:
        """Return those that are not of these nodes; what they failed on is no longer theirs."""
        parts = [Loose(_of_others(part, nodes)) for part in self.parts]
        return Failures(tuple(part for part in parts if part), self.count)

    @cached_property
    def held(self) -> Held:
        """What they take in memory."""
        return total(part.held for part in self.parts)

    def loose(self) -> Iterator[tuple[int, Held]]:
        """Yield the parts that could go to files, the oldest first: their place and size."""
        for place, part in enumerate(self.parts):
            if isinstance(part, Loose):
                yield place, part.held

    def filed(self, places: Iterable[int], folder: Folder) -> Failures:
        """Return them with some parts in files. Raises RecordFullError where there is no room."""
        chosen = set(places)
        parts: list[Part] = []
        for place, part in enumerate(self.parts):
            if place in chosen and isinstance(part, Loose):
                cuts = range(0, len(part), FILED)
                parts += [_filed(part[cut : cut + FILED], folder) for cut in cuts]
            else:
                parts.append(part)
        return Failures(tuple(parts), self.count)

    def renamed(self, old: str, new: str) -> Failures:
        """Return them with a node renamed."""
        rename = partial(_renamed, old, new)
        return Failures(
            tuple(
                Loose(map(rename, part)) if isinstance(part, Loose) else part.changed(rename)
                for part in self.parts
            ),
            self.count,
        )

    def frame(self, node: str | None = None) -> pd.DataFrame:
        """Return them as a frame, one row each, of one node or of all.

        Columns: ``node``, ``error_type`` and ``error`` (str), ``line`` (Int64, in the node's own
        file or cell), ``input`` (dict), ``source`` (Int64), ``parent_node`` (str), ``parent_row``
        and ``revision`` (Int64), ``attempts`` (int64), ``time`` (datetime64[ns, UTC]) and
        ``traceback`` (str). The index are the numbers of the failures (int64).
        """
        chosen = [failure for failure in self if node in (None, failure.node)]
        records = [[_column(failure, name) for name in COLUMNS] for failure in chosen]
        index = pd.Index([failure.number for failure in chosen], dtype="int64")
        frame = pd.DataFrame(records, index, columns=list(COLUMNS))
        texts = dict.fromkeys(("node", "error_type", "error", "parent_node", "traceback"), "str")
        numbers = dict.fromkeys(("revision", "line", "parent_row", "source"), "Int64")
        frame = frame.astype({**texts, **numbers, "input": object, "attempts": "int64"})
        return frame.assign(time=pd.to_datetime(frame["time"].astype("int64"), unit="ns", utc=True))


def _renamed(old: str, new: str, failure: Failure) -> Failure:
    return replace(
        failure,
        node=renamed_origin(failure.node, old, new),
        parent_node=failure.parent_node and renamed_origin(failure.parent_node, old, new),
    )


def _filed(part: Sequence[Failure], folder: Folder) -> FiledValues[Failure]:
    plain: dict[str, Piece] = {
        "node": pa.array([f.node for f in part], pa.large_string()),
        "error_type": pa.array([f.error_type for f in part], pa.large_string()),
        "line": pa.array([f.line for f in part], pa.int64()),
        "revision": pa.array([f.revision for f in part], pa.int64()),
        "time": pa.array([f.time for f in part], pa.int64()),
    }
    counts = Counter(f.node for f in part)
    nodes = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    return FiledValues.write(part, plain, f"failures ({nodes})", folder)


def failures_of(outcome: NodeOutcome, places: Places) -> Iterator[tuple[int, int | None, Failure]]:
    """Yield the failures of one node's outcome, with rows counted from the start of all time.

    With each, the place in the batch of the message that it descends from, and the number of
    the failure that it was retried from.
    """
    if not outcome.failures:
        return
    time = outcome.times[0][1] if outcome.times else 0
    positions = np.array([failed.position for failed in outcome.failures], np.int64)
    local = outcome.sources[positions]
    where = zip(
        outcome.failures,
        local.tolist(),
        places.sources(local).tolist(),
        places.retried(outcome.parents, positions, local),
        *places.parents_of(outcome.parents, positions),
        strict=True,
    )
    for failed, place, source, retried, parent, row in where:
        given = {"parent_node": parent, "parent_row": row, "source": source, "time": time}
        found = failure(failed, node=outcome.node, revision=outcome.revision, **given)
        yield place, retried, found


def failure(failed: Failed, **where: Any) -> Failure:
    """Return the record of one failed message."""
    name, text = error_words(failed.error)
    return Failure(
        error_type=name,
        error=text,
        places=_places(failed.error.__traceback__),
        input=failed.message,
        **where,
    )


def unreadable(place: Mapping[str, Any], error: Exception, time: int) -> Failure:
    """Return the record of data that never became a message: a line that does not parse."""
    return refused(dict(place), error, time)


def refused(message: Message | Mapping[str, Any], error: BaseException, time: int) -> Failure:
    """Return the record of data that was not taken in, and so has no number of a pushed message."""
    name, text = error_words(error)
    return Failure(
        node=ENTRY_POINT,
        revision=None,
        error_type=name,
        error=text,
        places=(),
        input=message,
        parent_node=None,
        parent_row=None,
        source=None,
        time=time,
    )


def _places(trace: TracebackType | None) -> tuple[Place, ...]:
    """The frames of a traceback below emitnb's own."""
    frames = [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(trace)
    ]
    while frames and frames[0][0].startswith(_PACKAGE):
        del frames[0]
    return tuple(frames)


def _of_others(part: Iterable[Failure], nodes: Container[str]) -> Iterator[Failure]:
    for failure in part:
        if failure.node in nodes:
            continue
        lost = node_of(failure.parent_node or UNKNOWN) in nodes
        yield replace(failure, parent_node=UNKNOWN, parent_row=-1) if lost else failure


def _after_retry(part: Iterable[Failure], gone: Mapping[int, Failure | None]) -> Iterator[Failure]:
    for failure in part:
        now = gone.get(failure.number, failure)
        if now is failure:
            yield failure
        elif now is not None:
            yield replace(now, number=failure.number, attempts=failure.attempts + 1)


def _column(failure: Failure, name: str) -> Any:
    if name == "input":
        return failure.input_dict()
    if name == "traceback":
        return failure.traceback()
    return getattr(failure, name)
