"""The live graph lives as long as its kernel, in whichever page; then there is a picture of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.graphs import COUNTING, GATED, GraphView
from tests.browser.notebooks import NotebookPage

PUSH = "router.push([{'document': 'a b c'}] * 60);"
MODEL_IS_GONE = r"(?s)Error: widget model not found\n    at .*/@jupyter-widgets/.*"
"""What ipywidgets says of each widget in a notebook whose kernel is another by now."""

COMM_IS_GONE = r"Comm not found for comm id \w+ \(http\S+\)"
"""What JupyterLab says when a busy kernel speaks to a page that has only just come back to it."""

WATCH = """() => {
    // In each frame: is there a live graph, and the picture of one to be seen as well?
    window.picturesSeen = []
    const look = () => {
        const graphs = document.querySelectorAll('.emitnb-graph').length
        const stills = [...document.querySelectorAll('[data-emitnb-still]')]
        if (graphs >= stills.length && stills.some(it => it.checkVisibility()))
            window.picturesSeen.push(performance.now())
        requestAnimationFrame(look)
    }
    look()
}"""


UNTIL = """
def until(gate):
    while not Path(gate).exists():
        time.sleep(.001)
        yield {'document': 'a b'}
"""
"""A source that goes on until there is a file."""


def watch(page: NotebookPage) -> None:
    """From now on, look out for pictures beside what lives."""
    page.page.evaluate(WATCH)


def pictures_seen(page: NotebookPage) -> list[float]:
    found: list[float] = page.page.evaluate("window.picturesSeen")
    return found


@pytest.mark.parametrize("interface", ["lab", "notebook"])
def test_reload_restart_and_run_again(open_notebook: Any, interface: str) -> None:
    page = open_notebook([COUNTING, "router", PUSH], interface, alone=True)
    watch(page)
    page.run_all()
    page.wait_idle()
    graph = GraphView(page).wait_drawn()
    graph.wait_like()
    graph.wait_still("180 emitted")
    page.run(2)
    page.wait_idle()
    graph.wait_like()
    graph.wait_still("360 emitted")
    assert pictures_seen(page) == []
    check_saved(page)

    # Another page of the same kernel.
    page.reload()
    watch(page)
    graph.wait_drawn()
    graph.wait_like()
    graph.still.wait_for(state="hidden")
    graph.click("words")
    graph.wait_opened("words").get_by_text("360 emitted").wait_for()
    # A page knows only of outputs that came while it was open where they can be renewed: the
    # picture of before stays, hidden, until the cell that shows the graph has run again.
    page.run(2, 1)
    page.wait_idle()
    graph.wait_like()
    graph.wait_still("540 emitted")
    assert pictures_seen(page) == []
    page.save()

    # The kernel goes, the page stays.
    shown = graph.read()
    page.restart()
    graph.wait_text(".emitnb-note", "The kernel that drew this is gone")
    assert graph.read() == shown
    assert graph.still.is_hidden()
    graph.click("count_word")
    graph.wait_opened("count_word")

    # Neither the kernel nor the page of before.
    page.allow(MODEL_IS_GONE)
    page.reload()
    gone = page.shown(1).get_by_text("model not found")
    gone.wait_for(state="attached")
    assert gone.is_hidden()
    graph.still.wait_for(state="visible")
    assert "540 emitted" in graph.still.text_content()
    assert page.page.locator("[data-emitnb-still]:visible").count() == 1
    assert page.page.locator(".emitnb-graph").count() == 0

    # And once more from the beginning.
    page.run_all()
    page.wait_idle()
    graph.wait_drawn()
    graph.wait_like()
    assert graph.numbers()["words"] == (60, 180, 0, 0)
    graph.still.wait_for(state="hidden")


def check_saved(page: NotebookPage) -> None:
    """The file has the picture with the last counts, once, and no state of widgets."""
    saved = page.save()
    assert "widgets" not in saved.metadata
    pictures = [
        output.data["text/html"]
        for output in saved.cells[1].outputs
        if "data-emitnb-still" in output.data.get("text/html", "")
    ]
    assert len(pictures) == 1
    assert "360 emitted" in pictures[0]


def test_a_page_that_comes_back_in_mid_run_shows_the_last_numbers(open_notebook: Any) -> None:
    page = open_notebook(
        [
            COUNTING + GATED + UNTIL,
            "router",
            "router.push(gated('go-background', 600, 200), batch_size=50, background=True);",
            "router.push(until('go-enough'), batch_size=50);",
        ],
        alone=True,
    )
    gates = page.path.parent
    page.run(0, 1, 2)
    graph = GraphView(page).wait_drawn()
    page.wait_idle()
    graph.wait_count("words", at_least=600)
    page.save()

    page.close()
    (gates / "go-background").touch()
    page.evaluate("str(router.wait())")  # nobody looks meanwhile
    page.open()
    graph = GraphView(page).wait_drawn()
    graph.wait_state("done")
    graph.wait_like()
    assert graph.numbers()["words"] == (800, 1600, 0, 0)

    page.run(3)
    graph.wait_count("words", at_least=1200)
    page.allow(COMM_IS_GONE)
    page.allow(MODEL_IS_GONE)
    page.reload(busy=True)
    (gates / "go-enough").touch()
    graph.wait_drawn()
    page.wait_idle()
    graph.wait_state("done")
    graph.wait_like()
    assert graph.numbers()["words"][0] == 800 + page.evaluate("router.run.done") > 1200
    graph.still.wait_for(state="hidden")
