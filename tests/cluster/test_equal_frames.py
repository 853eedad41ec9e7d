"""One graph, one result: what a cluster gives is what memory gives, row for row.

Graphs, sources, keys, values and batch sizes are drawn at random. ``EMITNB_SWEEP=1`` tries many
more of them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import signal
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from cluster.graphs import numbers, stateful
from cluster.same import assert_same, in_memory
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from model import TooManyEmissions
from strategies import SWEEP, NodeSpec, Rule, Work, graphs, messages, model_of, trap

from emitnb import Router, RunInterrupted

WORKERS = [1, 2, 4]
SIZES: list[Any] = [1, 2, 3, 7, 10_000, "auto"]


def examples(number: int) -> settings:
    """Return settings for a test that is to take some seconds, or long in a sweep."""
    return settings(
        max_examples=number * 20 if SWEEP else number,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def drawn(data: st.DataObject, loops: bool | None = None) -> tuple[list[NodeSpec], list[Any]]:
    """Draw a graph and what is pushed through it; give up what grows too large."""
    specs = data.draw(graphs(loops=loops))
    pushed = data.draw(messages(specs))
    model = model_of(specs)
    try:
        model.push(pushed)
    except TooManyEmissions:
        assume(False)
    return specs, pushed


def in_parts(data: st.DataObject, pushed: list[Any], parts: int) -> list[list[Any]]:
    """Cut what is pushed into pieces, some of them empty."""
    cuts = data.draw(
        st.lists(st.integers(0, len(pushed)), min_size=parts - 1, max_size=parts - 1).map(sorted)
    )
    ends = [0, *cuts, len(pushed)]
    return [pushed[start:end] for start, end in itertools.pairwise(ends)]


class Sharing:
    """A router whose nodes may change a global: the trap of the strategies, which all pass by."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def node(self, *arguments: Any, **options: Any) -> Any:
        """See :meth:`emitnb.Router.node`."""
        return self._router.node(*arguments, **options, allow_shared=True)


def declare(specs: list[NodeSpec], router: Any) -> None:
    """Declare the nodes in order."""
    for spec in specs:
        spec.declare(Sharing(router))  # type: ignore[arg-type] # all that declaring needs


def router_of(specs: list[NodeSpec]) -> Router:
    """Return a router with the nodes declared in order."""
    router = Router()
    declare(specs, router)
    return router


# --- Any graph ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
@examples(12)
@given(data=st.data())
def test_any_graph_gives_on_a_cluster_what_it_gives_in_memory(cluster_of, workers, data):
    specs, pushed = drawn(data)
    router = router_of(specs)
    router.use("dask", cluster_of(workers), in_flight=data.draw(st.sampled_from([None, 1, 3])))
    for part in in_parts(data, pushed, 2):
        router.push(part, batch_size=data.draw(st.sampled_from(SIZES)))
    assert_same(router, in_memory(lambda memory: declare(specs, memory), pushed))


@pytest.mark.parametrize("workers", [2])
@examples(12)
@given(data=st.data())
def test_loops_run_wave_by_wave_on_a_cluster_too(cluster_of, workers, data):
    specs, pushed = drawn(data, loops=True)
    router = router_of(specs)
    router.use("dask", cluster_of(workers))
    router.push(pushed, batch_size=data.draw(st.sampled_from(SIZES)))
    assert_same(router, in_memory(lambda memory: declare(specs, memory), pushed))


@pytest.mark.parametrize("workers", WORKERS)
@examples(8)
@given(data=st.data())
def test_a_graph_moved_between_pushes_gives_what_it_gives_in_one_place(cluster_of, workers, data):
    specs, pushed = drawn(data)
    places = data.draw(st.permutations(["memory", "dask", "dask", "memory"]))[:3]
    router = Router()
    router.use("memory")
    declared_late = data.draw(st.booleans())
    if not declared_late:
        declare(specs, router)
    for place, part in zip(places, in_parts(data, pushed, 3), strict=True):
        router.use(place, *([cluster_of(workers)] if place == "dask" else []))
        if declared_late:
            declare(specs, router)
            declared_late = False
        router.push(part, batch_size=data.draw(st.sampled_from(SIZES)))
    assert_same(router, in_memory(lambda memory: declare(specs, memory), pushed))


