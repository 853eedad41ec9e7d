"""The dask backend itself: which cluster, and what was declared for it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dask.utils import format_bytes
from distributed import Client

from emitnb.backends.dask.clusters import (
    Workers,
    check_client,
    check_versions,
    connect,
    embedded,
    is_alive,
    revive,
    workers_of,
)
from emitnb.backends.dask.lazy import lazy_frame
from emitnb.backends.dask.luggage import Luggage
from emitnb.backends.dask.lying import lying_source
from emitnb.backends.dask.session import DaskSession
from emitnb.backends.dask.transport import Shelf
from emitnb.emissions import Log
from emitnb.errors import BackendError
from emitnb.node import Node
from emitnb.process import Committed
from emitnb.sources import Source

MOST_PARTITIONS = 64
"""Partitions of keys at most: more tasks a batch than this cost more than they spread."""


class Dask:
    """Runs stages as tasks on the workers of a cluster.

    ``client`` is the :class:`distributed.Client`; ``dashboard`` the address of dask's own page.
    """

    name = "dask"

    def __init__(
        self, client: Client, in_flight: int | None, revive: Callable[[], None] | None = None
    ) -> None:
        self.client = client
        self._in_flight = in_flight
        self._revive = revive
        # The workers of a cluster of our own see the same files.
        self._shelf = None if revive is None else Shelf()
        self._luggage = Luggage(client)
        self._checked: frozenset[str] = frozenset()
        self.notes: tuple[str, ...] = ()

    @property
    def dashboard(self) -> str:
        """The address of dask's page about this cluster."""
        return str(self.client.dashboard_link)

    def session(
        self,
        committed: Callable[[], Committed],
        say: Callable[[str], None],
        keep_on_cluster: bool = False,
    ) -> DaskSession:
        """See :class:`emitnb.backends.Backend`."""
        workers = self.workers()
        return DaskSession(
            self.client,
            self._luggage.for_run(),
            committed,
            say,
            workers=workers,
            in_flight=self._in_flight or 2 * max(workers.total, 1),
            partitions=_partitions(workers),
            keep=keep_on_cluster,
            revive=self._revive,
            shelf=self._shelf,
        )

    @property
    def partitions(self) -> int | None:
        """Into how many partitions the keys of a node are cut: one for each worker thread."""
        return _partitions(self.workers())

    def workers(self) -> Workers:
        """Return the workers there are now; they are checked when they are other ones."""
        try:
            if is_alive(self.client):
                workers = workers_of(self.client)
                if frozenset(workers.threads) != self._checked:
                    check_versions(self.client)
                    self._checked = frozenset(workers.threads)
                return workers
        except (OSError, TimeoutError):
            pass  # the connection broke just now
        raise BackendError(
            f"the connection to the dask scheduler {self._address()} is gone. Choose a cluster "
            'again: router.use("dask"), or %emit_backend dask'
        )

    def check(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """See :class:`emitnb.backends.Backend`."""
        return self._luggage.check(nodes, self.workers())

    def open_source(self, source: Any, field: str) -> Source | None:
        """See :class:`emitnb.backends.Backend`."""
        return lying_source(self.client, source, field)

    def lazy_frame(self, log: Log, name: str, node: Node | None) -> Any:
        """See :class:`emitnb.backends.Backend`."""
        return lazy_frame(log, name, node)

    def _address(self) -> str:
        return str(self.client.scheduler.address) if self.client.scheduler else "the scheduler"

    def facts(self) -> dict[str, str]:
        """See :class:`emitnb.backends.Backend`."""
        return self._facts() if is_alive(self.client) else {}

    def _facts(self) -> dict[str, str]:
        workers = workers_of(self.client)
        threads = sorted(set(workers.threads.values()))
        each = f" ({threads[0]} each)" if len(threads) == 1 else ""
        return {
            "scheduler": self._address(),
            "workers": f"{len(workers.threads)}",
            "threads": f"{workers.total}{each}",
            "memory": format_bytes(workers.memory),
            "dashboard": self.dashboard,
        }

    def __str__(self) -> str:
        if not is_alive(self.client):
            return f"dask: {self.client.status}; %emit_backend dask starts again"
        facts = self._facts().items()
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join(["dask", *(f"  {name:<11}{value}" for name, value in facts), *notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not is_alive(self.client):
            return html.escape(str(self))
        facts = {name: html.escape(value) for name, value in self._facts().items()}
        link = facts["dashboard"]
        facts["dashboard"] = f'<a href="{link}" target="_blank" rel="noopener">{link}</a>'
        rows = "".join(
            f'<tr><th style="text-align: left">{name}</th><td style="text-align: left">{value}</td>'
            "</tr>"
            for name, value in facts.items()
        )
        notes = "".join(f"<div>note: {html.escape(note)}</div>" for note in self.notes)
        return f'<div style="padding-left: 5px">dask<table>{rows}</table>{notes}</div>'


def _partitions(workers: Workers) -> int:
    return min(max(workers.total, 1), MOST_PARTITIONS)


def open_backend(
    address_or_client: str | Client | None = None,
    *,
    n_workers: int | None = None,
    threads: int | None = None,
    security: Any = None,
    in_flight: int | None = None,
) -> Dask:
    """Return the backend for a cluster; see :meth:`emitnb.Router.use`."""
    if in_flight is not None and (not isinstance(in_flight, int) or in_flight < 1):
        raise BackendError(f"in_flight is {in_flight!r}; give a number of batches from 1 on")
    if address_or_client is not None and (n_workers is not None or threads is not None):
        raise BackendError(
            "n_workers and threads are for a cluster that starts here; that one has its own"
        )
    if address_or_client is None:
        client = embedded(n_workers, threads)
    elif isinstance(address_or_client, str):
        client = connect(address_or_client, security)
    elif isinstance(address_or_client, Client):
        client = address_or_client
    else:
        raise BackendError(
            f"cannot use a value of type {type(address_or_client).__name__}; give the address of "
            "a scheduler, a distributed.Client, or nothing for a cluster of local processes"
        )
    check_client(client)
    own = partial(revive, client, n_workers) if address_or_client is None else None
    backend = Dask(client, in_flight, own)
    backend.workers()
    return backend
