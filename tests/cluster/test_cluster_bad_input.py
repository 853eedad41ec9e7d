"""Bad input on a cluster: a clear error in good time; the router stays as it was, and usable."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psutil
import pytest
from cluster.cells import Cells
from cluster.graphs import numbers, stateful
from cluster.plumbing import local
from cluster.same import assert_same, in_memory
from distributed import Client
from distributed.security import Security
from looking import unchanged

from emitnb import DeclarationError, EmitError, Router
from emitnb.errors import BackendError

PATIENCE = 15.0
"""Seconds after which an error comes too late: ten for the address, and some for a busy machine."""


@contextmanager
def soon() -> Iterator[None]:
    """Check that the block ends in good time."""
    began = monotonic()
    yield
    assert monotonic() - began < PATIENCE


def working() -> Router:
    """A router in which something is recorded."""
    router = Router()
    stateful(router)
    router.push(numbers(20))
    return router


@contextmanager
def still_in_memory(router: Router) -> Iterator[None]:
    """Check that the block leaves the router in memory, as it was, and able to go on."""
    with unchanged(router):
        yield
    assert router.backend.name == "memory"
    router.push(numbers(20, 20))
    assert_same(router, in_memory(stateful, numbers(40)))


# --- Where to run ---------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of something that listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def nobody() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_an_address_that_cannot_be_reached_is_an_error_that_says_how_to_start_one(silent):
    def told(address: str) -> str:
        router = working()
        with still_in_memory(router), soon(), pytest.raises(BackendError) as refused:
            router.use("dask", address)
        return str(refused.value)

    with ThreadPoolExecutor() as pool:  # each waits for ten seconds
        addresses = [silent, nobody()]
        for address, text in zip(addresses, pool.map(told, addresses), strict=True):
            assert address in text
            assert "dask scheduler" in text
            assert "leave the address away" in text


@pytest.mark.parametrize("address", ["no address", "http://127.0.0.1:1", "tcp://", "127.0.0.1:x"])
def test_what_is_no_address_is_an_error_that_names_it(address):
    router = working()
    with still_in_memory(router), soon(), pytest.raises(BackendError) as refused:
        router.use("dask", address)
    assert address in str(refused.value)


def test_what_is_neither_an_address_nor_a_client_is_an_error_that_says_what_can_be():
    router = working()
    with still_in_memory(router), pytest.raises(BackendError, match=r"int.*(address|Client)"):
        router.use("dask", 8786)


def test_wrong_security_is_an_error_that_says_so(tmp_path):
    ours, theirs = Security.temporary(), Security.temporary()
    with local(1, tmp_path, protocol="tls://", security=theirs) as client:
        address = client.scheduler.address
        for options in ({}, {"security": ours}):
            router = working()
            with still_in_memory(router), soon(), pytest.raises(BackendError, match="security"):
                router.use("dask", address, **options)


def test_a_closed_client_is_refused(cluster_of):
    client = Client(cluster_of(2).scheduler.address)
    client.close()
    router = working()
    with still_in_memory(router), pytest.raises(BackendError, match="closed"):
        router.use("dask", client)


def test_a_client_that_was_closed_meanwhile_is_an_error_and_nothing_is_lost(cluster_of):
    router = working()
    with Client(cluster_of(2).scheduler.address) as client:
        router.use("dask", client)
        router.push(numbers(20, 20))
    with unchanged(router), soon(), pytest.raises(EmitError, match="use"):
        router.push(numbers(20, 40))
    router.use("memory")
    router.push(numbers(20, 40))
    assert_same(router, in_memory(stateful, numbers(60)))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n_workers": 0}, "n_workers"),
        ({"n_workers": -1}, "n_workers"),
        ({"n_workers": "two"}, "n_workers"),
        ({"n_workers": 1.5}, "n_workers"),
        ({"threads": 0}, "threads"),
        ({"threads": -2}, "threads"),
        ({"in_flight": 0}, "in_flight"),
    ],
    ids=str,
)
def test_a_number_that_cannot_be_is_refused_by_name(options, name):
    router = working()
    with still_in_memory(router), soon(), pytest.raises(BackendError) as refused:
        router.use("dask", **options)
    assert name in str(refused.value)
    assert repr(options[name]) in str(refused.value)


@pytest.mark.parametrize(
    ("name", "hint"), [("dsk", "dask"), ("Dask", "dask"), ("memry", "memory"), ("", "dask")]
)
def test_an_unknown_backend_is_an_error_with_the_nearest_name(name, hint):
    router = working()
    with still_in_memory(router), pytest.raises(BackendError) as refused:
        router.use(name)
    assert hint in str(refused.value)


def test_an_address_for_memory_is_refused():
    router = working()
    with still_in_memory(router), pytest.raises(BackendError, match="memory"):
        router.use("memory", "tcp://127.0.0.1:8786")


# --- Nodes that cannot go to a cluster ------------------------------------------------------------

LOCKED = """
    import threading

    door = threading.Lock()

    @router.node("n", entry_point=True)
    def guarded(msg):
        with door:
            return msg.n
    """


def test_moving_a_node_that_cannot_be_pickled_is_refused_with_node_and_variable(cluster_of):
    cells = Cells()
    cells.run(LOCKED)
    cells.router.push(numbers(3))
    with unchanged(cells.router), pytest.raises(EmitError) as refused:
        cells.router.use("dask", cluster_of(2))
    assert "guarded" in str(refused.value)
    assert "door" in str(refused.value)
    assert cells.router.backend.name == "memory"
    cells.router.push(numbers(3))
    assert cells.router.frame("guarded")["n"].tolist() == [0, 1, 2, 0, 1, 2]


def test_declaring_a_node_that_cannot_be_pickled_is_refused_on_a_cluster(cluster_of):
    cells = Cells()
    stateful(cells.router)
    cells.router.use("dask", cluster_of(2))
    with unchanged(cells.router), pytest.raises(DeclarationError) as refused:
        cells.run(LOCKED)
    assert "guarded" in str(refused.value)
    assert "door" in str(refused.value)
    cells.router.push(numbers(20))
    assert_same(cells.router, in_memory(stateful, numbers(20)))


HOARDS = {
    "appends to a list": ("seen = []", "seen.append(msg.n)"),
    "sets an item": ("seen = {}", "seen[msg.n] = 1"),
    "adds to a set": ("seen = set()", "seen.add(msg.n)"),
    "counts in a global": ("seen = 0", "global seen; seen += 1"),
}


@pytest.mark.parametrize("hoard", HOARDS)
@pytest.mark.parametrize("moment", ["moved", "declared"])
def test_a_node_that_changes_a_global_is_refused_unless_it_may(cluster_of, hoard, moment):
    makes, changes = HOARDS[hoard]
    cell = f"""
        @router.node("n", entry_point=True, **options)
        def hoarding(msg):
            {changes}
            return msg.n
        """
    cells = Cells(options={})
    cells.run(makes)
    if moment == "declared":
        cells.router.use("dask", cluster_of(2))
        with unchanged(cells.router), pytest.raises(EmitError) as refused:
            cells.run(cell)
    else:
        cells.run(cell)
        with unchanged(cells.router), pytest.raises(EmitError) as refused:
            cells.router.use("dask", cluster_of(2))
        assert cells.router.backend.name == "memory"
    for part in ("hoarding", "seen", "state", "allow_shared=True"):
        assert part in str(refused.value)
    cells.names["options"] = {"allow_shared": True}
    cells.run(cell)
    cells.router.use("dask", cluster_of(2))
    cells.router.push(numbers(5))
    assert cells.router.frame("hoarding")["n"].tolist() == [0, 1, 2, 3, 4]


def test_a_node_that_only_reads_a_global_is_welcome(cluster_of):
    cells = Cells()
    cells.run("""
        table = {n: n * n for n in range(100)}

        @router.node("n", entry_point=True)
        def square(msg):
            return table[msg.n]
        """)
    cells.router.use("dask", cluster_of(2))
    cells.router.push(numbers(20), batch_size=3)
    assert cells.router.frame("square")["n"].tolist() == [n * n for n in range(20)]


def test_a_resource_that_no_worker_has_is_an_error_that_names_it(cluster_of):
    router = working()
    with unchanged(router):
        router.use("dask", cluster_of(2))
        with soon(), pytest.raises(EmitError, match=r"greedy.*TPU"):
            router.node("n", name="greedy", resources={"TPU": 1})(lambda msg: msg.n)
        router.use("memory")
    router.node("n", name="greedy", resources={"TPU": 1})(lambda msg: msg.n)
    with soon(), pytest.raises(EmitError, match=r"greedy.*TPU"):
        router.use("dask", cluster_of(2))
    assert router.backend.name == "memory"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"resources": "GPU"}, "resources"),
        ({"resources": {"GPU": "one"}}, "GPU"),
        ({"resources": {"GPU": -1}}, "GPU"),
        ({"workers": 7}, "workers"),
        ({"retries": -1}, "retries"),
        ({"retries": 1.5}, "retries"),
        ({"priority": "high"}, "priority"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(options, part):
    router = working()
    with still_in_memory(router), pytest.raises(DeclarationError) as refused:
        router.node("n", entry_point=True, name="node", **options)(lambda msg: msg.n)
    assert "node" in str(refused.value)
    assert part in str(refused.value)


# --- Messages that cannot travel ------------------------------------------------------------------


def reading(router: Router) -> None:
    router.node("n", entry_point=True, name="reader")(lambda msg: msg.n)
    router.node("n", "reader", name="after")(lambda msg: msg.n * 2)


@pytest.mark.parametrize("size", [1, 4, "auto"])
def test_a_pushed_message_that_cannot_be_pickled_fails_alone(cluster_of, size):
    router = Router()
    reading(router)
    router.use("dask", cluster_of(2))
    pushed: list[dict[str, Any]] = [{"n": n, "thing": n} for n in range(10)]
    pushed[3]["thing"] = threading.Lock()
    run = router.push(pushed, batch_size=size)
    assert run.state == "done"
    assert router.frame("reader")["n"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert router.frame("after")["n"].tolist() == [0, 2, 4, 8, 10, 12, 14, 16, 18]
    (failure,) = router.failures().to_dict("records")
    assert failure["input"]["n"] == 3
    assert failure["input"]["thing"] is pushed[3]["thing"]
    assert "pickle" in failure["error"]


def emitting(router: Router, thing: Callable[[], Any]) -> None:
    """Declare a node that emits a strange thing for the message 3, and ones behind it."""

    @router.node(("n", "thing"), entry_point=True, name="giver")
    def giver(msg: Any) -> tuple[int, Any]:
        return msg.n, thing() if msg.n == 3 else None

    router.node("n", "giver", name="taker")(lambda msg: msg.n)

    @router.node("n", "giver", key="n", name="keyed")
    def keyed(msg: Any, state: dict[str, int]) -> int:
        return int(msg.n)


@pytest.mark.parametrize("size", [1, 4, "auto"])
def test_an_emission_that_cannot_be_pickled_is_a_failure_of_that_message(cluster_of, size):
    router = Router()
    emitting(router, threading.Lock)
    router.use("dask", cluster_of(2))
    assert router.push(numbers(8), batch_size=size).state == "done"
    expected = [0, 1, 2, 4, 5, 6, 7]
    for node in ("giver", "taker", "keyed"):
        assert router.frame(node)["n"].tolist() == expected, node
    (failure,) = router.failures().to_dict("records")
    assert (failure["node"], failure["source"], failure["input"]) == ("giver", 3, {"n": 3})
    assert "pickle" in failure["error"]


class Stubborn(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, what: str, lock: Any) -> None:
        super().__init__(f"{what} is stubborn")
        self.lock = lock


def test_an_exception_that_cannot_be_pickled_is_a_failure_like_any_other(cluster_of):
    def declare(router: Router) -> None:
        @router.node("n", entry_point=True, name="node")
        def node(msg: Any) -> int:
            if msg.n % 4 == 3:
                raise Stubborn(f"{msg.n}", threading.Lock())
            return int(msg.n)

    router = Router()
    declare(router)
    router.use("dask", cluster_of(2))
    assert router.push(numbers(10), batch_size=3).state == "done"
    assert_same(router, in_memory(declare, numbers(10)))


class Trapped:
    """Can be pickled, but not read again."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_a_pushed_message_that_cannot_be_read_on_the_worker_fails_alone(cluster_of):
    router = Router()
    reading(router)
    router.use("dask", cluster_of(2))
    pushed = [{"n": n, "thing": Trapped() if n == 3 else None} for n in range(8)]
    assert router.push(pushed, batch_size=4).state == "done"
    assert router.frame("reader")["n"].tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert [one["n"] for one in router.failures()["input"]] == [3]


