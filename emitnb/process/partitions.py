"""Splitting the inputs of a keyed node by partition, and merging what the partitions made.

A partition owns some of the keys. It gets the rows with those keys, in their order, and runs the
stage on them alone; since a keyed node knows nothing but the message and the state of its key,
and the nodes behind it treat messages one by one, it makes what the whole would have made of
them. Merging only puts the rows back in the order of the inputs they came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pyarrow as pa

from emitnb.message import Message, port_of
from emitnb.node import Node
from emitnb.plan import Stage
from emitnb.process.choosing import keys_of
from emitnb.process.hashing import partitions_of
from emitnb.process.outcome import Failed, NodeOutcome, Slice
from emitnb.process.ports import Streams
from emitnb.process.streams import Parents, Stream, gather
from emitnb.table import Positions, SealedTable, stacked


@dataclass(frozen=True)
class Layout:
    """Where the inputs of a stage's keyed node came from, and the partition that owns each."""

    parents: Parents
    sources: Positions
    owners: Positions


def split(
    stage: Stage, streams: Mapping[str, Stream], count: int
) -> tuple[Layout, list[dict[str, Stream]]]:
    """Return the layout of a stage's inputs, and for each of ``count`` partitions its streams."""
    member = stage.keyed
    assert member is not None
    found = [streams[origin] for origin in member.origins]
    owners = [_owners(member.node, stream, stage.message_class, count) for stream in found]
    inputs = gather(member.origins, streams, stage.message_class)
    of_inputs = np.concatenate([np.arange(0), *owners])
    if inputs.order is not None:
        of_inputs = of_inputs[inputs.order]
    pieces = [
        {
            name: _part(stream, np.flatnonzero(own == part))
            for name, stream, own in zip(member.origins, found, owners, strict=True)
        }
        for part in range(count)
    ]
    return Layout(inputs.parents, inputs.sources, of_inputs), pieces


def merge(
    stage: Stage, layout: Layout, made: Sequence[Sequence[NodeOutcome]]
) -> tuple[NodeOutcome, ...]:
    """Return the outcomes of a stage's nodes as if one partition had run all of its inputs.

    ``made`` holds, for each partition, the outcomes of the stage's nodes in their order.
    """
    streams = Streams()
    rows: dict[str, list[Positions]] = {}
    read = {origin for step in stage.steps for one in step.members for origin in one.origins}
    whole = []
    for place, step in enumerate(stage.steps):
        (member,) = step.members
        parts = [outcomes[place] for outcomes in made]
        if place == 0:
            parents, sources = layout.parents, layout.sources
            inputs = [np.flatnonzero(layout.owners == part) for part in range(len(made))]
        else:
            merged = gather(member.origins, streams, stage.message_class)
            parents, sources = merged.parents, merged.sources
            inputs = _inputs(parents, streams, parts, rows)
        outcome, rows[member.node.name] = _merged(parts, inputs, parents, sources)
        streams.add([outcome])
        if (port := port_of(outcome.node)) in read:
            rows[port] = _port_rows(parts, inputs)
        whole.append(outcome)
    return tuple(whole)


def _owners(node: Node, stream: Stream, base: type[Message], count: int) -> Positions:
    """The partition of each row; one whose key cannot be read fails in any partition: the first."""
    table = stream.table
    if isinstance(table, SealedTable) and len(node.key) == 1 and node.key[0] in table.fields:
        piece = table.pieces[table.fields.index(node.key[0])]
        if isinstance(piece, pa.Array) and not pa.types.is_null(piece.type):
            encoded = piece.dictionary_encode(null_encoding="encode")
            owners = partitions_of(encoded.dictionary.to_pylist(), count)
            return cast(Positions, owners[encoded.indices.to_numpy()])
    keys, _ = keys_of(node, table.messages(stream.origin, base))
    return partitions_of(keys, count)


def _part(stream: Stream, rows: Positions) -> Stream:
    table, sources = stream.table.take(rows), stream.sources[rows]
    return Stream(stream.origin, table, sources, None, stream.rank, stream.turns[rows])


def _inputs(
    parents: Parents,
    streams: Mapping[str, Stream],
    parts: Sequence[NodeOutcome],
    rows: Mapping[str, list[Positions]],
) -> list[Positions]:
    """For each partition, which of the merged inputs of a node its own inputs are."""
    if parents.rows is None or parents.codes is None:
        (origin,) = parents.origins
        return rows[origin]
    places = []
    for code, origin in enumerate(parents.origins):
        at = np.empty(len(streams[origin].table), dtype=np.int64)
        mine = np.flatnonzero(parents.codes == code)
        at[parents.rows[mine]] = mine
        places.append(at)
    return [_placed(part.parents, places, rows, number) for number, part in enumerate(parts)]


def _port_rows(parts: Sequence[NodeOutcome], inputs: Sequence[Positions]) -> list[Positions]:
    """For each partition, which rows of the whole node's port are its own."""
    failed = [
        places[np.array([one.position for one in part.failures], dtype=np.int64)]
        for part, places in zip(parts, inputs, strict=True)
    ]
    whole = np.sort(np.concatenate([np.arange(0), *failed]))
    return [np.searchsorted(whole, own) for own in failed]


def _placed(
    local: Parents, places: list[Positions], rows: Mapping[str, list[Positions]], part: int
) -> Positions:
    assert local.codes is not None and local.rows is not None
    found = np.empty(len(local.codes), dtype=np.int64)
    for code, origin in enumerate(local.origins):
        mine = np.flatnonzero(local.codes == code)
        found[mine] = places[code][rows[origin][part][local.rows[mine]]]
    return found


def _merged(
    parts: Sequence[NodeOutcome],
    inputs: Sequence[Positions],
    parents: Parents,
    sources: Positions,
) -> tuple[NodeOutcome, list[Positions]]:
    """Return a node's outcome, and for each partition which of its rows that partition's are."""
    counts = None
    if any(part.counts is not None for part in parts):
        counts = np.ones(len(sources), dtype=np.int64)
        for part, places in zip(parts, inputs, strict=True):
            if part.counts is not None:
                counts[places] = part.counts
    makers = [
        places if part.counts is None else np.repeat(places, part.counts)
        for part, places in zip(parts, inputs, strict=True)
    ]
    order = np.argsort(np.concatenate([np.arange(0), *makers]), kind="stable")
    table = stacked([part.table for part in parts])
    at = np.empty(len(order), dtype=np.int64)
    at[order] = np.arange(len(order))
    ends = np.cumsum([len(maker) for maker in makers])
    failures = [
        Failed(int(places[failed.position]), failed.message, failed.error)
        for part, places in zip(parts, inputs, strict=True)
        for failed in part.failures
    ]
    slices = [one for part in parts for one in part.times]
    whole = replace(
        parts[0],
        parents=parents,
        sources=sources,
        table=table if (at == np.arange(len(at))).all() else table.take(order),
        counts=counts,
        failures=tuple(sorted(failures, key=lambda failed: failed.position)),
        received=sum(part.received for part in parts),
        dropped=sum(part.dropped for part in parts),
        seconds=sum(part.seconds for part in parts),
        times=(_whole(slices),) if slices else (),
    )
    return whole, np.split(at, ends[:-1])


def _whole(slices: Sequence[Slice]) -> Slice:
    """What ran beside each other, as one: its rows are put back in order, so none has its own."""
    rows, times, inputs, ns = zip(*slices, strict=True)
    return Slice(sum(rows), min(times), sum(inputs), sum(ns))
