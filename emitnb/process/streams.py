"""What flows between the nodes of one batch: tables, and the pushed message behind each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from emitnb.message import Message
from emitnb.table import Positions, Table


@dataclass(frozen=True)
class Parents:
    """Which row each input of a node was, in its origin's rows of this batch.

    ``codes`` says which of ``origins`` (None: there is only one). ``rows`` says which of its rows
    (None: input i is row i).
    """

    origins: tuple[str, ...]
    codes: Positions | None = None
    rows: Positions | None = None


@dataclass(frozen=True)
class Stream:
    """What one origin emitted in this batch.

    ``input_sources`` is the pushed message of this batch that each of the origin's inputs
    descends from, ``counts`` how many rows each made (None: one each). ``rank`` is the origin's
    place in the order. ``waves`` orders the rows of a loop's members within one pushed message.
    """

    origin: str
    table: Table
    input_sources: Positions
    counts: Positions | None = None
    rank: int = -1
    waves: Positions | None = None

    @cached_property
    def sources(self) -> Positions:
        """The pushed message of this batch that each row descends from."""
        if self.counts is None:
            return self.input_sources
        return np.repeat(self.input_sources, self.counts)

    @cached_property
    def turns(self) -> Positions:
        """What orders the rows within one pushed message: the input each was made from.

        A node and its port take turns by it: each input made rows or failed.
        """
        if self.waves is not None:
            return self.waves
        inputs = np.arange(len(self.input_sources))
        return inputs if self.counts is None else np.repeat(inputs, self.counts)


@dataclass(frozen=True)
class Inputs:
    """What one node takes in: the rows of its origins, in the order in which they were made.

    ``order`` merges the rows of several streams, one after the other (None: there is one stream).
    """

    streams: tuple[Stream, ...]
    message_class: type[Message]
    parents: Parents
    order: Positions | None = None

    def __len__(self) -> int:
        return sum(len(stream.table) for stream in self.streams)

    @property
    def sources(self) -> Positions:
        """The pushed message of this batch that each input descends from."""
        if self.order is None:
            return self.streams[0].sources
        return np.concatenate([s.sources for s in self.streams] or [np.arange(0)])[self.order]

    def slices(self, size: int) -> Iterator[list[Message]]:
        """Yield the inputs as messages, ``size`` at a time: what fits the processor's cache."""
        if self.order is None:
            stream = self.streams[0]
            for start in range(0, len(stream.table), size):
                stop = start + size
                yield stream.table.messages(stream.origin, self.message_class, start, stop)
            return
        merged = [m for s in self.streams for m in s.table.messages(s.origin, self.message_class)]
        order = self.order.tolist()
        for start in range(0, len(order), size):
            yield [merged[place] for place in order[start : start + size]]

    def frame(self) -> pd.DataFrame:
        """Return the inputs as a DataFrame with a RangeIndex: input i is row i."""
        if self.order is None:
            return self.streams[0].table.frame()
        frames = [stream.table.frame() for stream in self.streams if len(stream.table)]
        merged = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return merged.take(self.order).reset_index(drop=True)


def gather(
    origins: tuple[str, ...], streams: Mapping[str, Stream], message_class: type[Message]
) -> Inputs:
    """Return what a node with these origins takes in.

    Several origins are merged by the pushed message they descend from, which is what pushing one
    message after the other would give; with one origin that costs nothing.
    """
    found = tuple(streams[origin] for origin in origins)
    if len(found) == 1:
        return Inputs(found, message_class, Parents(origins))
    sizes = [len(stream.table) for stream in found]
    order = merge_order(found)
    codes = np.repeat(np.arange(len(found)), sizes)[order]
    rows = np.concatenate([np.arange(size) for size in sizes] or [np.arange(0)])[order]
    return Inputs(found, message_class, Parents(origins, codes, rows), order)


def merge_order(streams: tuple[Stream, ...]) -> Positions:
    """Return the order in which the rows of several streams, one after the other, were made."""
    if not streams:
        return np.arange(0)
    sources = np.concatenate([stream.sources for stream in streams])
    ranks = np.repeat([stream.rank for stream in streams], [len(s.table) for s in streams])
    waves = np.concatenate([stream.turns for stream in streams])
    return np.lexsort((waves, ranks, sources))
