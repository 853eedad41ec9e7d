"""Where nodes run: choosing a cluster, what a node may ask of it, and what the user sees."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.bag
import dask.dataframe
import pandas as pd
import pytest
from cluster.cells import Cells
from cluster.graphs import numbers, stateful
from cluster.plumbing import Outside, left_over, local, on_path, pids, until
from cluster.same import assert_same, in_memory, recorded
from distributed import Client
from distributed.security import Security

from emitnb import Router

# --- The embedded cluster -------------------------------------------------------------------------

LOOK = """
import json, os, sys, psutil
from emitnb import Router

def family():
    me = psutil.Process()
    return [me, *me.children(recursive=True)]

router = Router()

@router.node(("n", "pid"), entry_point=True)
def node(msg):
    return msg.n, os.getpid()

first = router.use("dask", n_workers=1)
router.push([{"n": n} for n in range(5)], batch_size=1)
here = router.frame("node")["pid"].unique().tolist() == [os.getpid()]
address = first.client.scheduler.address
router.use("memory")
again = router.use("dask", n_workers=1).client.scheduler.address
listening = {
    connection.laddr.ip
    for process in family()
    for connection in process.net_connections(kind="inet")
    if connection.status == psutil.CONN_LISTEN
}
print(json.dumps({
    "n": router.frame("node")["n"].tolist(),
    "here": here,
    "reused": address == again,
    "listening": sorted(listening),
    "threads": list(first.client.nthreads().values()),
    "family": [process.pid for process in family()],
}), flush=True)
"""


def look(ending: str) -> tuple[dict[str, Any], subprocess.Popen[str]]:
    """Run a program with an embedded cluster, and ``ending`` after it; return what it saw."""
    program = subprocess.Popen(
        [sys.executable, "-c", LOOK + ending],
        env=on_path(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    return json.loads(program.stdout.readline()), program


def test_an_embedded_cluster_is_reused_listens_only_here_and_closes_with_the_process():
    seen, program = look("")
    program.communicate(timeout=60)
    assert seen["n"] == [0, 1, 2, 3, 4]
    assert not seen["here"]
    assert seen["reused"]
    assert seen["listening"] == ["127.0.0.1"]
    assert seen["threads"] == [1]
    assert len(seen["family"]) >= 2
    assert program.returncode == 0
    until(lambda: not left_over(seen["family"]), 10)


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(3)", "router.unknown", "sys.stdin.read()"], ids=str
)
def test_no_worker_outlives_a_process_however_it_ends(ending):
    seen, program = look(ending)
    if "stdin" in ending:
        program.send_signal(signal.SIGKILL)
    with program:
        program.stdout.read()
    until(lambda: not left_over(seen["family"]), 15)


def test_another_number_of_workers_is_another_embedded_cluster():
    router = Router()
    stateful(router)
    try:
        one = router.use("dask", n_workers=1)
        assert len(one.client.scheduler_info()["workers"]) == 1
        router.push(numbers(30))
        two = router.use("dask", n_workers=2)
        assert len(two.client.scheduler_info()["workers"]) == 2
        router.push(numbers(30, 30))
        assert_same(router, in_memory(stateful, numbers(60)))
    finally:
        router.use("dask", n_workers=1)
        router.use("memory")


# --- Addresses, clients, security -----------------------------------------------------------------


def test_a_client_an_address_and_memory_can_be_chosen_in_turn(cluster_of):
    client = cluster_of(2)
    router = Router()
    stateful(router)
    assert router.backend.name == "memory"
    for part, place in enumerate([client, client.scheduler.address, None, client]):
        if place is None:
            assert router.use("memory") is router.backend
        else:
            assert router.use("dask", place) is router.backend
        assert router.backend.name == ("memory" if place is None else "dask")
        router.push(numbers(40, 40 * part), batch_size=11)
    assert_same(router, in_memory(stateful, numbers(160)))


def test_a_client_that_was_given_stays_open(cluster_of):
    client = cluster_of(2)
    router = Router()
    assert router.use("dask", client).client is client
    router.use("memory")
    del router
    assert client.status == "running"
    assert client.submit(os.getpid, pure=False).result() in pids(client).values()


def test_a_cluster_with_security_is_reached_by_address(tmp_path):
    security = Security.temporary()
    with local(1, tmp_path, protocol="tls://", security=security) as client:
        address = client.scheduler.address
        assert address.startswith("tls://")
        router = Router()
        stateful(router)
        router.use("dask", address, security=security)
        router.push(numbers(60), batch_size=11)
        router.use("memory")
        router.push(numbers(60, 60), batch_size=11)
        assert_same(router, in_memory(stateful, numbers(120)))


def test_what_was_chosen_is_shown_with_workers_threads_memory_and_dashboard(cluster_of):
    client = cluster_of(2)
    router = Router()
    backend = router.use("dask", client)
    text, page = str(backend), backend._repr_html_()
    for shown in (text, page):
        assert "workers" in shown.lower()
        assert "threads" in shown.lower()
        assert "memory" in shown.lower()
        assert "iB" in shown or "GB" in shown
        assert client.dashboard_link in shown
    assert backend.dashboard == client.dashboard_link
    assert f'href="{client.dashboard_link}"' in page
    lines = text.splitlines()
    assert 3 <= len(lines) <= 8
    assert any(line.split() == ["workers", "2"] for line in lines)
    assert "dask" in repr(router)
    assert "memory" in str(router.use("memory"))


# --- What a node asks of the cluster --------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[tuple[Client, Any]]:
    """Two workers that differ: the second one is named and has a GPU, or says so."""
    cluster = Outside(tmp_path_factory.mktemp("mixed"))
    try:
        cluster.worker("--name=plain")
        cluster.worker("--name=special", "--resources=GPU=1")
        with cluster.client(2) as client:
            yield client, cluster.workers[1].pid
    finally:
        cluster.close()


@pytest.mark.parametrize(
    "options",
    [{"resources": {"GPU": 1}}, {"workers": ["special"]}, {"workers": "special"}],
    ids=str,
)
@pytest.mark.parametrize("keyed", [False, True])
def test_a_node_runs_only_where_it_may(mixed, options, keyed):
    client, special = mixed
    router = Router()

    def anywhere(router: Router, **given: Any) -> None:
        @router.node(("key", "pid"), entry_point=True, name="anywhere")
        def anywhere(msg: Any) -> tuple[int, int]:
            return msg.n % 5, os.getpid()

        def chosen(msg: Any) -> tuple[int, int]:
            return msg.key, os.getpid()

        def chosen_keyed(msg: Any, state: list[int]) -> tuple[int, int]:
            return msg.key, os.getpid()

        key = {"key": "key"} if keyed else {}
        function = chosen_keyed if keyed else chosen
        router.node(("key", "pid"), "anywhere", name="chosen", **key, **given)(function)

    anywhere(router, **options)
    router.use("dask", client)
    router.push(numbers(60), batch_size=3)
    assert set(router.frame("chosen")["pid"]) == {special}
    assert router.frame("chosen")["key"].tolist() == [n % 5 for n in range(60)]


def test_options_for_a_cluster_mean_nothing_in_memory():
    router = Router()
    options = {"resources": {"GPU": 1}, "workers": ["special"], "priority": 3}
    router.node("n", entry_point=True, name="node", **options)(lambda msg: msg.n)
    router.push(numbers(3))
    assert router.frame("node")["n"].tolist() == [0, 1, 2]


def flaky(router: Router, folder: Path, fails: int, retries: int) -> None:
    """Declare a keyed node that fails at a message's first so many tries."""

    @router.node(("n", "seen"), entry_point=True, key="key", name="flaky", retries=retries)
    def flaky(msg: Any, state: list[int]) -> tuple[int, int]:
        state.append(msg.n)
        tries = folder / str(msg.n)
        tried = len(tries.read_text()) if tries.exists() else 0
        if msg.n % 3 == 1 and tried < fails:
            tries.write_text("x" * (tried + 1))
            raise OSError(f"{msg.n}: try {tried + 1}")
        return msg.n, len(state)