# --- State that moves -----------------------------------------------------------------------------

MANY = [
    NodeSpec("split", entry_point=True, work=Work("generator", items=3, fails_on=Rule(7, 3))),
    NodeSpec("fetch", entry_point=True, work=Work("async", halve=True, fails_on=Rule(5, 2))),
    NodeSpec("count", subscribe_to=("split", "fetch"), key=("tag",), state=list),
    NodeSpec("rows", subscribe_to=("split", "fetch"), work=Work("batch", halve=True)),
    NodeSpec("loop", subscribe_to=("loop", "rows"), state=dict, when=Rule(2, 1)),
    NodeSpec("end", subscribe_to=("loop", "count"), state=dict, key=("tag", "n")),
]
MANY_MESSAGES = [
    {"n": number * 7 % 9, "tag": "xyz"[number % 3], "mark": 0} for number in range(500)
]


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("size", [100, "auto"])
def test_thousands_of_messages_through_every_form_of_node(cluster_of, workers, size):
    router = router_of(MANY)
    router.use("dask", cluster_of(workers))
    router.push(MANY_MESSAGES, batch_size=size)
    assert_same(router, in_memory(lambda memory: declare(MANY, memory), MANY_MESSAGES))


def test_state_begun_in_memory_goes_on_on_a_cluster_and_back(cluster_of):
    router = Router()
    stateful(router)
    for part, place in enumerate(["memory", "dask", "memory", "dask", "dask", "memory"]):
        router.use(place, *([cluster_of(2)] if place == "dask" else []))
        router.push(numbers(40, 40 * part), batch_size=17)
    assert_same(router, in_memory(stateful, numbers(240)))


def test_state_moves_from_one_cluster_to_another(cluster_of, throw_away):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(100), batch_size=9)
    router.use("dask", throw_away(1))
    router.push(numbers(100, 100), batch_size=9)
    assert_same(router, in_memory(stateful, numbers(200)))


def test_cleared_states_are_cleared_on_the_cluster_too(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))
    router.push(numbers(50), batch_size=9)
    router.clear()
    router.push(numbers(50, 3), batch_size=9)
    assert_same(router, in_memory(stateful, numbers(50, 3)))


def test_a_renamed_node_keeps_its_state_on_the_cluster(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))
    for each in (router, memory):
        stateful(each)
        each.push(numbers(50), batch_size=9)
        each.rename("running", "walking")
        each.subscribe("merged", "walking")
        each.push(numbers(50, 50), batch_size=9)
    assert_same(router, memory)


def test_messages_sent_one_by_one_share_the_state_of_pushes(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))
    for each in (router, memory):
        stateful(each)
        each.push(numbers(20), batch_size=9)
        each(n=21)
        each.push(numbers(20, 23), batch_size=9)
    assert_same(router, memory)


def test_a_run_interrupted_in_memory_goes_on_on_a_cluster(cluster_of):
    router = router_of(MANY)
    with trap.after(1_000), pytest.raises(RunInterrupted) as caught:
        router.push(MANY_MESSAGES, batch_size=20)
    assert 0 < caught.value.run.done < len(MANY_MESSAGES)
    router.use("dask", cluster_of(2))
    assert caught.value.run.resume().state == "done"
    assert_same(router, in_memory(lambda memory: declare(MANY, memory), MANY_MESSAGES))


def test_a_run_interrupted_on_a_cluster_goes_on_in_memory(cluster_of):
    router = Router()
    stateful(router)
    router.use("dask", cluster_of(2))

    def interrupt(run: Any) -> None:
        if run.done == 60:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(RunInterrupted) as caught:
        router.push(numbers(300), batch_size=20, progress=interrupt)
    run = caught.value.run
    assert 60 <= run.done < 300
    assert_same(router, in_memory(stateful, numbers(run.done)))
    router.use("memory")
    assert run.resume().state == "done"
    assert_same(router, in_memory(stateful, numbers(300)))


