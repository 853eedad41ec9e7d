"""What runs on the workers. Each function is one task; none changes what it was given."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import pyarrow as pa

from emitnb.backends.dask.portable import process_portable
from emitnb.backends.dask.prints import caught
from emitnb.backends.dask.shelter import process_sheltered
from emitnb.backends.dask.shipping import Freight, restored_stage
from emitnb.backends.dask.stopping import stoppable
from emitnb.backends.dask.transport import Parcel, Travelling, packed_failed, portable_states
from emitnb.emissions.columns import sealed
from emitnb.errors import BackendError
from emitnb.plan import Stage
from emitnb.prints import Printed, names_of
from emitnb.process import NodeOutcome, Outcome, States, Stream, Streams, entering
from emitnb.process.partitions import Layout, merge, split
from emitnb.table import FrameTable, ListTable, SealedTable, Table

Layers = tuple[States, ...]
"""The states of one node: of several layers, the first that has a key counts."""


NOTHING = Outcome(())


@dataclass(frozen=True)
class Made(Travelling):
    """What a stage made of a batch, as it travels: tables are sealed, failures packed."""

    nodes: tuple[NodeOutcome, ...]
    seconds: float
    printed: tuple[Printed, ...] = ()
    touched: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    def __sizeof__(self) -> int:
        """Bytes held, for dask to place tasks where their data is."""
        return 500 + sum(table_size(node.table) + 8 * node.received for node in self.nodes)


@dataclass(frozen=True)
class Link(Travelling):
    """One link of a partition's chain: its states after a batch, and what came of the batch."""

    states: Mapping[str, Layers]
    outcome: Outcome = NOTHING
    touched: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    printed: tuple[Printed, ...] = ()

    def __sizeof__(self) -> int:
        """Bytes held: a chain is to stay where its states are."""
        keys = sum(len(layer) for layers in self.states.values() for layer in layers)
        rows = sum(len(node.table) for node in self.outcome.nodes)
        return 1_000 + 500 * keys + 60 * rows


@dataclass(frozen=True)
class Work:
    """How a stage is to be run: the stage as it was packed, and what it takes."""

    session: str
    sheltered: bool = False
    memory_limit: int = 0


@dataclass(frozen=True)
class Piece(Travelling):
    """What one partition of a keyed stage takes in."""

    streams: Mapping[str, Stream]

    def __sizeof__(self) -> int:
        """Bytes held."""
        return 500 + sum(table_size(stream.table) for stream in self.streams.values())


@dataclass(frozen=True)
class Split(Travelling):
    """The inputs of a keyed stage, cut into partitions."""

    layout: Layout
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Cut(Travelling):
    """What a stage made, and the same cut into partitions for keyed stages, by their number."""

    splits: Mapping[int, Split]
    made: Made | None = None

    def __sizeof__(self) -> int:
        """Bytes held."""
        pieces = [piece for split in self.splits.values() for piece in split.pieces]
        return 500 + sum(map(sys.getsizeof, pieces)) + sys.getsizeof(self.made)


Splitting = Sequence[Any]
"""How a keyed stage is split: its number, how many partitions, and the stage as it was packed."""

Source = Parcel | Made | Piece | Table
"""What a stage takes in: pushed rows, what other stages made, or one partition of it."""


def root(parcel: Parcel) -> Link:
    """Return the first link of a chain: states as they were committed."""
    return Link({node: (states,) for node, states in parcel.open().items()})


def run_stage(work: Work, sources: Sequence[Source], packed: Freight, *large: Freight) -> Made:
    """Take one batch through a stage without state."""
    stage = restored_stage(packed, large)
    outcome, seconds, printed = _processed(work, stage, packed, large, sources, {})
    return _made(outcome, seconds, printed)


def run_link(
    work: Work, sources: Sequence[Source], last: Link | None, packed: Freight, *large: Freight
) -> Link:
    """Take the inputs of one partition through a stage with state."""
    stage = restored_stage(packed, large)
    states = {} if last is None else last.states
    outcome, seconds, printed = _processed(work, stage, packed, large, sources, states)
    touched = {node: portable_states(node, part) for node, part in outcome.states.items()}
    after = {node: _layered(states.get(node, ()), part) for node, (part, _) in touched.items()}
    home = {node: (blob,) for node, (part, blob) in touched.items() if part}
    return Link({**states, **after}, replace(outcome, states={}), home, seconds, printed)


def emitted(link: Link) -> Made:
    """Return what a link made, without the states that it holds."""
    return replace(_made(link.outcome, link.seconds, link.printed), touched=link.touched)


