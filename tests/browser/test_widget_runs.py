"""What the buttons of the live graph do to runs, what it says of them, and much of everything."""

from __future__ import annotations

from typing import Any

from tests.browser.graphs import COUNTING, GATED, GraphView
from tests.browser.notebooks import NotebookPage

SLOW = """\
%load_ext emitnb
import time

@router.node(("n",), entry_point=True)
def slow(msg):
    time.sleep(.001)
    return msg.n

@router.node(("half",), subscribe_to="slow")
def halve(msg):
    return 12 // (msg.n % 3)
"""
MENDED = """\
@router.node(("half",), subscribe_to="slow")
def halve(msg):
    return 12 // (msg.n % 3 or 1)
"""
LONG = "router.push(range(10**6), field='n', batch_size=20, background=True);"
FAILING = "router.push(range(30), field='n');"
RUN = "[[run.state, run.done] for run in router.runs]"


def opened(open_notebook: Any, *cells: str) -> GraphView:
    """Open a notebook of these cells; the first two declare nodes and show them, and are run."""
    page = open_notebook(cells)
    page.run(0, 1)
    page.wait_idle()
    return GraphView(page).wait_drawn()


def run(page: NotebookPage, *cells: int) -> None:
    page.run(*cells)
    page.wait_idle()
    assert page.errors() == []


def visible_buttons(graph: GraphView) -> list[str]:
    return graph.root.locator(".emitnb-buttons button:visible").all_inner_texts()


def wait_buttons(graph: GraphView, *names: str) -> None:
    """Wait until just these runs' buttons can be pressed."""
    graph.wait(
        """([place, wanted]) => {
            const root = document.querySelectorAll('.emitnb-graph')[place]
            const all = [...root.querySelectorAll('.emitnb-buttons button')]
            const seen = all.filter(it => it.checkVisibility()).map(it => it.textContent)
            return JSON.stringify(seen) === JSON.stringify(wanted)
        }""",
        [graph.place, list(names)],
    )


def test_a_run_in_the_background_is_steered_from_the_page(open_notebook: Any) -> None:
    graph = opened(open_notebook, SLOW.replace("msg.n % 3", "1"), "%emit_graph", LONG)
    page = graph.page
    run(page, 2)
    graph.wait_count("slow", at_least=100)
    wait_buttons(graph, "Pause", "Step", "Stop")
    graph.press("Pause")
    graph.wait_state("paused")
    wait_buttons(graph, "Resume", "Step", "Stop")
    ((state, done),) = page.evaluate(RUN)
    assert state == "paused"
    graph.wait_text(".emitnb-amount", f"{done:,} of 1,000,000 messages")
    graph.wait_like()

    graph.press("Step")
    graph.wait_text(".emitnb-amount", f"{done + 20:,} of")
    graph.wait_state("paused")
    assert page.evaluate(RUN) == [["paused", done + 20]]
    graph.wait_like()

    graph.press("Resume")
    graph.wait_state("running")
    graph.wait_count("halve", at_least=done + 200)
    ((state, _),) = page.evaluate(RUN)
    assert state == "running"

    graph.press("Stop")
    graph.wait_state("cancelled")
    wait_buttons(graph)
    assert page.evaluate(RUN) == []
    graph.wait_like()
    assert graph.numbers()["slow"][0] == page.evaluate("router.run.done") > done + 200


def test_failures_are_retried_and_what_is_stale_replayed_from_the_page(open_notebook: Any) -> None:
    graph = opened(open_notebook, SLOW, "%emit_graph", FAILING, MENDED, MENDED.replace("12", "24"))
    page = graph.page
    run(page, 2)
    graph.wait_like()
    assert graph.numbers()["halve"][-1] == 10
    graph.press("Retry failures")  # nothing was mended yet
    graph.wait_text(".emitnb-note", "retrying in the background")
    graph.wait_state("done")
    graph.wait_like()
    wait_buttons(graph, "Retry failures")

    run(page, 3)
    graph.press("Retry failures")
    wait_buttons(graph, "Replay stale")
    graph.wait_like()
    assert page.evaluate("sorted(set(router.frame('halve')['half']))") == [6, 12]
    assert page.evaluate("len(router.frame('halve'))") == 30

    graph.press("Replay stale")
    wait_buttons(graph)
    graph.wait_like()
    run(page, 4)
    graph.press("Replay stale")
    wait_buttons(graph)
    graph.wait_like()
    assert page.evaluate("sorted(set(router.frame('halve')['half']))") == [12, 24]
    assert page.evaluate("router.stale()") == {}


def test_what_is_pressed_while_a_cell_runs_is_done_or_said_to_wait(open_notebook: Any) -> None:
    waiting = GATED + "wait_for('go-press')"
    graph = opened(open_notebook, SLOW, "%emit_graph", FAILING, MENDED, waiting)
    page = graph.page
    run(page, 2, 3)
    page.run(4)
    page.wait_for("path => window.kernelOf(path)?.status === 'busy'", page.name)
    graph.press("Retry failures")
    page.wait_for(
        """() => /waiting for the kernel|retrying/.test(
            document.querySelector('.emitnb-note').textContent)"""
    )
    graph.click("halve")  # what was sent ahead is there meanwhile
    graph.wait_opened("halve").get_by_text("% 3 or 1").first.wait_for()
    (page.path.parent / "go-press").touch()
    page.wait_idle()
    graph.wait_text(".emitnb-note", "retrying in the background")
    wait_buttons(graph, "Replay stale")
    graph.wait_like()
    assert page.evaluate("len(router.frame('halve'))") == 30


