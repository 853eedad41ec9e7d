"""The live widget: what is new is told once, no more often than it may, and at last in full."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from emitnb import Router
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live import feed as feeds
from emitnb.notebook.live import status as statuses
from emitnb.notebook.live.feed import MANY, Feed

ALL = {"graph", "code", "stats", "status", "surroundings", "details"}


class Clock:
    """Seconds, that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def says_what_is_slow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "WORTH_SAYING", 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def halving() -> Router:
    router = Router()
    router.node("n", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
    router.node("n", "halve", name="sink")(lambda msg: msg.n)
    return router


def looks(feed: Feed, clock: Clock, seconds: float) -> list[dict[str, Any]]:
    """What a publisher would find that looks ten times a second."""
    found = []
    for _ in range(round(seconds * 10)):
        clock.now += 0.1
        found.append(feed.news())
    return found


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("emitnb-run"):
            thread.join(30)


def test_the_first_look_finds_all_and_the_next_nothing(clock: Clock) -> None:
    feed = Feed(halving(), clock)
    assert set(feed.news()) == ALL
    assert looks(feed, clock, 5) == [{}] * 50


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda router: router.push([1, 2], field="n"), {"stats", "status", "details"}),
        (lambda router: router(n=3), {"stats", "details"}),
        (lambda router: router.clear(), set()),
        (lambda router: router.node("n", name="more")(lambda msg: 1), ALL - {"status"}),
        (lambda router: router.subscribe("sink", ENTRY_POINT), {"graph", "code", "stats"}),
        (lambda router: setattr(router, "live", 5.0), set()),
    ],
    ids=["push", "call", "clear of nothing", "declare", "subscribe", "an option"],
)
def test_only_what_changed_is_told(clock: Clock, change: Any, expected: set[str]) -> None:
    router = halving()
    feed = Feed(router, clock)
    feed.news()
    clock.now += 60
    change(router)
    found = set(feed.news())
    assert found - {"surroundings", "stats"} == expected - {"surroundings", "stats"}
    assert expected - {"surroundings"} <= found
    assert looks(feed, clock, 2) == [{}] * 20


def test_numbers_are_of_the_shape_told_last(clock: Clock) -> None:
    router = halving()
    feed = Feed(router, clock)
    for number in range(3):
        router.node("n", name=f"n{number}")(lambda msg: 1)
        found = feed.news()
        version = found["graph"]["version"]
        assert np.frombuffer(found["stats"], "<f8")[0] == version
        clock.now += 0.1


def test_details_come_slowly_but_the_last_of_them_always(clock: Clock) -> None:
    router = halving()
    feed = Feed(router, clock)
    feed.news()
    told, rows = [], 0
    for n in range(1, 31):
        router.push([n], field="n")
        clock.now += 0.1
        found = feed.news()
        assert "stats" in found
        told += [clock.now] * ("details" in found)
        rows = found["details"]["halve"]["total"] if "details" in found else rows
    assert len(told) > 1
    assert min(b - a for a, b in itertools.pairwise(told)) >= 0.5 - 1e-6
    router.push([5], field="n")
    later = [one["details"] for one in looks(feed, clock, 2) if "details" in one]
    assert later[-1]["halve"]["total"] == 31
    assert len(later) == 1


def test_surroundings_come_at_most_once_a_second_but_the_last_of_them_always(clock: Clock) -> None:
    router = halving()
    feed = Feed(router, clock)
    first = feed.news()["surroundings"]
    assert (first["backend"], first["advice"]) == ("memory", "")
    told = []
    for n in range(1, 41):
        router.push([n], field="n")
        clock.now += 0.1
        told += [clock.now] * ("surroundings" in feed.news())
    assert all(b - a >= 1 - 1e-6 for a, b in itertools.pairwise(told))
    router.push([5], field="n")
    later = [one["surroundings"] for one in looks(feed, clock, 3) if "surroundings" in one]
    assert later[-1]["advice"] == router.advice()


