"""Retry and replay on a cluster: what comes of them is what memory makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cluster.graphs import numbers, stateful
from cluster.same import assert_same
from cluster.test_equal_frames import SIZES, declare, drawn, examples, in_parts
from hypothesis import assume, given
from hypothesis import strategies as st
from model import TooManyEmissions
from strategies import NodeSpec, Work, model_of

from emitnb import Router


def mended(router: Router) -> None:
    """Declare two of the nodes again: what failed in them passes, and emits other numbers."""

    @router.node({"key": int, "n": int}, entry_point=True, name="split")
    def split(msg: Any) -> Any:
        yield msg.n % 7, msg.n
        yield msg.n % 3, msg.n * 2 + 1

    @router.node(("key", "total"), "split", key="key", name="running")
    def running(msg: Any, state: dict[str, int]) -> tuple[int, int]:
        state["total"] = (state.get("total", 0) * 31 + msg.n) % 1_000_003
        if msg.n % 55 == 5:
            raise ValueError(f"{msg.n} is still refused")
        return msg.n % 5, state["total"]


def session(router: Router, backend: Any) -> None:
    """Push, mend, retry, push on, move, replay."""
    stateful(router)
    router.use(*backend)
    router.push(numbers(120), batch_size=11)
    mended(router)
    router.retry("split", batch_size=3)
    router.retry("running", batch_size=2)
    router.push(numbers(30, 120), batch_size=7)
    router.retry()
    router.replay("running", batch_size=9)
    router.push(numbers(20, 150))


@pytest.mark.parametrize("workers", [1, 2])
def test_retried_and_replayed_on_a_cluster_is_the_same(cluster_of, workers):
    found, expected = Router(), Router()
    session(found, ("dask", cluster_of(workers)))
    session(expected, ("memory",))
    assert len(expected.failures())
    assert_same(found, expected)


def test_failures_of_a_cluster_are_retried_in_memory_and_the_other_way_round(cluster_of):
    found, expected = Router(), Router()
    for router, first, then in (
        (found, ("dask", cluster_of(2)), ("memory",)),
        (expected, ("memory",), ("memory",)),
    ):
        stateful(router)
        router.use(*first)
        router.push(numbers(100), batch_size=10)
        mended(router)
        router.use(*then)
        router.retry("running")
        router.use(*first)
        router.retry("split")
        router.use(*then)
        router.replay()
    assert_same(found, expected)


def is_small(specs: list[NodeSpec], node: NodeSpec, first: list[Any], second: list[Any]) -> bool:
    """Whether a graph, and a node of it declared again, make only so much of what is pushed."""
    model = model_of(specs)
    try:
        model.push(first)
        model.declare(replace(node, revision=2).for_model())
        model.retry()
        model.push(second)
        model.replay(node.name)
    except TooManyEmissions:
        return False
    return True


@given(data=st.data())
@examples(6)
def test_any_graph_replayed_on_a_cluster_is_as_in_memory(cluster_of, data):
    specs, pushed = drawn(data)
    first, second = in_parts(data, pushed, 2)
    changed = data.draw(st.sampled_from(specs))
    node = replace(changed, work=Work(style="value"))
    size = data.draw(st.sampled_from(SIZES))
    assume(is_small(specs, node, first, second))
    routers = [Router(), Router()]
    for router, backend in zip(routers, (("dask", cluster_of(2)), ("memory",)), strict=True):
        declare(specs, router)
        router.use(*backend)
        router.push(first, batch_size=size)
        declare([node], router)
        router.retry(batch_size=size)
        router.push(second, batch_size=size)
        router.replay(node.name, batch_size=size)
    assert_same(*routers)
