"""What goes wrong on a cluster, and the frame that comes out all the same.

Processes are killed, here and outside; nothing is simulated but another version of Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import dask
import pytest
from cluster.cells import Cells
from cluster.graphs import numbers, stateful
from cluster.plumbing import (
    PATIENCE,
    Killer,
    Outside,
    local,
    nanny_pids,
    on_path,
    pids,
    until,
    within,
)
from cluster.same import assert_same, in_memory
from distributed import Client
from strategies import SWEEP

import emitnb
from emitnb import EmitError, Router, RunInterrupted, RunStoppedError
from emitnb.errors import BackendError


class Once:
    """Called with a run after each batch: does something once, at the n-th message or later."""

    def __init__(self, done: int, act: Any) -> None:
        self.at = 0
        self._done = done
        self._act = act

    def __call__(self, run: Any) -> None:
        if not self.at and run.done >= self._done:
            self.at = run.done
            self._act()


# --- Workers die ----------------------------------------------------------------------------------


class Endless:
    """Messages until somebody has had enough of them; remembers what it gave."""

    def __init__(self, enough: Any, least: int) -> None:
        self.given: list[dict[str, int]] = []
        self._enough = enough
        self._least = least

    def __iter__(self) -> Iterator[dict[str, int]]:
        while len(self.given) < self._least or not self._enough():
            self.given.append({"n": len(self.given)})
            yield self.given[-1]


@pytest.mark.parametrize("seed", range(1, 21) if SWEEP else [1, 2])
def test_workers_killed_again_and_again_change_nothing(throw_away, seed):
    client = throw_away(2)
    router = Router()
    stateful(router, pace=0.001)
    router.use("dask", client)
    with Killer(client, times=5, seed=seed) as killer:
        source = Endless(lambda: killer.done, least=600)
        run = router.push(source, batch_size=25)
    assert killer.kills == 5
    assert (run.state, run.done) == ("done", len(source.given))
    assert_same(router, in_memory(stateful, source.given))


def test_all_workers_killed_at_once_change_nothing(throw_away):
    client = throw_away(2)
    router = Router()
    stateful(router, pace=0.001)
    router.use("dask", client)
    router.push(numbers(100), batch_size=10)

    def kill_all() -> None:
        for worker in nanny_pids(client):
            os.kill(worker, signal.SIGKILL)

    kill = Once(50, kill_all)
    router.push(numbers(300, 100), batch_size=10, progress=kill)
    assert kill.at
    kill_all()  # what the router remembers between two pushes does not live there alone
    router.push(numbers(100, 400), batch_size=10)
    assert_same(router, in_memory(stateful, numbers(500)))


def test_a_cluster_of_our_own_replaces_a_worker_that_dask_has_given_up():
    router = Router()
    stateful(router, pace=0.001)
    # The time after which dask asks whether a worker came back; if not, nobody starts it again.
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}):
        client = router.use("dask", n_workers=1).client

        def kill_it() -> None:
            (worker,) = nanny_pids(client)
            os.kill(worker, signal.SIGKILL)

        kill = Once(60, kill_it)
        with within(PATIENCE):
            router.push(numbers(200), batch_size=20, progress=kill)
    assert 60 <= kill.at < 200
    assert_same(router, in_memory(stateful, numbers(200)))


class Heard:
    """What was printed so far, also by others, in pieces."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.text = ""

    def __contains__(self, text: str) -> bool:
        found = self._capsys.readouterr()
        self.text += (found.out + found.err).lower()
        return text in self.text


def test_without_workers_a_run_says_that_it_waits_and_goes_on_when_one_comes(outside, capsys):
    cluster: Outside = outside()
    cluster.worker()
    cluster.worker()
    heard = Heard(capsys)
    with cluster.client(2) as client:
        router = Router()
        stateful(router, pace=0.001)
        router.use("dask", client)
        assert "wait" not in heard

        def one_comes_back() -> None:
            until(lambda: "wait" in heard and "worker" in heard)
            cluster.worker()

        helper = threading.Thread(target=one_comes_back)

        def all_go() -> None:
            for worker in cluster.workers:
                worker.kill()
            helper.start()

        gone = Once(100, all_go)
        run = router.push(numbers(300), batch_size=20, progress=gone)
        helper.join()
        assert 100 <= gone.at < 300
        assert run.state == "done"
        assert_same(router, in_memory(stateful, numbers(300)))