@pytest.mark.parametrize("place", ["memory", "dask"])
@pytest.mark.parametrize(("fails", "failed"), [(1, 0), (2, 0), (3, 4)])
def test_a_message_is_tried_again_as_often_as_the_node_says(
    cluster_of, tmp_path, place, fails, failed
):
    router = Router()
    flaky(router, tmp_path, fails, retries=2)
    router.use(place, *([cluster_of(2)] if place == "dask" else []))
    router.push([{"n": n, "key": n % 2} for n in range(12)], batch_size=5)
    failures = router.failures()
    assert len(failures) == failed
    assert failures["error"].tolist() == [f"{n}: try 3" for n in (1, 4, 7, 10)][:failed]
    seen = {0: 0, 1: 0}
    for n, count in router.frame("flaky").itertuples(index=False):
        seen[n % 2] += 1
        assert count == seen[n % 2]
    assert len(router.frame("flaky")) == 12 - failed


def test_of_two_nodes_that_wait_the_one_with_priority_runs_first(throw_away, tmp_path):
    order = tmp_path / "order"
    router = Router()

    @router.node("n", entry_point=True, name="start")
    def start(msg: Any) -> int:
        threading.Event().wait(0.05)  # until both of the others wait for it
        return int(msg.n)

    def remember(name: str, priority: int) -> None:
        @router.node("n", "start", name=name, key="n", priority=priority)
        def node(msg: Any, state: dict[str, int]) -> int:
            with order.open("a") as file:
                file.write(f"{name} {msg.n}\n")
            return int(msg.n)

    remember("later", 0)
    remember("sooner", 10)
    router.use("dask", throw_away(1), in_flight=1)
    router.push(numbers(8), batch_size=1)
    lines = order.read_text().split("\n")
    sooner = [lines.index(f"sooner {n}") < lines.index(f"later {n}") for n in range(8)]
    assert sooner[1:] == [True] * 7  # the first may begin before it is known what else there is


