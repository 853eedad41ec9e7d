"""Trying a message again that failed: the node options ``retries`` and ``backoff``.

Each try works on a copy of the state, which takes the state's place when the try succeeds: what a
failing try did to it counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from emitnb.errors import ResultError
from emitnb.message import Message
from emitnb.node import Node
from emitnb.process.calls import Errors, call_each
from emitnb.process.states import WorkingStates, copy_state
from emitnb.process.waiting import pause, waits

Call = Callable[..., Any]


def retried(function: Call, lists: bool, retries: int, backoff: float = 0.0) -> Call:
    """Return ``function`` such that it is called up to ``retries`` more times when it raises.

    ``backoff`` is the seconds before the second try; see :func:`waits`. ``lists`` says that it is
    a generator: all its items are made, as a list. A result that does not fit would not fit the
    next time either, so that is not tried again.
    """

    def call(*arguments: Any) -> Any:
        result = function(*arguments)
        return list(result) if lists else result

    def call_again(*arguments: Any) -> Any:
        for seconds in waits(retries, backoff):
            try:
                return call(*arguments)
            except ResultError:
                raise
            except Exception:
                pause(seconds)
        return call(*arguments)

    return call_again


class Retrying:
    """Calls a node with state, one message at a time."""

    def __init__(self, function: Call, lists: bool, node: Node, states: WorkingStates) -> None:
        self.states = states
        self._call = retried(self._on_copy, False, node.retries, node.backoff)
        self._function = retried(function, lists, 0)

    def call(self, messages: list[Message], keys: Sequence[Hashable]) -> tuple[list[Any], Errors]:
        """Return one result for each message, and the errors of those that failed every time."""
        return call_each(map(self._call, messages, keys or [()] * len(messages)), len(messages))

    def _on_copy(self, message: Message, key: Hashable) -> Any:
        state = copy_state(self.states[key])
        result = self._function(message, state)
        self.states[key] = state
        return result