def test_workers_that_come_and_go_are_told(outside, capsys):
    cluster: Outside = outside()
    cluster.worker()
    heard = Heard(capsys)
    with cluster.client() as client:
        router = Router()
        stateful(router)
        router.use("dask", client)

        def another_comes() -> None:
            cluster.worker()
            client.wait_for_workers(2, timeout=PATIENCE)

        def one_goes() -> None:
            cluster.workers[0].kill()
            until(lambda: len(client.scheduler_info()["workers"]) == 1)

        router.push(numbers(200), batch_size=10, progress=Once(50, another_comes))
        assert "2 workers" in heard
        router.push(numbers(200, 200), batch_size=10, progress=Once(50, one_goes))
        assert "1 worker" in heard
        assert_same(router, in_memory(stateful, numbers(400)))


# --- The scheduler dies ---------------------------------------------------------------------------


def test_a_scheduler_that_dies_loses_nothing_and_a_new_cluster_goes_on(outside, cluster_of):
    cluster: Outside = outside()
    cluster.worker()
    died: list[float] = []

    def die() -> None:
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        died.append(monotonic())

    with cluster.client() as client:
        router = Router()
        stateful(router, pace=0.001)
        router.use("dask", client)
        router.push(numbers(100), batch_size=20)
        with pytest.raises(RunStoppedError) as stopped:
            router.push(numbers(300, 100), batch_size=20, progress=Once(100, die))
        assert monotonic() - died[0] < 30
    text = str(stopped.value)
    assert "scheduler" in text
    assert 'router.use("dask"' in text or "router.use('dask'" in text
    assert "resume()" in text
    run = stopped.value.run
    assert (run, run.state) == (router.run, "stopped")
    assert run.done < 300
    assert_same(router, in_memory(stateful, numbers(100 + run.done)))
    router.use("dask", cluster_of(2))
    assert run.resume().state == "done"
    assert_same(router, in_memory(stateful, numbers(400)))


def test_a_scheduler_that_dies_between_two_runs_is_an_error_in_good_time(outside, cluster_of):
    cluster: Outside = outside()
    cluster.worker()
    with cluster.client() as client:
        router = Router()
        stateful(router)
        router.use("dask", client)
        router.push(numbers(100), batch_size=20)
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        began = monotonic()
        with pytest.raises(EmitError, match=r"use\(.dask.\)"):
            router.push(numbers(100, 100), batch_size=20)
        assert monotonic() - began < 30
    assert_same(router, in_memory(stateful, numbers(100)))
    router.use("dask", cluster_of(2))
    router.push(numbers(100, 100), batch_size=20)
    assert_same(router, in_memory(stateful, numbers(200)))


def test_a_scheduler_that_died_leaves_memory_to_go_on_in(outside):
    cluster: Outside = outside()
    cluster.worker()
    with cluster.client() as client:
        router = Router()
        stateful(router, pace=0.001)
        router.use("dask", client)
        with pytest.raises(RunStoppedError) as stopped:
            router.push(numbers(300), batch_size=20, progress=Once(100, cluster.scheduler.kill))
    router.use("memory")
    stopped.value.run.resume()
    assert_same(router, in_memory(stateful, numbers(300)))


# --- A message that kills its worker --------------------------------------------------------------


def exit_at_once() -> None:
    os._exit(3)


def read_nowhere() -> None:
    ctypes.string_at(0)


def take_all_memory() -> None:
    hoard = [bytearray(2**24) for _ in range(64)]  # a GiB, far beyond the worker's limit
    threading.Event().wait(20)  # the nanny looks now and then
    hoard.clear()


CRASHES = {"exit": exit_at_once, "segfault": read_nowhere, "memory": take_all_memory}


class WorkerCrashError(Exception):
    """What a message that kills its worker looks like among the failures."""