def test_async_nodes_wait_together_on_a_cluster(cluster_of):
    def declare(router: Router) -> None:
        @router.node(("n", "together"), entry_point=True, name="fetch")
        async def fetch(msg: Any) -> tuple[int, bool]:
            await asyncio.sleep(0.01)
            return msg.n, len(asyncio.all_tasks()) > 5

        @router.node("n", "fetch", name="each")
        async def each(msg: Any) -> Any:
            for more in range(2):
                yield msg.n * 10 + more

    router = Router()
    declare(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(40), batch_size=20)
    assert router.frame("fetch")["together"].any()
    assert router.frame("each")["n"].tolist() == [
        n * 10 + more for n in range(40) for more in (0, 1)
    ]


# --- What the user sees ---------------------------------------------------------------------------


def test_what_nodes_print_comes_back(cluster_of, capsys):
    router = Router()
    router.node("n", entry_point=True, name="chatty")(lambda msg: print("seen", msg.n))
    router.use("dask", cluster_of(2))
    capsys.readouterr()
    router.push(numbers(20), batch_size=4)
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if "seen" in line] == [f"seen {n}" for n in range(20)]


def test_what_nodes_print_is_bounded_and_the_node_is_named(cluster_of, capsys):
    router = Router()

    @router.node("n", entry_point=True, name="chatty")
    def chatty(msg: Any) -> int:
        for number in range(25_000):
            print("line", number)
        return int(msg.n)

    router.use("dask", cluster_of(2))
    capsys.readouterr()
    assert router.push(numbers(8), batch_size=2).state == "done"
    printed = capsys.readouterr().out
    assert printed.startswith("line 0\nline 1\n")
    assert len(printed.splitlines()) < 2_000
    assert "chatty" in printed.splitlines()[-1]
    assert "199,000 more lines" in printed.splitlines()[-1]
    assert router.frame("chatty")["n"].tolist() == list(range(8))