def test_a_run_in_a_cell_has_no_buttons_but_a_hint(open_notebook: Any) -> None:
    push = "router.push(gated('go-on', 300, 100), batch_size=100);"
    graph = opened(open_notebook, COUNTING + GATED, "%emit_graph", push, "%emit_resume")
    page = graph.page
    page.run(2)
    graph.wait_count("words", at_least=200)
    graph.wait_text(".emitnb-amount", "■ interrupts it")
    assert visible_buttons(graph) == []
    page.interrupt()  # which is held back while the source is read
    (page.path.parent / "go-on").touch()
    page.wait_idle()
    graph.wait_state("interrupted")
    graph.wait_text(".emitnb-amount", "%emit_resume goes on")
    graph.wait_like()
    assert visible_buttons(graph) == []
    assert [error.partition(":")[0] for error in page.errors()] == ["RunInterrupted"]
    page.run(3)
    page.wait_idle()
    graph.wait_state("done")
    graph.wait_like()
    assert graph.numbers()["words"] == (400, 800, 0, 0)


THREE = """\
%load_ext emitnb
from emitnb import Router

def doubling(router, name):
    @router.node(("n",), entry_point=True, name=name)
    def double(msg):
        return 2 * msg.n

first, second, third = Router(), Router(), Router()
doubling(first, "one")
doubling(second, "two")
doubling(third, "three");
"""


def test_graphs_of_one_router_are_the_same_and_those_of_three_do_not_mix(
    open_notebook: Any,
) -> None:
    page = open_notebook(
        [
            THREE,
            "first",
            "second",
            "first",
            "third",
            "first.push([{'n': 1}] * 7);",
            "second.push([{'n': 1}] * 300, background=True);",
            "doubling(third, 'four')\nthird.push([{'n': 1}] * 5);",
        ]
    )
    page.run_all()
    page.wait_idle()
    names = ["first", "second", "first", "third"]
    graphs = [GraphView(page, place).wait_drawn() for place in range(4)]
    for graph, name in zip(graphs, names, strict=True):
        graph.wait_state("done")
        graph.wait_like(name)
    shown = [graph.numbers() for graph in graphs]
    assert shown[0] == shown[2] == {"__entry_point": (7, 7, 0, 0), "one": (7, 7, 0, 0)}
    assert shown[1]["two"] == (300, 300, 0, 0)
    assert shown[3]["four"] == shown[3]["three"] == (5, 5, 0, 0)

    # What is looked at in one is not what is looked at in the other.
    graphs[0].click("one")
    graphs[0].wait_opened("one")
    assert graphs[2].panel.is_hidden()
    graphs[2].press("Zoom in")
    run(page, 5)
    for graph in (graphs[0], graphs[2]):
        graph.wait_count("one", at_least=14)
        graph.wait_like("first")
    assert graphs[1].numbers()["two"] == (300, 300, 0, 0)
    ids = "() => [...document.querySelectorAll('.emitnb-graph [id]')].map(it => it.id)"
    found = page.page.evaluate(ids)
    assert len(found) == len(set(found))


THOUSAND = """\
%load_ext emitnb
for number in range(1000):
    reads = {"subscribe_to": f"n{(number - 1) // 3}"} if number else {"entry_point": True}
    @router.node(("n",), name=f"n{number}", **reads)
    def one(msg):
        return msg.n + 1
"""


SMALLEST = """it => Math.min(...[...it.querySelectorAll('.emitnb-stage text')].filter(
    one => one.checkVisibility({ visibilityProperty: true }) && one.textContent
).map(one => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a), 1e9)"""
"""Pixels of the smallest text in the drawing; a thousand million where there is none."""


def test_a_thousand_nodes_are_all_there_with_their_numbers(open_notebook: Any) -> None:
    graph = opened(open_notebook, THOUSAND, "router", "router.push(range(20), field='n');")
    graph.wait_like()
    assert graph.root.locator("g.node").count() == 1001
    assert graph.root.locator("g.edge").count() == 1000
    assert 5 <= graph.root.evaluate(SMALLEST) <= 20
    run(graph.page, 2)
    graph.wait_like()
    assert graph.numbers()["n999"] == (20, 20, 0, 0)
    graph.find("n777")
    panel = graph.wait_opened("n777")
    panel.get_by_text("the last 5 of 20 rows").wait_for()
    assert graph.node("n777").is_visible()
    graph.press("Fit the whole graph")
    assert graph.root.evaluate(SMALLEST) >= 5  # or none at all


FLOOD = """\
%load_ext emitnb
from pathlib import Path

def chain(name, **reads):
    @router.node(("n",), name=name, **reads)
    def one(msg):
        return msg.n

chain("first", entry_point=True)
chain("second", subscribe_to="first")
chain("third", subscribe_to="second")

def flood(gate):
    n = 0
    while n < 334_000 or n % 1000 or not Path(gate).exists():
        yield {"n": n}
        n += 1
"""


def test_a_page_answers_while_a_million_messages_flood_it(open_notebook: Any) -> None:
    graph = opened(open_notebook, FLOOD, "router", "router.push(flood('enough'));")
    page = graph.page
    page.run(2)
    graph.wait_count("third", at_least=1)
    graph.click("second")
    graph.wait_opened("second").get_by_text("received").wait_for()
    graph.press("Zoom in")
    seen = graph.numbers()["third"][0]
    graph.wait_count("third", at_least=seen + 1)
    assert graph.state.inner_text() == "running"
    (page.path.parent / "enough").touch()
    page.wait_idle(timeout=120)
    graph.wait_state("done")
    graph.wait_like()
    pushed = page.evaluate("router.run.done")
    assert graph.numbers()["third"] == (pushed, pushed, 0, 0)
    assert 3 * pushed > 1_000_000
    assert page.errors() == []
    assert "IOPub" not in str(page.cells())