def explosive(router: Router, crash: Any, place: str, only: int = 8) -> None:
    """Declare nodes of which the one at ``place`` crashes on the items made of one message."""

    def burst(msg: Any, here: str) -> None:
        if here == place and msg.n == only:
            crash()

    @router.node(("key", "n"), entry_point=True, name="first")
    def first(msg: Any) -> Any:
        burst(msg, "first")
        yield msg.n % 3, msg.n
        yield msg.n % 3, msg.n + 100

    @router.node(("key", "n"), "first", name="second")
    def second(msg: Any) -> Any:
        burst(msg, "second")
        return msg.key, msg.n

    @router.node("total", "second", key="key", name="third")
    def third(msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        burst(msg, "third")
        return sum(state) + len(state)

    @router.node("total", "third", name="fourth")
    def fourth(msg: Any, state: list[int]) -> int:
        state.append(msg.total)
        return sum(state[-3:])


def raise_instead() -> None:
    raise WorkerCrashError


def assert_only_one_crashed(router: Router, place: str, count: int) -> None:
    """All is as if the node had raised on that one message."""
    memory = in_memory(lambda r: explosive(r, raise_instead, place), numbers(count))
    where = ["node", "error_type", "input", "source", "parent_node", "parent_row", "revision"]
    failures = router.failures()
    assert failures[where].values.tolist() == memory.failures()[where].values.tolist()
    assert failures["error_type"].tolist() == ["WorkerCrashError"]
    for node in ("first", "second", "third", "fourth"):
        found, expected = (each.frame(node, lineage=True) for each in (router, memory))
        assert found.drop(columns="time").equals(expected.drop(columns="time")), node
    assert router.summary().drop(columns="ms").equals(memory.summary().drop(columns="ms"))


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Client]:
    """A cluster that tries what kills its worker only once more."""
    folder = tmp_path_factory.mktemp("fragile")
    with local(
        2, folder, memory_limit="700MiB", scheduler_kwargs={"allowed_failures": 1}
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("crash", "place", "in_flight"),
    [
        ("exit", "first", 1),
        ("exit", "second", None),  # with others on their way, which the crash takes along
        ("exit", "third", 1),
        ("segfault", "second", 1),
        ("memory", "second", 1),
    ],
)
def test_a_message_that_kills_its_worker_is_a_failure_and_the_rest_goes_on(
    fragile, crash, place, in_flight
):
    router = Router()
    explosive(router, CRASHES[crash], place)
    router.use("dask", fragile, in_flight=in_flight)
    run = router.push(numbers(16), batch_size=4)
    assert run.state == "done"
    assert_only_one_crashed(router, place, 16)
    fragile.wait_for_workers(2, timeout=PATIENCE)


def test_with_the_failures_that_dask_allows_by_itself_a_crash_is_found_too(throw_away):
    router = Router()
    explosive(router, exit_at_once, "second")
    router.use("dask", throw_away(2))
    router.push(numbers(10), batch_size=2)
    assert_only_one_crashed(router, "second", 10)


# --- Interrupts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_cancels_what_runs_and_the_cluster_is_usable_at_once(
    throw_away, tmp_path, workers
):
    client = throw_away(workers)
    asleep, awake = tmp_path / "asleep", tmp_path / "awake"

    def declare(router: Router, sleepy: bool = False) -> None:
        stateful(router)

        @router.node("total", "running", name="dreaming")
        def dreaming(msg: Any) -> int:
            if sleepy and msg.total % 5 == 1 and not awake.exists():
                asleep.touch()
                for _ in range(3_000):
                    threading.Event().wait(0.01)
            return int(msg.total)

    def interrupt() -> None:
        until(asleep.exists)
        os.kill(os.getpid(), signal.SIGINT)

    router = Router()
    declare(router, sleepy=True)
    router.use("dask", client)
    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(RunInterrupted, match="resume") as caught:
        router.push(numbers(200), batch_size=10)
    helper.join()
    run = caught.value.run
    assert (run.state, run.done % 10) == ("interrupted", 0)
    assert_same(router, in_memory(declare, numbers(run.done)))
    other = Router()
    stateful(other)
    other.use("dask", client)
    other.push(numbers(20))
    awake.touch()
    assert_same(other, in_memory(stateful, numbers(20)))
    assert run.resume().state == "done"
    assert_same(router, in_memory(declare, numbers(200)))


NOTEBOOK = """
import json, os, sys, threading
from pathlib import Path
from cluster.graphs import numbers, stateful
from cluster.same import assert_same, in_memory
from emitnb import Router, RunInterrupted

asleep, awake = Path(sys.argv[1], "asleep"), Path(sys.argv[1], "awake")

def declare(router):
    stateful(router)

    @router.node("total", "running")
    def dreaming(msg):
        if router_is_real and msg.total % 5 == 1 and not awake.exists():
            asleep.touch()
            threading.Event().wait(120)
        return msg.total

router_is_real = True
router = Router()
declare(router)
router.use("dask", n_workers=2)
try:
    router.push(numbers(200), batch_size=10)
except RunInterrupted as interrupted:
    run = interrupted.run
awake.touch()
other = Router()
stateful(other)
other.use("dask", n_workers=2)
other.push(numbers(20))
run.resume()
router_is_real = False
assert_same(other, in_memory(stateful, numbers(20)))
assert_same(router, in_memory(declare, numbers(200)))
print("all is well")
"""


