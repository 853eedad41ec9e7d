"""The live graph in a page: what it shows, read from its elements, and what a user does with it."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from playwright.sync_api import Locator

from tests.browser.notebooks import PATIENCE, NotebookPage

COUNTING = """\
%load_ext emitnb

@router.node(("word",), entry_point=True)
def words(msg):
    yield from msg.document.split()

@router.node(("word", "n"), subscribe_to="words", key="word")
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]
"""
"""A cell that declares the word count."""

GATED = """
import time
from pathlib import Path

def wait_for(gate):
    while not Path(gate).exists():
        time.sleep(.01)

def gated(gate, before, after):
    yield from ({'document': 'a b'} for _ in range(before))
    wait_for(gate)
    yield from ({'document': 'a b'} for _ in range(after))
"""
"""A source that waits, half-way, for a file; so can a cell."""

READ = """place => {
    const root = document.querySelectorAll('.emitnb-graph')[place]
    const number = (element, name) => Number(element.getAttribute(name))
    const names = ['data-received', 'data-emitted', 'data-dropped', 'data-failed']
    const nodes = [...root?.querySelectorAll('g.node') ?? []].map(
        it => [it.dataset.name, ...names.map(name => number(it, name))])
    const edges = [...root?.querySelectorAll('g.edge') ?? []].map(
        it => [it.dataset.from, it.dataset.to, number(it, 'data-count')])
    return JSON.stringify([nodes.sort(), edges.sort()])
}"""
"""The graph in the page as canonical JSON: nodes with their numbers, edges with theirs."""

KNOWN = """
def _known(router):
    table = router.summary()
    # Of a node that was removed there are numbers still, but no box.
    shown = lambda name: name in router.nodes or router.graph.subscribers(name)
    nodes = [
        [name, *(int(number) for number in row)]
        for name, *row in table[['in', 'emitted', 'dropped', 'failed']].itertuples()
        if shown(name)
    ]
    edges = [
        [origin.rstrip('!'), name]
        for name in router.graph.nodes
        for origin in router.graph.origins(name)
    ]
    return [nodes, edges]
