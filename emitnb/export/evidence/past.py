"""What a node with state received before a message, of the messages that share its state."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Sequence

from emitnb.export.evidence.received import Input
from emitnb.node import Node
from emitnb.process import WHOLE_NODE
from emitnb.process.choosing import choose


class Past:
    """The messages that a node received, by the states that they belong to, in push order."""

    def __init__(self, node: Node, inputs: Sequence[Input]) -> None:
        self._node = node
        self._by_state = defaultdict[Hashable, list[Input]](list)
        if node.new_state is not None:
            keys, taken = self._keys(inputs)
            for key, place in zip(keys, taken, strict=True):
                self._by_state[key].append(inputs[place])

    def first(self, one: Input, most: int) -> list[Input]:
        """Return the first messages of the state that a message belongs to."""
        return self._all(one)[:most]

    def before(self, one: Input) -> list[Input]:
        """Return those of its state that came before a message."""
        known = self._all(one)
        low = bisect_left(known, one.source, key=_source)
        high = bisect_right(known, one.source, lo=low, key=_source)
        text = repr(one.message)  # what was made anew since has other rows, and may be no equal
        for place in range(low, high):
            if known[place].origin == one.origin and repr(known[place].message) == text:
                return known[:place]
        return known[:low]

    def _all(self, one: Input) -> list[Input]:
        if self._node.new_state is None:
            return []
        keys, _ = self._keys([one])
        return self._by_state.get(keys[0], []) if keys else []

    def _keys(self, inputs: Sequence[Input]) -> tuple[Sequence[Hashable], Sequence[int]]:
        """The keys of those messages that the node takes, and which they are."""
        _, keys, places, _ = choose(self._node, [one.message for one in inputs])
        taken = range(len(inputs)) if places is None else places
        return keys or [WHOLE_NODE] * len(taken), taken


def _source(one: Input) -> int:
    return one.source
