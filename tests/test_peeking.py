"""What went over an edge: the messages that a node really received, and no others."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, messages, router_of
from test_properties import BATCH_SIZES, examples, run_model

from emitnb import EmitError, Router, UnknownEdgeError, UnknownNodeError
from emitnb.message import ENTRY_POINT

ALL = 10**9


def pair() -> Router:
    router = Router()

    @router.node({"word": str, "size": int}, entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from ((word, len(word)) for word in msg.document.split())

    @router.node("word", "words", name="upper")
    def upper(msg: Any) -> Any:
        return msg.word.upper() if msg.word != "rain" else None

    return router


def indexed(words: list[str], start: int = 0) -> pd.DataFrame:
    index = pd.RangeIndex(start, start + len(words)).to_numpy()
    frame = pd.DataFrame({"word": words, "size": [len(w) for w in words]}, index=index)
    return frame.astype({"word": "str", "size": "int64"}).rename_axis("row")


def test_a_peek_has_the_latest_messages_with_the_rows_of_their_origin() -> None:
    router = pair()
    router.push(["the rain in Spain", "stays mainly"], batch_size=1)
    everything = indexed(["the", "rain", "in", "Spain", "stays", "mainly"])
    pd.testing.assert_frame_equal(router.peek("words -> upper"), everything)
    pd.testing.assert_frame_equal(router.peek("words->upper", 3), everything[-3:])
    pushed = router.peek("__entry_point -> words", n=1)
    assert pushed.index.tolist() == [1]
    assert pushed["document"].tolist() == ["stays mainly"]


def test_only_what_a_node_received_went_over_its_edge() -> None:
    router = pair()
    router.push(["before it subscribed"])
    router.node("size", ["words", ENTRY_POINT], name="late")(lambda msg: 1)
    router.push(["now here"])
    router.push(["to words alone"], to="words")
    router.push(["to late alone"], to="late")
    assert router.peek("words -> late")["word"].tolist() == ["now", "here", "to", "words", "alone"]
    assert router.peek("words -> late").index.tolist() == [3, 4, 5, 6, 7]
    assert router.peek("__entry_point -> late").index.tolist() == [1, 3]
    assert router.peek("__entry_point -> words").index.tolist() == [0, 1, 2]
    router.unsubscribe("late", "words")
    router.push(["not any more"])
    assert router.peek("words -> late").index.tolist() == [3, 4, 5, 6, 7]


@examples(50)
@given(st.data())
def test_a_peek_is_what_lineage_and_figures_say(data: st.DataObject) -> None:
    specs = data.draw(graphs())
    pushes = data.draw(st.lists(messages(specs), min_size=1, max_size=3))
    run_model(specs, pushes)
    router = router_of(specs)
    for pushed in pushes:
        router.push(pushed, batch_size=data.draw(st.sampled_from(BATCH_SIZES)))
    failures = router.failures()
    for name in router.nodes:
        received = 0
        for origin in router.graph.origins(name):
            found = router.peek(f"{origin} -> {name}", ALL)
            received += len(found)
            assert found.index.is_unique
            emitted = router.frame(origin).loc[found.index]
            assert list(found.columns) == list(emitted.columns)
            assert found.to_dict("list") == emitted.to_dict("list")
            children = router.frame(name, lineage=True)
            parents = children[children["parent_node"] == origin]["parent_row"]
            failed = failures[(failures["node"] == name) & (failures["parent_node"] == origin)]
            assert {*parents, *failed["parent_row"]} <= set(found.index)
            few = router.peek(f"{origin} -> {name}", 2)
            assert few.index.tolist() == found.index.tolist()[-2:]
        assert received == router.summary().loc[name, "in"]


def test_an_edge_over_which_nothing_went_is_an_empty_frame_with_the_columns() -> None:
    router = pair()
    empty = router.peek("words -> upper")
    pd.testing.assert_frame_equal(empty, indexed([]))
    assert router.peek("__entry_point -> words").empty


def test_what_a_removed_node_received_can_still_be_seen() -> None:
    router = pair()
    router.push(["the rain"])
    router.remove("upper")
    assert len(router.peek("words -> upper")) == 2
    router.remove("words")
    assert router.peek("words -> upper")["word"].tolist() == ["the", "rain"]


def test_short_names_will_do() -> None:
    router = Router()
    router.node("n", entry_point=True, name="tasks.first")(lambda msg: msg.n)
    router.node("n", "first", name="tasks.second")(lambda msg: msg.n)
    router.push([{"n": 1}])
    assert router.peek("first -> second")["n"].tolist() == [1]


def test_an_unknown_edge_says_what_the_node_does_receive_from() -> None:
    router = pair()
    router.node("word", ["words", "upper"], name="both")(lambda msg: msg.word)
    with pytest.raises(UnknownEdgeError, match=r"upper does not receive from `both`.*from words"):
        router.peek("both -> upper")
    with pytest.raises(UnknownEdgeError, match=r"`words`\? It receives from words, upp"):
        router.peek("wrods -> both")
    with pytest.raises(UnknownNodeError, match=r"no node is named `uper`\. Did you mean `upper`"):
        router.peek("words -> uper")
    with pytest.raises(UnknownNodeError, match="__entry_point"):
        router.peek("words -> __entry_point")
    router.node("word", name="alone")(lambda msg: msg.word)
    with pytest.raises(LookupError, match="It receives from nothing yet"):
        router.peek("words -> alone")


@pytest.mark.parametrize("edge", ["words", "", "->", "words ->", "a -> b -> c", None, ("a", "b")])
def test_what_is_no_edge_is_refused(edge: Any) -> None:
    with pytest.raises(EmitError, match="is no edge; write `A -> B`"):
        pair().peek(edge)


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "20", None])
def test_what_is_no_number_of_messages_is_refused(n: Any) -> None:
    with pytest.raises(EmitError, match="give a number of messages from 1 on"):
        pair().peek("words -> upper", n)


@pytest.mark.parametrize("memory", [0, "unlimited"])
def test_what_was_retried_was_received_last(memory: Any) -> None:
    router = pair()
    router.bound(memory=memory)
    router.node("n", "words", name="number")(lambda msg: int(msg.word))
    router.push(["1 x 2", "y 3"], batch_size=1)
    router.node("n", "words", name="number")(lambda msg: int(msg.word, 36))
    router.retry("number", batch_size=1)
    peeked = router.peek("words -> number")
    assert peeked.index.tolist() == [0, 2, 4, 1, 3]
    assert peeked["word"].tolist() == ["1", "2", "3", "x", "y"]
    assert router.peek("words -> number", n=3)["word"].tolist() == ["3", "x", "y"]
    router.replay("number")
    assert router.peek("words -> number")["word"].tolist() == ["1", "x", "2", "y", "3"]
