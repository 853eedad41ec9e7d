"""The random session of the state machine, with nodes that run here, then on a cluster, then here.

Whatever was done where: the router holds what the model holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cluster.test_equal_frames import Sharing, examples
from distributed import Client
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from strategies import NodeSpec
from test_state_machine import Session


class Moving(Session):
    """A session that moves between backends."""

    cluster: Client

    def declare_in_router(self, spec: NodeSpec) -> None:
        router: Any = Sharing(self.router)  # all that declaring needs
        spec.declare(router)

    @rule(where=st.sampled_from(["memory", "dask"]))
    def move(self, where: str) -> None:
        """Nodes run elsewhere from now on; states move along."""
        self.router.use(where, *([self.cluster] if where == "dask" else []))


@pytest.fixture
def moving(cluster_of: Callable[[int], Client]) -> Iterator[type[Moving]]:
    Moving.cluster = cluster_of(2)
    yield Moving
    del Moving.cluster


def test_a_session_that_moves_between_backends(moving):
    run_state_machine_as_test(moving, settings=settings(examples(8), stateful_step_count=15))