"""
"""The same from Python, by what every user can ask a router; the numbers of edges are not there."""


class GraphView:
    """One live graph of a page, counted from 0 in the order of the page."""

    def __init__(self, page: NotebookPage, place: int = 0) -> None:
        self.page = page
        self.place = place
        self.root = page.page.locator(".emitnb-graph").nth(place)

    # What it shows.

    def read(self) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return nodes (name, received, emitted, dropped, failed) and edges (from, to, count)."""
        nodes, edges = json.loads(self.page.page.evaluate(READ, self.place))
        return nodes, edges

    def numbers(self) -> dict[str, tuple[int, ...]]:
        """Return received, emitted, dropped and failed by node."""
        return {name: tuple(numbers) for name, *numbers in self.read()[0]}

    def wait_like(self, router: str = "router", *, empty: bool = False) -> None:
        """Wait until nodes, edges and the numbers of the nodes are what the router says."""
        self.page.kernel.execute(KNOWN)
        nodes, edges = self.page.evaluate(f"_known({router})")
        assert empty or nodes
        self.wait_shows(nodes, edges)

    def wait_count(self, name: str, at_least: int) -> None:
        """Wait until a node has received so many messages."""
        self.wait(
            """([place, name, least]) => {
                const root = document.querySelectorAll('.emitnb-graph')[place]
                const node = root?.querySelector(`g.node[data-name="${name}"]`)
                return Number(node?.getAttribute('data-received')) >= least
            }""",
            [self.place, name, at_least],
        )

    def wait_shows(
        self, nodes: Collection[Any], edges: Collection[Any], timeout: float = PATIENCE
    ) -> None:
        """Wait until it shows exactly these nodes, with their numbers, and these edges."""
        try:
            self.wait(
                f"""wanted => {{
                    const [nodes, edges] = JSON.parse(({READ})(wanted.place))
                    const routes = edges.map(([from, to]) => [from, to])
                    return JSON.stringify([nodes, routes]) === JSON.stringify(
                        [wanted.nodes.sort(), wanted.edges.sort()])
                }}""",
                {"place": self.place, "nodes": [*nodes], "edges": [*edges]},
                timeout,
            )
        except AssertionError as error:
            shown = [*self.read()[0], *([origin, name] for origin, name, _ in self.read()[1])]
            wanted = [*nodes, *edges]
            wrong = [one for one in shown if one not in wanted][:9]
            missing = [one for one in wanted if one not in shown][:9]
            raise AssertionError(f"shown, not wanted: {wrong}\nnot shown: {missing}") from error

    @property
    def still(self) -> Locator:
        """The picture for where no widget is."""
        return self.page.page.locator("[data-emitnb-still]").nth(self.place)

    def wait_still(self, text: str) -> None:
        """Wait until the picture, though it may be hidden, has this text."""
        self.still.filter(has_text=text).wait_for(state="attached")

    def wait_text(self, selector: str, text: str) -> None:
        """Wait until what is seen of the graph has, there, this text."""
        self.root.locator(selector).filter(has_text=text).first.wait_for()

    def wait(self, condition: str, argument: Any = None, timeout: float = PATIENCE) -> None:
        self.page.wait_for(condition, argument, timeout)

    def wait_drawn(self) -> GraphView:
        """Wait until there is a drawing."""
        self.root.locator("g.node").first.wait_for()
        return self

    @property
    def state(self) -> Locator:
        """What the run does, in a word."""
        return self.root.locator(".emitnb-state")

    def wait_state(self, word: str) -> None:
        self.state.get_by_text(word, exact=True).wait_for()

    def node(self, name: str) -> Locator:
        return self.root.locator(f'g.node[data-name="{name}"]')

    def edge(self, origin: str, name: str) -> Locator:
        return self.root.locator(f'g.edge[data-from="{origin}"][data-to="{name}"]')

    @property
    def panel(self) -> Locator:
        return self.root.locator("aside.emitnb-panel")

    def wait_opened(self, title: str) -> Locator:
        """Wait until the panel shows what has this title, and return it."""
        self.panel.get_by_role("heading", name=title, exact=True, level=3).wait_for()
        return self.panel

    def wait_names(self, names: set[str]) -> None:
        """Wait until just these boxes are there."""
        self.wait(
            f"""([place, names]) => JSON.stringify(
                JSON.parse(({READ})(place))[0].map(([name]) => name)) === names""",
            [self.place, json.dumps(sorted(names), separators=(",", ":"), ensure_ascii=False)],
        )

    def focused(self) -> str | None:
        """Return the name of the node that has the focus."""
        name: str | None = self.root.evaluate(
            "it => it.contains(document.activeElement) ? document.activeElement.dataset.name : null"
        )
        return name

    # What is done with it.

    def press(self, name: str) -> None:
        """Press the button of this name, once it is there."""
        self.root.get_by_role("button", name=name, exact=True).click()

    def click(self, name: str) -> None:
        """Click the box of a node, once it is in view and stands still."""
        self.press("Fit the whole graph")
        self.node(name).locator("rect.frame").click()

    def click_edge(self, origin: str, name: str) -> None:
        """Click an edge half-way, with the whole graph in view."""
        self.press("Fit the whole graph")
        path = self.edge(origin, name).locator("path.hit")
        x, y = path.evaluate(
            """it => {
                const half = it.getPointAtLength(it.getTotalLength() / 2)
                const { x, y } = half.matrixTransform(it.getScreenCTM())
                return [x, y]
            }"""
        )
        self.page.page.mouse.click(x, y)

    def find(self, text: str) -> None:
        """Search for a node."""
        search = self.root.get_by_label("Find a node")
        search.fill(text)
        search.press("Enter")
