"""The memory backend: nodes run here, in the process of the notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

import pandas as pd

from emitnb.emissions import Log
from emitnb.errors import BackendError
from emitnb.node import Node
from emitnb.plan import Plan
from emitnb.process import Committed, process_plan
from emitnb.session import Pace, Processed
from emitnb.sources import Source
from emitnb.table import Table


class Memory:
    """Runs the stages one after the other in the calling thread."""

    name = "memory"
    notes: tuple[str, ...] = ()
    partitions: int | None = None

    def session(
        self,
        committed: Callable[[], Committed],
        say: Callable[[str], None],
        keep_on_cluster: bool = False,
    ) -> MemorySession:
        """See :class:`emitnb.backends.Backend`."""
        if keep_on_cluster:
            raise BackendError(
                "keep_on_cluster needs a cluster: router.use('dask'), or %emit_backend dask"
            )
        return MemorySession(committed)

    def facts(self) -> Mapping[str, str]:
        """It is here; there is nothing more to know."""
        return {}

    def check(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """Any node can run here, and nothing needs to be said about it."""
        return ()

    def open_source(self, source: Any, field: str) -> Source | None:
        """Nothing lies here that could not be read from anywhere."""
        return None

    def lazy_frame(self, log: Log, name: str, node: Node | None) -> pd.DataFrame:
        """There is no cluster that emissions could stay on."""
        raise BackendError(
            "lazy=True gives a dask DataFrame: choose a cluster first, with router.use('dask') "
            "or %emit_backend dask"
        )

    def __str__(self) -> str:
        return "memory: nodes run in this process"

    __repr__ = __str__


class MemorySession:
    """One batch at a time, processed when it is collected."""

    pace = Pace(first=16, seconds=0.05, growth=4, largest=65_536)
    """0.05 s: short enough for progress and interrupts, long enough that a commit costs nothing
    beside it; and the columns of a batch still fit the processor's second-level cache."""

    def __init__(self, committed: Callable[[], Committed]) -> None:
        self._committed = committed
        self._batch: tuple[Plan, Table] | None = None

    def has_room(self) -> bool:
        """See :class:`emitnb.session.Session`."""
        return self._batch is None

    def restart(self) -> None:
        """See :class:`emitnb.session.Session`; each batch starts from the committed states."""

    def submit(self, plan: Plan, pushed: Table) -> None:
        """See :class:`emitnb.session.Session`."""
        self._batch = plan, pushed

    def collect(self, check: Callable[[], object] = lambda: None) -> Processed:
        """See :class:`emitnb.session.Session`."""
        assert self._batch is not None
        plan, pushed = self._batch
        began = perf_counter()
        outcome = process_plan(plan, pushed, self._committed())
        seconds = perf_counter() - began
        self._batch = None
        return Processed(outcome, pushed, seconds)

    def close(self) -> None:
        """See :class:`emitnb.session.Session`."""
        self._batch = None


def open_backend(*arguments: object, **options: object) -> Memory:
    """Return the backend; it has nothing to choose."""
    given = [value for value in (*arguments, *options.values()) if value is not None]
    if given:
        raise BackendError("the memory backend takes no options; leave them away")
    return Memory()