def test_a_run_that_stops_at_the_first_failure_stops_at_the_same_message(cluster_of):
    router, memory = Router(), Router()
    router.use("dask", cluster_of(2))
    for each in (router, memory):
        stateful(each)
        with pytest.raises(Exception, match="5 is nothing") as stopped:
            each.push(numbers(60), batch_size=2, on_error="stop")
        assert stopped.value.run.done == 4
    assert_same(router, memory)
    for each in (router, memory):
        each.run.resume("collect")
    assert_same(router, memory)


# --- Keys and values ------------------------------------------------------------------------------

ONES = [1, 1.0, True, Decimal(1), Fraction(1), 1 + 0j]
ZEROS = [0, 0.0, -0.0, False, Decimal("0.00")]
day = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
plain_values = st.one_of(
    st.sampled_from([*ONES, *ZEROS]),
    st.integers(),
    st.integers(2**62, 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.none(),
    st.sampled_from([day, day.date(), day.time(), day - day, day.replace(tzinfo=None)]),
)
keys = st.one_of(
    plain_values,
    st.tuples(plain_values, plain_values),
)


def counting(router: Router) -> None:
    @router.node(("key", "count", "seen"), entry_point=True, key="key", name="count")
    def count(msg, state):
        state.setdefault("first", msg.key)
        state["count"] = state.get("count", 0) + 1
        return repr(msg.key), state["count"], repr(state["first"])


@examples(25)
@given(st.lists(st.lists(keys, min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_keys_that_are_equal_share_a_state_wherever_they_are(cluster_of, groups, data):
    wanted = data.draw(st.permutations([key for group in groups for key in group * 2]))
    router = Router()
    counting(router)
    router.use("dask", cluster_of(2))
    pushed = [{"key": key} for key in wanted]
    size = data.draw(st.sampled_from(SIZES))
    router.push(pushed, batch_size=size)
    memory = in_memory(counting, pushed, batch_size=size)
    assert router.frame("count")["count"].tolist() == memory.frame("count")["count"].tolist()
    assert_same(router, memory)


def test_every_kind_of_one_is_the_same_key(cluster_of):
    router = Router()
    counting(router)
    router.use("dask", cluster_of(2))
    router.push([{"key": key} for key in (*ONES, *ZEROS)], batch_size=1)
    assert router.frame("count")["count"].tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5]


def test_a_key_that_cannot_be_a_key_fails_as_it_does_in_memory(cluster_of):
    router = Router()
    counting(router)
    router.use("dask", cluster_of(2))
    pushed = [{"key": "a"}, {"key": ["no", "key"]}, {"key": "a"}, {"key": {"no": 1}}]
    router.push(pushed, batch_size=2)
    memory = in_memory(counting, pushed)
    assert memory.failures()["source"].tolist() == [1, 3]
    assert_same(router, memory)


any_values = st.one_of(
    plain_values,
    st.floats(),
    st.lists(plain_values, max_size=3),
    st.dictionaries(st.text(max_size=2), plain_values, max_size=2),
    st.tuples(plain_values),
    st.sets(st.integers(), max_size=3),
)


def echo(router: Router) -> None:
    router.node(("n", "value"), entry_point=True, name="first")(lambda msg: (1, msg.value))
    router.node(("value",), "first", name="second")(lambda msg: (msg.value,))


@examples(25)
@given(st.one_of(st.lists(any_values, min_size=1), st.lists(st.floats(), min_size=1)), st.data())
def test_values_of_any_type_come_back_as_they_were_emitted(cluster_of, values, data):
    router = Router()
    echo(router)
    router.use("dask", cluster_of(2))
    pushed = [{"value": value} for value in values]
    size = data.draw(st.sampled_from(SIZES))
    router.push(pushed, batch_size=size)
    memory = in_memory(echo, pushed, batch_size=size)
    for node in ("first", "second"):
        found, expected = (each.frame(node)["value"].tolist() for each in (router, memory))
        assert [type(value) for value in found] == [type(value) for value in expected]
    assert_same(router, memory)


def test_all_that_is_not_a_number_is_one_key_also_after_moving(cluster_of):
    pushed = [{"key": float("nan")} for _ in range(3)]
    router = Router()
    counting(router)
    router.push(pushed)
    router.use("dask", cluster_of(2))
    router.push(pushed)
    router.use("memory")
    router.push(pushed)
    assert router.frame("count")["count"].tolist() == list(range(1, 10))
