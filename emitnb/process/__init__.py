"""The only caller of user code: take a batch through a stage.

:func:`process` is a pure function of its arguments. It takes no lock, touches no global, prints
nothing, and changes nothing that it was given: an interrupt, a retry on another machine and a
recomputation all find what they started from. Every backend calls it; nothing else does what it
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from emitnb.message import ENTRY_POINT
from emitnb.plan import Plan, Stage, Step
from emitnb.process.batches import BatchRun
from emitnb.process.given import Given, MessageTable, Recorded, TallTable
from emitnb.process.loops import LoopRun
from emitnb.process.nodes import SLICE, NodeRun
from emitnb.process.outcome import WHOLE_NODE, Failed, NodeOutcome, Outcome, States
from emitnb.process.packed import PackedStates
from emitnb.process.ports import Streams, with_ports
from emitnb.process.results import NeedsCare
from emitnb.process.streams import Inputs, Parents, Stream, gather
from emitnb.table import Positions, Table

__all__ = [
    "WHOLE_NODE",
    "Committed",
    "Failed",
    "Given",
    "Inputs",
    "MessageTable",
    "NodeOutcome",
    "Outcome",
    "PackedStates",
    "Parents",
    "Recorded",
    "States",
    "Stream",
    "Streams",
    "TallTable",
    "entering",
    "gather",
    "process",
    "process_plan",
    "with_ports",
]

Committed = Mapping[str, Sequence[States]]
"""Committed states by node: of several layers, the first that has a key counts."""


def process(stage: Stage, batch: Mapping[str, Stream], states: Committed) -> Outcome:
    """Take one batch through one stage.

    Parameters
    ----------
    stage : the nodes to run, in order
    batch : what each of ``stage.origins`` emitted in this batch
    states : committed states of the stage's nodes; never changed

    Raises nothing but KeyboardInterrupt: what a node raises is a failure in the outcome.
    """
    streams = Streams({origin: batch[origin] for origin in stage.origins})
    outcomes: list[NodeOutcome] = []
    touched: dict[str, States] = {}
    for step in stage.steps:
        done, new_states = _run_step(step, stage, streams, states)
        streams.add(done)
        outcomes += done
        touched.update(new_states)
    return Outcome(tuple(outcomes), touched)


def process_plan(plan: Plan, pushed_rows: Table, states: Committed) -> Outcome:
    """Take pushed rows, or given ones, through all stages, one after the other, here."""
    streams = Streams(entering(pushed_rows))
    outcomes: list[NodeOutcome] = []
    touched: dict[str, States] = {}
    for stage in plan.stages:
        done = process(stage, streams, states)
        streams.add(done.nodes)
        outcomes += done.nodes
        touched.update(done.states)
    # Stages are not the graph's order: what shares no origin may run earlier or later.
    return Outcome(tuple(sorted(outcomes, key=lambda outcome: outcome.rank)), touched)


def entering(rows: Table) -> dict[str, Stream]:
    """Return what enters a graph as the streams that nodes read there, by their names."""
    if isinstance(rows, Given):
        return dict(rows.streams)
    return {ENTRY_POINT: Stream(ENTRY_POINT, rows, _numbers(len(rows)))}


@lru_cache(maxsize=4)
def _numbers(size: int) -> Positions:
    """0, 1, 2, …; batches of one size share them, and nobody changes them."""
    numbers = np.arange(size)
    numbers.flags.writeable = False
    return numbers


def _run_step(
    step: Step, stage: Stage, streams: Mapping[str, Stream], states: Committed
) -> tuple[list[NodeOutcome], dict[str, States]]:
    try:
        return _attempt(step, stage, streams, states, careful=False)
    except NeedsCare:
        return _attempt(step, stage, streams, states, careful=True)


def _attempt(
    step: Step, stage: Stage, streams: Mapping[str, Stream], states: Committed, careful: bool
) -> tuple[list[NodeOutcome], dict[str, States]]:
    if step.is_loop:
        loop = LoopRun(step, stage, streams, states, careful)
        runs = loop.run()
        return loop.outcomes(), _touched(runs)
    (member,) = step.members
    inputs = gather(member.origins, streams, stage.message_class)
    if member.node.batch:
        batch_run = BatchRun(member.node, inputs)
        batch_run.run()
        return [batch_run.outcome(step.rank)], {}
    run = NodeRun(member.node, states.get(member.node.name, ()), careful)
    for messages in inputs.slices(SLICE):
        run.feed(messages)
    return [run.outcome(step.rank, inputs.parents, inputs.sources)], _touched([run])


def _touched(runs: list[NodeRun]) -> dict[str, States]:
    return {run.node.name: run.states() for run in runs if run.node.new_state is not None}
