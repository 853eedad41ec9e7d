"""Running a node on one message alone, to see what it does; nothing comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import GeneratorType
from typing import Any

from emitnb.message import Message, NoResult, explain_missing_field
from emitnb.node import Form, Node
from emitnb.process.batches import emitted_frame
from emitnb.process.calls import await_each
from emitnb.process.choosing import choose
from emitnb.process.outcome import WHOLE_NODE, States
from emitnb.process.results import rows_of
from emitnb.process.states import WorkingStates
from emitnb.process.waiting import awaited
from emitnb.table import ListTable


def call_alone(node: Node, message: Message, committed: Sequence[States]) -> Any:
    """Return what a node returns for one message: a list of what a generator yields, NoResult
    where its predicate is false, a DataFrame for a batch node.

    It works on a copy of the ``committed`` state. Raises what the node or its predicate raises,
    and ResultError where the result does not fit the fields; each once, whatever ``retries`` says.
    """
    __tracebackhide__ = True
    chosen, keys, _, errors = choose(node, [message])
    for _, error in errors:
        raise error
    if not chosen:
        return NoResult
    try:
        return _called(node, message, keys[0] if keys else WHOLE_NODE, committed)
    except BaseException as error:
        explain_missing_field(error)
        raise


def _called(node: Node, message: Message, key: Any, committed: Sequence[States]) -> Any:
    __tracebackhide__ = True
    if node.batch:
        values = [[value] for value in message.as_dict().values()]
        return emitted_frame(node, ListTable(message.__struct_fields__, values, 1).frame())
    states = []
    if node.new_state is not None:
        states.append(WorkingStates(committed, node.new_state)[key])
    if node.form in (Form.ASYNC, Form.ASYNC_GENERATOR):
        (result,), errors = await_each([awaited(node, message, states)])
        for _, error in errors:
            raise error
    else:
        result = node.function(message, *states)
    many = node.form in (Form.GENERATOR, Form.ASYNC_GENERATOR) or isinstance(result, GeneratorType)
    result = list(result) if many else result
    rows_of(node, result if many else [result])  # does it fit?
    return result
