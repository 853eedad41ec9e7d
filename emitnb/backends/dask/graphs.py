"""From a batch to a dask graph: one task for a stage, and for a stage's partition of keys.

A stage without state is one task. A keyed stage is cut into partitions::

    run and cut ─ piece ─ link ─ emitted ─ merge
                ─ piece ─ link ─ emitted ─
                            │
                          link of the next batch

What is read by keyed stages alone is cut in the task that makes it. A link takes the partition's
messages and the link before it, which holds the states; what it emitted is taken out of it, so
that states stay where they are. What no other stage reads is merged at home. Any other stage with
state has one partition: a link and what it emitted.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Client, Future

from emitnb.backends.dask import tasks
from emitnb.backends.dask.shipping import Freight
from emitnb.backends.dask.tasks import Work
from emitnb.plan import Plan, Stage

Head = tuple[int, int]
"""Number of a stage with state, and of its partition."""

LARGE_GRAPHS = {"distributed.admin.large-graph-warning-threshold": "1 GiB"}
"""Dask warns of graphs of 10 MB: in those somebody left data. Here pushed rows belong in them."""

_batches = itertools.count()
_process = uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class Cargo:
    """A stage as its tasks take it: packed, or the futures of that."""

    stage: Stage
    packed: Freight | Future[Any]
    large: tuple[Freight | Future[Any], ...] = ()


@dataclass(frozen=True)
class Parted:
    """What the partitions of a stage make, to be merged at home."""

    layout: Future[Any]
    parts: tuple[Future[Any], ...]


@dataclass(frozen=True)
class Launched:
    """A batch on its way: what each stage makes, and the new heads of the chains."""

    made: tuple[Future[Any] | Parted, ...]
    heads: Mapping[Head, Future[Any]]


def launch(
    client: Client,
    plan: Plan,
    cargo: Sequence[Cargo],
    pushed: Any,
    heads: Mapping[Head, Future[Any]],
    partitions: int,
    work: Work,
    merge_at_home: bool,
    homes: Sequence[str],
) -> Launched:
    """Submit the tasks of one batch; ``pushed`` is a parcel or a future of the pushed rows.

    ``homes`` are the workers that the partitions live on, as long as they are there: left to
    itself dask keeps all chains on the worker where the first batch, a small one, left them.
    """
    batch = _Batch(client, plan, cargo, pushed, partitions, work, merge_at_home, homes)
    for number, stage in enumerate(plan.stages):
        if not stage.is_stateful:
            batch.run(number)
        elif stage.keyed is None or partitions == 1:
            batch.chain(number, heads.get((number, 0)))
        else:
            batch.chains(number, [heads.get((number, part)) for part in range(partitions)])
    return Launched(tuple(batch.results), batch.heads)


class _Batch:
    """The tasks of one batch. Their keys are never used again.

    Keys begin with a name of the stage's own, by which dask estimates how long a task will take.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        cargo: Sequence[Cargo],
        pushed: Any,
        partitions: int,
        work: Work,
        merge_at_home: bool,
        homes: Sequence[str],
    ) -> None:
        self.results: list[Future[Any] | Parted] = []
        self.heads: dict[Head, Future[Any]] = {}
        self._client = client
        self._stages = plan.stages
        self._packed = [[one.packed, *one.large] for one in cargo]
        self._partitions = partitions
        self._work = work
        self._merge_at_home = merge_at_home
        self._homes = homes
        self._made: dict[str, Any] = {}
        self._pushed = pushed
        self._cuts: dict[int, Future[Any]] = {}
        self._number = f"{next(_batches)}-{_process}"

    def run(self, number: int) -> None:
        """A stage without state; where keyed stages read nothing else, it is cut there."""
        cuts = self._keyed_readers(number)
        sources, packed = self._sources(number), self._packed[number]
        if not cuts:
            task = (tasks.run_stage, self._work, sources, *packed)
            (made,) = self._submit(number, {"run": task}, ["run"])
        else:
            splittings = [self._splitting(reader) for reader in cuts]
            graph = {
                "cut": (tasks.run_and_cut, self._work, sources, splittings, *packed),
                "made": (tasks.made_of, self._key(number, "cut")),
            }
            made, whole = self._submit(number, graph, ["made", "cut"])
            self._cuts.update(dict.fromkeys(cuts, whole))
        self._finish(number, made)

    def chain(self, number: int, before: Future[Any] | None) -> None:
        """A stage with state in one partition."""
        graph = {
            "link": (
                tasks.run_link,
                self._work,
                self._sources(number),
                before,
                *self._packed[number],
            ),
            "emitted": (tasks.emitted, self._key(number, "link")),
        }
        made, self.heads[number, 0] = self._submit(number, graph, ["emitted", "link"])
        self._finish(number, made)

    def chains(self, number: int, before: Sequence[Future[Any] | None]) -> None:
        """A keyed stage: a chain for each partition."""
        parts = range(self._partitions)
        whole: Any = self._cuts.get(number)
        if whole is None:
            task = (tasks.cut, self._sources(number), [self._splitting(number)])
            (whole,) = self._submit(number, {"cut": task}, ["cut"])
        packed = self._packed[number]
        emitted = []
        for part in parts:
            piece, link = self._key(number, f"piece{part}"), self._key(number, f"link{part}")
            graph: dict[str, Any] = {
                f"piece{part}": (tasks.piece_of, whole, number, part),
                f"link{part}": (tasks.run_link, self._work, [piece], before[part], *packed),
                f"emitted{part}": (tasks.emitted, link),
            }
            wanted = [f"emitted{part}", f"link{part}"]
            made, self.heads[number, part] = self._submit(number, graph, wanted, part)
            emitted.append(made)
        graph = {"layout": (tasks.layout_of, whole, number)}
        if self._merge_at_home and not self._is_read(number):
            (layout,) = self._submit(number, graph, ["layout"])
            self.results.append(Parted(layout, tuple(emitted)))
        else:
            graph["merge"] = (tasks.merge_stage, self._key(number, "layout"), emitted, *packed)
            self._finish(number, *self._submit(number, graph, ["merge"]))

    def _finish(self, number: int, made: Future[Any]) -> None:
        self.results.append(made)
        self._made.update((node.name, made) for node in self._stages[number].nodes)

    def _sources(self, number: int) -> list[Any]:
        feeders = self._stages[number].feeders
        made = [self._made.get(name, self._pushed) for name in feeders]
        return list({id(one): one for one in made}.values())

    def _splitting(self, number: int) -> list[Any]:
        return [number, self._partitions, *self._packed[number]]

    def _keyed_readers(self, number: int) -> list[int]:
        """The keyed stages that read from this stage alone."""
        names = {node.name for node in self._stages[number].nodes}
        return [
            reader
            for reader, stage in enumerate(self._stages)
            if stage.keyed and self._partitions > 1 and names.issuperset(stage.feeders)
        ]

    def _is_read(self, number: int) -> bool:
        names = {node.name for node in self._stages[number].nodes}
        return any(not names.isdisjoint(stage.feeders) for stage in self._stages)

    def _key(self, number: int, task: str) -> str:
        node = self._stages[number].nodes[0].name
        return f"{node}.{task}.{self._work.session}-{number}-{self._number}"

    def _submit(
        self, number: int, graph: Mapping[str, Any], wanted: Sequence[str], part: int | None = None
    ) -> list[Future[Any]]:
        placement = self._stages[number].placement
        workers = list(placement.workers)
        prefers = part is not None and self._homes and not workers and not placement.resources
        if part is not None and prefers:
            workers = [self._homes[part % len(self._homes)]]
        with dask.config.set(LARGE_GRAPHS):
            found: list[Future[Any]] = self._client.get(
                {self._key(number, name): task for name, task in graph.items()},
                [self._key(number, name) for name in wanted],
                sync=False,
                workers=workers or None,
                allow_other_workers=bool(prefers) or None,
                resources=dict(placement.resources) or None,
                priority=placement.priority,
                fifo_timeout=0,  # batches go one before the other, even those submitted at once
            )
        return found
