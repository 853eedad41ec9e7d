"""The live graph is the graph that is there: its nodes, its edges, and what went through them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.graphs import COUNTING, GATED, GraphView

INTERFACES = pytest.mark.parametrize("interface", ["lab", "notebook"])


@INTERFACES
def test_nodes_and_edges_follow_every_change_of_the_graph(
    open_notebook: Any, interface: str
) -> None:
    changes = [
        "%%emit_node shout --on words\ndef shout(msg):\n    return msg.word.upper()",
        "%%emit_node word length:int --on count_word\n"
        "def shout(msg):\n    return msg.word, len(msg.word)",
        "%emit_rename shout lengths",
        "%%emit_node word --on /.*/\ndef everything(msg):\n    return str(msg)",
        "%%emit_route\nlengths -> count_word",
        "%%emit_route\nwords -> lengths",
        "router.unsubscribe('lengths', 'words')",
        "%emit_remove words",
        "router.push([{'document': 'a'}])",
        "router.reset()",
    ]
    page = open_notebook([COUNTING, "router", *changes], interface)
    page.run(0, 1)
    graph = GraphView(page).wait_drawn()
    graph.wait_like()
    before = graph.read()
    for cell in range(2, 2 + len(changes)):
        page.run(cell)
        page.wait_idle()
        assert page.errors() == []
        graph.wait_like(empty=cell == 1 + len(changes))
        after = graph.read()
        assert after != before, changes[cell - 2]
        before = after
    graph.root.get_by_text("No nodes yet").wait_for()
    assert "%%emit_node" in graph.root.inner_text()


def test_a_box_says_what_its_node_is(open_notebook: Any) -> None:
    page = open_notebook(
        [
            COUNTING,
            "%emit_graph",
            "%%emit_node word number:int --on words --batch\n"
            "def shout(frame):\n    return frame.assign(number=1)",
            "%%emit_node word number:int --on words --batch\n"
            "def shout(frame):\n    return frame.assign(number=2)",
            "%%emit_route\n/cou.*/ -> shout",
            "%%emit_node why --on shout!\nasync def repair(msg):\n    return str(msg)",
        ]
    )
    page.run_all()
    page.wait_idle()
    graph = GraphView(page)
    graph.wait_like()
    shown = graph.node("shout")
    assert "number: int" in shown.text_content()
    for word in ("batch", "revision 2"):
        assert word in shown.get_attribute("aria-label")
    kinds = {
        "__entry_point": "is-source",
        "words": "is-entry",
        "count_word": "is-keyed",
        "shout": "is-batch",
        "repair": "is-async",
    }
    for name, kind in kinds.items():
        assert kind in graph.node(name).get_attribute("class").split()
    edges = {
        ("words", "shout"): set(),
        ("count_word", "shout"): {"is-pattern"},
        ("shout", "repair"): {"is-port"},
    }
    for edge, kinds_of_edge in edges.items():
        found = set(graph.edge(*edge).get_attribute("class").split())
        assert found & {"is-pattern", "is-port", "is-back"} == kinds_of_edge, edge


def test_the_drawing_moves_while_a_cell_runs(open_notebook: Any) -> None:
    page = open_notebook(
        [
            COUNTING + GATED,
            "%emit_graph",
            "router.push(gated('go-cell', 3000, 500), batch_size=100);",
        ]
    )
    page.run_all()
    graph = GraphView(page).wait_drawn()
    graph.wait_count("words", at_least=2500)
    assert page.cell(2).locator(".jp-InputArea-prompt").inner_text() == "[*]:"
    graph.wait_state("running")
    (page.path.parent / "go-cell").touch()
    page.wait_idle()
    graph.wait_state("done")
    graph.wait_like()
    assert graph.numbers()["count_word"] == (7000, 7000, 0, 0)
    assert {tuple(edge) for edge in graph.read()[1]} == {
        ("__entry_point", "words", 3500),
        ("words", "count_word", 7000),
    }


def test_the_drawing_moves_while_a_background_run_goes_on(open_notebook: Any) -> None:
    page = open_notebook(
        [
            COUNTING + GATED,
            "%emit_graph",
            "router.push(gated('go-on', 3000, 500), batch_size=100, background=True);",
        ],
        "notebook",
    )
    page.run_all()
    page.wait_idle()
    graph = GraphView(page).wait_drawn()
    graph.wait_count("words", at_least=2500)
    graph.wait_state("running")
    assert re.search(r"run \d", graph.root.locator(".emitnb-amount").inner_text())
    (page.path.parent / "go-on").touch()
    graph.wait_state("done")
    graph.wait_like()
    assert graph.numbers()["words"] == (3500, 7000, 0, 0)


def test_drops_and_failures_are_counted_and_said(open_notebook: Any) -> None:
    picky = (
        "%%emit_node word --on words --when 'msg.word != \"b\"'\n"
        "def picky(msg):\n    assert msg.word != 'c', 'no c'\n    return msg.word"
    )
    page = open_notebook([COUNTING, picky, "router", "router.push([{'document': 'a b c'}] * 10);"])
    page.run_all()
    page.wait_idle()
    graph = GraphView(page)
    graph.wait_like()
    assert graph.numbers()["picky"] == (30, 10, 10, 10)
    label = graph.node("picky").get_attribute("aria-label")
    assert "10 failed" in label
    assert "10 dropped" in label
    assert graph.root.locator(".emitnb-failed").inner_text() == "10 failed"
    assert graph.root.get_by_role("button", name="Retry failures").is_visible()