def test_a_failure_has_the_users_own_traceback_and_line(cluster_of):
    cells = Cells()
    cells.run("""
        def halve(n):
            if n == 4:
                raise ValueError(f"{n} is refused")
            return n // 2
        """)
    cells.run("""
        @router.node("n", entry_point=True)
        def halved(msg):
            # a comment
            return halve(msg.n)
        """)
    cells.router.use("dask", cluster_of(2))
    cells.router.push(numbers(10), batch_size=3)
    (failure,) = cells.router.failures().to_dict("records")
    assert failure["line"] == 4
    assert failure["error"] == "4 is refused"
    assert "in halved\n    return halve(msg.n)\n" in failure["traceback"]
    assert 'in halve\n    raise ValueError(f"{n} is refused")\n' in failure["traceback"]
    for foreign in ("distributed", "dask", "emitnb/", "cloudpickle", "concurrent"):
        assert foreign not in failure["traceback"]


def test_progress_is_told_batch_by_batch(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    told: list[tuple[int, int]] = []

    def tell(run: Any) -> None:
        told.append((run.done, len(router.frame("last"))))

    router.push(numbers(100), batch_size=10, progress=tell)
    done = sorted({done for done, _ in told})
    assert done == list(range(10, 101, 10))
    for done, rows in told:
        assert rows == len(in_memory(stateful, numbers(done)).frame("last"))


class Given:
    """Numbers; knows how many were taken."""

    def __init__(self, count: int) -> None:
        self.taken = 0
        self._count = count

    def __iter__(self) -> Iterator[dict[str, int]]:
        for n in range(self._count):
            self.taken += 1
            yield {"n": n}


@pytest.mark.parametrize("in_flight", [1, 3, None])
def test_a_source_is_read_no_further_than_the_batches_on_their_way(cluster_of, in_flight):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2), in_flight=in_flight)
    source = Given(200)
    ahead: list[int] = []
    router.push(source, batch_size=10, progress=lambda run: ahead.append(source.taken - run.done))
    most = in_flight or 4
    assert max(ahead) <= 10 * (most + 1)
    if most > 1:
        assert max(ahead) >= 10


def test_a_long_run_leaves_no_more_on_the_scheduler_than_a_short_one(throw_away):
    client = throw_away(1)
    router = Router()
    summing(router)
    router.use("dask", client)
    tasks: list[int] = []

    def count(run: Any) -> None:
        tasks.append(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))

    router.push([{"key": n % 3, "n": n} for n in range(300)], batch_size=1, progress=count)
    assert max(tasks[200:]) <= 1.2 * max(tasks[:100])


# --- Data that is on the cluster ------------------------------------------------------------------


class AtHome:
    """A value that can be read on workers only."""

    def __init__(self, n: int, home: int) -> None:
        self.n = n
        self.home = home

    def __setstate__(self, state: dict[str, int]) -> None:
        if os.getpid() == state["home"]:
            raise AssertionError("the data came to the notebook")
        self.__dict__.update(state)


def summing(router: Router) -> None:
    """Declare a node with state over messages with the fields ``key`` and ``n``."""

    @router.node(("key", "total"), entry_point=True, key="key", name="sums")
    def sums(msg: Any, state: dict[str, int]) -> tuple[int, int]:
        state["total"] = state.get("total", 0) * 3 + int(msg.n)
        return msg.key, state["total"]


KEYED = [{"key": n % 3, "n": n * n} for n in range(50)]


