"""Processing on a worker: like anywhere, but what is emitted must be able to travel.

A value that cannot be pickled is a failure of the message it was made from. Almost always all of
them can, so that is looked at afterwards, and only if one cannot is the stage run again, with
each result looked at before anybody receives it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from emitnb.backends.dask.transport import can_travel, why_not
from emitnb.errors import TransportError
from emitnb.node import Form, Node
from emitnb.plan import Stage
from emitnb.process import Committed, Outcome, Stream, process


def process_portable(stage: Stage, batch: dict[str, Stream], states: Committed) -> Outcome:
    """See :func:`emitnb.process.process`."""
    outcome = process(stage, batch, states)
    suspects = {node.node for node in outcome.nodes if not can_travel(node.table)}
    if not suspects:
        return outcome
    return process(with_functions(stage, suspects, _looked_at), batch, states)


def with_functions(
    stage: Stage, names: set[str], change: Callable[[Node], Callable[..., Any]]
) -> Stage:
    """Return the stage in which the named nodes have the functions that ``change`` returns."""

    def changed(node: Node) -> Node:
        return replace(node, function=change(node)) if node.name in names else node

    steps = tuple(
        replace(step, members=tuple(replace(one, node=changed(one.node)) for one in step.members))
        for step in stage.steps
    )
    return replace(stage, steps=steps)


def _looked_at(node: Node) -> Callable[..., Any]:
    """The node's function, which fails where it returns what cannot travel."""
    function = node.function

    def check(result: Any) -> Any:
        # A generator that a plain function returned is run by emitnb; its items are looked at.
        if hasattr(result, "send"):
            return (check(item) for item in result)
        values = result.to_dict("list") if isinstance(result, pd.DataFrame) else result
        problem = why_not(values)
        if problem:
            raise TransportError(
                f"{node.name} emitted what cannot travel to or from the cluster ({problem}); "
                "emit plain values, arrays or frames"
            )
        return result

    def plain(*arguments: Any) -> Any:
        return check(function(*arguments))

    def generator(*arguments: Any) -> Any:
        for item in function(*arguments):
            yield check(item)

    async def coroutine(*arguments: Any) -> Any:
        return check(await function(*arguments))

    async def async_generator(*arguments: Any) -> Any:
        async for item in function(*arguments):
            yield check(item)

    forms: dict[Form, Callable[..., Any]] = {
        Form.PLAIN: plain,
        Form.GENERATOR: generator,
        Form.ASYNC: coroutine,
        Form.ASYNC_GENERATOR: async_generator,
    }
    return forms[node.form]
