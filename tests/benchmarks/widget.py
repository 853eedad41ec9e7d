"""What the live graph costs: the run that is watched, and the page that draws it.

A real JupyterLab in a real browser without a graphics card, which is the slowest way to draw.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, sync_playwright

from tests.benchmarks.harness import ROOT, Goal, Options, Row, Sample, alone, slower
from tests.browser.conftest import FLAGS
from tests.browser.notebooks import NotebookPage, write
from tests.browser.servers import Server, running

LOAD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
%load_ext emitnb"""

COUNTING = """
from emitnb import Router

def counting():
    made = Router()

    @made.node(("word",), entry_point=True)
    def words(msg):
        yield from msg.document.split()

    @made.node(("word", "count"), subscribe_to="words", key="word")
    def count_word(msg, state):
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    return made

watched, alone = counting(), counting()
watched"""

RACE = """
import gc, json, time
from tests.benchmarks.corpus import documents
data = documents({words})

def taken(made):
    made.clear()
    gc.collect()
    began = time.process_time()
    made.push(data, progress=False)
    return time.process_time() - began

taken(watched), taken(alone)
print(json.dumps([[taken(watched), taken(alone)] for _ in range({runs})]))"""

GRAPH = """
import random
draw = random.Random(3)
reach = max(2, int({nodes} ** 0.5 * 1.5))
for number in range({nodes}):
    near = [max(0, number - 1 - draw.randrange(reach)) for _ in range(draw.choice([1, 1, 2]))]
    origins = [f"node_{{place}}" for place in near] if number else None
    router.node("n", origins, not number, name=f"node_{{number}}")(lambda msg: msg.n)"""

FLOOD = """
import gc, time
import numpy as np
from emitnb.notebook.widget import GraphWidget
from emitnb.notebook.live.counting import PER_NODE
(widget,) = [it for it in gc.get_objects() if issubclass(type(it), GraphWidget)]
run = {{"number": 1, "state": "running", "done": 1, "total": 2, "background": False}}
widget.status = {{**widget.status, "run": run}}
numbers = np.frombuffer(widget.stats, "<f8").copy()
began = time.time()
for turn in range(1, {updates} + 1):
    numbers[1] += 0.1
    numbers[2:] += 17
    widget.stats = numbers.tobytes()
    time.sleep(max(0.0, began + turn / 10 - time.time()))"""

UPDATES = 60
WATCH = """nodes => {
    window.drawn = undefined
    const began = performance.now()
    const look = () => {
        const isThere = document.querySelectorAll('g.node').length >= nodes
        // The frame after the one that draws it begins when that one is painted.
        const done = () => { window.drawn = performance.now() - began }
        if (isThere) return requestAnimationFrame(done)
        requestAnimationFrame(look)
    }
    look()
}"""


def measure(options: Options) -> Iterator[Row]:
    """Measure in one server and one browser, each graph in a page of its own."""
    with _lab() as (server, browser):
        yield _race(server, browser, options)
        for nodes, drawing, update in ((100, 1.0, 0.040), (1_000, 2.5, 0.060)):
            yield from _drawing(server, browser, nodes, drawing, update, options.runs)


def _race(server: Server, browser: Browser, options: Options) -> Row:
    race = RACE.format(words=options.size(1_000_000), runs=options.runs)
    page = _page(server, browser, "race.ipynb", [LOAD, COUNTING, race])
    page.run_all()
    page.wait_idle(600)
    times = json.loads(page.texts(2)[-1])
    page.close()
    ours, theirs = (Sample(tuple(column)) for column in zip(*times, strict=True))
    return slower("word count, graph shown / not shown", ours, theirs, Goal("≤", 1.03))


def _drawing(
    server: Server, browser: Browser, nodes: int, drawing: float, update: float, runs: int
) -> Iterator[Row]:
    first, near, far = zip(
        *(_looked_at(server, browser, nodes, turn) for turn in range(runs)), strict=True
    )
    yield alone(f"first drawing of {nodes:,} nodes, wall", Sample(first), Goal("<", drawing, "s"))
    goal = Goal("≤", update, "s")
    what = f"main thread an update, {nodes:,} nodes, 10 a second"
    yield alone(what, Sample(near), goal, "at a scale that can be read")
    yield alone(f"{what}, all in view", Sample(far), goal)


def _looked_at(
    server: Server, browser: Browser, nodes: int, turn: int
) -> tuple[float, float, float]:
    """Return the seconds of the first drawing, and of an update: as it begins, and all in view."""
    cells = [LOAD, GRAPH.format(nodes=nodes), "%emit_graph", FLOOD.format(updates=UPDATES)]
    page = _page(server, browser, f"drawing-{nodes}-{turn}.ipynb", cells)
    page.run(0, 1)
    page.wait_idle()
    page.page.evaluate(WATCH, nodes)
    page.run(2)
    page.wait_for("window.drawn !== undefined")
    first = page.page.evaluate("window.drawn") / 1000
    page.wait_idle()
    tasks = page.page.context.new_cdp_session(page.page)
    tasks.send("Performance.enable")
    near = _seconds_an_update(page, tasks)
    page.page.get_by_role("button", name="Fit the whole graph").click()
    far = _seconds_an_update(page, tasks)
    page.close()
    server.shut_down(page.name)
    return first, near, far


def _seconds_an_update(page: NotebookPage, tasks: CDPSession) -> float:
    began = _busy(tasks)
    page.run(3)
    page.wait_idle()
    if page.errors():
        raise RuntimeError(f"nothing was measured: {page.errors()}")
    return (_busy(tasks) - began) / UPDATES


def _busy(tasks: CDPSession) -> float:
    """Return the seconds that the page's main thread has worked so far."""
    metrics: list[dict[str, Any]] = tasks.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _page(server: Server, browser: Browser, name: str, cells: list[str]) -> NotebookPage:
    write(server.folder / name, cells)
    page = NotebookPage(browser, server, name, size=(1280, 900))
    page.open()
    return page


@contextmanager
def _lab() -> Iterator[tuple[Server, Browser]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        try:
            yield server, browser
        finally:
            browser.close()
