"""What changed in the graph while data went through it: renames, and what they made stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from emitnb.graph import Graph
from emitnb.message import node_of, port_of, renamed_origin
from emitnb.process import NodeOutcome, Outcome


@dataclass(frozen=True)
class Changes:
    """A value. ``stale`` says how many rows of a node are older than a change, and of which node.

    ``revised`` holds the latest revision of each changed node, with its descendants: a batch that
    was on its way when the cell ran is still committed, and its rows are stale at once.
    """

    renames: tuple[tuple[str, str], ...] = ()
    stale: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    revised_nodes: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    def renamed(self, old: str, new: str) -> Changes:
        """Return them with a node renamed."""
        names = {old: new}
        return Changes(
            (*self.renames, (old, new)),
            {
                renamed_origin(name, old, new): (rows, names.get(cause, cause))
                for name, (rows, cause) in self.stale.items()
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
        stale = {name: (rows[name], node) for name in _origins(node, *names) if rows.get(name)}
        return replace(
            self,
            stale={**self.stale, **stale},
            revised_nodes={**self.revised_nodes, node: (revision, names)},
        )

    def with_batch(self, outcomes: Iterable[NodeOutcome], rows: Mapping[str, int]) -> Changes:
        """Return them after a batch; ``rows`` are what all nodes have with it."""
        stale = dict(self.stale)
        for outcome in outcomes:
            revision, names = self.revised_nodes.get(outcome.node, (0, ()))
            if outcome.revision < revision:
                late = (name for name in _origins(outcome.node, *names) if rows.get(name))
                stale.update((name, (rows[name], outcome.node)) for name in late)
        return self if stale == self.stale else replace(self, stale=stale)

    def replayed(self, nodes: frozenset[str], graph: Graph, rows: Mapping[str, int]) -> Changes:
        """Return them after ``nodes`` were replayed: they are as new as what they read is."""
        stale = {name: one for name, one in self.stale.items() if node_of(name) not in nodes}
        for name in (name for part in graph.order for name in part.members if name in nodes):
            causes = [stale[origin][1] for origin in graph.origins(name) if origin in stale]
            late = _origins(name) if causes else []
            stale.update((o, (rows[o], causes[0])) for o in late if rows.get(o))
        return replace(self, stale=stale)

    def cleared(self) -> Changes:
        """Return them without what is stale: there are no rows any more."""
        return replace(self, stale={})

    def note(self, node: str) -> str:
        """Say how many rows of a node are stale, or nothing."""
        rows, cause = self.stale.get(node, (0, ""))
        return (
            f"{rows:,} row{'s come' if rows != 1 else ' comes'} from an older {cause}; "
            f"%emit_replay {cause}"
            if rows
            else ""
        )


def _origins(*nodes: str) -> list[str]:
    """The nodes and their ports."""
    return [*nodes, *map(port_of, nodes)]
