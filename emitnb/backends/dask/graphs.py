"""From a batch to a dask graph: one task for a stage, and for a stage's partition of keys.

A stage without state is one task. A keyed stage is cut into partitions::

    split ─ piece ─ link ─ emitted ─ merge
          ─ piece ─ link ─ emitted ─
                     │
                   link of the next batch

A link takes the partition's messages and the link before it, which holds the states; what it
emitted is taken out of it, so that states stay where they are. Any other stage with state has one
partition, and neither split nor merge.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distributed import Client, Future

from emitnb.backends.dask import tasks
from emitnb.backends.dask.tasks import Work
from emitnb.message import ENTRY_POINT
from emitnb.placement import Placement
from emitnb.plan import Plan, Stage

Head = tuple[int, int]
"""Number of a stage with state, and of its partition."""

_batches = itertools.count()


@dataclass(frozen=True)
class Cargo:
    """A stage on the cluster: futures of what was packed."""

    stage: Stage
    packed: Future[Any]
    large: tuple[Future[Any], ...] = ()


@dataclass(frozen=True)
class Launched:
    """A batch on its way: the future of what each stage makes, and the new heads of the chains."""

    made: tuple[Future[Any], ...]
    heads: Mapping[Head, Future[Any]]


def launch(
    client: Client,
    plan: Plan,
    cargo: Sequence[Cargo],
    pushed: Any,
    heads: Mapping[Head, Future[Any]],
    partitions: int,
    work: Work,
) -> Launched:
    """Submit the tasks of one batch; ``pushed`` is a parcel or a future of the pushed rows."""
    made: dict[str, Any] = {ENTRY_POINT: pushed}
    kept: list[Future[Any]] = []
    after: dict[Head, Future[Any]] = {}
    for number, stage in enumerate(plan.stages):
        builder = _Builder(client, cargo[number], work, f"{next(_batches)}-{uuid.uuid4().hex[:12]}")
        sources = list({id(made[o]): made[o] for o in stage.origins}.values())
        before = {part: heads.get((number, part)) for part in range(partitions)}
        future, links = builder.build(sources, before, partitions)
        made.update((node.name, future) for node in stage.nodes)
        kept.append(future)
        after.update(((number, part), link) for part, link in links.items())
    return Launched(tuple(kept), after)


class _Builder:
    """The tasks of one stage for one batch. Their keys are never used again."""

    def __init__(self, client: Client, cargo: Cargo, work: Work, batch: str) -> None:
        self._client = client
        self._stage = cargo.stage
        self._packed = (cargo.packed, *cargo.large)
        self._work = work
        self._batch = batch
        self._graph: dict[str, Any] = {}

    def build(
        self, sources: list[Any], before: Mapping[int, Future[Any] | None], partitions: int
    ) -> tuple[Future[Any], dict[int, Future[Any]]]:
        """Submit the tasks; return the future of what the stage makes, and those of the links."""
        if not self._stage.is_stateful:
            made = self._task("run", tasks.run_stage, self._work, sources, *self._packed)
            return self._submit(made, {})
        if self._stage.keyed is None or partitions == 1:
            link = self._task("link", tasks.run_link, self._work, sources, before[0], *self._packed)
            return self._submit(self._task("emitted", tasks.emitted, link), {0: link})
        parts = self._task("split", tasks.split_stage, sources, partitions, *self._packed)
        links = {
            part: self._task(
                f"link-{part}",
                tasks.run_link,
                self._work,
                [self._task(f"piece-{part}", tasks.piece_of, parts, part)],
                before[part],
                *self._packed,
            )
            for part in range(partitions)
        }
        emitted = [
            self._task(f"emitted-{part}", tasks.emitted, link) for part, link in links.items()
        ]
        layout = self._task("layout", tasks.layout_of, parts)
        made = self._task("merge", tasks.merge_stage, layout, emitted, *self._packed)
        return self._submit(made, links)

    def _task(self, name: str, function: Any, *arguments: Any) -> str:
        key = f"emitnb-{name}-{self._batch}"
        self._graph[key] = (function, *arguments)
        return key

    def _submit(
        self, made: str, links: dict[int, str]
    ) -> tuple[Future[Any], dict[int, Future[Any]]]:
        placement: Placement = self._stage.placement
        futures = self._client.get(
            self._graph,
            [made, *links.values()],
            sync=False,
            workers=list(placement.workers) or None,
            resources=dict(placement.resources) or None,
            priority=placement.priority,
            fifo_timeout=0,  # batches go one before the other, even those submitted at once
        )
        return futures[0], dict(zip(links, futures[1:], strict=True))
