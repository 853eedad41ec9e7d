"""What a user does with the live graph: look closer with mouse and keys, search, zoom, save."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.browser.accessibility import serious_findings
from tests.browser.graphs import COUNTING, GraphView

RUN = "router.push([{'document': 'to be or not to be'}] * 100);"
BROKEN = (
    "%%emit_node n:int --on count_word\n"
    "def halve(msg):\n    return 12 // (msg.n - 1)  # fails on the first of each word"
)
CELLS = [COUNTING, BROKEN, "%emit_graph", RUN, "%emit_frame count_word"]
GRAPH = 2


@pytest.fixture
def shown(open_notebook: Any) -> Any:
    """Open a notebook with a graph that has run, with options of ``open_notebook``.

    Tests that only look at the graph share a notebook; each has the graph shown anew.
    """

    def show(*cells: str, changes: bool = False, **options: Any) -> GraphView:
        keep = not (cells or changes or options)
        page = open_notebook([*CELLS, *cells], keep=keep, **options)
        if page.outputs(GRAPH):
            page.run(GRAPH)
        else:
            page.run_all()
        page.wait_idle()
        assert page.errors() == []
        graph = GraphView(page).wait_drawn()
        graph.wait_like()
        return graph

    return show


def test_click_enter_and_search_open_the_right_node(shown: Any) -> None:
    graph = shown()
    for name in ("words", "halve", "__entry_point", "count_word"):
        graph.click(name)
        assert graph.wait_opened(name)
    graph.panel.get_by_role("button", name="close the details").click()
    graph.panel.wait_for(state="hidden")
    for name in ("halve", "words"):
        graph.node(name).focus()
        graph.page.page.keyboard.press("Enter")
        graph.wait_opened(name)
        graph.page.page.keyboard.press("Escape")
        graph.panel.wait_for(state="hidden")
        assert graph.focused() == name
    for text, name in {"cou": "count_word", "HALVE": "halve", "ord": "words"}.items():
        graph.find(text)
        graph.wait_opened(name)
    graph.find("nobody")
    graph.root.get_by_text("no node has “nobody” in its name").wait_for()


def test_the_panel_of_a_node_says_all_that_is_known_of_it(shown: Any) -> None:
    graph = shown()
    graph.click("halve")
    panel = graph.wait_opened("halve")
    for text in (
        "600 received",
        "596 emitted",
        "4 failed",
        "ZeroDivisionError",
        "4 messages",
        "# fails on the first of each word",
        "the last 5 of 596 rows",
    ):
        panel.get_by_text(text).first.wait_for()
    assert "In [2]" in panel.inner_text()
    assert panel.get_by_label("last emissions").locator("tbody tr").count() == 5
    assert panel.locator(".emitnb-source span[class^=k-]").count() > 0
    assert panel.locator("figure").is_visible()
    subscribed = panel.get_by_role("region", name="subscriptions")
    assert "count_word" in subscribed.inner_text()
    rows = panel.get_by_label("last emissions").locator("tbody tr td:last-child")
    shown_rows = graph.page.evaluate("[str(n) for n in router.frame('halve')['n'][-5:]]")
    assert rows.all_inner_texts() == shown_rows


def test_the_panel_follows_the_node_while_it_is_open(shown: Any) -> None:
    mended = BROKEN.replace("12 // (msg.n - 1)", "msg.n")
    graph = shown(changes=True)
    graph.click("halve")
    panel = graph.wait_opened("halve")
    graph.page.kernel.execute(f"get_ipython().run_cell({mended!r})")
    panel.get_by_text("return msg.n").wait_for()
    graph.page.kernel.execute("router.remove('halve')")
    panel.wait_for(state="hidden")
    graph.wait_like()


def test_an_edge_shows_its_last_messages_and_a_row_lights_its_path(shown: Any) -> None:
    graph = shown()
    graph.edge("words", "count_word").locator("path.hit").click(force=True)
    panel = graph.wait_opened("words → count_word")
    rows = panel.get_by_label("last messages").locator("tbody tr")
    rows.last.wait_for()
    assert rows.last.inner_text().split() == ["599", "be"]
    rows.last.get_by_role("button").click()
    panel.get_by_text("the path of words 599").wait_for()
    lit = graph.root.locator("g.node.on-path")
    names = {one.get_attribute("data-name") for one in lit.all()}
    assert names == {"__entry_point", "words", "count_word", "halve"}
    panel.get_by_role("button", name="put the path out").click()
    lit.first.wait_for(state="detached")


def test_the_keyboard_alone_is_enough(shown: Any) -> None:
    graph = shown()
    page = graph.page.page
    graph.root.get_by_label("Find a node").focus()
    names = ["__entry_point", "words", "count_word", "halve"]
    tab_to(graph, "__entry_point")
    for key, name in zip(["ArrowRight", "ArrowDown", "End"], names[1:], strict=True):
        page.keyboard.press(key)
        assert graph.focused() == name
    page.keyboard.press("ArrowRight")
    assert graph.focused() == "halve"
    cells = len(graph.page.cells())
    for key in ("d", "d", "x", "b"):  # in a notebook's command mode: delete, cut, insert a cell
        page.keyboard.press(key)
    assert len(graph.page.cells()) == cells
    page.keyboard.press("Home")
    assert graph.focused() == "__entry_point"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    panel = graph.wait_opened("words")
    assert panel.evaluate("it => it.contains(document.activeElement)")
    row = panel.get_by_label("last emissions").locator("tbody button").first
    while not row.evaluate("it => it === document.activeElement"):
        page.keyboard.press("Tab")
        assert panel.evaluate("it => it.contains(document.activeElement)"), "no row was reached"
    page.keyboard.press("Enter")
    panel.get_by_text("the path of words").wait_for()
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert graph.focused() == "words"
    # What is typed here is no command of the notebook's.
    assert len(graph.page.cells()) == len(CELLS)


def tab_to(graph: GraphView, name: str) -> None:
    for _ in range(20):
        if graph.focused() == name:
            return
        graph.page.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {name}, but to {graph.focused()}")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_scheme": "dark", "interface": "notebook"},
        {"size": (400, 800), "interface": "notebook"},  # beside JupyterLab's files nothing is left
    ],
    ids=["light", "dark", "narrow"],
)
def test_nothing_serious_is_found_and_nothing_is_cut_off(shown: Any, options: Any) -> None:
    graph = shown(**options)
    page = graph.page.page
    assert graph.page.is_dark() == ("color_scheme" in options)
    assert serious_findings(page, ".emitnb-graph") == []
    graph.click("halve")
    graph.wait_opened("halve").locator("figure").wait_for()
    assert serious_findings(page, ".emitnb-graph") == []
    assert serious_findings(page, ".emitnb-frame") == []
    fits = graph.root.evaluate("it => it.scrollWidth <= it.clientWidth")
    assert fits
    box, inside = graph.root.bounding_box(), graph.panel.bounding_box()
    assert inside["x"] + inside["width"] <= box["x"] + box["width"] + 1


def test_it_takes_the_colours_of_the_theme_and_moves_as_little_as_is_wanted(shown: Any) -> None:
    looks = """it => {
        const { color, backgroundColor } = getComputedStyle(it.querySelector('.emitnb-stage'))
        const longest = Math.max(...[it, ...it.querySelectorAll('*')].flatMap(one => {
            const { transitionDuration, animationDuration } = getComputedStyle(one)
            return `${transitionDuration}, ${animationDuration}`.split(', ').map(parseFloat)
        }))
        return [color, backgroundColor, longest]
    }"""
    *light, eased = shown().root.evaluate(looks)
    *dark, still = shown(color_scheme="dark", reduced_motion="reduce").root.evaluate(looks)
    assert set(light).isdisjoint(dark)
    assert still < 0.01 < 0.05 < eased


def test_its_styles_and_names_are_its_own(shown: Any) -> None:
    graph = shown("%emit_graph")
    selectors = graph.root.evaluate(
        """it => [...document.styleSheets].filter(one => it.contains(one.ownerNode)).flatMap(
            one => [...one.cssRules].map(it => it.selectorText ?? it.conditionText ?? it.name))"""
    )
    ours = re.compile(r"\.emitnb-graph|\[data-emitnb-still=|.*:has\(\[data-emitnb-still=|emitnb|\(")
    assert selectors
    assert [one for one in selectors if not ours.match(one)] == []
    ids = graph.page.page.evaluate("[...document.querySelectorAll('[id]')].map(it => it.id)")
    assert len(ids) == len(set(ids))


def test_the_wheel_scrolls_the_page_until_the_graph_is_clicked(shown: Any) -> None:
    graph = shown(*["1"] * 30, size=(1280, 600))
    page = graph.page.page
    moved = graph.root.locator(".emitnb-stage > g").first
    graph.root.scroll_into_view_if_needed()
    still = moved.get_attribute("transform")
    stage = graph.root.locator(".emitnb-stage")
    top = stage.bounding_box()["y"]
    stage.hover()
    page.mouse.wheel(0, 100)
    graph.wait(
        "([place, top]) => document.querySelectorAll('.emitnb-stage')[place]"
        ".getBoundingClientRect().y < top - 50",
        [graph.place, top],
    )
    assert moved.get_attribute("transform") == still
    box = stage.bounding_box()
    page.mouse.click(box["x"] + 4, box["y"] + box["height"] - 4)
    page.mouse.wheel(0, -100)
    graph.wait(
        "([place, still]) => document.querySelectorAll('.emitnb-stage > g')[place]"
        ".getAttribute('transform') !== still",
        [graph.place, still],
    )
    assert stage.bounding_box()["y"] == pytest.approx(box["y"])


def test_only_a_part_of_the_graph_is_shown_and_all_of_it_again(shown: Any) -> None:
    graph = shown("%emit_graph --around words")
    part = GraphView(graph.page, 1).wait_drawn()
    assert {name for name, *_ in part.read()[0]} == {"__entry_point", "words", "count_word"}
    part.press("Whole graph")
    part.wait_like()
    graph.click("halve")
    graph.press("Around")
    graph.wait_names({"halve", "count_word"})
    graph.press("Around (1)")
    graph.wait_names({"halve", "count_word", "words"})
    graph.press("Whole graph")
    graph.wait_like()


def test_nodes_of_one_prefix_are_collapsed_and_found(shown: Any) -> None:
    graph = shown(
        "for n in range(3):\n"
        "    @router.node(('x',), subscribe_to='words', name=f'clean_{n}')\n"
        "    def clean(msg): return 1\n" + RUN,
    )
    choice = graph.root.get_by_label("Collapse by prefix")
    choice.select_option("clean_")
    graph.wait_names({"__entry_point", "words", "count_word", "halve", "clean_…"})
    assert graph.numbers()["clean_…"] == (1800, 1800, 0, 0)
    graph.find("clean_1")
    graph.wait_opened("clean_1")
    graph.wait_like()


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_picture_is_saved(shown: Any, kind: str, tmp_path: Any) -> None:
    graph = shown()
    with graph.page.page.expect_download() as waiting:
        graph.root.get_by_label("Export picture").select_option(kind)
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    assert saved.name == f"emitnb-graph.{kind}"
    data = saved.read_bytes()
    if kind == "png":
        assert data.startswith(b"\x89PNG")
        assert len(data) > 5_000
        return
    text = " ".join(ET.fromstring(data).itertext())
    for shown_text in ("words", "count_word", "halve", "600 in · 596 out", "4 failed"):
        assert shown_text in text
    assert not re.search(rb"<script|href=|@import|url\((?!#)", data)
