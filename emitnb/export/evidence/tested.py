"""The module that the tests will call, as it was run when it was proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emitnb.export.evidence.writing import UnwritableError, Writer
from emitnb.graph import Graph
from emitnb.message import Message
from emitnb.testing import messages_for, run_alone


@dataclass(frozen=True)
class Tested:
    """The module's graph; ``theirs`` writes objects of its classes, ``ours`` those of the notebook.

    Variables of the notebook may have changed since they were made. So the tests expect what the
    module's nodes emit, and only where that is what was recorded.
    """

    graph: Graph
    theirs: Writer
    ours: Writer
    hop_limit: int

    def emitted(
        self, node: str, messages: Sequence[Message]
    ) -> list[dict[str, Any]] | BaseException:
        """Return what a node of the module emits for messages, or what it raises first."""
        fields = self.given([one.as_dict() for one in messages])
        origins = [one._origin for one in messages]
        made = run_alone(
            self.graph,
            self.graph.nodes[node],
            messages_for(self.graph, node, fields, origins),
            self.hop_limit,
        )
        return made if isinstance(made, BaseException) else _moved(made, self.theirs, self.ours)

    def given(self, value: Any) -> Any:
        """Return a value of the notebook with objects of the module's classes."""
        return _moved(value, self.ours, self.theirs)


def _moved(value: Any, source: Writer, target: Writer) -> Any:
    try:
        return target.value(source.text(value))
    except UnwritableError:
        return value  # it is no part of a test, which is told where it is to be written
