"""Nodes that fail or wait on a cluster: their calls again, second tries, limits, and in vain."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster.plumbing import until, within
from cluster.same import assert_same, in_memory

from emitnb import EmitError, Router, RunInterrupted, RunStoppedError

HOUR = 3_600.0


def slow(router: Router) -> None:
    """Declare async nodes that take too long on some messages, one of them with state."""

    @router.node("n", entry_point=True, name="ask", timeout=0.2, retries=1)
    async def ask(msg: Any) -> int:
        if msg.n % 4 == 1:
            await asyncio.sleep(HOUR)
        return msg.n

    @router.node("n", "ask", key="n", name="count", timeout=0.2)
    async def count(msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        if msg.n == 2 and len(state) > 1:
            await asyncio.sleep(HOUR)
        return len(state)


def test_what_took_too_long_fails_on_a_cluster_as_in_memory(cluster_of):
    pushed = [{"n": n % 4} for n in range(12)]
    router = Router()
    slow(router)
    router.use("dask", cluster_of(2))
    router.push(pushed, batch_size=6)
    assert_same(router, in_memory(slow, pushed, batch_size=6))
    assert router.failures()["error"].tolist().count(
        "ask took longer than its timeout of 0.2 s"
    ) == len([one for one in pushed if one["n"] == 1])


def down(form: str, folder: Path) -> Callable[..., Any]:
    """Return a node's function that fails until there is a file ``up``, and says that it did."""

    def work(n: int) -> int:
        if not (folder / "up").exists():
            (folder / "failed").touch()
            raise OSError("down")
        return n

    async def awaiting(msg: Any) -> int:
        return work(msg.n)

    return awaiting if form == "async" else lambda msg: work(msg.n)


@pytest.mark.parametrize("form", ["plain", "async"])
def test_an_interrupt_ends_the_wait_for_a_second_try(cluster_of, tmp_path, form):
    """The only worker waits an hour; it is free again at once."""
    router = Router()
    options: dict[str, Any] = {"retries": 2, "backoff": HOUR}
    router.node("n", entry_point=True, name="node", **options)(down(form, tmp_path))
    router.use("dask", cluster_of(1))

    def interrupt() -> None:
        until((tmp_path / "failed").exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(RunInterrupted) as interrupted:
        router.push([1, 2], field="n")
    thread.join()
    (tmp_path / "up").touch()
    with within(60):
        interrupted.value.run.resume()
    assert router.frame("node")["n"].tolist() == [1, 2]


@pytest.mark.parametrize("size", [1, 7, "auto"])
@pytest.mark.parametrize("place", ["memory", "dask"])
def test_a_node_that_only_fails_stops_the_run_on_a_cluster_too(cluster_of, place, size):
    router = Router()
    router.max_failures = 20

    @router.node("n", entry_point=True, name="pass_on")
    def pass_on(msg: Any) -> int:
        return msg.n

    @router.node("n", "pass_on", key="n", name="shaky")
    def shaky(msg: Any, state: dict[str, int]) -> int:
        if msg.n % 30 >= 10:
            raise ValueError(msg.n)
        return msg.n

    router.use(place, *([cluster_of(2)] if place == "dask" else []))
    with pytest.raises(RunStoppedError, match=r"shaky failed \d\d times in a row, the last") as end:
        router.push(range(100), field="n", batch_size=size)
    assert end.value.run.state == "stopped"
    assert "ValueError" in str(end.value)
    assert "router.run.resume() " in str(end.value)
    assert len(router.failures()) >= 20
    router.node("n", "pass_on", key="n", name="shaky")(lambda msg, state: msg.n)
    assert end.value.run.resume().done == 100
    passed = router.frame("shaky")["n"].tolist()
    failed = [one["n"] for one in router.failures()["input"]]
    assert sorted(passed + failed) == list(range(100))


@pytest.mark.parametrize("place", ["memory", "dask"])
def test_failures_that_others_interrupt_stop_no_run(cluster_of, place):
    router = Router()
    router.max_failures = 20

    @router.node("n", entry_point=True, key="k", name="shaky")
    def shaky(msg: Any, state: dict[str, int]) -> int:
        if msg.n % 20:
            raise ValueError(msg.n)
        return msg.n

    router.use(place, *([cluster_of(2)] if place == "dask" else []))
    pushed = [{"n": n, "k": n % 3} for n in range(100)]
    assert router.push(pushed, batch_size=7).state == "done"
    assert len(router.failures()) == 95


def test_a_call_that_failed_on_a_cluster_is_made_again_here(cluster_of):
    """With the state that came home; the worker's process is another."""
    router = Router()

    @router.node(("n", "pid"), entry_point=True, key="key", name="node")
    def node(msg: Any, state: list[int]) -> tuple[int, int]:
        state.append(msg.n)
        if msg.n == 4:
            raise ValueError(f"after {state[:-1]} in {os.getpid()}")
        return len(state), os.getpid()

    router.use("dask", cluster_of(2))
    router.push([{"n": n, "key": n % 2} for n in range(5)])
    (error,) = router.failures()["error"]
    assert error.startswith("after [0, 2] in ")
    assert not error.endswith(str(os.getpid()))
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"after \[0, 2\] in {os.getpid()}$") as raised:
            router.reproduce(0)
        assert raised.traceback[-1].name == "node"


def test_a_call_that_killed_its_worker_is_not_made_here(throw_away):
    router = Router()
    home = os.getpid()

    @router.node("n", entry_point=True, name="deadly")
    def deadly(msg: Any) -> int:
        if os.getpid() == home:
            raise AssertionError("called in the process of the notebook")
        if msg.n == 1:
            os._exit(1)
        return msg.n

    router.use("dask", throw_away(1))
    router.push([0, 1, 2], field="n")
    assert router.failures()["error_type"].tolist() == ["WorkerCrashError"]
    with pytest.raises(EmitError, match="failure 0 killed the process in which deadly ran"):
        router.reproduce(0)
    router.node("n", entry_point=True, name="deadly")(lambda msg: -msg.n)
    assert router.reproduce(0) == -1
