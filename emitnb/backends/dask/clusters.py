"""Finding a cluster, or starting one, and checking that it can be worked with."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import dask
from distributed import Client, LocalCluster, Security
from distributed import Future as DaskFuture

from emitnb.errors import BackendError

CONNECT_SECONDS = 10
"""Seconds after which a scheduler that does not answer counts as unreachable."""

DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""Run in each worker of an embedded cluster: Jupyter's interrupt goes to all processes of a kernel,
and it is the run that is to be interrupted, not the workers."""

NEAR = "5s"
"""How long workers of one machine wait for one another: for one that died dask waits 30 s."""

Options = tuple[int | None, int | None]


@dataclass(frozen=True)
class Workers:
    """The workers of a cluster at one moment: threads by address, and bytes of memory in all."""

    threads: Mapping[str, int]
    memory: int
    resources: tuple[Mapping[str, float], ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        """Threads of all workers."""
        return sum(self.threads.values())


_embedded: dict[Options, Client] = {}


def embedded(n_workers: int | None, threads: int | None) -> Client:
    """Return a client of a cluster of local processes; the same one for the same numbers.

    It listens on the loopback interface only, and ends with this process.
    """
    for what, number in (("n_workers", n_workers), ("threads", threads)):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise BackendError(f"{what} is {number!r}; give a number from 1 on, or leave it away")
    client = _embedded.get((n_workers, threads))
    if client is None or not is_alive(client):
        client = _embedded[n_workers, threads] = _start(n_workers, threads)
    revive(client, n_workers)
    return client


def revive(client: Client, n_workers: int | None) -> None:
    """Start workers of an embedded cluster again that are gone for good.

    Dask restarts a worker that dies, but not one that dies while it starts.
    """
    if client.cluster is not None:
        client.cluster.scale(n_workers or _cores())


def _cores() -> int:
    return os.cpu_count() or 1


def _start(n_workers: int | None, threads: int | None) -> Client:
    with _quiet():
        try:
            cluster = _local_cluster(n_workers or _cores(), threads or 1)
        except (RuntimeError, OSError) as error:
            raise BackendError(
                f"no cluster of local processes could be started: {error}. A script that starts "
                'one needs `if __name__ == "__main__":` around what it does: each process of the '
                "cluster imports it"
            ) from error
        return Client(cluster, direct_to_workers=True)


def _local_cluster(n_workers: int, threads: int) -> LocalCluster:
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=threads,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address=None,
        preload=[DEAF],
        env={"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": NEAR},
        silence_logs=logging.CRITICAL,
    )


def connect(address: str, security: Any = None) -> Client:
    """Return a client of the scheduler at ``address``; BackendError if there is none."""
    _check_security(address, security)
    try:
        with _quiet(), dask.config.set({"distributed.comm.timeouts.connect": CONNECT_SECONDS}):
            return _in_time(address, security)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise BackendError(
            f"no dask scheduler answers at {address}: {reason}. Start one with `dask scheduler` "
            "and workers with `dask worker ADDRESS`; or leave the address away, "
            'use("dask"), for a cluster of local processes'
        ) from error


def _in_time(address: str, security: Any) -> Client:
    """Connect; TimeoutError after a while. By itself distributed waits for ever for whoever takes
    a connection and says nothing."""
    made: Future[Client] = Future()

    def attempt() -> None:
        try:
            client = Client(address, security=security, timeout=CONNECT_SECONDS)
            # Else it would look for its scheduler at exit, and complain.
            atexit.register(client.close, timeout=1)
        except BaseException as error:
            with suppress(InvalidStateError):  # nobody waits any more
                made.set_exception(error)
            return
        try:
            made.set_result(client)
        except InvalidStateError:
            client.close()

    threading.Thread(target=attempt, name="emitnb-connect", daemon=True).start()
    try:
        return made.result(CONNECT_SECONDS + 2)
    except TimeoutError:
        made.cancel()
        raise


def _check_security(address: str, security: Any) -> None:
    if security is not None and not isinstance(security, Security | Mapping):
        raise BackendError(
            f"security is a {type(security).__name__}; give a distributed.security.Security"
        )
    configured = dask.config.get("distributed.comm.tls.ca-file", None)
    if address.startswith("tls://") and security is None and not configured:
        raise BackendError(
            f"{address} needs certificates: give security=distributed.security.Security(...)"
        )


def is_alive(client: Client) -> bool:
    """Whether a client is connected to its scheduler."""
    return str(client.status) == "running"


def check_client(client: Client) -> None:
    """Raise BackendError for a client that cannot be worked with."""
    if getattr(client, "asynchronous", False):
        raise BackendError("the client is asynchronous; give one made with asynchronous=False")
    if not is_alive(client):
        raise BackendError(
            f"the client is {client.status}: make a new one with distributed.Client(...), "
            "or give the address of its scheduler"
        )


def workers_of(client: Client) -> Workers:
    """Return the workers there are now."""
    known: Any = client.scheduler_info(n_workers=-1)["workers"]
    return Workers(
        {address: worker["nthreads"] for address, worker in known.items()},
        sum(worker["memory_limit"] or 0 for worker in known.values()),
        tuple(worker["resources"] for worker in known.values()),
        frozenset(
            str(name)
            for address, worker in known.items()
            for name in (address, worker["name"], worker["host"])
        ),
    )


def gathered(
    client: Client, futures: Sequence[DaskFuture[Any]], seconds: float, watch: Callable[[], object]
) -> dict[DaskFuture[Any], Any]:
    """Return the results of futures; ``watch`` is called every so many seconds meanwhile.

    Their workers may die right now, all of them: then it takes until dask has made them again.
    """
    gather: Any = client.gather(futures, asynchronous=True)
    coming = asyncio.run_coroutine_threadsafe(gather, cast(Any, client.loop).asyncio_loop)
    try:
        while True:
            try:
                return dict(zip(futures, coming.result(seconds), strict=True))
            except TimeoutError:
                if coming.done():  # it was the gathering itself that raised
                    raise
                watch()
    finally:
        coming.cancel()


def impatient() -> Any:
    """Let calls to all workers in the block give up soon on one that has just died.

    Dask would try to reach it for 30 s.
    """
    return dask.config.set({"distributed.comm.timeouts.connect": "3s"})


def check_versions(client: Client) -> None:
    """Raise BackendError where a worker's emitnb or Python is another than here."""
    with impatient():
        versions: Any = client.get_versions(packages=["emitnb"])
    here = _versions(versions["client"])
    for address, worker in versions["workers"].items():
        if worker is None:
            continue  # it has left just now
        there = _versions(worker)
        for package, mine in here.items():
            if there[package] != mine:
                raise BackendError(
                    f"worker {address} has {package} {there[package] or '(none)'}, and here it is "
                    f"{package} {mine}; install the same on both"
                )


def _versions(known: Mapping[str, Any]) -> dict[str, str]:
    packages = known["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    # Where it runs from a source tree, emitnb has no version that could be compared.
    return {"Python": python, "emitnb": packages.get("emitnb") or ""}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep distributed's log out of the notebook: what matters is raised, or said by the run."""
    names = ("distributed", "distributed.client", "distributed.comm", "distributed.scheduler")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