def parts(client: Client) -> dict[str, Any]:
    """Return the messages of KEYED in each form that data on a cluster may have."""
    bag = dask.bag.from_sequence(KEYED, npartitions=4)
    frame = dask.dataframe.from_pandas(pd.DataFrame(KEYED), npartitions=4)
    pieces = [pd.DataFrame(KEYED[start : start + 20]) for start in range(0, 50, 20)]
    return {
        "bag": bag,
        "persisted bag": client.persist(bag),
        "dataframe": frame,
        "persisted dataframe": client.persist(frame),
        "futures": client.scatter(pieces),
    }


@pytest.mark.parametrize(
    "form", ["bag", "persisted bag", "dataframe", "persisted dataframe", "futures"]
)
def test_data_on_the_cluster_is_pushed_in_its_order(cluster_of, form):
    client = cluster_of(2)
    router = Router()
    summing(router)
    router.use("dask", client)
    router.push(parts(client)[form], batch_size=7)
    memory = in_memory(summing, KEYED)
    one, other = recorded(router), recorded(memory)
    for name in (name for name in other if name != "pushed"):
        pd.testing.assert_frame_equal(one[name], other[name], obj=name)


def test_data_on_the_cluster_does_not_come_to_the_notebook(cluster_of):
    client = cluster_of(2)
    home = os.getpid()

    def make(start: int) -> list[dict[str, Any]]:
        return [{"part": AtHome(n, home)} for n in range(start, start + 10)]

    bag = client.persist(
        dask.bag.from_delayed([dask.delayed(make)(start) for start in range(0, 40, 10)])
    )
    router = Router()
    router.node("n", entry_point=True, name="numbers")(lambda msg: msg.part.n)
    router.use("dask", client)
    router.push(bag)
    assert router.frame("numbers")["n"].tolist() == list(range(40))
    assert len(router.failures()) == 0


# --- Emissions that stay on the cluster -----------------------------------------------------------


def test_emissions_kept_on_the_cluster_are_read_as_a_dask_dataframe(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(200), batch_size=30, keep_on_cluster=True)
    memory = in_memory(stateful, numbers(200))
    for node in ("split", "running", "merged", "last"):
        lazy = router.frame(node, lazy=True)
        assert isinstance(lazy, dask.dataframe.DataFrame)
        with router.backend.client.as_current():  # other tests have made other clients
            found = lazy.compute().reset_index(drop=True)
        pd.testing.assert_frame_equal(found, memory.frame(node), obj=node)
    assert len(router.failures()) == len(memory.failures())
    assert router.summary().drop(columns="ms").equals(memory.summary().drop(columns="ms"))


def test_emissions_kept_on_the_cluster_can_be_reduced_there(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(200), batch_size=30, keep_on_cluster=True)
    memory = in_memory(stateful, numbers(200)).frame("merged")
    lazy = router.frame("merged", lazy=True)
    with router.backend.client.as_current():
        found = lazy.groupby("key")["mark"].sum().compute().sort_index()
    assert found.tolist() == memory.groupby("key")["mark"].sum().sort_index().tolist()


def test_several_pushes_that_stay_on_the_cluster_are_one_frame(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    for part in range(3):
        router.push(numbers(50, 50 * part), batch_size=20, keep_on_cluster=True)
    with router.backend.client.as_current():
        lazy = router.frame("last", lazy=True).compute().reset_index(drop=True)
    pd.testing.assert_frame_equal(lazy, in_memory(stateful, numbers(150)).frame("last"))


def test_a_lazy_frame_of_a_node_that_is_not_there_says_so(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    with pytest.raises(LookupError, match=r"`lsat`.*Did you mean `last`"):
        router.frame("lsat", lazy=True)


# --- Several at a time ----------------------------------------------------------------------------


def test_two_routers_share_a_cluster(cluster_of):
    client = cluster_of(2)
    routers = [Router(), Router()]
    for router in routers:
        stateful(router)
        router.use("dask", client)
    threads = [
        threading.Thread(target=router.push, args=(numbers(200),), kwargs={"batch_size": 10})
        for router in routers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory = in_memory(stateful, numbers(200))
    for router in routers:
        assert_same(router, memory)
