"""The model itself, on examples worked out by hand."""

from collections import Counter

import pytest
from model import ENTRY, Emission, Model, ModelNode, TooManyEmissions

from emitnb import NoResult


def values(model, name):
    return [tuple(emission.values.values()) for emission in model.emissions(name)]


def order(model):
    return [(emission.node, *emission.values.values()) for emission in model.log]


def relay(name, *on, entry=False, **more):
    """A node that says who it is and what it got."""
    return ModelNode(
        name, ("text",), lambda msg: f"{msg.text}{name}", subscribe_to=on, entry_point=entry, **more
    )


def model(*nodes):
    made = Model()
    for node in nodes:
        made.declare(node)
    return made


def test_one_message_goes_through_before_the_next():
    m = model(relay("a", entry=True), relay("b", "a"))
    m.push([{"text": "1"}, {"text": "2"}])
    assert order(m) == [
        (ENTRY, "1"),
        ("a", "1a"),
        ("b", "1ab"),
        (ENTRY, "2"),
        ("a", "2a"),
        ("b", "2ab"),
    ]
    second = Emission("b", 1, {"text": "2ab"}, ("a", 1), source=1, arrival=1)
    assert m.emissions("b")[1] == second


def test_a_merge_takes_its_inputs_in_topological_order():
    # c was declared first, yet waits for b; d receives a's before b's, as a comes first.
    m = model(relay("c", "b"), relay("d", "b", "a"), relay("a", entry=True), relay("b", "a"))
    assert m.components() == [["a"], ["b"], ["c"], ["d"]]
    m.push([{"text": ""}])
    assert values(m, "d") == [("ad",), ("abd",)]


def test_ties_go_by_declaration_order():
    m = model(relay("z", entry=True), relay("y", entry=True), relay("x", "y", "z"))
    m.push([{"text": ""}])
    assert order(m)[1:] == [("z", "z"), ("y", "y"), ("x", "zx"), ("x", "yx")]


def test_a_freed_component_competes_with_those_that_were_ready_before():
    # After c, a is free and was declared before d.
    m = model(relay("a", "c"), relay("c", entry=True), relay("d", entry=True))
    assert m.components() == [["c"], ["a"], ["d"]]


def test_a_loop_runs_wave_by_wave_and_its_readers_take_the_order_made():
    def less(by):
        return lambda msg: msg.n - by if msg.n >= by else NoResult

    m = model(
        ModelNode("p", ("n",), less(1), subscribe_to=("q",), entry_point=True),
        ModelNode("q", ("n",), less(2), subscribe_to=("p", "q")),
        ModelNode("end", ("n",), lambda msg: msg.n, subscribe_to=("q", "p")),
    )
    m.push([{"n": 5}])
    assert order(m) == [
        (ENTRY, 5),
        ("p", 4),
        ("q", 2),
        ("p", 1),
        ("q", 0),
        ("end", 4),
        ("end", 2),
        ("end", 1),
        ("end", 0),
    ]
    assert m.counts("q") == {"in": 4, "emitted": 2, "dropped": 2, "failed": 0}


def test_patterns():
    m = model(
        relay("ab", entry=True),
        relay("b", "b+", "a"),
        relay("every", ".*"),
        relay("loop", "loop"),
        relay("most", ".*", ignore=("b", "__.*")),
        relay("__x", "__entry_point"),
    )
    origins = {name: m.origins(name) for name in m.nodes}
    assert origins == {
        "ab": [ENTRY],
        "b": [],
        "every": [ENTRY, "ab", "b", "loop", "most", "__x"],
        "loop": ["loop"],
        "most": ["ab", "every", "loop"],
        "__x": [ENTRY],
    }


@pytest.mark.parametrize(
    ("fields", "result", "rows"),
    [
        (("a",), 1, [(1,)]),
        (("a",), (1,), [(1,)]),
        (("a",), [1, 2], [([1, 2],)]),
        (("a",), {"a": 1}, [({"a": 1},)]),
        (("a",), None, []),
        (("a",), (None,), [(None,)]),
        (("a",), NoResult, []),
        (("a", "b"), (1, 2), [(1, 2)]),
        (("a", "b"), {"b": 2, "a": 1}, [(1, 2)]),
        (("a",), (1, 2), None),
        (("a",), (), None),
        (("a", "b"), [1, 2], None),
        (("a", "b"), 1, None),
        (("a", "b"), {"a": 1}, None),
        (("a", "b"), {"a": 1, "b": 2, "c": 3}, None),
    ],
)
def test_what_a_node_returns(fields, result, rows):
    m = model(ModelNode("node", fields, lambda msg: result, entry_point=True))
    m.push([{}])
    assert (values(m, "node") if not m.failures else None) == rows


def test_a_generator_emits_all_or_nothing_and_leaves_its_state():
    def split(msg, state):
        for number in msg.numbers:
            state["sum"] = state.get("sum", 0) + 12 // number
            yield state["sum"]

    m = model(ModelNode("split", ("sum",), split, entry_point=True, fresh=dict))
    m.push([{"numbers": [1, 2]}, {"numbers": [1, 0]}, {"numbers": []}, {"numbers": [3]}])
    assert values(m, "split") == [(12,), (18,), (22,)]
    assert [(f.error_type, f.input, f.parent, f.source) for f in m.failures] == [
        ("ZeroDivisionError", {"numbers": [1, 0]}, (ENTRY, 1), 1)
    ]
    assert m.counts("split") == {"in": 4, "emitted": 3, "dropped": 1, "failed": 1}


def test_state_per_key_and_when():
    def count(msg, state):
        state[msg.word] += 1
        return msg.word, state.total()

    m = model(
        ModelNode(
            "count",
            ("word", "count"),
            count,
            entry_point=True,
            key=("word",),
            fresh=Counter,
            when=lambda msg: msg.word != "the",
        )
    )
    m.push([{"word": word} for word in ["a", "the", "b", "a"]])
    assert values(m, "count") == [("a", 1), ("b", 1), ("a", 2)]
    assert m.dropped["count"] == 1


def test_declared_types_are_checked():
    m = model(ModelNode("node", ("a",), lambda msg: msg.a, entry_point=True, types=(int,)))
    m.push([{"a": 1}, {"a": "1"}])
    assert values(m, "node") == [(1,)]
    assert [f.error_type for f in m.failures] == ["ResultError"]


def test_push_to_one_node():
    m = model(relay("a", entry=True), relay("b", "a"))
    m.push([{"text": "1"}], to="b")
    assert order(m) == [(ENTRY, "1"), ("b", "1b")]


def test_the_budget_ends_what_does_not_end():
    m = model(relay("a", "a", entry=True))
    with pytest.raises(TooManyEmissions):
        m.push([{"text": ""}])
