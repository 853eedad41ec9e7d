"""What is slow, in words: which node takes the time, and what would help.

All figures in the sentences were measured. What would help is said only where a node takes long
enough for anybody to wait for it.
"""

from __future__ import annotations

import numbers
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emitnb.emissions import KeptRows, Log, Track, picked
from emitnb.errors import RecordLostError
from emitnb.fields import fields_read
from emitnb.figures import Figures, Totals
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT
from emitnb.node import Form, Node
from emitnb.peeking import origins, received
from emitnb.table import values_of
from emitnb.text import counted

WORTH = 0.5
"""Seconds in a node below which nothing is worth a change."""

CHEAP = 0.02
"""Milliseconds a message up to which the call itself is a good part of what a node costs."""

OFTEN = 50_000
"""Messages from which a node is called very often."""

EXPENSIVE = 1.0
"""Milliseconds a message from which a node is worth a cluster."""

SAMPLE = 10_000
"""Latest inputs of a keyed node, from each of its origins, whose keys are counted."""

FEWEST = 100
"""Inputs below which nothing is said about keys."""

SKEWED = 0.2
"""Share of one key from which keys may be called skewed: no cluster can make a node more than
five times as fast then."""

MOST_COUNTED = 3
"""Keyed nodes, the slowest first, whose keys are counted: it takes some milliseconds each."""


@dataclass(frozen=True)
class Skew:
    """The commonest key among the latest ``inputs`` of a node, and ``count`` of those with it."""

    key: Any
    count: int
    inputs: int
    keys: int

    @property
    def share(self) -> float:
        """Of the inputs, those with the commonest key."""
        return self.count / self.inputs

    @property
    def is_notable(self) -> bool:
        """Whether one key has far more than its part: 1.5 times what each would have if even."""
        return self.share >= SKEWED and (self.keys == 1 or self.share * self.keys >= 1.5)

    def text(self, name: str) -> str:
        """Say it."""
        key = self.key[0] if len(self.key) == 1 else self.key
        return (
            f"Keys of {name} are skewed: {_percent(self.share)} of its latest {self.inputs:,} "
            f"messages have the key {reprlib.repr(key)}."
        )


def advise(figures: Figures, graph: Graph, log: Log, on_cluster: bool) -> str:
    """Return a sentence or two about what is slow; "" if nothing ran.

    Parameters
    ----------
    figures : what each node did
    on_cluster : whether nodes run on a cluster already
    """
    ran = {name: one for name, one in figures.items() if name != ENTRY_POINT and one.received}
    total = sum(one.seconds for one in ran.values())
    if not total:
        return ""
    slowest, *_ = by_time = sorted(ran, key=lambda name: -ran[name].seconds)
    keyed = [name for name in by_time if name in graph.nodes and graph.nodes[name].key]
    counted = {name: skew_of(log, graph, name) for name in keyed[:MOST_COUNTED]}
    skews = {name: skew for name, skew in counted.items() if skew and skew.is_notable}
    sentences = [_share_text(slowest, ran[slowest].seconds / total, ran[slowest], len(ran))]
    if slowest in graph.nodes and ran[slowest].seconds >= WORTH:
        work = _Work(graph.nodes[slowest], ran[slowest], graph, log)
        sentences += _help(work, on_cluster, skews.get(slowest))
    sentences += [skew.text(name) for name, skew in skews.items()]
    return " ".join(sentences)


def skew_of(log: Log, graph: Graph, name: str) -> Skew | None:
    """Return how the keys of a keyed node are spread over its latest inputs; None if unknown.

    Only what is here is counted: nothing is fetched from a cluster for it.
    """
    try:
        keys = Counter(_latest(log, graph, name, graph.nodes[name].key))
    except (TypeError, RecordLostError):
        return None  # what cannot be a key is among the failures; what is lost, its reader is told
    if keys.total() < FEWEST:
        return None
    ((key, count),) = keys.most_common(1)
    return Skew(key, count, keys.total(), len(keys))


