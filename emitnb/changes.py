"""What changed in the graph while data went through it: renames, and what they made stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from emitnb.graph import Graph
from emitnb.message import node_of, port_of, renamed_origin
from emitnb.process import NodeOutcome, Outcome
from emitnb.text import counted


class Stale(NamedTuple):
    """So many rows are older than a change of the node ``cause``, or of what it ``reads``."""

    rows: int = 0
    cause: str = ""
    reads: str = ""

    @property
    def note(self) -> str:
        """Say it, with what to do next; "" where there are no rows."""
        if not self.rows:
            return ""
        is_one = self.rows == 1
        why = (
            f"{'was' if is_one else 'were'} made with another {self.reads}"
            if self.reads
            else f"{'comes' if is_one else 'come'} from an older {self.cause}"
        )
        return f"{counted(self.rows, 'row')} {why}; %emit_replay {self.cause}"


@dataclass(frozen=True)
class Changes:
    """A value. ``stale`` says which rows of a node are older than a change, and of which node.

    ``revised`` holds the latest revision of each changed node, with its descendants: a batch that
    was on its way when the cell ran is still committed, and its rows are stale at once.
    """

    renames: tuple[tuple[str, str], ...] = ()
    stale: Mapping[str, Stale] = field(default_factory=dict)
    revised_nodes: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    def renamed(self, old: str, new: str) -> Changes:
        """Return them with a node renamed."""
        names = {old: new}
        return Changes(
            (*self.renames, (old, new)),
            {
                renamed_origin(name, old, new): one._replace(cause=names.get(one.cause, one.cause))
                for name, one in self.stale.items()
            },
            {
                names.get(name, name): (revision, tuple(names.get(o, o) for o in others))
                for name, (revision, others) in self.revised_nodes.items()
            },
        )

    def renamed_since(self, before: Changes, outcome: Outcome) -> Outcome:
        """Return an outcome under the names that its nodes have now."""
        for old, new in self.renames[len(before.renames) :]:
            outcome = outcome.renamed(old, new)
        return outcome

    def name_since(self, before: Changes, origin: str) -> str:
        """Return the name that an origin has now."""
        for old, new in self.renames[len(before.renames) :]:
            origin = renamed_origin(origin, old, new)
        return origin

    def revised(
        self, node: str, revision: int, descendants: Iterable[str], rows: Mapping[str, int]
    ) -> Changes:
        """Return them with a new revision of ``node``; ``rows`` are what all nodes have so far."""
        names = tuple(descendants)
        return replace(
            self.outdated(node, "", names, rows),
            revised_nodes={**self.revised_nodes, node: (revision, names)},
        )

    def outdated(
        self, node: str, reads: str, descendants: Iterable[str], rows: Mapping[str, int]
    ) -> Changes:
        """Return them after a change of what ``node`` reads, or of itself (``reads`` is "")."""
        names = (name for name in _origins(node, *descendants) if rows.get(name))
        stale = {name: Stale(rows[name], node, reads) for name in names}
        return replace(self, stale={**self.stale, **stale})

    def with_batch(self, outcomes: Iterable[NodeOutcome], rows: Mapping[str, int]) -> Changes:
        """Return them after a batch; ``rows`` are what all nodes have with it."""
        stale = dict(self.stale)
        for outcome in outcomes:
            revision, names = self.revised_nodes.get(outcome.node, (0, ()))
            if outcome.revision < revision:
                late = (name for name in _origins(outcome.node, *names) if rows.get(name))
                stale.update((name, Stale(rows[name], outcome.node)) for name in late)
        return self if stale == self.stale else replace(self, stale=stale)

    def replayed(self, nodes: frozenset[str], graph: Graph, rows: Mapping[str, int]) -> Changes:
        """Return them after ``nodes`` were replayed: they are as new as what they read is."""
        stale = {name: one for name, one in self.stale.items() if node_of(name) not in nodes}
        for name in (name for part in graph.order for name in part.members if name in nodes):
            causes = [stale[origin] for origin in graph.origins(name) if origin in stale]
            late = _origins(name) if causes else []
            stale.update((o, causes[0]._replace(rows=rows[o])) for o in late if rows.get(o))
        return replace(self, stale=stale)

    def cleared(self) -> Changes:
        """Return them without what is stale: there are no rows any more."""
        return replace(self, stale={})

    def note(self, node: str) -> str:
        """Say how many rows of a node are stale, or nothing."""
        return self.stale.get(node, Stale()).note


def _origins(*nodes: str) -> list[str]:
    """The nodes and their ports."""
    return [*nodes, *map(port_of, nodes)]
