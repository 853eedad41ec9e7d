"""Batches on their way through a cluster, in order, whatever becomes of its workers.

Everything that was submitted can be submitted again: the pushed rows are at hand until a batch is
collected, and the states that all begins with are the committed ones. So there is one way back
from any mishap: forget the futures, and launch what is on its way anew.
"""

from __future__ import annotations

import itertools
import os
import signal
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import psutil
from dask.utils import format_bytes
from distributed import CancelledError, Client, Future, KilledWorker, wait
from distributed.client import ClosedClientError

from emitnb.backends.dask.clusters import (
    Workers,
    check_versions,
    gathered,
    impatient,
    is_alive,
    workers_of,
)
from emitnb.backends.dask.graphs import Head, Launched, Parted, launch
from emitnb.backends.dask.kept import MOST_OF_MEMORY, ClusterKeeper, slim, with_kept_tables
from emitnb.backends.dask.luggage import Trunk
from emitnb.backends.dask.lying import LyingTable
from emitnb.backends.dask.roots import roots
from emitnb.backends.dask.stopping import stop
from emitnb.backends.dask.tasks import Made, Work, merged
from emitnb.backends.dask.transport import Shelf, pushed_parcel, unpacked
from emitnb.errors import BackendError
from emitnb.plan import Plan
from emitnb.process import Committed, Outcome, PackedStates
from emitnb.session import Pace, Processed, Refused
from emitnb.table import Table
from emitnb.text import counted

LONGEST_CHAIN = 64
"""Links of a chain of states, after which a new one begins with what is committed. A shorter one
would wait more often for all that is on its way, a longer one would take longer to recompute."""

POLL = 0.5
"""Seconds after which the cluster is looked at while a batch is waited for."""

ATTEMPTS = 5
"""Times that one batch is launched before the cluster is given up."""

PLENTY_OF_MEMORY = 4 * 2**30
"""Bytes left on the notebook's machine at which nobody asks how large a batch's results are."""


BROKEN = (OSError, ClosedClientError)
"""What is raised by calls to a scheduler that has gone."""

_process = uuid.uuid4().hex[:8]
_sessions = (f"{_process}run{number}" for number in itertools.count(1))


@dataclass
class _Flight:
    """One batch on its way."""

    plan: Plan
    pushed: Table
    source: Any
    refused: tuple[Refused, ...]
    launched: Launched | None = None
    results: list[Any] = field(default_factory=list)
    attempts: int = 0

    def futures(self) -> list[Future[Any]]:
        """The futures of all that comes home."""
        return [
            future
            for one in self.results
            for future in ((one.layout, *one.parts) if isinstance(one, Parted) else (one,))
        ]


