"""Failure ports: what fails in a node goes out of ``name!``, to whoever subscribes to it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pandas as pd
import pytest
from failing import declare, failing_graphs, model_of, numbers
from hypothesis import assume, given
from hypothesis import strategies as st
from looking import BATCH_SIZES, column, figures, lineage, rows, unchanged
from model import ENTRY, Model, assert_same
from test_partitions import in_partitions
from test_properties import examples

from emitnb import DeclarationError, Message, Router, UnknownNodeError, UnknownRowError
from emitnb.emissions import Log, node_frame
from emitnb.plan import make_plan
from emitnb.process import process_plan
from emitnb.table import RecordTable


def parsing(router: Router | None = None, **options: Any) -> Router:
    """A router in which ``parse`` fails on what is no number."""
    router = router or Router()

    @router.node({"number": int}, entry_point=True, name="parse", **options)
    def parse(msg):
        return int(msg.text)

    return router


def push(router: Router, *texts: str, **options: Any) -> None:
    router.push([{"text": text} for text in texts], **options)


def emit(router: Router, name: str, subscribe_to: Any, **options: Any) -> None:
    """Declare a node that emits what it receives, as text."""
    router.node("seen", subscribe_to, name=name, **options)(lambda msg: str(msg.as_dict()))


NO_INT = "invalid literal for int() with base 10: 'x'"


# --- What goes out of a port ----------------------------------------------------------------------


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_a_failure_goes_out_of_the_port_with_node_error_and_input(size):
    router = parsing()
    seen: list[Message] = []

    @router.node(("text", "why"), "parse!", name="repair")
    def repair(msg):
        seen.append(msg)
        return msg.input["text"], msg.error

    push(router, "1", "x", "2", "x", batch_size=size)
    assert [message._origin for message in seen] == ["parse!"] * 2
    expected = {"node": "parse", "error_type": "ValueError", "error": NO_INT}
    assert [m.as_dict() for m in seen] == [{**expected, "input": {"text": "x"}}] * 2
    assert rows(router, "parse!") == [("parse", "ValueError", NO_INT, {"text": "x"})] * 2
    assert lineage(router, "parse!") == [(ENTRY, 1, 1), (ENTRY, 3, 3)]
    assert rows(router, "repair") == [("x", NO_INT)] * 2
    assert lineage(router, "repair") == [("parse!", 0, 1), ("parse!", 1, 3)]
    assert figures(router, "repair") == (2, 2, 0, 0)


def test_the_failure_stays_where_it_was():
    plain, watched = parsing(), parsing()
    emit(watched, "watch", "parse!")
    for router in (plain, watched):
        push(router, "1", "x")
    drop = ["time"]
    pd.testing.assert_frame_equal(
        plain.failures().drop(columns=drop), watched.failures().drop(columns=drop)
    )
    assert figures(plain, "parse") == figures(watched, "parse") == (2, 1, 0, 1)


def test_the_text_has_the_notes_that_the_failures_have():
    router = Router()
    router.node("x", entry_point=True, name="read")(lambda msg: msg.txt)
    emit(router, "watch", "read!")
    push(router, "x")
    (error,) = router.frame("read!")["error"]
    assert error == router.failures()["error"][0]
    assert "Did you mean `text`?" in error


def test_a_failure_that_cannot_be_shown_goes_out_too():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    router = Router()

    @router.node("x", entry_point=True, name="read")
    def read(msg):
        raise Mute

    emit(router, "watch", "read!")
    push(router, "x")
    assert router.frame("read!")["error"][0] == "(its message cannot be shown: RuntimeError)"


def test_a_predicate_or_key_that_fails_comes_out_of_the_port():
    router = Router()
    router.node("x", entry_point=True, when=lambda msg: 1 / msg.n, name="a")(lambda msg: msg.n)
    router.node("x", entry_point=True, key="k", name="b")(lambda msg, state: msg.n)
    emit(router, "watch", ["a!", "b!"])
    router.push([{"n": 0, "k": []}, {"n": 1, "k": 1}])
    assert router.frame("a!")["error_type"].tolist() == ["ZeroDivisionError"]
    assert router.frame("b!")["error_type"].tolist() == ["ResultError"]
    assert figures(router, "watch") == (2, 2, 0, 0)


@pytest.mark.parametrize("form", ["batch", "async", "generator", "state", "key", "retries"])
@pytest.mark.parametrize("size", [1, 3, "auto"])
def test_every_form_of_node_has_a_port(form, size):
    router, tries = Router(), []

    def parse(msg, state=None):
        tries.append(msg)
        if form == "batch":
            return pd.DataFrame({"n": [int(text) for text in msg["text"]]}, index=msg.index)
        return int(msg.text)

    def produce(msg):
        yield 0
        yield int(msg.text)

    async def fetch(msg):
        await asyncio.sleep(0)
        return int(msg.text)

    def remember(msg, state):
        state["sum"] = state.get("sum", 0) + len(msg.text)
        return int(msg.text) + state["sum"]

    functions = {"async": fetch, "generator": produce, "state": remember, "key": remember}
    options: dict[str, dict[str, Any]] = {
        "batch": {"batch": True},
        "key": {"key": "text"},
        "retries": {"retries": 2},
    }
    function = functions.get(form, parse if form == "batch" else lambda msg: parse(msg))
    router.node("n", entry_point=True, name="parse", **options.get(form, {}))(function)
    emit(router, "watch", "parse!")
    push(router, "1", "x", "2", "x", "3", batch_size=size)
    assert rows(router, "parse!") == [("parse", "ValueError", NO_INT, {"text": "x"})] * 2
    assert lineage(router, "watch") == [("parse!", 0, 1), ("parse!", 1, 3)]
    if form == "retries":
        assert len(tries) == 3 + 2 * 3
    if form == "state":
        assert column(router, "parse") == [2, 4, 6]


def test_a_port_that_nobody_reads_keeps_nothing():
    router = parsing()
    push(router, "x")
    assert len(router.frame("parse!")) == 0
    assert router.frame("parse!").dtypes.astype(str).to_dict() == {
        "node": "str",
        "error_type": "str",
        "error": "str",
        "input": "object",
    }
    emit(router, "watch", "parse!")
    push(router, "x", "y")
    assert lineage(router, "watch") == [("parse!", 0, 1), ("parse!", 1, 2)]
    router.unsubscribe("watch", "parse!")
    push(router, "z")
    assert router.frame("parse!")["input"].tolist() == [{"text": "x"}, {"text": "y"}]
    assert len(router.failures()) == 4


def test_all_emissions_are_those_of_nodes():
    router = parsing()
    emit(router, "watch", "parse!")
    push(router, "x", "1")
    assert router.frame(lineage=True)[["node", "parent_node"]].values.tolist() == [
        ["watch", "parse!"],
        ["parse", ENTRY],
    ]
    assert list(router.summary().index) == [ENTRY, "parse", "watch"]


def test_a_trace_goes_through_a_port():
    router = parsing()
    emit(router, "watch", "parse!")
    emit(router, "end", "watch")
    push(router, "1", "x")
    way = [[ENTRY, 1], ["parse!", 0], ["watch", 0], ["end", 0]]
    for node, row in way:
        assert router.trace(node, row)[["node", "row"]].values.tolist() == way
    assert router.trace("end", 0)["values"][1]["input"] == {"text": "x"}
    with pytest.raises(UnknownRowError, match="parse! has rows 0 to 0; there is no row 1"):
        router.trace("parse!", 1)


def test_rows_of_a_port_are_stale_when_its_node_was_changed():
    router = parsing()
    emit(router, "watch", "parse!")
    push(router, "x")
    router.node("number", entry_point=True, name="parse")(lambda msg: 0)
    for name in ("parse!", "watch"):
        assert router.frame(name).attrs["stale"] == (
            f"{name}: 1 row comes from an older parse; %emit_replay parse"
        )


def test_a_direct_call_raises_whoever_subscribes():
    router = parsing()
    emit(router, "watch", "parse!")
    with pytest.raises(ValueError, match="invalid literal"):
        router(text="x")
    assert len(router.frame("parse!")) == len(router.frame("watch")) == 0


def test_a_port_may_be_the_key_or_the_input_of_a_batch_node():
    router = parsing()

    @router.node({"kind": str, "n": int}, "parse!", key="error_type", name="count")
    def count(msg, state):
        state["n"] = state.get("n", 0) + 1
        return msg.error_type, state["n"]

    @router.node("text", ["parse!", "parse"], batch=True, name="table")
    def table(frame):
        return {"text": frame["error_type"].fillna("-").tolist()}

    push(router, "x", "1", "y", batch_size=2)
    assert rows(router, "count") == [("ValueError", 1), ("ValueError", 2)]
    assert column(router, "table") == ["ValueError", "-", "ValueError"]


# --- Order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_a_failure_stands_where_the_emission_would_have_been(size):
    router = Router()
    router.node("n", entry_point=True, name="split")(lambda msg: (i for i in range(msg.n)))

    @router.node("n", "split", name="odd")
    def odd(msg):
        if msg.n % 2:
            return msg.n
        raise ValueError(msg.n)

    @router.node("seen", ["odd", "odd!"], name="both")
    def both(msg):
        return f"{msg.error} failed" if msg._origin == "odd!" else msg.n

    emit(router, "late", ["both", "odd!"])
    router.push([{"n": 4}, {"n": 3}], batch_size=size)
    assert column(router, "both") == [
        *("0 failed", 1, "2 failed", 3),
        *("0 failed", 1, "2 failed"),
    ]
    parents = [node for node, _, _ in lineage(router, "late")]
    assert parents == ["odd!"] * 2 + ["both"] * 4 + ["odd!"] * 2 + ["both"] * 3


def test_a_port_is_read_in_the_stage_of_its_node():
    router = parsing()
    emit(router, "watch", "parse!")
    emit(router, "both", ["watch", "parse", "parse!"])
    (stage,) = make_plan(router.graph).stages
    assert [node.name for node in stage.nodes] == ["parse", "watch", "both"]


def test_partitions_keep_the_order_of_what_fails_and_what_does_not():
    router = Router()

    @router.node(("error", "n"), entry_point=True, name="odd", key="n")
    def odd(msg, state):
        if msg.n % 2:
            return f"{msg.n % 3}", msg.n
        raise ValueError(f"{msg.n % 3}")

    emit(router, "dead", "odd!")
    emit(router, "both", ["odd", "odd!"])

    @router.node("seen", ["odd", "odd!"], key="error", name="keyed")
    def keyed(msg, state):
        state["seen"] = [*state.get("seen", []), getattr(msg, "n", None) or msg.input["n"]]
        return str(state["seen"])

    router.node("n", entry_point=True, name="split")(lambda msg: (n for n in range(msg.n, 0, -1)))
    router.subscribe("odd", "split")
    assert_same_in_partitions(router, [{"n": n} for n in (6, 3, 4, 5, 2)], 3)


# --- Loops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_what_was_repaired_goes_round_until_it_passes(size):
    router = Router()

    @router.node({"number": int}, "repair", entry_point=True, name="parse")
    def parse(msg):
        return int(msg.text)

    @router.node("text", "parse!", name="repair")
    def repair(msg):
        return msg.input["text"][1:]

    assert [part.members for part in router.graph.order] == [("parse", "repair")]
    push(router, "aa1", "2", "b3", batch_size=size)
    assert column(router, "parse") == [1, 2, 3]
    assert column(router, "repair") == ["a1", "1", "3"]
    assert lineage(router, "repair") == [("parse!", 0, 0), ("parse!", 1, 0), ("parse!", 2, 2)]
    assert router.failures()["input"].tolist() == [{"text": "aa1"}, {"text": "a1"}, {"text": "b3"}]


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_what_fails_for_ever_comes_to_an_end(size):
    router = Router()
    router.hop_limit = 6

    @router.node({"number": int}, "repair", entry_point=True, name="parse")
    def parse(msg):
        return int(msg.text)

    @router.node("text", "parse!", name="repair")
    def repair(msg):
        return msg.input["text"]

    emit(router, "watch", "parse!")
    push(router, "x", "1", batch_size=size)
    assert router.failures()["error_type"].tolist() == ["ValueError"] * 3 + ["LoopError"]
    assert (
        "one pushed message went round parse -> repair -> parse for 6 waves"
        in (router.failures()["error"][3])
    )
    assert column(router, "parse") == [1]
    assert router.frame("parse!")["error_type"].tolist() == ["ValueError"] * 3 + ["LoopError"]
    assert figures(router, "repair") == (3, 3, 0, 0)
    assert figures(router, "watch") == (4, 4, 0, 0)


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_within_a_loop_failures_and_emissions_take_turns(size):
    router = Router()

    @router.node("n", ["pairs"], entry_point=True, name="odd")
    def odd(msg):
        if msg.n % 2:
            return msg.n
        raise ValueError(msg.n)

    @router.node("n", ["odd", "odd!"], name="pairs")
    def pairs(msg):
        n = msg.input["n"] if msg._origin == "odd!" else msg.n
        yield from (n - 1, n - 2) if n > 2 else ()

    router.push([{"n": 5}, {"n": 4}], batch_size=size)
    assert column(router, "pairs") == [
        *(4, 3, 3, 2, 2, 1, 2, 1),
        *(3, 2, 2, 1),
    ]
    parents = [(node, row) for node, row, _ in lineage(router, "pairs")]
    assert parents[:8:2] == [("odd", 0), ("odd!", 0), ("odd", 1), ("odd", 2)]


def test_a_node_that_names_its_own_port_is_a_loop():
    router = Router()

    @router.node("n", "again!", entry_point=True, name="again")
    def again(msg):
        n = msg.input["n"] - 1 if msg._origin == "again!" else msg.n
        if n > 0:
            raise ValueError(n)
        return n

    assert router.graph.order[0].is_loop
    router.push([{"n": 0}, {"n": 1}])
    assert column(router, "again") == [0, 0]


def test_a_loop_of_failures_that_multiply_comes_to_an_end(monkeypatch):
    monkeypatch.setattr("emitnb.process.loops.MESSAGE_LIMIT", 1_000)
    router = Router()

    def fail(msg):
        raise ValueError

    router.node("n", ["b!", "c!"], entry_point=True, name="a")(fail)
    router.node("n", "a!", name="b")(fail)
    router.node("n", "a!", name="c")(fail)
    router.push([{"n": 1}])
    assert len(router.failures()) < 10_000
    assert "messages in a -> b -> c -> a" in router.failures()["error"].iloc[-1]


# --- Subscriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscribe_to", "ignore", "expected"),
    [
        ("parse!", None, {"parse!"}),
        ("clean!", None, {"tasks.clean!"}),
        ("tasks.clean!", None, {"tasks.clean!"}),
        ("__main__.parse!", None, {"parse!"}),
        (".*", None, {ENTRY, "parse", "tasks.clean"}),
        ("(?!parse).*", None, {ENTRY, "tasks.clean"}),
        (".*(?<!e)", None, {ENTRY, "tasks.clean"}),
        ("(?!parse).*!", None, {"tasks.clean!"}),
        ("/.*!/", None, {"parse!", "tasks.clean!"}),
        (re.compile(".*!"), None, {"parse!", "tasks.clean!"}),
        (".*!?", None, {ENTRY, "parse", "parse!", "tasks.clean", "tasks.clean!"}),
        ("clean!|parse", None, {"parse", "tasks.clean!"}),
        ("[^!]*", None, {ENTRY, "parse", "tasks.clean"}),
        (".*!", "parse!", {"tasks.clean!"}),
        (["parse", ".*!"], "parse", {"parse!", "tasks.clean!"}),
        (["parse", ".*!"], ".*", {"parse!", "tasks.clean!"}),
        (["parse", ".*!"], "/.*!/", {"parse"}),
        ("listener!", None, {"listener!"}),
        ("!", None, set()),
    ],
)
def test_subscriptions_to_ports(subscribe_to, ignore, expected):
    router = parsing()
    emit(router, "tasks.clean", "parse")
    emit(router, "listener", subscribe_to, ignore=ignore)
    assert set(router.graph.origins("listener")) == expected


def test_ports_of_nodes_declared_later_are_taken_in():
    router = Router()
    emit(router, "by_name", "parse!")
    emit(router, "by_pattern", "/.*!/", ignore="by_name!")
    assert router.graph.origins("by_name") == ()
    parsing(router)
    assert router.graph.origins("by_name") == router.graph.origins("by_pattern") == ("parse!",)
    push(router, "x")
    assert lineage(router, "by_name") == lineage(router, "by_pattern") == [("parse!", 0, 0)]


def test_a_rename_takes_the_port_along():
    router = parsing()
    emit(router, "watch", "parse!")
    emit(router, "rest", "/.*!/", ignore=["parse!", "watch!"])
    push(router, "x")
    router.rename("parse", "read")
    assert router.graph.origins("watch") == ("read!",)
    assert router.graph.origins("rest") == ()
    push(router, "y")
    assert router.frame("read!")["input"].tolist() == [{"text": "x"}, {"text": "y"}]
    assert lineage(router, "watch") == [("read!", 0, 0), ("read!", 1, 1)]
    assert router.failures()["node"].tolist() == ["read", "read"]
    with pytest.raises(UnknownNodeError, match="no node is named `parse`"):
        router.frame("parse!")


def test_a_rename_takes_along_what_failed_behind_the_port():
    router = parsing()
    router.node("n", "parse!", name="watch")(lambda msg: 1 // 0)
    push(router, "x")
    router.rename("parse", "read")
    assert router.failures()["parent_node"].tolist() == [ENTRY, "read!"]


def test_a_subscription_to_a_port_can_be_cut():
    router = parsing()
    emit(router, "watch", ["parse", "parse!"])
    router.unsubscribe("watch", "parse!")
    assert router.graph.origins("watch") == ("parse",)
    emit(router, "watch", ".*!?")
    router.unsubscribe("watch", "parse!")
    assert router.graph.origins("watch") == (ENTRY, "parse")


def test_a_removed_node_keeps_what_went_out_of_its_port():
    router = parsing()
    emit(router, "watch", "parse!")
    push(router, "x")
    router.remove("parse")
    assert router.graph.origins("watch") == ()
    assert len(router.frame("parse!")) == 1
    assert router.trace("watch", 0)["node"].tolist() == [ENTRY, "parse!", "watch"]


def test_what_hangs_on_a_port_descends_from_its_node():
    router = parsing()
    emit(router, "watch", "parse!")
    emit(router, "end", "watch")
    assert router.graph.descendants("parse") == ("watch", "end")


# --- Bad input ------------------------------------------------------------------------------------


def test_a_misspelt_port_is_told_with_the_nearest():
    router = parsing()
    declared = router.node("x", "pasre!", name="watch")(lambda msg: 1)
    assert "pasre! matches nothing yet. Did you mean `parse!`?" in str(declared.declaration)


@pytest.mark.parametrize("option", ["subscribe_to", "ignore"])
def test_what_could_not_be_read_has_no_port(option):
    router = parsing()
    with unchanged(router), pytest.raises(DeclarationError, match=r"watch: __entry_point! does no"):
        router.node("x", name="watch", **{option: "__entry_point!"})(lambda msg: 1)


@pytest.mark.parametrize("name", ["parse!", "!", "a!b"])
def test_a_node_cannot_be_named_like_a_port(name):
    router = parsing()
    with unchanged(router), pytest.raises(DeclarationError):
        router.node("x", name=name)(lambda msg: 1)
    with unchanged(router), pytest.raises(DeclarationError):
        router.rename("parse", name)


def test_a_key_reads_what_a_port_has():
    router = parsing()
    with unchanged(router), pytest.raises(DeclarationError, match=r"`word`, which parse! does not"):
        router.node("x", "parse!", name="watch", key="word")(lambda msg, state: 1)


@pytest.mark.parametrize("name", ["parse!", "pasre!"])
def test_a_port_is_no_node(name):
    router = parsing()
    for call in (router.remove, lambda name: router.push([], to=name), router.failures):
        with unchanged(router), pytest.raises(UnknownNodeError):
            call(name)
    with pytest.raises(UnknownNodeError, match=r"no node is named `pasre`. Did you mean `parse`"):
        router.frame("pasre!")


def test_one_that_is_not_sure_which_port_is_told():
    router = Router()
    for name in ("one.parse", "two.parse"):
        emit(router, name, None, entry_point=True)
    declared = router.node("x", "parse!", name="watch")(lambda msg: 1)
    assert "It may be one.parse! or two.parse!" in str(declared.declaration)
    with pytest.raises(UnknownNodeError, match=r"may be one.parse or two.parse"):
        router.frame("parse!")


# --- What is shown --------------------------------------------------------------------------------


def test_a_declaration_says_where_failures_go():
    router = parsing()
    emit(router, "watch", "parse!")
    declared = router.node("number", entry_point=True, name="parse")(lambda msg: int(msg.text))
    assert "\n  failures go to watch" in str(declared.declaration)
    assert "emits to" not in str(declared.declaration)
    again = router.node("seen", ["parse", "parse!"], name="watch")(lambda msg: 1)
    assert "\n  receives from  parse, parse!" in str(again.declaration)
    assert "\n  emits to       watch\n  failures go to watch" in str(declared.declaration)


def test_the_tree_and_dot_draw_ports_apart():
    router = Router()
    router.node("x", "repair", entry_point=True, name="parse")(lambda msg: 1)
    router.node("x", "parse!", name="repair")(lambda msg: 1)
    router.node("x", ["parse", "parse!"], name="end")(lambda msg: 1)
    assert str(router) == (
        "__entry_point\n"
        "└─ parse(x)\n"
        "   ├─ end(x)\n"
        "   ├─ ! repair(x)\n"
        "   │  └─ parse ↻\n"
        "   └─ ! end ↑\n"
        "\n"
        "↑ shown above   ↻ closes a loop   ! receives what fails"
    )
    look = '[style=dashed, color="#e5484d", fontcolor="#e5484d", label="!"]'
    routes = [line.strip() for line in router.dot().splitlines() if "->" in line]
    assert routes == [
        '"__entry_point" -> "parse";',
        '"parse" -> "end";',
        f'"parse" -> "repair" {look};',
        f'"parse" -> "end" {look};',
        '"repair" -> "parse" [style=dashed];',
    ]


# --- Any graph ------------------------------------------------------------------------------------


@examples(120)
@given(st.data())
def test_any_batch_size_gives_what_pushing_one_message_after_the_other_gives(data):
    specs = data.draw(failing_graphs())
    pushes = data.draw(st.lists(numbers, min_size=1, max_size=2))
    model = model_of(specs, pushes)
    for size in data.draw(st.permutations([1, 2, 3, 5, 1_000, "auto"]))[:3]:
        router = Router()
        declare(specs, router)
        for pushed in pushes:
            router.push(pushed, batch_size=size)
        assert_same(router, model)
        assert_ports(router, model)


@examples(80)
@given(st.data())
def test_partitions_of_a_keyed_node_make_what_the_whole_makes(data):
    specs = data.draw(failing_graphs(keyed=True))
    pushed = data.draw(numbers)
    model_of(specs, [pushed])  # gives up what grows without bound
    router = Router()
    declare(specs, router)
    assume(any(stage.keyed for stage in make_plan(router.graph).stages))
    assert_same_in_partitions(router, pushed, data.draw(st.integers(2, 4)))


def assert_same_in_partitions(router: Router, pushed: list[dict[str, Any]], count: int) -> None:
    """A batch cut into partitions makes what it makes in one piece."""
    plan, table = make_plan(router.graph), RecordTable(pushed)
    made = process_plan(plan, table, {}), in_partitions(plan, table, {}, count)
    whole, parted = (Log().with_batch(table, one.nodes) for one in made)
    assert set(whole.tracks) == set(parted.tracks)
    for name in whole.tracks:
        frames = (node_frame(log, name, None, lineage=True) for log in (whole, parted))
        one, other = (frame.drop(columns="time") for frame in frames)
        pd.testing.assert_frame_equal(one, other, obj=name)


def assert_ports(router: Router, model: Model) -> None:
    """What went out of each port is the model's, with its lineage."""
    for port in (f"{name}!" for name in model.nodes):
        made = model.emissions(port)
        frame = router.frame(port, lineage=True).drop(columns="time")
        values, origin = frame.iloc[:, :4], frame.iloc[:, 4:]
        assert values.to_dict("records") == [emission.values for emission in made]
        assert origin.to_dict("list") == model.lineage(port)
