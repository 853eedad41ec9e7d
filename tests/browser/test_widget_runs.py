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
ENDLESS = "router.push(range(10**9), field='n', batch_size=20, background=True);"
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
    graph = opened(open_notebook, SLOW.replace("msg.n % 3", "1"), "%emit_graph", ENDLESS)
    page = graph.page
    run(page, 2)
    graph.wait_count("slow", at_least=100)
    wait_buttons(graph, "Pause", "Step", "Stop")
    graph.press("Pause")
    graph.wait_state("paused")
    wait_buttons(graph, "Resume", "Step", "Stop")
    ((state, done),) = page.evaluate(RUN)
    assert state == "paused"
    graph.wait_text(".emitnb-amount", f"{done:,} of 1,000,000,000 messages")
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
    page.page.wait_for_function("0 < document.querySelector('.emitnb-note').textContent.length")
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
    foreground = "router.push(({'n': 1 + wait_for('go-push') if n == 99 else 1} for n in range(200)), batch_size=10);"
    graph = opened(open_notebook, SLOW, "%emit_graph", FAILING, MENDED, waiting, foreground)
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
    push = "router.push(gated('never', 300, 1), batch_size=100);"
    graph = opened(open_notebook, COUNTING + GATED, "%emit_graph", push)
    page = graph.page
    page.run(2)
    graph.wait_count("words", at_least=200)
    graph.wait_text(".emitnb-amount", "■ interrupts it")
    assert visible_buttons(graph) == []
    page.interrupt()
    page.wait_idle()
    graph.wait_state("interrupted")
    graph.wait_text(".emitnb-amount", "%emit_resume goes on")
    graph.wait_like()
    assert visible_buttons(graph) == []
