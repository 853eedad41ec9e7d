"""The story of one emission: what it was made from, what came of it, and how it is drawn."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import graphs, messages, router_of
from test_properties import BATCH_SIZES, examples, run_model

from emitnb import Router
from emitnb.message import ENTRY_POINT

Place = tuple[str, int]


def counting() -> Router:
    router = Router()

    @router.node("word", entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node({"word": str, "n": int}, "words", key="word", name="count")
    def count(msg: Any, state: Any) -> Any:
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    return router


def heads(router: Router, node: str, row: int) -> list[str]:
    """The left column of a drawing, without the values."""
    return [line.split("  word")[0].rstrip() for line in str(router.trace(node, row)).splitlines()]


def shown(router: Router, node: str, row: int) -> str:
    """The text of the drawing in a notebook, with what is no markup taken as text."""
    return html.unescape(re.sub(r"</?(pre|b)\b[^>]*>", "", router.trace(node, row)._repr_html_()))


def walk(router: Router, start: Place) -> list[tuple[int, str, int, Any, Any]]:
    """Hop, node, row and parent of all that a trace has, by walking the frame row by row."""
    frame = router.frame(lineage=True)
    columns = ("node", "row", "parent_node", "parent_row")
    parents = {
        (node, row): (parent, int(parent_row))
        for node, row, parent, parent_row in zip(*(frame[c] for c in columns), strict=True)
    }
    found: list[tuple[int, Place]] = [(0, start)]
    while found[0][1] in parents:
        hop, place = found[0]
        found.insert(0, (hop - 1, parents[place]))
    for hop, place in (wave := [(0, start)]):
        wave += [(hop + 1, child) for child, parent in parents.items() if parent == place]
    found += sorted(wave[1:])
    return [(hop, *place, *parents.get(place, (None, None))) for hop, place in found]


@examples(40)
@given(st.data())
def test_a_trace_is_what_walking_the_lineage_gives(data: st.DataObject) -> None:
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    run_model(specs, [pushed, pushed])
    router = router_of(specs)
    for _ in range(2):
        router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    frame = router.frame(lineage=True)
    assume(len(frame))
    places = [(ENTRY_POINT, 0), *zip(frame["node"], frame["row"].tolist(), strict=True)]
    start = data.draw(st.sampled_from(places))
    trace = router.trace(*start)
    columns = ["hop", "node", "row", "parent_node", "parent_row"]
    found = trace[columns].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        list(one) for one in walk(router, start)
    ]
    for node, row, revision, values in zip(
        trace["node"], trace["row"], trace["revision"], trace["values"], strict=True
    ):
        emitted = router.frame(node).iloc[row]
        assert values == {name: emitted[name] for name in values}
        assert node == ENTRY_POINT or revision == router.nodes[node].revision


@pytest.mark.parametrize("size", [1, 4, "auto"])
def test_each_of_many_emissions_that_make_none_one_or_many_has_its_own_descendants(size) -> None:
    router = Router()
    router.node("n", entry_point=True, name="split")(lambda msg: (n for n in range(msg.n)))
    router.node("n", "split", name="some")(lambda msg: (n for n in range(msg.n % 4)))
    router.node("n", ["some", "split", ENTRY_POINT], name="each")(lambda msg: msg.n)
    router.push([{"n": n} for n in (3, 0, 9, 5)], batch_size=size)
    starts = [(ENTRY_POINT, n) for n in range(4)] + [("split", n) for n in range(17)]
    for start in starts:
        found = router.trace(*start)[["hop", "node", "row"]]
        assert found.to_numpy().tolist() == [list(one[:3]) for one in walk(router, start)]


@examples(20)
@given(st.data())
def test_what_is_drawn_is_few_lines_each_of_the_frame_or_a_count_of_the_others(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    model = run_model(specs, [pushed])
    assume(any(emission.parent for emission in model.log))
    router = router_of(specs)
    router.push(pushed)
    trace = router.trace(ENTRY_POINT, 0)
    text = str(trace)
    bare = [line.lstrip("│├└─ ") for line in text.splitlines()]
    drawn = [line for line in bare if not line.startswith("…")]
    places = {f"{node} {row:,}" for node, row in zip(trace["node"], trace["row"], strict=True)}
    names = [re.match(r"(\S+ [\d,]+)", line) for line in drawn]
    assert all(name is not None and name[1] in places for name in names)
    assert len({name[1] for name in names}) == len(drawn) <= 61
    assert (len(drawn) < len(trace)) == (f"{len(drawn):,} of {len(trace):,} drawn" in text)


# --- Milliseconds --------------------------------------------------------------------------------


def test_ms_is_the_mean_of_what_was_measured_for_the_slice() -> None:
    router = counting()
    router.node(("word", "n"), "count", batch=True, name="twice")(lambda frame: frame)
    router.push(["the rain in", "Spain the"], batch_size=2)
    trace = router.trace(ENTRY_POINT, 0).set_index("node")["ms"]
    assert pd.isna(trace[ENTRY_POINT])
    for name in ("words", "count", "twice"):
        assert trace[name].tolist() == pytest.approx([router.summary().loc[name, "ms"]] * 3)


def test_ms_of_slices_add_up_to_the_time_of_the_node() -> None:
    router = Router()

    def work(msg: Any) -> Any:
        if msg.n == 600:
            time.sleep(0.2)
        return None if msg.n % 2 else msg.n

    router.node("n", entry_point=True, name="work")(work)
    router.push([{"n": n} for n in range(0, 3_000, 2)], batch_size=1_200)
    router.push([{"n": n} for n in range(5)], batch_size=1)
    ms = {row: router.trace("work", row)["ms"].iloc[-1] for row in (0, 300, 511, 1_502)}
    assert ms[0] == ms[300] == ms[511] >= 200 / 512
    assert ms[1_502] > 0
    router.clear()
    router.push([{"n": n} for n in range(0, 1_200, 2)], batch_size=600)
    ms = [router.trace("work", row)["ms"].iloc[-1] for row in range(600)]
    assert len(set(ms)) > 1
    assert sum(ms) == pytest.approx(router.summary().loc["work", "ms"] * 600)


# --- How it is drawn -----------------------------------------------------------------------------


def test_a_trace_is_drawn_from_what_was_pushed_down_to_all_that_came_of_it() -> None:
    router = counting()
    router.node("size", "words", name="size")(lambda msg: len(msg.word))
    router.push(["the rain", "the"])
    text = str(router.trace("words", 1))
    bare = re.sub(r"[\d.]+ ms", "ms", text)
    assert bare.splitlines() == [
        "__entry_point 0  document='the rain'",
        "└─ words 1 ◀     word='rain'  revision 1 · ms",
        "   ├─ count 1    word='rain', n=1  revision 1 · ms",
        "   └─ size 1     size=4  revision 1 · ms",
    ]
    assert shown(router, "words", 1) == text
    assert repr(router.trace("words", 1)) == text


def test_a_trace_is_a_dataframe_and_what_is_computed_from_it_a_plain_one() -> None:
    router = counting()
    router.push(["the rain"])
    trace = router.trace("words", 1)
    assert isinstance(trace, pd.DataFrame)
    assert type(trace[trace["hop"] > 0]) is pd.DataFrame
    assert "[3 rows x" in repr(trace[:])
    del trace["values"]
    assert "hop" in repr(trace)
    assert "parent_node" in trace._repr_html_()


def test_values_are_text_of_one_line_whatever_they_are() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    router = Router()
    given = {
        "a": "<script>alert(1)</script>",
        "b": "two\nlines \x1b[31m",
        "c": Odd(),
        "d": "x" * 10_000,
        "e": 10**5_000,
    }
    router.node("value", entry_point=True, name="give")(lambda msg: given[msg.name])
    router.push([{"name": name} for name in given])
    assert router.failures().empty
    for row in range(len(given)):
        lines = str(router.trace("give", row)).splitlines()
        assert len(lines) == 2
        assert len(lines[1]) < 150
        assert all(line.isprintable() for line in lines)
        assert "<script" not in router.trace("give", row)._repr_html_()
        assert shown(router, "give", row).splitlines() == lines
    assert "value='<script>alert(1)</script>'" in str(router.trace("give", 0))
    assert "Odd" in str(router.trace("give", 2))


def test_a_hundred_thousand_descendants_are_all_in_the_frame_and_a_few_are_drawn() -> None:
    router = counting()
    router.push([" ".join(["the"] * 50_000)])
    trace = router.trace(ENTRY_POINT, 0)
    assert len(trace) == 100_001
    assert trace["hop"].value_counts().to_dict() == {0: 1, 1: 50_000, 2: 50_000}
    assert trace["values"].iloc[-1] == {"word": "the", "n": 50_000}
    assert heads(router, ENTRY_POINT, 0)[1:] == [
        "├─ words 0",
        "│  └─ count 0",
        "├─ words 1",
        "│  └─ count 1",
        "├─ words 2",
        "│  └─ count 2",
        "└─ … 49,997 more of words",
        "… 7 of 100,001 drawn; the frame has all",
    ]


def test_a_message_that_went_round_a_loop_is_drawn_with_its_last_hops() -> None:
    router = Router()
    router.node("n", ["down"], entry_point=True, name="down")(lambda msg: msg.n - 1 or None)
    router.push([{"n": 500}])
    lines = [line.split("  n=")[0].strip() for line in str(router.trace("down", 300)).splitlines()]
    assert len(lines) == 20
    assert lines[:3] == ["__entry_point 0", "└─ … 293 more between", "└─ down 293"]
    assert lines[9] == "└─ down 300 ◀"
    assert lines[-2:] == ["└─ … 1 more of down", "… 17 of 500 drawn; the frame has all"]
