"""Real clusters on this machine for tests, and ways to harm them."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
from distributed import Client, LocalCluster

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which what a test waits for will not come."""


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until the condition is true, look at it now and then, and return what it gave."""
    end, pause = monotonic() + seconds, threading.Event()
    while True:
        found = condition()
        if found:
            return found
        assert monotonic() < end, f"it did not happen within {seconds:.0f} seconds"
        pause.wait(0.02)


@contextmanager
def local(workers: int, folder: Path, **options: Any) -> Iterator[Client]:
    """A cluster of worker processes with a nanny each, its scheduler in this process."""
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address=None,
            silence_logs=logging.CRITICAL,
            local_directory=str(folder),
            **options,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


class Clusters:
    """At most one cluster at a time, made when it is asked for: there are two cores."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers = 0
        self._open: Any = None
        self._client: Client | None = None

    def __call__(self, workers: int) -> Client:
        """Return a client of a cluster of so many workers, all of them there."""
        if self._client is None or self._workers != workers:
            self.close()
            self._open = local(workers, self._folder)
            self._client, self._workers = self._open.__enter__(), workers
        self._client.wait_for_workers(workers, timeout=PATIENCE)
        return self._client

    def close(self) -> None:
        """Close the cluster, if there is one."""
        opened, self._open, self._client = self._open, None, None
        if opened is not None:
            opened.__exit__(None, None, None)


def pids(client: Client) -> dict[str, int]:
    """Return the process ids of the workers by address."""
    return dict(client.run(os.getpid))


def nanny_pids(client: Client) -> list[int]:
    """Return the process ids of the workers of a local cluster, without asking the workers."""
    return [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where a push in the block would wait for ever."""
    alarm = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    alarm.start()
    try:
        yield
    except KeyboardInterrupt:
        raise AssertionError(f"it took more than {seconds:.0f} seconds") from None
    finally:
        alarm.cancel()
        alarm.join()


class Killer(threading.Thread):
    """Kills workers of a local cluster at random moments, as often as it is told to."""

    def __init__(self, client: Client, times: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.kills = 0
        self._client = client
        self._times = times
        self._random = random.Random(seed)
        self._enough = threading.Event()

    @property
    def done(self) -> bool:
        """Whether it has killed as often as it was told to."""
        return self.kills >= self._times

    def run(self) -> None:
        """Kill, until it has killed enough or the block ends."""
        while not self.done and not self._enough.wait(self._random.uniform(0.1, 0.7)):
            alive = nanny_pids(self._client)
            if alive:
                os.kill(self._random.choice(alive), signal.SIGKILL)
                self.kills += 1

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._enough.set()
        self.join()


class Outside:
    """A scheduler and workers in processes of their own, as they would be on other machines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._file = folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler",
            "--port=0",
            "--idle-timeout=600s",  # should the tests be killed
            "--dashboard-address=127.0.0.1:0",
            f"--scheduler-file={self._file}",
        )
        self.address: str = until(self._address)

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker without a nanny; nobody starts it again."""
        process = self._start(
            "dask_worker",
            self.address,
            "--nthreads=1",
            "--no-nanny",
            "--no-dashboard",
            "--memory-limit=0",
            "--death-timeout=60",
            f"--local-directory={self._folder}",
            *options,
            **environment,
        )
        self.workers.append(process)
        return process

    @contextmanager
    def client(self, workers: int = 1) -> Iterator[Client]:
        """A client of the cluster when it has so many workers."""
        with Client(self.address) as client:
            until(lambda: len(client.scheduler_info()["workers"]) >= workers or self._complain())
            yield client

    def close(self) -> None:
        """Kill all processes that are left."""
        for process in self._started:
            process.kill()
            process.wait()

    def _start(self, program: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self._folder / f"{program}-{len(self._started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", "--host=127.0.0.1", *options],
                env=on_path(environment.pop("first", "")) | environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._started.append(process)
        return process

    def _address(self) -> str:
        try:
            return str(json.loads(self._file.read_text())["address"])
        except (FileNotFoundError, ValueError):  # not there yet, or not yet whole
            self._complain()
            return ""

    def _complain(self) -> None:
        """Raise what a process wrote that has ended by itself."""
        for number, process in enumerate(self._started):
            if process.poll() is not None and process.returncode > 0:
                (log,) = self._folder.glob(f"*-{number}.log")
                raise AssertionError(log.read_text())


def on_path(first: str = "") -> dict[str, str]:
    """Return the environment in which the package and the tests can be imported."""
    path = [first, str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def left_over(processes: list[int]) -> list[int]:
    """Return those of the processes that are still running."""
    alive = []
    for process in processes:
        try:
            if psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive
