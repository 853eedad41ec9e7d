"""The contract "Subscriptions": by name, by pattern, and what a declaration tells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from looking import column, figures

from emitnb import Router
from emitnb.message import ENTRY_POINT


def router_of(*names: str) -> Router:
    """A router with a chain of no subscriptions: each node hears what is pushed."""
    router = Router()
    for name in names:
        router.node("word", entry_point=True, name=name)(lambda msg: msg.word)
    return router


def origins(router: Router, subscribe_to: Any, **options: Any) -> set[str]:
    """What a node with this subscription receives from."""
    router.node("word", subscribe_to, name="listener", **options)(lambda msg: msg.word)
    return set(router.graph.origins("listener"))


@pytest.mark.parametrize(
    ("subscribe_to", "expected"),
    [
        ("words", {"words"}),
        ("tasks.words", {"tasks.words"}),
        ("tasksXwords", {"tasksXwords"}),
        ("wor", set()),
        ("wor.*", {"words", "words2", "tasks.words"}),
        ("words2?", {"words", "words2", "tasks.words"}),
        (r"tasks\.\w+", {"tasks.words"}),
        ("ords.*", set()),
        ("(words", None),
        (re.compile("words"), {"words", "tasks.words"}),
        (re.compile("WORDS2", re.IGNORECASE), {"words2"}),
        ("/words2/", {"words2"}),
        (["words", re.compile("words2")], {"words", "words2"}),
        (("words",), {"words"}),
        ({"words2", "words"}, {"words", "words2"}),
        ((name for name in ("words", "words2")), {"words", "words2"}),
        ([], set()),
        (None, set()),
        (".*", {"words", "words2", "tasks.words", "tasksXwords", ENTRY_POINT}),
        (ENTRY_POINT, {ENTRY_POINT}),
    ],
)
def test_subscriptions_a_name_is_that_node_alone_and_a_pattern_matches_whole_names(
    subscribe_to, expected
):
    router = router_of("words", "words2", "tasks.words", "tasksXwords")
    if expected is None:
        with pytest.raises(ValueError, match=r"listener.*no regular expression"):
            origins(router, subscribe_to)
    else:
        assert origins(router, subscribe_to) == expected


def test_subscriptions_the_order_of_declaration_does_not_matter():
    router = Router()
    router.node("word", ["words", "more_.*"], name="listener")(lambda msg: msg.word)
    assert router.graph.origins("listener") == ()
    for name in ("more_words", "words", "more_lines"):
        router.node("word", entry_point=True, name=name)(lambda msg: msg.word)
    assert set(router.graph.origins("listener")) == {"words", "more_words", "more_lines"}
    router.push({"word": "rain"})
    assert figures(router, "listener") == (3, 3, 0, 0)


def test_subscriptions_a_pattern_never_takes_in_the_node_itself():
    router = router_of("words")
    assert origins(router, ["listen.*", ".*"]) == {"words", ENTRY_POINT}
    assert not any(part.is_loop for part in router.graph.order)


def test_subscriptions_a_node_that_names_itself_is_an_explicit_loop():
    router = Router()

    @router.node("n", ["down"], entry_point=True, name="down")
    def down(msg: Any) -> Any:
        return msg.n - 1 if msg.n else None

    assert "down -> down" in str(down.declaration)
    router.push({"n": 3})
    assert column(router, "down") == [2, 1, 0]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ("words2", {"words", "lines", ENTRY_POINT}),
        ("words.", {"words", "lines", ENTRY_POINT}),
        (["words.*", ENTRY_POINT], {"lines"}),
        (re.compile(".*_entry_.*"), {"words", "words2", "lines"}),
        (".*", set()),
        ("nobody", {"words", "words2", "lines", ENTRY_POINT}),
    ],
)
def test_subscriptions_ignore_takes_names_and_patterns_away(ignore, expected):
    assert origins(router_of("words", "words2", "lines"), ".*", ignore=ignore) == expected


def test_subscriptions_ignore_also_holds_for_nodes_declared_later():
    router = Router()
    router.node("word", ".*", ignore="bad_.*", name="listener")(lambda msg: msg.word)
    router.node("word", name="bad_words")(lambda msg: msg.word)
    router.node("word", name="words")(lambda msg: msg.word)
    assert set(router.graph.origins("listener")) == {"words", ENTRY_POINT}


def test_subscriptions_a_message_comes_once_however_often_it_is_matched():
    router = router_of("words")
    assert origins(router, ["words", "w.*", ".*s", "words"]) == {"words"}
    router.push({"word": "rain"})
    assert column(router, "listener") == ["rain"]


def test_subscriptions_declaring_shows_what_was_resolved_and_what_is_new():
    router = router_of("words", "lines")
    listener = router.node({"word": str}, ["wor.*", "lines"], name="listener")(lambda msg: "")
    text = str(listener.declaration)
    assert listener.declaration.is_new
    assert "listener(word: str)" in text
    assert "words" in text
    assert "lines" in text
    again = router.node("word", "lines", name="listener")(lambda msg: msg.word)
    assert not again.declaration.is_new
    assert "revision 2" in str(again.declaration)
    assert "words" not in str(again.declaration)


def test_subscriptions_declaring_shows_what_matched_nothing_and_the_nearest_name():
    router = router_of("tokenize")
    listener = router.node("word", ["tokenise", "count_.*"], name="listener")(lambda msg: "")
    text = str(listener.declaration)
    assert "tokenise matches nothing" in text
    assert "Did you mean `tokenize`?" in text
    assert "/count_.*/ matches nothing" in text
    assert "receives nothing" in text


def test_subscriptions_declaring_shows_any_new_cycle():
    router = Router()
    ping = router.node("n", "pong", entry_point=True, name="ping")(lambda msg: msg.n)
    assert "cycle" not in str(ping.declaration)
    pong = router.node("n", "ping", name="pong")(lambda msg: msg.n)
    assert "cycle: ping -> pong -> ping" in str(pong.declaration)


def test_subscriptions_a_cycle_may_end_by_itself():
    router = Router()
    router.node("n", "pong", entry_point=True, name="ping", when=lambda msg: msg.n > 0)(
        lambda msg: msg.n - 1
    )
    router.node("n", "ping", name="pong")(lambda msg: msg.n)
    router.push([{"n": 3}, {"n": 1}])
    assert column(router, "ping") == [2, 1, 0, 0]
    assert router.failures().empty


def test_subscriptions_a_hop_limit_turns_a_runaway_loop_into_a_failure():
    router = Router()
    router.hop_limit = 20
    router.node("n", "pong", entry_point=True, name="ping")(lambda msg: msg.n + 1)
    router.node("n", "ping", name="pong")(lambda msg: msg.n)
    router.node("n", "pong", name="after")(lambda msg: msg.n)
    run = router.push([{"n": 0}, {"n": 100}])
    assert (run.state, run.done) == ("done", 2)
    failures = router.failures()
    assert failures["error_type"].tolist() == ["LoopError"] * 2
    assert failures["source"].tolist() == [0, 1]
    assert "ping -> pong -> ping" in failures["error"][0]
    assert "20 waves" in failures["error"][0]
    assert "hop_limit" in failures["error"][0]
    assert column(router, "after") == [*range(1, 11), *range(101, 111)]


def test_subscriptions_of_the_live_graph_can_be_edited():
    router = router_of("words", "lines")
    origins(router, "words")
    router.subscribe("listener", ["li.*"])
    assert set(router.graph.origins("listener")) == {"words", "lines"}
    router.unsubscribe("listener", "words")
    assert router.graph.origins("listener") == ("lines",)
    router.unsubscribe("listener", "lines")
    assert router.graph.origins("listener") == ()
    router.subscribe("listener", "lines")
    assert router.graph.origins("listener") == ("lines",)
