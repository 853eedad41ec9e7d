"""Retry and replay on a cluster: what comes of them is what memory makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dask.bag
import pandas as pd
import pytest
from cluster.graphs import numbers, stateful
from cluster.same import assert_same
from cluster.test_equal_frames import SIZES, declare, drawn, examples, in_parts
from hypothesis import assume, given
from hypothesis import strategies as st
from model import TooManyEmissions
from strategies import NodeSpec, Work, model_of

from emitnb import EmitError, Router


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


def test_what_is_kept_on_the_cluster_is_replayed_and_retried(cluster_of):
    found, expected = Router(), Router()
    for router, options in ((found, {"keep_on_cluster": True}), (expected, {})):
        stateful(router)
        if options:
            router.use("dask", cluster_of(2))
        router.push(numbers(90), batch_size=10, **options)
        mended(router)
        router.retry("split", batch_size=4)
        router.replay("running", batch_size=8)
    assert_same(found, expected)


def test_two_retries_at_a_time_on_a_cluster_do_nothing_twice(cluster_of):
    found, expected = Router(), Router()
    for router in (found, expected):
        stateful(router)
        router.push(numbers(60))
        mended(router)
    found.use("dask", cluster_of(2))
    runs = [found.retry(background=True, batch_size=2) for _ in range(2)]
    assert all(run.wait(60) for run in runs)
    expected.retry()
    assert sorted(found.frame("split").values.tolist()) == sorted(
        expected.frame("split").values.tolist()
    )
    failed = ["node", "input"]
    assert found.failures()[failed].values.tolist() == expected.failures()[failed].values.tolist()


def test_what_was_pushed_from_the_cluster_is_not_kept_and_a_replay_says_so(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(dask.bag.from_sequence(numbers(40), npartitions=4))
    before = router.frame("split", lineage=True)
    mended(router)
    with pytest.raises(EmitError, match="the pushed messages 0 to 39 are no longer kept"):
        router.replay("split")
    pd.testing.assert_frame_equal(router.frame("split", lineage=True), before)
    router.live = 60
    split = router.node({"key": int, "n": int}, entry_point=True, name="split")(lambda msg: (1, 2))
    assert "gave up replaying: the pushed messages 0 to 39 are no longer" in str(split.declaration)
    assert router.replay("running").state == "done"
