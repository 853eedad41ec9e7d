"""Failure ports on a cluster: what goes out of them is what goes out of them in memory."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from cluster.same import assert_same, in_memory
from failing import declare, failing_graphs, model_of, numbers
from hypothesis import given
from hypothesis import strategies as st
from test_properties import BATCH_SIZES, examples

from emitnb import Router


class Quarrel(Exception):
    """One that says something else when it is made again from its arguments."""

    def __init__(self, what: str) -> None:
        super().__init__(f"a quarrel about {what}")


def quarrelling(router: Router) -> None:
    """Declare stages whose failures travel: between stages, partitions and home."""

    @router.node({"key": int, "n": int}, entry_point=True, name="split")
    def split(msg: Any) -> Any:
        if msg.n % 5 == 3:
            raise Quarrel(str(msg.n))
        yield msg.n % 3, msg.n
        yield msg.n % 4, msg.n + 1

    @router.node("total", "split", key="key", name="running")
    def running(msg: Any, state: dict[str, int]) -> int:
        state["total"] = state.get("total", 0) + msg.n
        if msg.n % 4 == 1:
            return msg.nn
        return state["total"]

    @router.node(("what", "count"), "/.*!/", key="error", ignore="count!", name="count")
    def count(msg: Any, state: dict[str, int]) -> tuple[str, int]:
        state["n"] = state.get("n", 0) + 1
        return msg.error, state["n"]

    @router.node("text", ["running", "running!", "split!", "count"], name="last")
    def last(msg: Any, state: dict[str, int]) -> str:
        state["n"] = state.get("n", 0) + 1
        return f"{state['n']} {msg.as_dict()}"

    @router.node("text", ["running", "running!"], name="beside")
    def beside(msg: Any) -> str:
        return str(msg.as_dict())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size", [3, "auto"])
def test_what_goes_out_of_ports_is_what_goes_out_in_memory(cluster_of, workers, size):
    pushed = [{"n": n} for n in range(80)]
    router = Router()
    quarrelling(router)
    router.use("dask", cluster_of(workers))
    router.push(pushed, batch_size=size)
    memory = in_memory(quarrelling, pushed)
    assert len(memory.frame("running!")) > 20 < len(memory.frame("count"))
    assert memory.frame("split!")["error"][0] == "a quarrel about 3"
    assert_same(router, memory)


@pytest.mark.parametrize("workers", [2])
@examples(12)
@given(data=st.data())
def test_any_graph_with_ports_gives_what_it_gives_in_memory(cluster_of, workers, data):
    specs, pushed = data.draw(failing_graphs()), data.draw(numbers)
    model_of(specs, [pushed])  # gives up what grows without bound
    router = Router()
    declare(specs, router)
    router.use("dask", cluster_of(workers))
    router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    assert_same(router, in_memory(lambda memory: declare(specs, memory), pushed))


def test_a_message_that_killed_its_worker_goes_out_of_the_port(cluster_of):
    router = Router()

    @router.node("n", entry_point=True, name="crash")
    def crash(msg: Any) -> int:
        if msg.n == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return msg.n

    router.node("text", ["crash", "crash!"], name="same")(lambda msg: str(msg.as_dict()))
    router.node("text", "crash!", key="node", name="other")(lambda msg, state: msg.error_type)
    router.use("dask", cluster_of(2))
    router.push([{"n": n} for n in range(8)], batch_size=4)
    (letter,) = router.frame("crash!").to_dict("records")
    assert (letter["error_type"], letter["input"]) == ("WorkerCrashError", {"n": 5})
    assert letter["error"] == router.failures()["error"][0]
    assert router.frame("same")["text"].tolist()[5] == str(letter)
    assert router.frame("other")["text"].tolist() == ["WorkerCrashError"]


def test_what_stays_on_the_cluster_leaves_its_failures_here(cluster_of):
    pushed = [{"n": n} for n in range(30)]
    router = Router()
    quarrelling(router)
    router.use("dask", cluster_of(2))
    router.push(pushed, batch_size=10, keep_on_cluster=True)
    assert_same(router, in_memory(quarrelling, pushed))
    assert len(router.frame("split!", lazy=True)) == len(router.frame("split!"))