class DaskSession:
    """See :class:`emitnb.session.Session`."""

    def __init__(
        self,
        client: Client,
        trunk: Trunk,
        committed: Callable[[], Committed],
        say: Callable[[str], None],
        *,
        workers: Workers,
        in_flight: int,
        partitions: int,
        keep: bool,
        revive: Callable[[], None] | None,
        shelf: Shelf | None,
    ) -> None:
        self._client = client
        self._trunk = trunk
        self._committed = committed
        self._say = say
        self._known = workers
        self._in_flight = in_flight
        self._partitions = partitions
        self._keep = keep
        self._revive = revive
        # 0.25 s a task: dask spends about two milliseconds on each.
        self.pace = Pace(first=16, seconds=0.25, growth=64, largest=131_072, spread=in_flight)
        self._flights: deque[_Flight] = deque()
        self._heads: dict[Head, Future[Any]] | None = None
        self._links = 0
        self._suspects = 0
        self._shelf = shelf if keep else None
        self._looked = monotonic()
        self._check: Callable[[], object] = lambda: None
        limit = workers.memory // max(len(workers.threads), 1)
        self._work = Work(next(_sessions), memory_limit=limit)

    # -- the session ------------------------------------------------------------------------

    def has_room(self) -> bool:
        """See :class:`emitnb.session.Session`. A chain that is to be cut takes in no more."""
        if self._suspects or len(self._flights) >= self._in_flight:
            return False
        return not (self._flights and self._links >= LONGEST_CHAIN)

    def restart(self) -> None:
        """See :class:`emitnb.session.Session`."""
        self._heads = None

    def submit(self, plan: Plan, pushed: Table) -> None:
        """See :class:`emitnb.session.Session`."""
        if self._links >= LONGEST_CHAIN and not self._flights:
            self.restart()
        if isinstance(pushed, LyingTable):
            flight = _Flight(plan, pushed, pushed.rows, ())
        else:
            base = plan.stages[0].message_class
            parcel, taken_in, refused = pushed_parcel(pushed, base)
            if self._shelf is not None:
                parcel = self._shelf.put(parcel)
            flight = _Flight(plan, taken_in, parcel, refused)
        self._flights.append(flight)
        with suppress(*BROKEN):  # collecting finds out
            self._launch_waiting()

    def collect(self, check: Callable[[], object] = lambda: None) -> Processed:
        """See :class:`emitnb.session.Session`."""
        self._check = check
        while True:
            flight = self._flights[0]
            try:
                self._launch_waiting()
                self._watch_workers()
                self._wait(flight)
                made = self._brought_home(flight)
            except KilledWorker as error:
                # Which of those on their way it was, is not known: each goes alone, sheltered.
                self._suspects = len(self._flights)
                self._recover(flight, error)
            except CancelledError as error:
                self._check_connection()
                self._recover(flight, error)
            except BROKEN as error:  # the connection broke in the middle of a call
                self._check_connection()
                self._recover(flight, error)
            else:
                break
        self._flights.popleft()
        self._suspects = max(self._suspects - 1, 0)
        return _processed(flight, made)

    def close(self) -> None:
        """See :class:`emitnb.session.Session`. Tasks that run are interrupted."""
        on_way = bool(self._flights)
        # With its futures the scheduler forgets a batch, and tells the workers.
        self._flights.clear()
        self._heads = None
        if on_way and is_alive(self._client):
            with suppress(TimeoutError, *BROKEN), impatient():
                self._stop_tasks()

    # -- launching --------------------------------------------------------------------------

    def _launch_waiting(self) -> None:
        if self._suspects:
            if self._flights[0].launched is None:
                self._launch(self._flights[0])
            return
        for flight in self._flights:
            if flight.launched is None:
                self._launch(flight)

    def _launch(self, flight: _Flight) -> None:
        cargo = self._trunk.send(flight.plan)
        if self._heads is None:
            self._heads = roots(self._client, cargo, self._committed(), self._partitions)
            self._links = 0
        flight.launched = launch(
            self._client,
            flight.plan,
            cargo,
            flight.source,
            self._heads,
            self._partitions,
            replace(self._work, sheltered=self._suspects > 0),
            merge_at_home=not self._keep,
            homes=sorted(self._known.threads),
        )
        self._heads.update(flight.launched.heads)
        self._links += bool(flight.launched.heads)
        flight.results = [
            self._client.submit(slim, made, pure=False) if self._keep else made
            for made in flight.launched.made
        ]

    # -- waiting ----------------------------------------------------------------------------

    def _wait(self, flight: _Flight) -> None:
        while True:
            try:
                with self._client.as_current():
                    wait(flight.futures(), timeout=POLL)
            except TimeoutError:
                self._watch_workers()
            else:
                return

    def _brought_home(self, flight: _Flight) -> list[Made]:
        self._check_memory(flight.futures())
        futures = flight.futures()
        came = gathered(self._client, futures, POLL, self._watch_workers)
        made = [
            merged(stage, came[one.layout], [came[part] for part in one.parts])
            if isinstance(one, Parted)
            else came[one]
            for stage, one in zip(flight.plan.stages, flight.results, strict=True)
        ]
        if self._keep and flight.launched is not None:
            whole = [one for one in flight.launched.made if isinstance(one, Future)]
            return with_kept_tables(ClusterKeeper(self._client, self._shelf), made, whole)
        return made

    def _check_memory(self, results: list[Future[Any]]) -> None:
        left = psutil.virtual_memory().available
        if left > PLENTY_OF_MEMORY:
            return
        sizes = self._client.nbytes([future.key for future in results], summary=False)
        size = sum(sizes.values())
        if size > left * MOST_OF_MEMORY:
            raise BackendError(
                f"a batch made {format_bytes(size)}, and only {format_bytes(left)} of memory are "
                "left here. Push with keep_on_cluster=True (--keep-on-cluster) and read it with "
                "frame(node, lazy=True)"
            )

    def _watch_workers(self) -> None:
        """Say when workers come and go."""
        self._check()
        self._check_connection()
        if monotonic() - self._looked < POLL:
            return
        self._looked = monotonic()
        before, now = self._known, workers_of(self._client)
        if self._revive is not None:
            self._revive()
        if now.threads.keys() == before.threads.keys():
            return
        self._known = now
        if now.threads.keys() - before.threads.keys():
            check_versions(self._client)
        self._say(_change(len(before.threads), len(now.threads)))

    def _check_connection(self) -> None:
        if not is_alive(self._client):
            raise BackendError(
                "the dask scheduler is gone; what is committed is safe. Choose another cluster "
                'first: router.use("dask"), or %emit_backend dask'
            )

    # -- mishaps ----------------------------------------------------------------------------

    def _recover(self, flight: _Flight, error: BaseException) -> None:
        """Launch all that is on its way anew."""
        flight.attempts += 1
        if flight.attempts >= ATTEMPTS:
            raise BackendError(
                f"a batch could not be processed on the cluster in {ATTEMPTS} attempts: {error}"
            ) from error
        for other in self._flights:
            other.launched = None
            other.results = []
        self._heads = None
        self._trunk.forget_sent()

    def _stop_tasks(self) -> None:
        """Interrupt the tasks that run, so that the cluster is free at once.

        A task in a call that Python cannot interrupt goes on until that call returns. In a
        cluster of our own its worker is killed, and dask starts it again.
        """
        going_on: dict[str, int] = self._client.run(stop, self._work.session, on_error="ignore")
        stuck = [address for address, count in going_on.items() if count]
        if not stuck or self._revive is None:
            return
        pids: dict[str, int] = self._client.run(os.getpid, workers=stuck, on_error="ignore")
        for pid in pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _processed(flight: _Flight, made: list[Made]) -> Processed:
    nodes = [
        replace(node, failures=tuple(map(unpacked, node.failures)))
        for part in made
        for node in part.nodes
    ]
    states = {node: PackedStates(blobs) for part in made for node, blobs in part.touched.items()}
    return Processed(
        Outcome(tuple(sorted(nodes, key=lambda node: node.rank)), states),
        flight.pushed,
        max(part.seconds for part in made),
        flight.refused,
        tuple(printed for part in made for printed in part.printed),
    )


def _change(before: int, now: int) -> str:
    """Say what a number of workers before and now means; the workers are not the same ones."""
    if not now:
        return "all workers are gone; waiting for one to come back"
    workers = counted(now, "worker")
    if not before:
        return f"{workers} back; going on"
    return (
        f"{workers} now, {before} before" if now != before else f"a worker was replaced; {workers}"
    )
