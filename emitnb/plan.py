"""The plan: a graph cut into stages that a backend can run one after the other.

A stage is a run of nodes in topological order that one task can take a batch through. The plan is
cut before each node with state, so that a cluster can move messages to the partition that owns
their key there; stateless nodes behind it stay in its stage while they read from that stage alone
and ask for the same place on a cluster. (A loop does not stay behind a keyed node: its waves would
be other ones in each partition.) Only nodes that pushed data can reach are in the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, Message, node_of
from emitnb.node import Node
from emitnb.placement import ANYWHERE, Placement

HOP_LIMIT = 1_000
"""How many waves a loop may run for one pushed message."""


Entries = Mapping[str, tuple[str, ...]]
"""Nodes where messages enter the graph, each with the names of the streams that it reads there."""


@dataclass(frozen=True)
class Input:
    """One node of a step, with the origins it reads from, in the order of the graph."""

    node: Node
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One node, or all nodes of a loop. ``rank`` is its place in the order."""

    members: tuple[Input, ...]
    is_loop: bool
    rank: int

    @property
    def origins(self) -> tuple[str, ...]:
        """What it reads from outside, without repeats."""
        own = {member.node.name for member in self.members}
        origins = (o for member in self.members for o in member.origins if node_of(o) not in own)
        return tuple(dict.fromkeys(origins))

    @property
    def is_stateful(self) -> bool:
        """Whether a node of it keeps a state."""
        return any(member.node.new_state is not None for member in self.members)

    @property
    def placement(self) -> Placement:
        """Where on a cluster it may run: as the first of its nodes that asks says."""
        asked = (member.node.placement for member in self.members)
        return next((one for one in asked if one != ANYWHERE), ANYWHERE)


@dataclass(frozen=True)
class Stage:
    """Steps that run together; ``origins`` is what they read from outside."""

    steps: tuple[Step, ...]
    origins: tuple[str, ...]
    message_class: type[Message]
    hop_limit: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of all steps, in order."""
        return tuple(member.node for step in self.steps for member in step.members)

    @property
    def feeders(self) -> tuple[str, ...]:
        """The nodes (or ``__entry_point``) behind ``origins``: a port belongs to its node."""
        return tuple(dict.fromkeys(map(node_of, self.origins)))

    @property
    def is_stateful(self) -> bool:
        """Whether a node of it keeps a state."""
        return any(step.is_stateful for step in self.steps)

    @property
    def keyed(self) -> Input | None:
        """The node whose key says to which partition a message belongs; None for one partition.

        A loop with state is one serial stage, whatever its keys.
        """
        first = self.steps[0]
        member = first.members[0]
        return member if member.node.key and not first.is_loop else None

    @property
    def placement(self) -> Placement:
        """Where on a cluster it may run; all its steps ask for the same."""
        return self.steps[0].placement


@dataclass(frozen=True)
class Plan:
    """Stages in the order in which they run.

    ``to`` is the only node that receives what is pushed; None for all entry points.
    """

    stages: tuple[Stage, ...]
    to: str | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes that run, in order."""
        return tuple(node for stage in self.stages for node in stage.nodes)


def make_plan(
    graph: Graph, entries: Entries | None = None, hop_limit: int = HOP_LIMIT, to: str | None = None
) -> Plan:
    """Return the plan for what enters ``graph``: at all entry points, or at some nodes.

    Parameters
    ----------
    entries : full names of the nodes where messages enter, with the streams that they read there
        (default: what is pushed, at all entry points)
    hop_limit : waves that a loop may run for one pushed message
    to : full name of the only node that receives what is pushed

    >>> make_plan(Graph()).stages
    ()
    """
    if entries is None:
        nodes = graph.subscribers(ENTRY_POINT) if to is None else (to,)
        entries = dict.fromkeys(nodes, (ENTRY_POINT,))
    home: dict[str, int] = {}
    cut: list[list[Step]] = []
    entering = {stream for streams in entries.values() for stream in streams}
    for step in _steps(graph, entries):
        stage = _stage_of(step, home, cut)
        if stage is None:
            stage = len(cut)
            cut.append([])
            for origin in entering.intersection(step.origins) if not step.is_stateful else ():
                home.setdefault(node_of(origin), stage)
        cut[stage].append(step)
        home.update((member.node.name, stage) for member in step.members)
    return Plan(
        tuple(Stage(tuple(part), _outside(part), graph.message_class, hop_limit) for part in cut),
        to,
    )


def _steps(graph: Graph, entries: Entries) -> list[Step]:
    reached: set[str] = set()
    steps = []
    for rank, component in enumerate(graph.order):
        names = component.members
        enters = any(name in entries for name in names)
        origins = {node_of(origin) for name in names for origin in graph.origins(name)}
        if not enters and reached.isdisjoint(origins):
            continue
        reached.update(names)
        members = tuple(
            Input(
                graph.nodes[name],
                (
                    *entries.get(name, ()),
                    *(o for o in graph.origins(name) if node_of(o) in reached),
                ),
            )
            for name in names
        )
        steps.append(Step(members, component.is_loop, rank))
    return steps


def _stage_of(step: Step, home: dict[str, int], cut: list[list[Step]]) -> int | None:
    """The stage a step joins: that of all its origins, if it can run there."""
    stages = {home.get(node_of(origin)) for origin in step.origins}
    stage = stages.pop() if len(stages) == 1 else None
    if stage is None or step.is_stateful:
        return None
    first = cut[stage][0]
    if step.placement != first.placement or (step.is_loop and first.is_stateful):
        return None
    return stage


def _outside(steps: list[Step]) -> tuple[str, ...]:
    inside = {member.node.name for step in steps for member in step.members}
    origins = [origin for step in steps for origin in step.origins]
    return tuple(dict.fromkeys(origin for origin in origins if node_of(origin) not in inside))
