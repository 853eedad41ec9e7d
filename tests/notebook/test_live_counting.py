"""The live widget: the numbers that a page knows are those of the router."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages import Page
from strategies import graphs, messages, router_of

from emitnb import Router
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live.counting import PER_NODE, stats
from emitnb.notebook.live.shape import shape_of
from emitnb.notebook.widget import GraphWidget


def parse(msg: Any) -> Any:
    return int(msg.text)


def lenient(msg: Any) -> Any:
    return int(msg.text) if msg.text.isdigit() else -1


def double(msg: Any) -> Any:
    return 2 * msg.n if msg.n else None


def parsing(function: Any = parse) -> Router:
    """A router with a failure port, a drop, and a loop."""
    router = Router()
    router.node("n", entry_point=True, name="parse")(function)
    router.node("n", "parse", name="double")(double)
    router.node("n", ["parse!", "repair"], name="repair")(lambda msg: None)
    router.node("n", "/parse|double/", name="sink")(lambda msg: msg.n)
    router.push(["1", "x", "0", "3", "y"], field="text")
    return router


def check(page: Page, widget: GraphWidget, router: Router) -> None:
    """The page has what the router says."""
    numbers = page.numbers(widget)
    summary = router.summary()
    assert set(numbers.nodes) - {ENTRY_POINT} == set(router.nodes)
    for name, found in numbers.nodes.items():
        row = summary.loc[name]
        given = [found[one] for one in ("received", "emitted", "dropped", "failed")]
        assert given == [row["in"], row["emitted"], row["dropped"], row["failed"]]
        assert found["seconds"] * 1_000 == pytest.approx(row["ms"] * row["in"])
        assert found["kept"] == router.failing().get(name, 0)
        assert found["stale"] == router.stale().get(name, 0)
    for route, count in numbers.edges.items():
        assert count == router.traffic().get(route, 0)


CHANGES = {
    "nothing": lambda router: None,
    "push": lambda router: router.push(["5", "z"], field="text"),
    "call": lambda router: router(text="5"),
    "push to a node": lambda router: router.push([7, 0], field="n", to="double"),
    "retry": lambda router: router.retry(),
    "mended and retried": lambda router: (
        router.node("n", entry_point=True, name="parse")(lenient),
        router.retry("parse"),
    ),
    "discard": lambda router: router.discard("parse"),
    "redefine": lambda router: router.node("n", "parse", name="double")(lambda msg: msg.n + 1),
    "replay": lambda router: (
        router.node("n", "parse", name="double")(lambda msg: msg.n + 1),
        router.replay(),
    ),
    "replay from start": lambda router: (
        router.node("n", entry_point=True, name="parse")(lenient),
        router.replay("parse"),
    ),
    "rename": lambda router: router.rename("parse", "read"),
    "remove": lambda router: router.remove("parse"),
    "subscribe from start": lambda router: router.subscribe("sink", "repair", from_start=True),
    "unsubscribe": lambda router: router.unsubscribe("sink", "double"),
    "clear": lambda router: router.clear(),
    "reset": lambda router: router.reset(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_a_change_the_page_has_the_numbers(page: Page, change: Any) -> None:
    router = parsing()
    widget = GraphWidget(router)
    check(page, widget, router)
    change(router)
    assert widget.refresh()
    check(page, widget, router)


def test_of_known_data_the_numbers_are_known(page: Page) -> None:
    router = parsing()
    router.node("n", "parse", name="double")(lambda msg: msg.n + 1)
    numbers = page.numbers(GraphWidget(router))
    shown = {
        name: tuple(found[one] for one in PER_NODE[:-1]) for name, found in numbers.nodes.items()
    }
    assert shown == {
        ENTRY_POINT: (5, 5, 0, 0, 0, 0),
        "parse": (5, 3, 0, 2, 2, 0),
        "double": (3, 2, 1, 0, 0, 2),
        "repair": (2, 0, 2, 0, 0, 0),
        "sink": (5, 5, 0, 0, 0, 5),
    }
    assert numbers.edges == {
        (ENTRY_POINT, "parse"): 5,
        ("parse", "double"): 3,
        ("parse!", "repair"): 2,
        ("repair", "repair"): 0,
        ("parse", "sink"): 3,
        ("double", "sink"): 2,
    }


def test_the_numbers_are_little_endian_floats_with_version_and_time_first() -> None:
    router = parsing()
    sent = stats(router, shape_of(router.graph, 7), 12.5)
    assert np.frombuffer(sent, "<f8").tolist()[:7] == [7, 12.5, 5, 5, 0, 0, 0]


def test_numbers_beyond_those_of_32_bits_are_exact() -> None:
    router = Router()
    router.node("n", entry_point=True, name="burst", batch=True)(lambda frame: frame[["n"]])
    router.push(range(70_000), field="n")
    shape = shape_of(router.graph, 1)
    values = np.frombuffer(stats(router, shape, 2.0**40 + 0.25), "<f8")
    assert values[1] == 2.0**40 + 0.25
    assert values[2 + len(PER_NODE)] == 70_000


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_node_receives_what_comes_over_its_edges(data: st.DataObject) -> None:
    specs = data.draw(graphs(plural=True))
    router = router_of(specs)
    router.push(data.draw(messages(specs)), progress=False)
    shape = shape_of(router.graph, 1)
    values = np.frombuffer(stats(router, shape, 0.0), "<f8").tolist()
    over = Counter[str]()
    for (_, name), count in zip(
        shape.routes, values[2 + len(shape.names) * len(PER_NODE) :], strict=True
    ):
        over[name] += int(count)
    for place, name in enumerate(shape.names):
        received, emitted, dropped, failed = values[2 + place * len(PER_NODE) :][:4]
        if name != ENTRY_POINT:
            assert received == over[name] == router.summary()["in"][name]
        assert min(received, emitted, dropped, failed) >= 0