def test_the_interrupt_that_jupyter_sends_to_all_processes_of_a_kernel_loses_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK, str(tmp_path)],
        env=on_path(),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        until(lambda: (tmp_path / "asleep").exists() or program.poll() is not None)
        os.killpg(program.pid, signal.SIGINT)
        try:
            out, err = program.communicate(timeout=100)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            raise
    assert out.splitlines()[-1:] == ["all is well"], err
    assert program.returncode == 0


def test_interrupts_again_and_again_lose_nothing(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))

    def interrupt(run: Any) -> None:
        if run.done % 60 == 0 and run.done not in seen:
            seen.append(run.done)
            signal.raise_signal(signal.SIGINT)

    seen: list[int] = []
    with pytest.raises(RunInterrupted) as caught:
        router.push(iter(numbers(300)), batch_size=20, progress=interrupt)
    run = caught.value.run
    while run.state != "done":
        assert_same(router, in_memory(stateful, numbers(run.done)))
        try:
            run.resume()
        except RunInterrupted as again:
            assert again.run is run
    assert seen == [60, 120, 180, 240, 300]
    assert_same(router, in_memory(stateful, numbers(300)))


# --- Slow workers and uneven keys -----------------------------------------------------------------


def test_a_slow_worker_changes_nothing(throw_away):
    client = throw_away(2)
    slow = min(pids(client))

    def slow_down() -> None:
        os.environ["SLOW_DOWN"] = "yes"

    client.run(slow_down, workers=[slow])

    def declare(router: Router) -> None:
        stateful(router)

        @router.node("total", "running", name="uneven")
        def uneven(msg: Any) -> int:
            if "SLOW_DOWN" in os.environ:
                threading.Event().wait(0.01)
            return int(msg.total)

    router = Router()
    declare(router)
    router.use("dask", client)
    assert router.push(numbers(300), batch_size=15).state == "done"
    assert_same(router, in_memory(declare, numbers(300)))


def counting(router: Router) -> None:
    """Declare a word count: one state for each key."""

    @router.node({"key": int, "count": int}, entry_point=True, key="key", name="count")
    def count(msg: Any, state: dict[str, int]) -> tuple[int, int]:
        state["count"] = state.get("count", 0) + 1
        return msg.key, state["count"]

    @router.node("total", "count", name="total")
    def total(msg: Any, state: dict[str, int]) -> int:
        state["total"] = state.get("total", 0) + msg.count
        return state["total"]


def test_a_key_that_has_nearly_all_messages_changes_nothing(cluster_of):
    pushed = [{"key": 7 if number % 50 else number} for number in range(5_000)]
    router = Router()
    counting(router)
    router.use("dask", cluster_of(2))
    router.push(pushed, batch_size=400)
    assert_same(router, in_memory(counting, pushed))


def test_a_hundred_thousand_keys_are_remembered(cluster_of):
    pushed = [{"key": number * 7919 % 100_003} for number in range(100_000)]
    router = Router()
    counting(router)
    router.use("dask", cluster_of(2))
    router.push(pushed)
    router.push(pushed[::10])
    memory = in_memory(counting, pushed, pushed[::10])
    assert memory.frame("count")["key"].nunique() == 100_000
    assert_same(router, memory)


# --- Nodes that change ----------------------------------------------------------------------------


def versioned(router: Router, add: int) -> None:
    """Declare two nodes, a keyed cut between them, that both add a number."""

    @router.node(("key", "n"), entry_point=True, name="early", fingerprint=f"early {add}")
    def early(msg: Any) -> tuple[int, int]:
        return msg.n % 3, msg.n + add

    @router.node(("n", "seen"), "early", key="key", name="late", fingerprint=f"late {add}")
    def late(msg: Any, state: list[int]) -> tuple[int, int]:
        state.append(msg.n)
        return msg.n + add, len(state)


def assert_no_batch_mixes(router: Router, size: int, count: int) -> int:
    """Each batch was made by one revision of both nodes; return where the newer begins."""
    early, late = (router.frame(node, lineage=True) for node in ("early", "late"))
    assert early["source"].tolist() == late["source"].tolist() == list(range(count))
    assert early["revision"].tolist() == late["revision"].tolist()
    per_batch = early.groupby(early["source"] // size)["revision"].agg(["min", "max"])
    assert (per_batch["min"] == per_batch["max"]).all()
    assert early["revision"].is_monotonic_increasing
    return int((early["revision"] == 1).sum())


def test_a_node_redefined_between_two_pushes_counts_from_the_next_on(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))
    for each in (router, memory):
        versioned(each, 1_000)
        each.push(numbers(50), batch_size=7)
        versioned(each, 2_000)
        each.push(numbers(50, 50), batch_size=7)
    assert_same(router, memory)
    assert set(router.frame("early", lineage=True)["revision"]) == {1, 2}


