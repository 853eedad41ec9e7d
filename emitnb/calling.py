"""Calling a node directly, as the function it is."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from emitnb.declaration import Declaration
from emitnb.message import Message, NoResult, NoResultType, check_fields
from emitnb.node import Form, Node, Place
from emitnb.process import Outcome
from emitnb.table import ListTable

Call = Callable[[str, Mapping[str, Any]], Any]


class NodeFunction:
    """What a declared function becomes: still callable, and known to its router.

    ``node_function(x=1)`` and ``node_function({"x": 1})`` call the node, route what it emits, and
    return it: a dict, a tuple of dicts for a generator, or NoResult. ``__wrapped__`` is the
    function as it was written; ``name`` the node's name; ``declaration`` where it stands now.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        call: Call,
        describe: Callable[[], Declaration],
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self.__wrapped__ = function
        self.name = name
        self._call = call
        self._describe = describe

    @property
    def declaration(self) -> Declaration:
        """Where the node stands in the graph now, in a few lines."""
        return self._describe()

    def __call__(self, *arguments: Any, **fields: Any) -> Any:
        """Call the node with the fields of one message; TypeError for any other call."""
        if len(arguments) == 1 and not fields and isinstance(arguments[0], Mapping):
            return self._call(self.name, arguments[0])
        if arguments:
            raise TypeError(
                f"{self.name} takes its message as fields, {self.name}(x=1), or as one dict, "
                f"{self.name}({{'x': 1}}); to call the plain function use "
                f"{self.name.rpartition('.')[2]}.__wrapped__"
            )
        return self._call(self.name, fields)

    def __repr__(self) -> str:
        return f"<node {self.name}>"


def statement_place() -> Place | None:
    """Return the file, or the name of the cell, and the line of the statement that runs now.

    That is the innermost one at the top of a module or cell, whatever functions it called.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_at_the_top(frame):
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def _is_at_the_top(frame: FrameType) -> bool:
    """Whether a frame runs a module or a cell: no function, and no class body.

    A function is not asked for its ``f_locals``: that would keep all it holds alive.
    """
    is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    return not is_function and frame.f_locals is frame.f_globals


def one_message(owner: str, fields: Mapping[str, Any], base: type[Message]) -> ListTable:
    """Return one message as a table; raise DeclarationError for a name that cannot be a field."""
    names = check_fields(owner, fields, base)
    return ListTable(names, [[fields[name]] for name in names], 1)


def results_of(
    node: Node, outcome: Outcome
) -> dict[str, Any] | tuple[dict[str, Any], ...] | NoResultType:
    """Return what one node made of the one message that was pushed to it."""
    made = next(part for part in outcome.nodes if part.node == node.name)
    first = len(made.table) if made.counts is None else int(made.counts[0])
    messages = made.table.messages(node.name, Message, 0, first)
    results = tuple(message.as_dict() for message in messages)
    if node.form in (Form.GENERATOR, Form.ASYNC_GENERATOR) or node.batch or len(results) > 1:
        return results
    return results[0] if results else NoResult
