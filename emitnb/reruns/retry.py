"""Retry: failures as messages that enter the graph at the node that failed on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from emitnb.failures import Failure
from emitnb.ledger import Ledger
from emitnb.message import Message
from emitnb.plan import Entries
from emitnb.process import Given, MessageTable, Recorded, Stream
from emitnb.sources.base import EMPTY, BaseSource, Step
from emitnb.table import Table


class RetrySource(BaseSource[int]):
    """The kept inputs of failures, in push order, each as a message that arrives by itself.

    Failures that are gone by the time that it is their turn are left out: discarded, retried by
    another run, replayed or forgotten.
    """

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        failures: Sequence[Failure],
        ranks: Mapping[str, int],
    ) -> None:
        ordered = sorted(failures, key=lambda f: (f.source, ranks.get(f.node, 0), f.number))
        super().__init__(0, len(ordered), None)
        self.entries = entries_of(ordered)
        self._streams = {failure.number: _stream_name(failure) for failure in ordered}
        self._numbers = list(self._streams)
        self._ledger = ledger
        self._cleared_at = ledger().cleared_at

    def _read(self, at: int, size: int) -> Step[int]:
        numbers = self._numbers[at : at + size]
        after = at + len(numbers)
        named = Given({}, {}, np.zeros(len(numbers), np.int64), None, tuple(numbers))
        return Step(named if numbers else EMPTY, (), after, after >= len(self._numbers))

    def due(self, table: Table) -> Table:
        """Return what is to be retried of a table that was read, now that its turn has come."""
        assert isinstance(table, Given)
        return self._given(self._kept(table.retried))

    def _kept(self, numbers: Sequence[int]) -> list[Failure]:
        ledger = self._ledger()
        if ledger.cleared_at > self._cleared_at:
            return []  # others have their numbers now
        kept = {one.number: one for one in ledger.failures.chosen(numbers)}
        return [kept[number] for number in numbers if number in kept]

    def _given(self, failures: Sequence[Failure]) -> Given:
        places: dict[str, list[int]] = {
            stream: [] for streams in self.entries.values() for stream in streams
        }
        for place, failure in enumerate(failures):
            places[self._streams[failure.number]].append(place)
        streams, recorded = {}, {}
        for names in self.entries.values():
            for name in names:
                mine = [failures[place] for place in places[name]]
                # Since this began, the origin may have another name, or be known no more.
                origin = next((one.parent_node for one in mine), None) or name.rpartition(">")[0]
                rows = MessageTable(tuple(map(_message, mine)))
                streams[name] = Stream(origin, rows, np.array(places[name], dtype=np.int64))
                parents = np.array([one.parent_row for one in mine], dtype=np.int64)
                recorded[name] = Recorded(origin, parents)
        sources = np.array([failure.source for failure in failures], dtype=np.int64)
        return Given(streams, recorded, sources, None, tuple(one.number for one in failures))


def entries_of(failures: Iterable[Failure]) -> Entries:
    """Return where failures enter: each at its node, in one stream for each of its origins."""
    entries: dict[str, dict[str, None]] = {}
    for failure in failures:
        entries.setdefault(failure.node, {})[_stream_name(failure)] = None
    return {node: tuple(sorted(streams)) for node, streams in entries.items()}


def _stream_name(failure: Failure) -> str:
    """No node can have such a name."""
    return f"{failure.parent_node}>{failure.node}"


def _message(failure: Failure) -> Message:
    assert isinstance(failure.input, Message)  # what never became a message has no node to go to
    return failure.input
