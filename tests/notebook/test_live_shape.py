"""The live widget: the boxes and edges that a page knows are those of the graph."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pages import Page, routes
from strategies import graphs, router_of

from emitnb import Router
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live.shape import drawn, shape_of
from emitnb.notebook.widget import GraphWidget

HOSTILE = '<img src=x onerror="alert(1)">\ud800\u202e\n"];}'


def words(msg: Any) -> Any:
    yield from msg.document.split()


def same(msg: Any) -> Any:
    return msg.n


def wire(router: Router) -> dict[str, Any]:
    """The graph as a page gets it."""
    return drawn(router.graph, shape_of(router.graph, 1))


def check(graph: dict[str, Any], router: Router) -> None:
    """What is sent is the graph, in reading order."""
    now = router.graph
    expected = [(origin, name) for name in now.nodes for origin in now.origins(name)]
    assert sorted(routes(graph)) == sorted(expected)
    names = [node["name"] for node in graph["nodes"]]
    entry = [ENTRY_POINT] if any(origin == ENTRY_POINT for origin, _ in expected) else []
    assert names == entry + [name for part in now.order for name in part.members]
    for node in graph["nodes"][len(entry) :]:
        declared = now.nodes[node["name"]]
        assert node["revision"] == declared.revision
        assert [text.split(":")[0] for text in node["fields"]] == list(declared.fields)


def box(graph: dict[str, Any], name: str) -> dict[str, Any]:
    """One box on the wire."""
    (found,) = [node for node in graph["nodes"] if node["name"] == name]
    return found


def edge(graph: dict[str, Any], origin: str, name: str) -> set[str]:
    """What is said of one edge on the wire."""
    found = graph["edges"][routes(graph).index((origin, name))]
    return {mark for mark in ("port", "pattern", "back") if found[mark]}


def declare(router: Router, name: str, *origins: str, **options: Any) -> Any:
    """Declare a node that emits what it gets."""
    return router.node("n", origins, name=name, **options)(same)


CHANGES = {
    "declare": lambda router: declare(router, "more", "double"),
    "declare before": lambda router: declare(router, "later", entry_point=True),
    "redefine": lambda router: router.node("n", "start", name="double")(lambda msg: 2 * msg.n),
    "other fields": lambda router: router.node({"n": int, "m": str}, name="double")(same),
    "rename": lambda router: router.rename("start", "first"),
    "remove": lambda router: router.remove("start"),
    "subscribe": lambda router: router.subscribe("start", "sink"),
    "subscribe by pattern": lambda router: router.subscribe("sink", "/st.*|nothing/"),
    "subscribe to a port": lambda router: router.subscribe("sink", "double!"),
    "subscribe to all ports": lambda router: router.subscribe("sink", "/.*!/"),
    "subscribe to itself": lambda router: router.subscribe("sink", "sink"),
    "subscribe to its own port": lambda router: router.subscribe("sink", "sink!"),
    "subscribe to what is pushed": lambda router: router.subscribe("sink", ENTRY_POINT),
    "unsubscribe": lambda router: router.unsubscribe("double", "start"),
    "no entry": lambda router: router.unsubscribe("start", ENTRY_POINT),
    "reset": lambda router: router.reset(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_a_change_the_page_has_the_graph(page: Page, change: Any) -> None:
    router = Router()
    declare(router, "sink", "double")
    declare(router, "double", "start")
    declare(router, "start", entry_point=True)
    widget = GraphWidget(router)
    check(page.model(widget)["graph"], router)
    version = page.model(widget)["graph"]["version"]
    change(router)
    assert widget.refresh()
    model = page.model(widget)
    check(model["graph"], router)
    assert model["graph"]["version"] > version
    assert set(model["code"]) == {ENTRY_POINT, *router.nodes}
    page.numbers(widget)  # they are of this version


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs=graphs(plural=True), more=graphs(plural=True))
def test_any_graph_is_sent_as_it_is(specs: Any, more: Any) -> None:
    router = router_of(specs)
    check(wire(router), router)
    for spec in more:
        spec.declare(router)
    graph = wire(router)
    check(graph, router)
    assert_no_loop_without_back_edges(graph)


def assert_no_loop_without_back_edges(graph: dict[str, Any]) -> None:
    """Layers can be drawn: taking away nodes that nothing leads to, none is left."""
    ahead = [(e["from"], e["to"]) for e in graph["edges"] if not e["back"]]
    left = set(range(len(graph["nodes"])))
    while left:
        free = left - {to for origin, to in ahead if origin in left}
        assert free, "a loop"
        left -= free


def test_a_redefinition_is_noted_with_its_revision() -> None:
    router = Router()
    declare(router, "start", entry_point=True)
    assert box(wire(router), "start")["notes"] == []
    router.node("n", entry_point=True, name="start")(lambda msg: 2 * msg.n)
    assert box(wire(router), "start")["notes"] == ["revision 2"]
    assert box(wire(router), "start")["revision"] == 2


def test_edges_by_pattern_by_port_and_of_loops_are_marked() -> None:
    router = Router()
    declare(router, "a", "c", entry_point=True)
    declare(router, "b", "/a|none/")
    declare(router, "c", "b", "a!", "/b!/")
    declare(router, "alone", "alone")
    graph = wire(router)
    assert edge(graph, ENTRY_POINT, "a") == set()
    assert edge(graph, "c", "a") == {"back"}
    assert edge(graph, "a", "b") == {"pattern"}
    assert edge(graph, "b", "c") == set()
    assert edge(graph, "a!", "c") == {"port"}
    assert edge(graph, "b!", "c") == {"port", "pattern"}
    assert edge(graph, "alone", "alone") == {"back"}


def test_the_entry_point_is_there_only_while_something_listens() -> None:
    router = Router()
    declare(router, "a")
    assert [node["name"] for node in wire(router)["nodes"]] == ["a"]
    router.add_entry_point("a")
    assert [node["name"] for node in wire(router)["nodes"]] == [ENTRY_POINT, "a"]
    assert box(wire(router), ENTRY_POINT)["kinds"] == ["source"]
    assert wire(Router()) == {"version": 1, "nodes": [], "edges": []}


def test_kinds_say_what_sets_a_node_apart() -> None:
    router = Router()

    async def fetch(msg: Any) -> Any:
        return msg.n

    async def fetch_many(msg: Any) -> Any:
        yield msg.n

    def stateful(msg: Any, state: Any) -> Any:
        return msg.n

    declare(router, "plain")
    declare(router, "entry", entry_point=True)
    declare(router, "batch", batch=True)
    router.node("n", name="fetch")(fetch)
    router.node("n", name="fetch_many")(fetch_many)
    router.node("n", name="state")(stateful)
    router.node("n", key="n", name="keyed", entry_point=True)(stateful)
    kinds = {node["name"]: node["kinds"] for node in wire(router)["nodes"]}
    assert {name: found for name, found in kinds.items() if name != ENTRY_POINT} == {
        "plain": [],
        "entry": ["entry"],
        "batch": ["batch"],
        "fetch": ["async"],
        "fetch_many": ["async"],
        "state": ["state"],
        "keyed": ["entry", "keyed"],
    }


def test_hostile_texts_are_short_printable_texts_in_the_graph(page: Page) -> None:
    """Names and fields can be none; patterns, types and predicates can."""
    router = Router()

    def choose(msg: Any) -> bool:
        return True

    choose.__name__ = HOSTILE * 1_000
    kind = type(HOSTILE.replace("\ud800", ""), (), {})
    router.node({"n": kind}, [HOSTILE, f"/{HOSTILE}/"], name="näme", when=choose)(same)
    widget = GraphWidget(router)
    widget.refresh()
    model = page.model(widget)  # a real wire: it takes no half of a surrogate pair
    (node,) = model["graph"]["nodes"]
    for text in (*node["fields"], *node["notes"]):
        assert text.isprintable()
        assert len(text) <= 200
    assert "<img src=x" in node["fields"][0]
    assert any("<img src=x" in note for note in node["notes"])
    code = model["code"]["näme"]
    assert all("<img src=x" in one["written"] for one in code["subscriptions"])
    assert "<img src=x" in code["title"]
    assert len(json.dumps(model["graph"])) < 2_000
    assert sum(map(len, code["options"])) < 2_000
