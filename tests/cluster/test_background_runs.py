"""Runs in the background on a cluster: they take turns, and the result is one of a single push."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cluster.cells import Cells
from cluster.graphs import numbers, stateful
from cluster.plumbing import on_path, until, within
from cluster.same import assert_same

from emitnb import Router
from emitnb.message import ENTRY_POINT


def in_committed_order(router: Router) -> Router:
    """A router in memory that was pushed the same in one push, in the order of the commits."""
    again = Router()
    stateful(again)
    again.push([{"n": int(n)} for n in router.frame(ENTRY_POINT)["n"]])
    return again


@pytest.mark.parametrize("size", [7, "auto"])
def test_two_runs_at_once_over_keyed_nodes_give_what_memory_gives(cluster_of, size):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    with within(120):
        one = router.push(numbers(200), background=True, batch_size=size)
        two = router.push(numbers(200, start=1_000), background=True, batch_size=size)
        router(n=3)
        router.push(numbers(20, start=5_000), batch_size=size)
        assert router.wait() == (one, two)
    assert (one.state, two.state) == ("done", "done")
    pushed = router.frame(ENTRY_POINT)["n"]
    for start, count in ((0, 200), (1_000, 200), (5_000, 20)):
        mine = [n for n in pushed if start <= n < start + 1_000]
        assert sorted(mine) == sorted([*range(start, start + count), *([3] if not start else [])])
    assert_same(router, in_committed_order(router))


def test_a_run_that_is_paused_and_stepped_on_a_cluster_loses_nothing(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    with within(120):
        run = router.push(
            numbers(90), background=True, batch_size=10, progress=lambda run: run.pause()
        )
        run.settle()
        before = run.done
        assert run.step(2).done == before + 20
        router.push(numbers(10, start=1_000))
        while run.state != "done":
            run.step()
    assert_same(router, in_committed_order(router))


def test_a_run_on_a_cluster_is_cancelled_without_waiting_for_its_tasks(cluster_of, tmp_path: Path):
    router = Router()
    cells = Cells(router, started=str(tmp_path / "started"))
    cells.run(
        """
        @router.node("n", entry_point=True, name="first")
        def first(msg):
            import pathlib, time
            if msg.n == 3:
                pathlib.Path(started).touch()
                while True:
                    time.sleep(0.01)
            return msg.n
        """
    )
    router.use("dask", cluster_of(2))
    with within(120):
        run = router.push(range(10), field="n", batch_size=1, background=True)
        until((tmp_path / "started").exists)
        run.cancel()
        assert run.wait()
        assert run.state == "cancelled"
        router.push([20, 21], field="n", to="first")
    assert router.frame("first")["n"].tolist()[-2:] == [20, 21]


def test_prints_on_workers_go_to_the_log_of_each_node(cluster_of, capsys):
    router = Router()
    cells = Cells(router)
    cells.run(
        """
        @router.node("n", entry_point=True, name="first")
        def first(msg):
            print("first", msg.n)
            return msg.n

        @router.node("n", "first", name="second")
        def second(msg):
            print("second", msg.n)
            return msg.n
        """
    )
    router.use("dask", cluster_of(2))
    with within(120):
        router.push(range(3), field="n", batch_size=2, background=True).wait()
    assert router.log("first") == "first 0\nfirst 1\nfirst 2"
    assert router.log("second") == "second 0\nsecond 1\nsecond 2"
    assert capsys.readouterr().out == ""


PROGRAM = """
from emitnb import Router

if __name__ == "__main__":
    router = Router()
    going = threading.Event()

    @router.node("n", entry_point=True, name="first")
    def first(msg):
        return msg.n

    router.push([{"n": 1}], background=True).wait()  # before anything of dask is registered
    router.use("dask", n_workers=1)
    router.push(
        ({"n": n} for n in range(10**9)),
        batch_size=2,
        background=True,
        progress=lambda run: going.set(),
    )
    assert going.wait(60)
"""


def test_the_process_ends_quietly_with_a_run_on_a_cluster(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=100,
        env=on_path(),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