def test_nodes_redefined_in_a_run_change_from_one_batch_to_the_next(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))
    versioned(router, 1_000)
    change = Once(90, lambda: versioned(router, 2_000))
    router.push(numbers(600), batch_size=9, progress=change)
    switched = assert_no_batch_mixes(router, 9, 600)
    assert 90 <= switched < 600
    assert switched % 9 == 0
    versioned(memory, 1_000)
    memory.push(
        numbers(600), batch_size=9, progress=Once(switched, lambda: versioned(memory, 2_000))
    )
    assert_same(router, memory)


def test_a_state_of_another_kind_begins_afresh_in_a_run_too(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))

    def declare(each: Router, kind: type) -> None:
        def late(msg: Any, state: Any) -> int:
            if isinstance(state, list):
                state.append(msg.n)
                return len(state)
            state["n"] = state.get("n", 100) + 1
            return int(state["n"])

        late.__annotations__ = {"state": kind}
        name = f"late {kind.__name__}"
        each.node("n", "early", key="key", name="late", fingerprint=name)(late)

    for each in (router, memory):
        versioned(each, 1_000)
        declare(each, dict)
    router.push(numbers(600), batch_size=9, progress=Once(90, lambda: declare(router, list)))
    switched = int((router.frame("late", lineage=True)["revision"] == 2).sum())
    assert 90 <= switched < 600
    memory.push(numbers(600), batch_size=9, progress=Once(switched, lambda: declare(memory, list)))
    assert_same(router, memory)


def test_a_global_that_changes_in_a_run_does_not_change_half_of_it(cluster_of):
    cells = Cells()
    cells.router.use("dask", cluster_of(2))
    cells.run("FACTOR = 2")
    cell = """
        @router.node("n", entry_point=True)
        def scaled(msg):
            return msg.n * FACTOR
        """
    cells.run(cell)
    change = Once(100, lambda: cells.run("FACTOR = 1_000"))
    cells.router.push(numbers(400), batch_size=10, progress=change)
    assert change.at < 400
    assert cells.router.frame("scaled")["n"].tolist() == [2 * n for n in range(400)]
    cells.run(cell)  # run again, the cell takes the value of now
    cells.router.push(numbers(3))
    assert cells.router.frame("scaled")["n"].tolist()[400:] == [0, 1_000, 2_000]


# --- Other versions -------------------------------------------------------------------------------

OTHER_EMITNB = """
from pathlib import Path
__path__ = [{package!r}]
exec(compile(Path({package!r}, "__init__.py").read_text(), "emitnb", "exec"))
__version__ = "9.9.9"
"""
OTHER_PYTHON = """
import collections, sys

def dask_setup(worker):
    kind = collections.namedtuple("version_info", "major minor micro releaselevel serial")
    sys.version_info = kind(3, 99, 0, "final", 0)
"""


def with_other_emitnb(cluster: Outside, folder: Path) -> None:
    """Start a worker where another version of emitnb is installed."""
    (folder / "emitnb").mkdir()
    package = str(Path(emitnb.__file__).parent)
    (folder / "emitnb" / "__init__.py").write_text(OTHER_EMITNB.format(package=package))
    information = folder / "emitnb-9.9.9.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: emitnb\nVersion: 9.9.9\n")
    cluster.worker(first=str(folder))


def with_other_python(cluster: Outside, folder: Path) -> None:
    """Start a worker whose Python says, once all is imported, that it is another version."""
    preload = folder / "other_python.py"
    preload.write_text(OTHER_PYTHON)
    cluster.worker(f"--preload={preload}")


@pytest.mark.parametrize(
    ("make", "theirs", "ours"),
    [
        (with_other_emitnb, "9.9.9", emitnb.__version__),
        (with_other_python, "3.99", f"3.{sys.version_info.minor}"),
    ],
    ids=["emitnb", "Python"],
)
def test_workers_of_another_version_are_refused_with_both_versions(
    outside, tmp_path, make, theirs, ours
):
    cluster: Outside = outside()
    make(cluster, tmp_path)
    router = Router()
    stateful(router)
    with cluster.client() as client, pytest.raises(BackendError) as refused:
        router.use("dask", client)
    assert theirs in str(refused.value)
    assert ours in str(refused.value)
    assert router.backend.name == "memory"
    router.push(numbers(10))
    assert_same(router, in_memory(stateful, numbers(10)))