def test_during_a_run_details_take_a_small_share_of_the_time_and_at_rest_none_is_missing(
    clock: Clock, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 0.1 s here, so a fiftieth of the time is every 5 s."""
    router, made, times = halving(), feeds.details_of, list[float]()

    def slow(*arguments: Any) -> Any:
        times.append(clock.now)
        clock.now += 0.1
        return made(*arguments)

    monkeypatch.setattr(feeds, "details_of", slow)
    router.node("n", name="held")(lambda msg: gate.wait())
    feed = Feed(router, clock)
    run = router.push([0], field="n", to="held", background=True)
    for _ in range(200):
        feed.news()
        router.clear()  # something else to look at
        clock.now += 0.1
    assert not feed.is_at_rest
    assert len(times) > 2
    assert all(b - a >= 4.9 for a, b in itertools.pairwise(times))
    gate.set()
    assert run.wait(30)
    assert feed.is_at_rest
    (later,) = [one["details"] for one in looks(feed, clock, 2) if "details" in one]
    assert later["held"]["total"] == 1


def test_large_details_are_told_more_rarely(clock: Clock) -> None:
    router = Router()
    for number in range(250):
        router.node("n", entry_point=not number, name=f"node_{number}" + "_" * 1_000)(len)
    feed = Feed(router, clock)
    size = len(feeds.json.dumps(feed.news()["details"]))
    apart = size / feeds.BYTES_A_SECOND
    assert apart > 1
    router.node("n", entry_point=True, name="one_more")(len)
    clock.now += apart - 0.01
    assert "details" not in feed.news()
    clock.now += 0.02
    assert "details" in feed.news()


@pytest.mark.parametrize(("boxes", "looks_between"), [(MANY, 1), (MANY + 1, 2)])
def test_a_large_graph_is_told_half_as_often(clock: Clock, boxes: int, looks_between: int) -> None:
    router = Router()
    for number in range(boxes):
        router.node("n", name=f"n{number}")(lambda msg: 1)
    feed = Feed(router, clock)
    feed.news()
    told = []
    for place in range(20):
        router.push([place], field="n", to="n0")
        clock.now += 0.1
        told += [place] * bool(feed.news())
    assert {b - a for a, b in itertools.pairwise(told)} == {looks_between}
    router.push([0], field="n", to="n0")
    last = [one["stats"] for one in looks(feed, clock, 1) if "stats" in one][-1]
    emitted = np.frombuffer(last, "<f8")[3]
    assert emitted == router.summary()["emitted"]["n0"] == 21


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("drawn", "graph"),
        ("code_of", "code"),
        ("stats", "stats"),
        ("status_of", "status"),
        ("surroundings_of", "surroundings"),
        ("details_of", "details"),
    ],
)
def test_what_cannot_be_made_takes_nothing_else_along(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, trait: str
) -> None:
    router = halving()
    feed = Feed(router, clock)
    feed.news()

    def fail(*_: Any) -> Any:
        raise ValueError("no such\nluck")

    router.push([1, 0], field="n")
    router.node("n", "halve", name="more")(lambda msg: 1)
    clock.now += 60
    with monkeypatch.context() as patch:
        patch.setattr(feeds, name, fail)
        assert set(feed.news()) == ALL - {trait}
        assert feed.trouble == "ValueError: no such luck"
    clock.now += 60
    assert trait in feed.news()
    assert feed.trouble == ""


def test_a_feed_keeps_nothing_of_what_it_looked_at(clock: Clock) -> None:
    """A widget lives as long as its kernel; what a router recorded need not."""
    router = halving()
    router.push([1, 0], field="n")
    feed = Feed(weakref.proxy(router), clock)
    feed.news()
    gone = [weakref.ref(one) for one in (router, router.graph, router.moment)]
    gone.append(weakref.ref(router.graph.nodes["halve"].function))
    del router
    gc.collect()
    assert [ref() for ref in gone] == [None] * len(gone)
    with pytest.raises(ReferenceError):
        feed.news()
