"""The states of one node while one batch goes through it.

A state is copied when the batch first touches it, so that what was committed stays as it was: an
interrupt, a retry and a recomputation all start from there. A message that fails must leave its
state as it was, too. Copying before every message would cost more than most nodes do, so the
state is brought back by running the same messages of that key again, from the last checkpoint.
"""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from emitnb.message import Message
from emitnb.process.outcome import States

RERUN_LIMIT = 32
"""After this many messages run again for one key, a checkpoint saves the next failure the work."""

_ATOMS = frozenset((int, str, float, bool, bytes, complex, type(None)))
_ABSENT = object()
_FLAT = frozenset((list, set, Counter, defaultdict, deque))


class WorkingStates(dict[Hashable, Any]):
    """States touched so far, by key; a key that is missing is fetched from ``committed``."""

    def __init__(self, committed: Sequence[States], new_state: Callable[[], Any]) -> None:
        super().__init__()
        self._committed = committed
        self._new_state = new_state

    def __missing__(self, key: Hashable) -> Any:
        for states in self._committed:
            state = states.get(key, _ABSENT)
            if state is not _ABSENT:
                copied = self[key] = copy_state(state)
                return copied
        state = self[key] = self._new_state()
        return state

    def fresh(self, key: Hashable) -> Any:
        """Return a copy of the committed state of ``key``, or a new one; put it in place."""
        self.pop(key, None)
        return self[key]


class History:
    """The messages one node took in this batch, from which a state can be brought back."""

    def __init__(self, states: WorkingStates, run: Callable[[Message, Any], Any]) -> None:
        self.states = states
        self.messages: list[Message] = []
        self.keys: list[Hashable] = []
        self._run = run
        self._failed: set[int] = set()
        self._checkpoints: dict[Hashable, tuple[int, Any]] = {}
        self._places: dict[Hashable, list[int]] = {}
        self._indexed = 0

    def extend(self, messages: Sequence[Message], keys: Sequence[Hashable]) -> None:
        """Note messages that are about to run."""
        self.messages.extend(messages)
        self.keys.extend(keys)

    def bring_back(self, failed: int) -> None:
        """Put the state of message number ``failed`` back to what it was before that message."""
        self._failed.add(failed)
        key = self.keys[failed]
        try:
            start, saved = self._checkpoints.get(key, (0, None))
            state = self.states.fresh(key) if saved is None else copy_state(saved)
            places = self._places_of(key)
        except Exception:
            return  # the state could not be made or copied: there is nothing to bring back
        rerun = places[bisect_left(places, start) : bisect_left(places, failed)]
        for place in rerun:
            if place not in self._failed:
                self._again(self.messages[place], state)
        if len(rerun) > RERUN_LIMIT:
            self._checkpoints[key] = (failed, copy_state(state))
        self.states[key] = state

    def _again(self, message: Message, state: Any) -> None:
        try:
            self._run(message, state)
        except Exception:
            return  # passed the first time: the node is not a function of message and state

    def _places_of(self, key: Hashable) -> list[int]:
        for place in range(self._indexed, len(self.keys)):
            self._places.setdefault(self.keys[place], []).append(place)
        self._indexed = len(self.keys)
        return self._places[key]


def copy_state(state: Any) -> Any:
    """Return a copy that shares nothing mutable with ``state``.

    Containers of plain values are copied shallowly, which is the same thing and 20 times faster.
    """
    kind = type(state)
    if kind is dict:
        # The usual state; a batch touches thousands of them.
        if _ATOMS.issuperset(map(type, state.values())):
            return state.copy()
    elif kind in _FLAT:
        values = state.values() if isinstance(state, dict) else state
        if _ATOMS.issuperset(map(type, values)):
            return copy.copy(state)
    return copy.deepcopy(state)
