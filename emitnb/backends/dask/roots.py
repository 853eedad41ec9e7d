"""The first links of chains: the states that are committed, cut into partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask
from distributed import Client, Future

from emitnb.backends.dask import tasks
from emitnb.backends.dask.graphs import LARGE_GRAPHS, Cargo, Head
from emitnb.backends.dask.transport import Parcel
from emitnb.backends.pickling import dumps
from emitnb.plan import Stage
from emitnb.process import Committed, States
from emitnb.process.hashing import partition_of


def roots(
    client: Client, cargo: Sequence[Cargo], committed: Committed, partitions: int
) -> dict[Head, Future[Any]]:
    """Return the futures of the first links; a partition without any state has none.

    The states are part of the task: whatever becomes of the workers, it can be computed again.
    """
    found: dict[Head, Future[Any]] = {}
    for number, one in enumerate(cargo):
        if not one.stage.is_stateful:
            continue
        count = 1 if one.stage.keyed is None else partitions
        for part, states in enumerate(_cut(one.stage, committed, count)):
            if any(states.values()):
                parcel = Parcel(dumps(states))
                with dask.config.set(LARGE_GRAPHS):
                    found[number, part] = client.submit(tasks.root, parcel, pure=False)
    return found


def _cut(stage: Stage, committed: Committed, count: int) -> list[dict[str, States]]:
    parts: list[dict[str, Any]] = [{} for _ in range(count)]
    for node in stage.nodes:
        if node.new_state is None:
            continue
        for layer in reversed(committed.get(node.name, ())):
            for key, state in layer.items():
                part = 0 if count == 1 else partition_of(key, count)
                parts[part].setdefault(node.name, {})[key] = state
    return parts
