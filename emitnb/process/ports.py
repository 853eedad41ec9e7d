"""Failure ports: what failed in a node, as an origin of its own.

A port is not stored. It follows from what its node did, and is made where somebody reads it: as if
each failure were an emission of the node, in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emitnb.errors import error_words
from emitnb.message import PORT_FIELDS, Message, is_port, node_of, port_of
from emitnb.process.outcome import Failed, NodeOutcome, Slice
from emitnb.process.streams import Parents, Stream
from emitnb.table import ListTable

FIELDS = tuple(PORT_FIELDS)


class Streams(dict[str, Stream]):
    """Streams by origin, made of outcomes; that of a port only when somebody asks for it."""

    def __init__(self, streams: Mapping[str, Stream] | None = None) -> None:
        super().__init__(streams or {})
        self._outcomes: dict[str, NodeOutcome] = {}

    def add(self, outcomes: Iterable[NodeOutcome]) -> None:
        """Take in what nodes did."""
        for outcome in outcomes:
            self[outcome.node] = outcome.stream
            self._outcomes[outcome.node] = outcome

    def __missing__(self, origin: str) -> Stream:
        if not is_port(origin):
            raise KeyError(origin)
        stream = self[origin] = port_outcome(self._outcomes[node_of(origin)]).stream
        return stream


def with_ports(
    outcomes: Iterable[NodeOutcome], taken: Callable[[str], int]
) -> Iterator[NodeOutcome]:
    """Yield the outcomes, and those of the ports that one of them read from.

    ``taken`` says how many inputs a node had before: what orders the rows of a node and its port
    is counted on.
    """
    outcomes = tuple(outcomes)
    read = {origin for outcome in outcomes for origin in outcome.parents.origins}
    for outcome in outcomes:
        yield outcome
        if port_of(outcome.node) in read:
            port = port_outcome(outcome)
            if outcome.input_waves is None and port.input_waves is not None:
                port = replace(port, input_waves=port.input_waves + taken(outcome.node))
            yield port


def port_outcome(outcome: NodeOutcome) -> NodeOutcome:
    """Return what went out of a node's port: one row for each input that failed."""
    failed = [failure.position for failure in outcome.failures]
    positions = np.array(failed, dtype=np.int64)
    parents, waves = outcome.parents, outcome.input_waves
    return replace(
        outcome,
        node=port_of(outcome.node),
        parents=Parents(
            parents.origins,
            np.zeros(len(failed), np.int64) if parents.codes is None else parents.codes[positions],
            positions if parents.rows is None else parents.rows[positions],
        ),
        sources=outcome.sources[positions],
        table=port_table(outcome.node, outcome.failures),
        counts=None,
        input_waves=positions if waves is None else waves[positions],
        failures=(),
        received=len(failed),
        dropped=0,
        seconds=0.0,
        times=_one_slice(len(failed), outcome.times),
    )


def _one_slice(rows: int, times: Sequence[Slice]) -> tuple[Slice, ...]:
    """What went out of a port took no time of its own: that of the node stands for it."""
    if not times:
        return ()
    inputs, spent = sum(one.inputs for one in times), sum(one.ns for one in times)
    return (Slice(rows, times[0].time, inputs, spent),)


def port_table(node: str, failures: Sequence[Failed]) -> ListTable:
    """Return the messages of a port as a table."""
    words = [error_words(failed.error) for failed in failures]
    columns: list[list[Any]] = [
        [node] * len(failures),
        [name for name, _ in words],
        [text for _, text in words],
        [failed.message.as_dict() for failed in failures],
    ]
    return ListTable(FIELDS, columns, len(failures))


def port_messages(node: str, failures: Sequence[Failed], base: type[Message]) -> list[Message]:
    """Return what goes out of a port for these failures."""
    return port_table(node, failures).messages(port_of(node), base)
