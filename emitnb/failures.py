"""Failures: messages that a node raised on, kept with what is needed to mend and run again."""

from __future__ import annotations

import itertools
import linecache
import traceback
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from emitnb.errors import error_words
from emitnb.message import ENTRY_POINT, Message, renamed_origin
from emitnb.places import Places
from emitnb.process import Failed, NodeOutcome

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


@dataclass(frozen=True)
class Failures:
    """All failures so far, in the order in which their batches were committed. A value.

    Numbers ascend; ``count`` is the next one.
    """

    parts: tuple[tuple[Failure, ...], ...] = field(default=())
    count: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Failure]:
        return (failure for part in self.parts for failure in part)

    def with_more(self, failures: Iterable[Failure]) -> Failures:
        """Return these and ``failures``."""
        numbers = itertools.count(self.count)
        new = tuple(
            replace(failure, number=n) for failure, n in zip(failures, numbers, strict=False)
        )
        if not new:
            return self
        count = self.count + len(new)
        parts = list(self.parts)
        while parts and len(parts[-1]) <= len(new):
            new = parts.pop() + new
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
        parts = [
            part
            if part[-1].number < low or part[0].number > high
            else tuple(_after_retry(part, gone))
            for part in self.parts
        ]
        return Failures(tuple(part for part in parts if part), self.count)

    def of_others(self, nodes: Container[str]) -> Failures:
        """Return those that are not of these nodes."""
        parts = (tuple(one for one in part if one.node not in nodes) for part in self.parts)
        return Failures(tuple(part for part in parts if part), self.count)

    def renamed(self, old: str, new: str) -> Failures:
        """Return them with a node renamed."""
        return Failures(
            (
                tuple(
                    replace(
                        failure,
                        node=renamed_origin(failure.node, old, new),
                        parent_node=failure.parent_node
                        and renamed_origin(failure.parent_node, old, new),
                    )
                    for failure in self
                ),
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


def failures_of(outcome: NodeOutcome, places: Places) -> Iterator[tuple[int, int | None, Failure]]:
    """Yield the failures of one node's outcome, with rows counted from the start of all time.

    With each, the place in the batch of the message that it descends from, and the number of
    the failure that it was retried from.
    """
    time = outcome.times[0][1] if outcome.times else 0
    for failed in outcome.failures:
        parent, row = places.parent(outcome.parents, failed.position)
        local = int(outcome.sources[failed.position])
        retried = places.retried(outcome.parents, failed.position, local)
        found = failure(
            failed,
            node=outcome.node,
            revision=outcome.revision,
            parent_node=parent,
            parent_row=row,
            source=int(places.sources(np.array([local]))[0]),
            time=time,
        )
        yield local, retried, found


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
