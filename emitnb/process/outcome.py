"""What processing a batch gives back. Nothing here has happened until it is committed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from emitnb.message import Message, renamed_origin
from emitnb.process.streams import Parents, Stream
from emitnb.table import Positions, Table

States = Mapping[Hashable, Any]
"""What a node remembers, by key; a node without key has one state under the key ``()``."""

WHOLE_NODE = ()
"""The key of a state that belongs to the whole node."""


class Slice(NamedTuple):
    """Inputs of a node that were run together: a clock is read once for all of them.

    ``rows`` they made, UTC ``time`` in ns at which they began, how many ``inputs`` they were, and
    the ``ns`` that they took in the node's function, all together.
    """

    rows: int
    time: int
    inputs: int
    ns: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A message that a node raised on: which of the node's inputs, and what was raised."""

    position: int
    message: Message
    error: BaseException


@dataclass(frozen=True)
class NodeOutcome:
    """What one node did with its inputs of one batch.

    Parameters
    ----------
    parents : where each input came from
    sources : the pushed message of this batch that each input descends from
    table : what it emitted
    counts : rows that each input made (None: one each)
    input_waves : the order of its inputs within a pushed message, for members of a loop
    received, dropped : numbers of messages
    seconds : wall time in the node's function
    times : when each slice of its inputs ran, and how long
    """

    node: str
    revision: int
    rank: int
    parents: Parents
    sources: Positions
    table: Table
    counts: Positions | None
    input_waves: Positions | None
    failures: tuple[Failed, ...]
    received: int
    dropped: int
    seconds: float
    times: tuple[Slice, ...]

    @property
    def waves(self) -> Positions | None:
        """The order of its rows within a pushed message, for members of a loop."""
        if self.input_waves is None or self.counts is None:
            return self.input_waves
        return np.repeat(self.input_waves, self.counts)

    @property
    def stream(self) -> Stream:
        """What the node emitted, as its subscribers read it."""
        return Stream(self.node, self.table, self.sources, self.counts, self.rank, self.waves)

    def renamed(self, old: str, new: str) -> NodeOutcome:
        """Return it with a node renamed."""
        origins = tuple(renamed_origin(origin, old, new) for origin in self.parents.origins)
        parents = replace(self.parents, origins=origins)
        return replace(self, node=new if self.node == old else self.node, parents=parents)


@dataclass(frozen=True)
class Outcome:
    """What a stage did with one batch: a part for each node, and the states it touched."""

    nodes: tuple[NodeOutcome, ...]
    states: Mapping[str, States] = field(default_factory=dict)

    def renamed(self, old: str, new: str) -> Outcome:
        """Return it with a node renamed."""
        nodes = tuple(node.renamed(old, new) for node in self.nodes)
        states = {new if name == old else name: touched for name, touched in self.states.items()}
        return Outcome(nodes, states)