def test_an_emission_that_cannot_be_read_here_is_a_failure_of_that_message(cluster_of):
    router = Router()
    emitting(router, Trapped)
    router.use("dask", cluster_of(2))
    assert router.push(numbers(8), batch_size=4).state == "done"
    assert router.frame("giver")["n"].tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert router.failures()["source"].tolist() == [3]


def test_a_state_that_cannot_be_pickled_fails_whoever_needs_it_as_in_memory(cluster_of):
    def declare(router: Router) -> None:
        @router.node("n", entry_point=True, key="key", name="holding")
        def holding(msg: Any, state: dict[str, Any]) -> int:
            state["door"] = threading.Lock() if msg.key else None
            return int(msg.n)

    router = Router()
    declare(router)
    router.use("dask", cluster_of(2))
    pushed = [{"n": n, "key": n % 2} for n in range(6)]
    router.push(pushed, batch_size=1)
    memory = in_memory(declare, pushed, batch_size=1)
    assert memory.failures()["source"].tolist() == [3, 5]
    assert router.failures()["source"].tolist() == [3, 5]
    assert router.frame("holding")["n"].tolist() == [0, 1, 2, 4]
    assert all("holding" in error and "pickle" in error for error in router.failures()["error"])


# --- Results that are too large -------------------------------------------------------------------


def little_memory(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """Let this machine say that it has so many bytes of memory left; filling it would be rude."""
    real = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: real._replace(available=left))


def large(router: Router) -> None:
    """Declare a node that emits ten megabytes for each message."""
    router.node("part", entry_point=True, name="large")(lambda msg: bytes([msg.n]) * 10**7)
    router.node("size", "large", name="sizes")(lambda msg: len(msg.part))


def test_results_too_large_for_the_notebook_stay_where_they_are_and_say_lazy(
    cluster_of, monkeypatch
):
    router = Router()
    large(router)
    router.use("dask", cluster_of(2))
    little_memory(monkeypatch, 400 * 2**20)
    with pytest.raises(EmitError, match=r"lazy=True"):
        router.push(numbers(60), batch_size=60)
    assert router.frame("large").empty
    router.push(numbers(60), batch_size=60, keep_on_cluster=True)
    assert router.frame("sizes")["size"].tolist() == [10**7] * 60
    with pytest.raises(EmitError, match=r"lazy=True"):
        router.frame("large")
    lazy = router.frame("large", lazy=True)
    with router.backend.client.as_current():
        assert lazy["part"].map(len, meta=("part", "int64")).sum().compute() == 6 * 10**8
