"""Live: a changed node is replayed at once, within a budget of seconds."""

from __future__ import annotations

import threading
from typing import Any

from looking import column, unchanged

from emitnb import Router


def pushed(count: int = 5) -> Router:
    router = Router()
    router.node("n", entry_point=True, name="first")(lambda msg: msg.n)
    router.node("n", "first", name="second")(lambda msg: msg.n)
    router.push(range(count), field="n", progress=False)
    return router


def test_a_changed_node_is_replayed_with_all_behind_it():
    router = pushed()
    router.live = 60
    run = router.run
    first = router.node("n", entry_point=True, name="first")(lambda msg: -msg.n)
    assert column(router, "second") == [0, -1, -2, -3, -4]
    assert "replayed 5 messages" in str(first.declaration)
    assert "older" not in str(first.declaration)
    assert "stale" not in router.frame().attrs
    assert router.run is run


def test_what_is_no_new_revision_or_has_emitted_nothing_is_not_replayed():
    router, calls = pushed(), []
    router.live = 60
    for _ in range(2):
        router.node("n", entry_point=True, name="first")(lambda msg: msg.n)
        router.node("n", "second", name="third")(lambda msg: calls.append(msg) or msg.n)
    assert calls == []


def test_switched_off_nothing_is_replayed():
    router = pushed()
    router.live = 60
    router.live = None
    first = router.node("n", entry_point=True, name="first")(lambda msg: -msg.n)
    assert column(router, "first") == [0, 1, 2, 3, 4]
    assert "5 rows come from an older first; %emit_replay first" in str(first.declaration)


def test_an_expensive_node_is_given_up_in_its_budget_and_the_frames_are_as_before():
    router, calls = pushed(100), []
    router.live = 0.01

    def slow(msg: Any) -> int:
        calls.append(msg.n)
        threading.Event().wait(0.02)
        return -msg.n

    run = router.run
    before = router.summary().drop(columns="ms")
    first = router.node("n", entry_point=True, name="first")(slow)
    assert calls == [0]
    said = "gave up replaying after 0.01 s at 1 of 100 messages; %emit_replay first"
    assert said in str(first.declaration)
    assert column(router, "first") == column(router, "second") == list(range(100))
    assert router.summary().drop(columns="ms").equals(before)
    assert "100 rows come from an older first" in router.frame("first").attrs["stale"]
    assert router.run is run
    assert router.runs == ()
    with unchanged(router):
        router.run.resume()
    router.replay("first", progress=False)
    assert column(router, "second") == [-n for n in range(100)]


def test_a_replay_that_ends_at_the_last_moment_counts():
    router = pushed(1)
    router.live = 0
    first = router.node("n", entry_point=True, name="first")(lambda msg: msg.n + 1)
    assert "replayed 1 message" in str(first.declaration)
    assert column(router, "second") == [1]


def test_a_node_that_fails_on_everything_is_declared_and_given_up():
    router = pushed(10)
    router.live, router.max_failures = 60, 3
    first = router.node("n", entry_point=True, name="first")(lambda msg: 1 // 0)
    assert "gave up replaying: first failed" in str(first.declaration)
    assert "resume" not in str(first.declaration)
    assert column(router, "first") == list(range(10))
    assert router.failures().empty
    assert router.nodes["first"].revision == 2