def run_and_cut(
    work: Work,
    sources: Sequence[Source],
    splittings: Sequence[Splitting],
    packed: Freight,
    *large: Freight,
) -> Cut:
    """Take one batch through a stage without state, and split it for the stages that read it."""
    made = run_stage(work, sources, packed, *large)
    return Cut(_splits([made], splittings), made)


def cut(sources: Sequence[Source], splittings: Sequence[Splitting]) -> Cut:
    """Split the inputs of keyed stages."""
    return Cut(_splits(sources, splittings))


def made_of(whole: Cut) -> Made | None:
    """Return what the stage made, so that only that travels."""
    return whole.made


def piece_of(whole: Cut, number: int, part: int) -> Piece:
    """Return the piece of one partition, so that only that one travels."""
    return whole.splits[number].pieces[part]


def layout_of(whole: Cut, number: int) -> Layout:
    """Return what merging needs to know."""
    return whole.splits[number].layout


def _splits(sources: Sequence[Source], splittings: Sequence[Splitting]) -> dict[int, Split]:
    splits = {}
    for one in splittings:
        number, count, packed, *large = one
        layout, pieces = split(restored_stage(packed, tuple(large)), _streams(sources), count)
        splits[number] = Split(layout, tuple(map(Piece, pieces)))
    return splits


def merge_stage(layout: Layout, parts: Sequence[Made], packed: Freight, *large: Freight) -> Made:
    """Return what the partitions of a stage made as if one had made it."""
    return merged(restored_stage(packed, large), layout, parts)


def merged(stage: Stage, layout: Layout, parts: Sequence[Made]) -> Made:
    """Return what the partitions of a stage made as if one had made it."""
    nodes = merge(stage, layout, [part.nodes for part in parts])
    return Made(
        nodes,
        max(part.seconds for part in parts),
        tuple(printed for part in parts for printed in part.printed),
        {
            node.node: blobs
            for node in nodes
            if (blobs := tuple(b for part in parts for b in part.touched.get(node.node, ())))
        },
    )


def _processed(
    work: Work,
    stage: Stage,
    packed: Freight,
    large: tuple[Freight, ...],
    sources: Sequence[Source],
    states: Mapping[str, Layers],
) -> tuple[Outcome, float, tuple[Printed, ...]]:
    found = _streams(sources)
    streams = {origin: found[origin] for origin in stage.origins}

    def process() -> tuple[Outcome, str]:
        if work.sheltered:
            return process_sheltered(packed, large, streams, states, work.memory_limit)
        return process_portable(stage, streams, states), ""

    with caught(names_of(stage.nodes)) as prints:
        began = perf_counter()
        outcome, text = stoppable(work.session, process)
        prints.write(text)
        seconds = perf_counter() - began
    return outcome, seconds, prints.printed()


def _made(outcome: Outcome, seconds: float, printed: tuple[Printed, ...]) -> Made:
    nodes = tuple(
        replace(node, table=sealed(node.table), failures=tuple(map(packed_failed, node.failures)))
        for node in outcome.nodes
    )
    return Made(nodes, seconds, printed)


def _streams(sources: Sequence[Source]) -> Streams:
    streams = Streams()
    for source in sources:
        if isinstance(source, Parcel):
            streams.update(entering(_opened(source)))
        elif isinstance(source, Made):
            streams.add(source.nodes)
        elif isinstance(source, Piece):
            streams.update(source.streams)
        else:
            streams.update(entering(source))
    return streams


def _opened(parcel: Parcel) -> Table:
    try:
        table: Table = parcel.open()
    except Exception as error:
        raise BackendError(
            f"pushed messages cannot be read on a worker: {type(error).__name__}: {error}"
        ) from error
    return table


def _layered(layers: Layers, touched: States) -> Layers:
    """Put touched states on top; merge downward what is no larger, as in the log's parts.

    Nothing is changed in place: the layers below may be needed again.
    """
    while layers and len(layers[0]) <= len(touched):
        touched = {**layers[0], **touched}
        layers = layers[1:]
    return (touched, *layers) if touched else layers


def table_size(table: Table) -> int:
    """Return the bytes that a table holds, near enough."""
    if isinstance(table, SealedTable):
        pieces = table.pieces
        return sum(p.nbytes if isinstance(p, pa.Array) else _list_size(p) for p in pieces)
    if isinstance(table, FrameTable):
        return sum(table.data[name].array.nbytes for name in table.data.columns)
    if isinstance(table, ListTable):
        return sum(map(_list_size, table.columns))
    return 100 * len(table) * max(len(table.fields), 1)


def _list_size(values: Any) -> int:
    """Bytes of the values, from a sample of them."""
    sample = values[:: max(len(values) // 50, 1)]
    return len(values) * sum(map(sys.getsizeof, sample)) // max(len(sample), 1)