def _share_text(name: str, share: float, figures: Totals, nodes: int) -> str:
    what = "all of the time" if nodes == 1 else f"{_percent(share)} of the time in nodes"
    rate = figures.received / figures.seconds
    return (
        f"{name} takes {what}: {counted(figures.received, 'message')} in {_time(figures.seconds)}, "
        f"{rate:,.{0 if rate >= 10 else 2}f} messages/s."
    )


@dataclass(frozen=True)
class _Work:
    """A node with what it did."""

    node: Node
    figures: Totals
    graph: Graph
    log: Log

    @property
    def ms(self) -> float:
        """Milliseconds a message."""
        return 1e3 * self.figures.seconds / self.figures.received

    @property
    def in_loop(self) -> bool:
        """Whether it is part of a loop, which runs a message at a time whatever its nodes say."""
        return self.graph.order[self.graph.ranks[self.node.name]].is_loop

    @property
    def is_async(self) -> bool:
        """Whether many messages are awaited at a time."""
        return self.node.form in (Form.ASYNC, Form.ASYNC_GENERATOR)

    @property
    def is_serial(self) -> bool:
        """Whether its state lets it take one message after the other only."""
        return self.node.new_state is not None and (self.in_loop or not self.node.key)

    @property
    def could_be_batch(self) -> bool:
        """Whether it is a cheap plain function over numbers that is called very often."""
        node = self.node
        is_plain = node.form is Form.PLAIN and node.new_state is None and not node.batch
        is_cheap = self.ms <= CHEAP and self.figures.received >= OFTEN
        return is_plain and is_cheap and not self.in_loop and self._reads_numbers()

    def _reads_numbers(self) -> bool:
        """Whether all that it reads of its latest inputs are numbers, and it does read some."""
        known = (self.log.tracks.get(o, Track()) for o in self.graph.origins(self.node.name))
        emitted = {field for track in known for field in track.field_names()}
        read = sorted(fields_read(self.node.function)) or sorted(emitted)
        rows = _latest(self.log, self.graph, self.node.name, read)
        return bool(rows) and all(isinstance(v, numbers.Number) for row in rows for v in row)


def _help(work: _Work, on_cluster: bool, skew: Skew | None) -> Iterator[str]:
    """What would help the slowest node, if anything is known to."""
    if work.is_serial and not work.in_loop:
        where = "" if work.is_async else ", on a cluster"
        yield (
            "It keeps one state for all messages, and so takes them one after the other anywhere; "
            f"key= would let those of different keys run beside each other{where}."
        )
    elif work.is_async:
        yield "It is async, so many messages wait together: what it awaits takes the time."
    elif work.could_be_batch:
        yield (
            f"It is called for every message, {1e3 * work.ms:,.1f} µs each, and reads only "
            "numbers: with batch=True it would be called for whole DataFrames."
        )
    elif work.ms >= EXPENSIVE and not work.is_serial and not on_cluster:
        most = f"; its keys let it be {1 / skew.share:,.1f} times as fast at most" if skew else ""
        yield f"At {work.ms:,.1f} ms a message, dask would help (%emit_backend dask){most}."


def _latest(log: Log, graph: Graph, name: str, fields: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return some fields of the latest inputs of a node, origin by origin, where they have them."""
    found: list[tuple[Any, ...]] = []
    track = log.tracks.get(name, Track())
    for origin in origins(log, graph, name):
        for columns in _columns(log, origin, received(track, origin, SAMPLE)):
            if all(field in columns for field in fields):
                found += zip(*(columns[field] for field in fields), strict=True)
    return found


def _columns(log: Log, origin: str, rows: Any) -> Iterator[dict[str, Iterable[Any]]]:
    """The named rows of an origin, by field, as far as they are here."""
    if origin == ENTRY_POINT:
        pushed = log.inputs.picked(rows)
        yield {str(name): pushed[name].tolist() for name in pushed.columns}
        return
    track = log.tracks.get(origin, Track())
    if any(isinstance(part, KeptRows) for part in track.parts):
        return
    for _, table in picked(track, rows):
        yield dict(zip(table.fields, map(values_of, table.pieces), strict=True))


def _percent(share: float) -> str:
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{1e3 * seconds:,.3g} ms"
