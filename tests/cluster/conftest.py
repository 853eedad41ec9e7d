"""Real multi-process clusters: some for all tests, one for each test that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import dask
import pytest
from cluster.plumbing import Clusters, Outside, local
from distributed import Client

QUICK = {
    "distributed.client.heartbeat": "500ms",
    "distributed.comm.timeouts.connect": "3s",  # how long a worker asks for data at one that died
    "distributed.deploy.lost-worker-timeout": "1h",  # a worker that dies twice comes back, too
    "distributed.worker.multiprocessing-method": "forkserver",  # has imported pandas once for all
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "50ms",
}
"""Settings that shorten the waiting, and spare the two cores."""


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Make clusters that notice things soon."""
    with dask.config.set(QUICK):
        yield


@pytest.fixture(scope="session")
def cluster_of(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """Return clusters of so many workers, one at a time. Tests leave them as they were."""
    clusters = Clusters(tmp_path_factory.mktemp("workers"))
    yield clusters
    clusters.close()


@pytest.fixture
def throw_away(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Make clusters for this test alone: ``throw_away(workers, **options of LocalCluster)``."""
    with ExitStack() as stack:

        def make(workers: int, **options: Any) -> Client:
            opened: AbstractContextManager[Client] = local(workers, tmp_path, **options)
            return stack.enter_context(opened)

        yield make


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Outside]]:
    """Make schedulers in a process of their own, to which workers can be added."""
    made: list[Outside] = []

    def make() -> Outside:
        made.append(Outside(tmp_path_factory.mktemp("outside")))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
