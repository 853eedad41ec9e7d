"""Calling a node again on the kept input of a failure, to see why it fails."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitnb.errors import EmitError, UnknownNodeError, UnknownRowError
from emitnb.failures import Failure, Failures
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, Message, message_type
from emitnb.node import Node
from emitnb.process import States
from emitnb.process.alone import call_alone


@dataclass(frozen=True)
class FailingCall:
    """A call that failed, to be made again: of ``node`` as it is declared now, on a kept input."""

    node: Node
    failure: Failure
    message: Message
    states: Sequence[States]

    def __call__(self) -> Any:
        """Make the call; return what the node returns, raise what it raises. Nothing is kept."""
        __tracebackhide__ = True
        return call_alone(self.node, self.message, self.states)

    @property
    def same_code(self) -> bool:
        """Whether the node is what it was when it failed."""
        return self.failure.revision == self.node.revision


def failing_call(
    failures: Failures, graph: Graph, states: Mapping[str, Sequence[States]], row: int
) -> FailingCall:
    """Return the call that the failure in ``row`` of the frame of failures stands for.

    Raises UnknownRowError, UnknownNodeError where the node was removed, and EmitError where there
    was no call, or where it would end this process.
    """
    failure = _failure(failures, row)
    if failure.node == ENTRY_POINT:
        raise EmitError(
            f"failure {row} is data that never became a message, so there is no node to call "
            f"({failure.error_type}: {failure.error}). Mend the data and push it again"
        )
    node = graph.nodes.get(failure.node)
    if node is None:
        raise UnknownNodeError(
            f"failure {row} is one of `{failure.node}`, which was removed; declare it again to "
            "call it on that input"
        )
    call = FailingCall(node, failure, _message(failure, graph), states.get(node.name, ()))
    if failure.error_type == "WorkerCrashError" and call.same_code:
        raise EmitError(
            f"failure {row} killed the process in which {node.name} ran, and here that would be "
            f"this one, with all that it holds ({failure.error}). Change the node first"
        )
    return call


def _failure(failures: Failures, row: int) -> Failure:
    found = failures.chosen([operator.index(row)])
    if found:
        return found[0]
    kept = "its index has the rows there are" if len(failures) else "nothing has failed"
    raise UnknownRowError(f"there is no failure {row} in router.failures(); {kept}")


def _message(failure: Failure, graph: Graph) -> Message:
    if isinstance(failure.input, Message):
        return failure.input
    fields = tuple(failure.input)
    kind = message_type(failure.parent_node or ENTRY_POINT, fields, graph.message_class)
    return kind(*failure.input.values())
