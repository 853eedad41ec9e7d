"""The picture of the graph: valid SVG that shows all, reads on any page, and keeps to itself."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

from emitnb import Router
from emitnb.graph import Graph
from emitnb.node import Options, declare
from emitnb.notebook.layout import layout
from emitnb.notebook.picture import picture, why_no_picture

SVG = "{http://www.w3.org/2000/svg}"


def graph_of(**origins):
    """Return a graph of nodes with the given origins (``None``: an entry point)."""
    graph = Graph()
    for name, names in origins.items():
        options = Options({"word": str}, names, entry_point=names is None, name=name)
        graph = graph.with_node(declare(lambda msg: None, options))
    return graph


def drawn(svg):
    """Return what is in a picture: its root, boxes by name, texts, curves (dashed or not)."""
    root = ET.fromstring(svg)
    groups = {group.find(f"{SVG}text").text: group for group in root.iter(f"{SVG}g")}
    boxes = {
        name: SimpleNamespace(**{k: float(group.find(f"{SVG}rect").get(k)) for k in sides})
        for name, group in groups.items()
        if (sides := ("x", "y", "width", "height"))
    }
    curves = [path.get("style") for path in root.iter(f"{SVG}path") if "C" in path.get("d")]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    return SimpleNamespace(root=root, boxes=boxes, curves=curves, texts=texts, groups=groups)


CHAIN = {"a": None, **{f"n{i}": f"n{i - 1}" if i else "a" for i in range(12)}}
FAN = {"a": None, **{f"leaf{i}": "a" for i in range(30)}, "all": "leaf.*", "last": ".*"}
LOOPS = {"a": None, "b": ["a", "c"], "c": ["b", "c"], "apart": [], "waits": "nobody"}


@pytest.mark.parametrize("origins", [{"a": None}, {"a": []}, CHAIN, FAN, LOOPS])
def test_every_node_has_a_box_within_the_picture_and_none_overlap(origins):
    found = drawn(picture(graph_of(**origins)))
    assert set(found.boxes) - {"__entry_point"} == set(origins)
    left, top, width, height = map(float, found.root.get("viewBox").split())
    for box in found.boxes.values():
        assert left <= box.x
        assert top <= box.y
        assert box.x + box.width <= left + width
        assert box.y + box.height <= top + height
    for one, other in itertools.combinations(found.boxes.values(), 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y


def test_a_route_is_a_line_and_one_that_closes_a_loop_is_dashed():
    found = drawn(picture(graph_of(a=None, b=["a", "c"], c="b")))
    dashed = ["dasharray" in style for style in found.curves]
    assert (len(dashed), sum(dashed)) == (4, 1)


def test_a_route_from_a_failure_port_is_dashed_red_and_marked():
    found = drawn(picture(graph_of(a=None, b="a!", c=["a", "a!"], d="c!|d!", a2=["a!", "c"])))
    red = [style for style in found.curves if "error" in style]
    assert all("dasharray" in style for style in red)
    assert (len(found.curves), len(red), found.texts.count("!")) == (
        8,
        5,
        4,
    )  # one of them passes a layer


def test_a_port_route_back_begins_and_ends_at_its_boxes():
    found = drawn(picture(graph_of(a=["b!"], b="a", c="c!")))
    assert found.texts.count("!") == 1
    assert sum("error" in path.get("style") for path in found.root.iter(f"{SVG}path")) == 4


def test_flow_goes_rightward_and_downward_where_that_is_too_wide():
    short = drawn(picture(graph_of(a=None, b="a"))).boxes
    assert short["__entry_point"].x < short["a"].x < short["b"].x
    long = drawn(picture(graph_of(**CHAIN))).boxes
    assert long["__entry_point"].y < long["a"].y < long["n0"].y < long["n11"].y


def test_a_box_says_what_the_node_is():
    router = Router()
    options = {"key": "word", "when": lambda msg: True}
    router.node({"word": str, "count": int}, name="count", **options)(lambda msg, state: None)
    router.node("word", name="count", **options)(lambda msg, state: None)
    texts = drawn(picture(router.graph, {"count": (1234, 5)})).texts
    assert texts == ["count", "word", "key=word", "when", "revision 2", "1,234 emitted", "5 failed"]


def test_no_failures_no_word_of_them():
    svg = picture(graph_of(a=None), {"a": (3, 0)})
    assert "3 emitted" in svg
    assert "failed" not in svg


def test_long_texts_are_cut_and_whole_in_the_tooltip():
    name = "a" * 60
    found = drawn(picture(graph_of(**{name: None, "日本語" * 20: None})))
    assert f"{'a' * 33}…" in found.texts
    assert f"{'日本語' * 5}日…" in found.texts
    assert found.groups[f"{'a' * 33}…"].find(f"{SVG}title").text.startswith(f"{name}(word: str)")


def test_text_is_escaped():
    router = Router()

    def odd(msg):
        return msg.a < 1

    odd.__name__ = '<script>&"'
    router.node("x", name="a", when=odd)(lambda msg: None)
    svg = picture(router.graph)
    assert "<script" not in svg
    assert 'when <script>&"' in drawn(svg).texts


@pytest.mark.parametrize("standalone", [False, True])
def test_a_picture_keeps_to_itself(standalone):
    svg = picture(graph_of(**LOOPS), standalone=standalone)
    for foreign in ("<script", "<style", " id=", "url(", "href", "<foreignObject", " on"):
        assert foreign not in svg.replace(" on ", "")


def test_colours_are_those_of_the_page_and_of_its_text_where_it_has_none():
    svg = picture(graph_of(a=None))
    colours = re.findall(r"(?:fill|stroke|color):([^;\"]+)", svg)
    variable = r"var\(--jp-[\w-]+,var\(--vscode-[\w-]+,(currentColor|#\w+)\)\)"
    allowed = re.compile(rf"none|inherit|{variable}")
    assert colours
    assert all(allowed.fullmatch(colour) for colour in colours)


def test_a_picture_of_its_own_brings_its_background():
    svg = picture(graph_of(a=None), standalone=True)
    assert "background:#fff" in svg
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


@pytest.mark.parametrize("nodes", [1, 200])
def test_up_to_200_nodes_are_drawn(nodes):
    graph = graph_of(a=None, **{f"n{i}": f"n{i - 1}" if i else "a" for i in range(nodes - 1)})
    assert not why_no_picture(graph)
    assert len(drawn(picture(graph)).boxes) == nodes + 1


def test_what_is_not_drawn_says_why():
    assert why_no_picture(graph_of()) == "No picture: there are no nodes."
    assert "201 nodes" in why_no_picture(graph_of(**{f"n{i}": [] for i in range(201)}))
    names = [f"n{i}" for i in range(50)]
    assert "routes" in why_no_picture(graph_of(**dict.fromkeys(names, names)))


def test_the_same_graph_is_always_the_same_picture():
    assert picture(graph_of(**FAN)) == picture(graph_of(**FAN))


def test_many_lines_to_one_box_share_their_way():
    sizes = dict.fromkeys("abcdz", (80.0, 40.0))
    routes = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "z"), ("a", "z"), ("b", "z"), ("c", "z")]
    placed = layout(sizes, routes)
    assert sum(line.through is not None for line in placed.lines) == 3
    assert sum(line.arrow == "end" for line in placed.lines) == 5
