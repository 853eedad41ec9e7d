"""Traces, peeks and advice where nodes ran on a cluster: those of memory."""

from __future__ import annotations

from typing import Any

import dask.bag
import pandas as pd
from cluster.graphs import numbers, stateful
from cluster.same import in_memory

from emitnb import Router
from emitnb.notebook.live.details import details_of


def test_traces_and_peeks_are_those_of_memory_and_ms_is_measured_there(cluster_of):
    memory = in_memory(stateful, numbers(120))
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(120), batch_size=17)
    for node in ("__entry_point", "split", "running", "merged", "last"):
        for row in (0, 57, 101):
            found, expected = (each.trace(node, row)[:] for each in (router, memory))
            assert (found["ms"][found["node"] != "__entry_point"] > 0).all()
            pd.testing.assert_frame_equal(found.drop(columns="ms"), expected.drop(columns="ms"))
    for node in router.nodes:
        for origin in router.graph.origins(node):
            edge = f"{origin} -> {node}"
            pd.testing.assert_frame_equal(router.peek(edge, 1_000), memory.peek(edge, 1_000))


def test_what_lies_on_the_cluster_is_not_kept_here_and_the_trace_says_so(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(dask.bag.from_sequence(numbers(40), npartitions=4))
    first = str(router.trace("split", 3)).splitlines()[0]
    assert first.split() == ["__entry_point", "1", "(no", "longer", "kept)"]
    assert router.trace("split", 3)["values"].iloc[0] is None
    assert router.peek("__entry_point -> split").empty
    assert len(router.peek("split -> merged")) == 20


def keyed(router: Router) -> None:
    @router.node({"key": int, "n": int}, entry_point=True, name="split")
    def split(msg: Any) -> Any:
        return msg.n // 200, msg.n

    @router.node("total", "split", key="key", name="running")
    def running(msg: Any, state: Any) -> Any:
        state["total"] = state.get("total", 0) + msg.n
        return state["total"]


def test_rows_left_on_the_cluster_are_traced_and_no_key_is_counted_for_a_sentence(cluster_of):
    memory = in_memory(keyed, numbers(200))
    assert "100 % of its latest 200 messages have the key 0" in memory.advice()
    router = Router()
    keyed(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(200), batch_size=50, keep_on_cluster=True)
    assert "takes" in router.advice()
    assert "skewed" not in router.advice()
    assert router.trace("running", 150)["values"].tolist() == (
        memory.trace("running", 150)["values"].tolist()
    )
    found, expected = (each.peek("split -> running", 70) for each in (router, memory))
    pd.testing.assert_frame_equal(found, expected)
    details = details_of(router, ["running"])["running"]
    assert (details["rows"], details["total"]) == ([], 200)
    assert "stay on the cluster" in details["missing"]
    assert sum(details["histogram"]["counts"]) == 200


def test_nobody_on_a_cluster_is_told_to_go_there(cluster_of):
    router = Router()
    stateful(router, pace=0.01)
    router.push(numbers(60))
    assert "split takes" in router.advice()
    assert "dask would help" in router.advice()
    router.use("dask", cluster_of(2))
    assert "split takes" in router.advice()
    assert "dask" not in router.advice()
