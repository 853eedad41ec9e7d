"""The live widget: one thread feeds all widgets of a kernel, gently, and ends with them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pages import PATIENCE, Page, publishers

from emitnb import Router
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live import feed as feeds
from emitnb.notebook.live.publisher import INTERVAL, Publisher
from emitnb.notebook.widget import GraphWidget, Widgets


def counting() -> Router:
    router = Router()
    router.node("n", entry_point=True, name="count")(lambda msg: msg.n)
    return router


def received(page: Page, widget: GraphWidget) -> float:
    """How many messages the page knows of."""
    return page.numbers(widget).nodes[ENTRY_POINT]["emitted"]


class Watched:
    """Something to keep up to date; ``refresh`` does what it is given, and tells of each look."""

    def __init__(self, refresh: Callable[[], bool] = lambda: True) -> None:
        self._refresh = refresh
        self.looks = threading.Semaphore(0)

    def refresh(self) -> bool:
        self.looks.release()
        return self._refresh()

    def wait(self, looks: int = 1) -> None:
        """Wait for so many more looks, the last of which may be under way."""
        for _ in range(looks):
            assert self.looks.acquire(timeout=PATIENCE)


@pytest.fixture(autouse=True)
def no_stray_thread() -> Iterator[None]:
    yield
    gc.collect()
    for thread in publishers():
        thread.join(PATIENCE)
    assert publishers() == []


# -- the publisher --------------------------------------------------------------------------------


def test_one_thread_looks_at_all_and_ends_with_the_last() -> None:
    publisher, over = Publisher(), threading.Event()
    watched = [Watched(lambda: not over.is_set()) for _ in range(20)]
    for one in watched:
        publisher.add(one)
    for one in watched:
        one.wait(2)
    (thread,) = publishers()
    assert thread.daemon
    over.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_after_its_end_it_begins_again() -> None:
    publisher = Publisher()
    for _ in range(3):
        once = Watched(lambda: False)
        publisher.add(once)
        once.wait()
        for thread in publishers():
            thread.join(PATIENCE)


def test_what_is_gone_before_the_first_look_ends_nothing_else() -> None:
    publisher, over = Publisher(), threading.Event()
    kept = Watched(lambda: not over.is_set())
    publisher.add(kept)
    kept.wait()
    publisher.add(Watched())  # nobody holds it
    gc.collect()
    kept.wait(3)
    later = Watched(lambda: False)
    publisher.add(later)
    later.wait()
    over.set()


def test_one_that_raises_ends_nothing_else_and_is_looked_at_again() -> None:
    publisher, over = Publisher(), threading.Event()

    def fail() -> bool:
        if over.is_set():
            return False
        raise OSError("the socket is closed")

    failing, other = Watched(fail), Watched(lambda: not over.is_set())
    publisher.add(failing)
    publisher.add(other)
    failing.wait(3)
    other.wait(3)
    over.set()


# -- widgets --------------------------------------------------------------------------------------


def test_a_widget_follows_its_router_and_is_sent_nothing_else(page: Page) -> None:
    router, other = counting(), counting()
    widgets = Widgets()
    widget, idle = widgets.of(router), widgets.of(other)
    page.until(lambda: all(page.updates(one) for one in (widget, idle)))  # what follows at once
    before = len(page.updates(widget))
    for n in range(1, 4):
        router.push([n], field="n")
        page.until(lambda n=n: received(page, widget) == n)
    assert [one.traits for one in page.updates(idle)] == [("code", "details", "surroundings")]
    assert len(publishers()) == 1
    changed = {trait for one in page.updates(widget)[before:] for trait in one.traits}
    assert changed <= {"stats", "status", "details", "surroundings"}


def test_a_flood_of_commits_is_at_most_ten_messages_a_second_and_the_last_arrives(
    page: Page,
) -> None:
    router = counting()
    widgets = Widgets()
    views = [widgets.of(router), widgets.of(router, "count")]
    total = 0
    while len(page.updates(views[0])) < 12:
        router.push(range(200), field="n", batch_size=1)
        total += 200
    page.until(lambda: all(received(page, view) == total for view in views))
    for view in views:
        times = [one.time for one in page.updates(view)]
        assert (len(times) - 1) * INTERVAL <= times[-1] - times[0] + INTERVAL / 10
        assert len(times) < total / 10


def test_the_views_of_a_router_are_shared_and_the_engine_is_sent_once(page: Page) -> None:
    routers, widgets = [counting(), counting()], Widgets()
    made = [widgets.of(router) for router in routers]
    assert [widgets.of(router) for router in routers] == made
    around = widgets.of(routers[0], "count")
    assert around is widgets.of(routers[0], "count")
    assert around is not made[0]
    assert (page.model(made[0])["around"], page.model(around)["around"]) == ("", "count")
    opened = [page.models[one.comm_id] for one in page.sent if one.kind == "comm_open"]
    (engine,) = {model["engine"] for model in opened if "engine" in model}
    assert len([model for model in opened if "source" in model]) == 1
    assert len(page.models[engine]["source"]) > 500_000
    assert sum(len(model.get("source", "")) for model in opened) < 1_000_000
    assert len({model["still"] for model in opened if "still" in model}) == 3


def test_the_numbers_travel_as_bytes_and_not_in_the_json(page: Page) -> None:
    widget = Widgets().of(counting())
    assert isinstance(page.model(widget)["stats"], bytes)


def test_a_router_that_is_dropped_goes_and_its_widgets_end(page: Page) -> None:
    widgets, router = Widgets(), counting()
    router.push(range(10), field="n")
    made = [widgets.of(router), widgets.of(router, "count")]
    page.until(lambda: all(received(page, one) == 10 for one in made))
    gone = [weakref.ref(router), weakref.ref(router.moment), weakref.ref(router.graph)]
    (thread,) = publishers()
    del router
    for _ in range(PATIENCE * 20):
        gc.collect()  # it is in cycles, and held while somebody looks
        thread.join(0.05)
        if not thread.is_alive():
            break
    assert not thread.is_alive()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert not any(one.refresh() for one in made)
    assert page.model(made[0])["trouble"] == ""
    assert page.ask(made[0], "stop")["error"].startswith("this router is gone")


def test_a_widget_that_is_closed_ends_and_is_made_anew(page: Page) -> None:
    widgets, router = Widgets(), counting()
    widget = widgets.of(router)
    threads = publishers()
    widget.close()
    for thread in threads:
        thread.join(PATIENCE)
    again = widgets.of(router)
    assert again is not widget
    router.push([1], field="n")
    page.until(lambda: received(page, again) == 1)


def test_what_goes_wrong_is_told_and_the_next_look_goes_on(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = counting()
    widget = Widgets().of(router)

    def fail(*_: Any) -> Any:
        raise ValueError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(feeds, "code_of", fail)
        router.node("n", "count", name="more")(lambda msg: 1)
        page.until(lambda: page.model(widget)["trouble"] == "ValueError: a bug")
        page.until(lambda: len(page.model(widget)["graph"]["nodes"]) == 3)
        router.push([1], field="n")
        page.until(lambda: received(page, widget) == 1)
    page.until(lambda: page.model(widget)["trouble"] == "")
    page.until(lambda: "more" in page.model(widget)["code"])


def test_what_could_not_be_sent_is_sent_at_the_next_look(page: Page) -> None:
    router = counting()
    widget = GraphWidget(router)
    page.broken = OSError("the socket is full")
    router.push([1], field="n")
    with pytest.raises(OSError, match="the socket is full"):
        widget.refresh()
    page.broken = None
    assert widget.refresh()
    assert received(page, widget) == 1
    assert page.model(widget)["trouble"] == ""
