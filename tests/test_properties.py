"""The router against the model, on graphs, subscriptions and messages drawn at random.

Each test names the contract it checks. ``EMITNB_SWEEP=1`` tries many more examples.
"""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from model import ENTRY, Model, TooManyEmissions, assert_same
from strategies import (
    SWEEP,
    NodeSpec,
    Rule,
    Work,
    graphs,
    messages,
    model_of,
    router_of,
)

from emitnb import Message, Router

BATCH_SIZES: list[Any] = [1, 2, 3, 7, 10_000, "auto"]


def examples(number: int) -> settings:
    """Return settings for a test that is to take a few seconds, or long in a sweep."""
    return settings(
        max_examples=number * 20 if SWEEP else number,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def run_model(specs: list[NodeSpec], pushes: list[list[dict[str, Any]]]) -> Model:
    """Return the model after the pushes; give the example up if it grows too large."""
    model = model_of(specs)
    try:
        for pushed in pushes:
            model.push(pushed)
    except TooManyEmissions:
        assume(False)
    return model


# --- Order: the size of a batch never shows -----------------------------------------------------


@examples(70)
@given(st.data())
def test_any_batch_size_gives_what_pushing_one_message_after_the_other_gives(data):
    specs = data.draw(graphs())
    pushes = data.draw(st.lists(messages(specs), min_size=1, max_size=2))
    model = run_model(specs, pushes)
    for size in data.draw(st.permutations(BATCH_SIZES))[:3]:
        router = router_of(specs)
        for pushed in pushes:
            router.push(pushed, batch_size=size)
        assert_same(router, model)


@examples(40)
@given(st.data())
def test_loops_run_wave_by_wave_whatever_the_batch_size(data):
    specs = data.draw(graphs(loops=True))
    pushed = data.draw(messages(specs, max_size=6))
    model = run_model(specs, [pushed])
    assume(any(name in model.reachable(name) for name in model.nodes))
    for size in (1, 4, "auto"):
        router = router_of(specs)
        router.push(pushed, batch_size=size)
        assert_same(router, model)


@examples(40)
@given(st.data())
def test_a_push_to_one_node_reaches_that_node_only(data):
    specs = data.draw(graphs())
    to = data.draw(st.sampled_from([spec.name for spec in specs]))
    pushed = data.draw(messages(specs))
    model = model_of(specs)
    try:
        model.push(pushed, to=to)
    except TooManyEmissions:
        assume(False)
    router = router_of(specs)
    router.push(pushed, to=to, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    assert_same(router, model)


@examples(30)
@given(st.data())
def test_a_limit_takes_the_first_messages(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    limit = data.draw(st.integers(0, len(pushed) + 1))
    model = run_model(specs, [pushed[:limit]])
    router = router_of(specs)
    run = router.push(iter(pushed), limit=limit, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    assert (run.state, run.done) == ("done", min(limit, len(pushed)))
    assert_same(router, model)


@examples(20)
@given(st.data())
def test_the_form_of_the_source_does_not_show(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    model = run_model(specs, [pushed])
    forms: list[Any] = [
        list(pushed),
        (values for values in pushed),
        iter(pushed),
        pd.DataFrame(pushed),
    ]
    if list(pushed[0]) == ["n"]:
        forms.append([values["n"] for values in pushed])
    for form in forms:
        router = router_of(specs)
        router.push(form, field="n", batch_size=data.draw(st.sampled_from([2, 10_000, "auto"])))
        assert_same(router, model)


@examples(60)
@given(st.data())
def test_direct_calls_one_after_the_other_give_the_frames_of_one_push(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    model = run_model(specs, [pushed])
    assume(not model.failures)
    router = router_of(specs)
    for values in pushed:
        router(**values)
    assert_same(router, model)


MANY = [
    NodeSpec("end", subscribe_to=("loop", "count", ENTRY), state=Counter, key=("tag", "n")),
    NodeSpec("split", entry_point=True, work=Work("generator", items=3, fails_on=Rule(7, 3))),
    NodeSpec("count", subscribe_to=("split", "fetch"), key=("tag",), state=Counter),
    NodeSpec("fetch", entry_point=True, work=Work("async", halve=True, fails_on=Rule(5, 2))),
    NodeSpec("rows", subscribe_to=("split", "fetch"), work=Work("batch", halve=True)),
    NodeSpec("loop", subscribe_to=("loop", "rows"), state=Counter, when=Rule(2, 1)),
]


@pytest.fixture(scope="module")
def many() -> tuple[list[dict[str, Any]], Model]:
    """Enough messages for several slices of a batch and several seals of the log."""
    pushed = [{"n": number * 7 % 9, "tag": "xyz"[number % 3], "mark": 0} for number in range(8500)]
    model = model_of(MANY)
    model.budget = 10**6
    model.push(pushed)
    assert model.emitted["split"] > 16_000
    return pushed, model


@pytest.mark.parametrize("size", [700, 4096, 10_000, "auto"])
def test_many_messages_in_batches_of_any_size(many, size):
    pushed, model = many
    router = router_of(MANY)
    router.push(pushed, batch_size=size)
    assert_same(router, model)


# --- An emission is known by its node and its row -------------------------------------------------


@examples(60)
@given(st.data())
def test_the_whole_frame_is_in_push_order_and_restricts_to_each_nodes_frame(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    model = run_model(specs, [pushed])
    router = router_of(specs)
    router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    whole = router.frame()
    assert isinstance(whole.index, pd.RangeIndex)
    places = [tuple(place) for place in whole[["node", "row"]].values.tolist()]
    logged = [(e.node, e.row) for e in model.log if e.node != ENTRY]
    assert [place for place in places if place[0] != ENTRY] == logged
    for name, node in model.nodes.items():
        mine = whole[whole["node"] == name]
        assert mine["row"].tolist() == list(range(len(model.emissions(name))))
        for field in node.fields if len(mine) else ():
            assert mine[field].tolist() == router.frame(name)[field].tolist()


@examples(40)
@given(st.data())
def test_a_trace_leads_from_an_emission_to_the_pushed_message_and_back(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    model = run_model(specs, [pushed])
    inner = [emission for emission in model.log if emission.parent]
    assume(inner)
    router = router_of(specs)
    router.push(pushed, batch_size=3)
    chosen = data.draw(st.sampled_from(inner))
    expected = {(chosen.node, chosen.row)}
    place = chosen.parent
    by_place = {(emission.node, emission.row): emission for emission in model.log}
    while place:
        expected.add(place)
        place = by_place[place].parent
    growing = {(chosen.node, chosen.row)}
    for emission in model.log:
        if emission.parent in growing:
            growing.add((emission.node, emission.row))
    trace = router.trace(chosen.node, chosen.row)
    found = [tuple(place) for place in trace[["node", "row"]].values.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == expected | growing


@examples(40)
@given(st.data())
def test_every_received_message_is_dropped_or_failed_or_a_parent(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    run_model(specs, [pushed])
    router = router_of(specs)
    router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    summary = router.summary()
    for name in router.nodes:
        frame = router.frame(name, lineage=True)
        parents = set(zip(frame["parent_node"], frame["parent_row"], strict=True))
        counts = summary.loc[name]
        assert counts["in"] == counts["dropped"] + counts["failed"] + len(parents)
        assert counts["emitted"] == len(frame)
        assert counts["failed"] == len(router.failures(name))
        for node, row in parents - {(ENTRY, row) for row in range(len(pushed))}:
            assert 0 <= row < len(router.frame(node))


# --- Names and subscriptions ---------------------------------------------------------------------


@examples(100)
@given(graphs(batches=False))
def test_routes_are_those_of_the_model_and_the_order_too(specs):
    router, model = router_of(specs), model_of(specs)
    graph = router.graph
    for name in model.nodes:
        assert set(graph.origins(name)) == set(model.origins(name))
    assert list(graph.nodes) == list(model.nodes)


@examples(60)
@given(st.data())
def test_the_order_of_declaration_does_not_change_the_routes(data):
    specs = data.draw(graphs())
    other = data.draw(st.permutations(specs))
    first, second = router_of(specs).graph, router_of(other).graph
    for spec in specs:
        assert set(first.origins(spec.name)) == set(second.origins(spec.name))


@examples(40)
@given(st.data())
def test_where_there_are_no_ties_the_order_of_declaration_does_not_change_the_frames(data):
    names = data.draw(st.permutations(["a", "b", "c", "ab", "n1"]))
    specs = []
    for rank, name in enumerate(names):
        earlier = tuple(names[:rank])
        # Always after the one before, so that only one order is topological.
        on = set(earlier[-1:]) | set(data.draw(st.lists(st.sampled_from(earlier or ("zz",)))))
        specs.append(
            NodeSpec(
                name=name,
                subscribe_to=tuple(sorted(on - {"zz"})),
                entry_point=rank == 0 or data.draw(st.booleans()),
                state=data.draw(st.sampled_from([None, dict])),
                work=data.draw(st.sampled_from([Work(), Work("generator", items=2)])),
            )
        )
    pushed = data.draw(messages(specs))
    run_model(specs, [pushed])
    first, second = router_of(specs), router_of(data.draw(st.permutations(specs)))
    for router in (first, second):
        router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    for name in names:
        left, right = (r.frame(name, lineage=True).drop(columns="time") for r in (first, second))
        pd.testing.assert_frame_equal(left, right)


# --- Values and types ----------------------------------------------------------------------------

plain_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.lists(st.integers(0, 3), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=2)
    | st.tuples(st.integers(0, 3))
    | st.datetimes()
    | st.sampled_from([{1, 2}, frozenset([3]), 1 + 2j, object(), range(3)])
)


def same(left: Any, right: Any) -> bool:
    """Whether two cells hold the same; a missing value is None or NaN."""
    if left is None or right is None:
        return bool(pd.isna(left) and pd.isna(right))
    return bool(left == right)


@examples(150)
@given(st.lists(plain_values, max_size=8), st.sampled_from([1, 3, "auto"]))
def test_any_values_come_out_of_a_frame_as_they_were_emitted(values, size):
    router = Router()
    seen = []

    @router.node("value", entry_point=True, name="keep")
    def keep(msg):
        return (msg.value,)

    @router.node("again", subscribe_to="keep", name="reader")
    def reader(msg):
        seen.append(msg.value)
        return (msg.value,)

    router.push([{"value": value} for value in values], batch_size=size)
    assert len(router.failures()) == 0
    assert len(seen) == len(values)
    assert all(type(a) is type(b) and a == b for a, b in zip(seen, values, strict=True))
    for name, field in (("keep", "value"), ("reader", "again")):
        column = router.frame(name)[field].tolist()
        assert len(column) == len(values)
        assert all(same(a, b) for a, b in zip(column, values, strict=True)), (column, values)


@examples(80)
@given(
    st.one_of(
        st.lists(st.integers(-5, 5) | st.none(), min_size=1),
        st.lists(st.floats(allow_nan=False) | st.integers(0, 5), min_size=1),
        st.lists(st.text(max_size=2) | st.none(), min_size=1),
        st.lists(st.integers() | st.text(max_size=2), min_size=1),
        st.lists(st.booleans() | st.none(), min_size=1),
        st.lists(plain_values, min_size=1),
    )
)
def test_the_dtypes_of_a_frame_do_not_depend_on_the_batches(values):
    frames = []
    for size in (1, 2, "auto", "two pushes"):
        router = Router()
        router.node("value", entry_point=True, name="keep")(lambda msg: (msg.value,))
        rows = [{"value": value} for value in values]
        if size == "two pushes":
            router.push(rows[:1])
            router.push(rows[1:])
        else:
            router.push(rows, batch_size=size)
        frames.append(router.frame("keep"))
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])


@pytest.mark.parametrize("rows", [0, 1, 40_000])
@pytest.mark.parametrize("size", [999, "auto"])
def test_declared_types_are_dtypes_whatever_the_number_of_rows(rows, size):
    router = Router()

    @router.node({"a": int, "b": float, "c": str, "d": bool}, entry_point=True, name="typed")
    def typed(msg):
        return msg.n, msg.n / 2, str(msg.n), msg.n % 2 == 0

    router.push(range(rows), field="n", batch_size=size)
    frame = router.frame("typed")
    assert len(frame) == rows
    assert [str(dtype) for dtype in frame.dtypes] == ["int64", "float64", "str", "bool"]
    assert frame["a"].tolist() == list(range(rows))


@pytest.mark.parametrize("turn", [10, 15_999, 16_000, 16_001, 33_000])
def test_a_column_whose_type_turns_after_many_rows_keeps_every_value(turn):
    values: list[Any] = [*range(turn), "text", 2.5, None, 2**70, [1]]
    router = Router()
    router.node("value", entry_point=True, name="keep")(lambda msg: (msg.value,))
    router.push(values, field="value", batch_size=5000)
    column = router.frame("keep")["value"].tolist()
    assert len(column) == len(values)
    assert all(same(a, b) for a, b in zip(column, values, strict=True))
    # An int that was sealed before the text came is still an int, no 1.0 and no "1".
    assert all(type(value) is int for value in column[:turn])


# --- Messages -----------------------------------------------------------------------------------


def seen_messages(values: list[dict[str, Any]], base: type[Message] | None = None) -> list[Message]:
    """Return the messages that a node of a fresh router receives."""
    router = Router(message_class=base) if base else Router()
    seen: list[Message] = []

    @router.node("n", entry_point=True, name="reader")
    def reader(msg):
        seen.append(msg)

    router.push(values)
    return seen


class Shouting(Message, frozen=True):
    """A base class of messages; at module level, so that messages pickle."""

    def shout(self) -> str:
        return str(self.as_dict()).upper()


@examples(60)
@given(
    st.lists(st.tuples(st.integers(), st.text()), min_size=2, max_size=6),
    st.sampled_from([None, Shouting]),
)
def test_messages_compare_hash_copy_and_pickle(pairs, base):
    values = [{"n": number, "tag": tag} for number, tag in pairs]
    first, second = seen_messages(values, base), seen_messages(values, base)
    assert first == second
    for one, other in zip(first, second, strict=True):
        assert hash(one) == hash(other)
        assert one._origin == ENTRY
        for same_again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert same_again == one
            assert hash(same_again) == hash(one)
            assert type(same_again) is type(one)
        assert (one == first[0]) == (one.as_dict() == values[0])
        assert one != one.as_dict()
        taken = one.as_dict()
        taken["n"] = "changed"
        assert one.as_dict() != taken
        with pytest.raises(AttributeError):
            one.n = 5
    assert [one.as_dict() for one in first] == values


def test_messages_of_two_origins_are_not_equal():
    router = Router()
    seen = []

    @router.node("n", entry_point=True, name="same")
    def same_values(msg):
        return msg.n

    @router.node("none", subscribe_to=["same", ENTRY], name="reader")
    def reader(msg):
        seen.append(msg)

    router.push([1], field="n")
    pushed, emitted = seen
    assert (pushed._origin, emitted._origin) == (ENTRY, "same")
    assert pushed.as_dict() == emitted.as_dict()
    assert pushed != emitted


# --- Batch nodes --------------------------------------------------------------------------------


@examples(30)
@given(st.data())
def test_a_batch_node_is_a_node_that_sees_many_rows(data):
    before, after = data.draw(st.tuples(st.booleans(), st.booleans()))
    specs = [
        NodeSpec("a", entry_point=True, work=Work("batch" if before else "tuple")),
        NodeSpec("b", subscribe_to=("a", ENTRY), work=Work("batch", halve=True)),
        NodeSpec("c", fields=("n", "tag", "mark"), subscribe_to=("b", "a"), state=dict),
        NodeSpec(
            "d", subscribe_to=("c", "b"), work=Work("batch" if after else "generator", items=2)
        ),
    ]
    pushed = data.draw(messages(specs, max_size=20))
    model = run_model(specs, [pushed])
    router = router_of(specs)
    router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    assert_same(router, model)
