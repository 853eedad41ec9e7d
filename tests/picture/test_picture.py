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
from emitnb.picture import COLOURS, MOST_NODES, MOST_ROUTES, Count, picture, why_no_picture

SVG = "{http://www.w3.org/2000/svg}"


def graph_of(**origins):
    """Return a graph of nodes with the given origins (``None``: an entry point)."""
    graph = Graph()
    for name, names in origins.items():
        options = Options({"word": str}, names, entry_point=names is None, name=name)
        graph = graph.with_node(declare(lambda msg: None, options))
    return graph


def drawn(svg):
    """Return what is in a picture: its root, boxes by name, texts by name, curves by their look."""
    root = ET.fromstring(svg)
    rects = list(root.iter(f"{SVG}rect"))
    groups = [[text.text for text in group] for group in root[-1]]
    sides = ("x", "y", "width", "height")
    boxes = {
        texts[0]: SimpleNamespace(**{side: float(rect.get(side)) for side in sides}, rect=rect)
        for texts, rect in zip(groups, rects, strict=True)
    }
    curves = [
        path.get("style")
        for path in root.iter(f"{SVG}path")
        for _ in range(path.get("d").count("M") if "fill:none" in path.get("style") else 0)
    ]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    named = {texts[0]: texts for texts in groups}
    return SimpleNamespace(root=root, boxes=boxes, curves=curves, texts=texts, named=named)


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
    red = [style for style in found.curves if "wrong" in style]
    assert all("dasharray" in style for style in red)
    assert (len(found.curves), len(red), found.texts.count("!")) == (7, 4, 4)


def test_a_route_that_only_a_pattern_gives_is_dotted():
    found = drawn(picture(graph_of(a=None, b="a", c=["b", "a|b"], d=".*!", e="a!")))
    dotted = sum("stroke-width:1.1" in style for style in found.curves)
    red_dotted = sum("stroke-width:1.1" in style and "wrong" in style for style in found.curves)
    assert (len(found.curves), dotted, red_dotted) == (9, 5, 4)


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
    texts = drawn(picture(router.graph, {"count": Count(1234, 5, 67)})).texts
    done = ["1,234 emitted", "5 failed", "67 stale"]
    assert texts == ["count", "word", "key=word · when True · revision 2", *done]


def test_a_box_says_how_the_node_works():
    router = Router()

    async def look_up(msg):
        return msg.n

    router.node("n", name="look_up", entry_point=True)(look_up)
    router.node("n", "look_up", name="score", batch=True)(lambda frame: frame)
    router.node("n", "__entry_point", name="total")(lambda msg, state: None)
    router.node("n", ".*", name="log")(lambda msg: None)
    assert drawn(picture(router.graph)).named == {
        "__entry_point": ["__entry_point"],
        "look_up": ["look_up", "n", "entry · async"],
        "score": ["score", "n", "batch"],
        "total": ["total", "n", "entry · state"],
        "log": ["log", "n"],
    }


def test_many_words_about_a_node_take_several_lines():
    router = Router()
    router.node("x", name="a", when=lambda msg: True, key="long_name_of_a_field" * 2)(
        lambda msg, state: None
    )
    router.node("x", ["nobody", "somebody_else"], name="b", entry_point=True)(lambda msg: None)
    named = drawn(picture(router.graph)).named
    assert named["a"][2:] == ["key=long_name_of_a_fieldlong_name…", "when True"]
    assert named["b"][2:] == ["entry", "waits for nobody, somebody_else"]


def test_no_failures_and_nothing_stale_no_word_of_them():
    found = drawn(picture(graph_of(a=None), {"a": Count(3)}))
    assert found.texts == ["__entry_point", "a", "word: str", "entry", "3 emitted"]


def test_long_texts_are_cut_and_whole_in_the_tooltip():
    name = "a" * 60
    found = drawn(picture(graph_of(**{name: None, "日本語" * 20: None})))
    assert f"{'a' * 33}…" in found.texts
    assert f"{'日本語' * 5}日…" in found.texts
    title = found.boxes[f"{'a' * 33}…"].rect.find(f"{SVG}title")
    assert title.text.startswith(f"{name}(word: str)")


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
    svg = picture(graph_of(a=None, b="a!"))
    colours = re.findall(r"(?:fill|stroke|[ ;\"]color):([^;\"]+)", svg)
    assert set(colours) == {"none", "inherit", *(f"var(--emitnb-{c})" for c in COLOURS)}
    given = dict(re.findall(r"--emitnb-(\w+):([^;]+);", svg))
    variable = re.compile(r"var\(--jp-[\w-]+,var\(--vscode-[\w-]+,(currentColor|#\w+)\)\)")
    assert set(given) == set(COLOURS)
    assert all(variable.fullmatch(colour) for colour in given.values())


def test_a_picture_of_its_own_brings_its_background_and_colours():
    svg = picture(graph_of(a=None), standalone=True)
    assert "background:#fff" in svg
    assert "--jp-" not in svg
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_a_page_does_not_shrink_it_until_nobody_can_read_it():
    found = drawn(picture(graph_of(**{f"n{i}": None for i in range(60)}, last="n.*")))
    least = re.search(r"min-width:(\d+)px", found.root.get("style"))[1]
    assert int(least) == round(0.6 * float(found.root.get("width")))


@pytest.mark.parametrize("nodes", [1, 1000, MOST_NODES])
def test_large_graphs_are_drawn(nodes):
    graph = graph_of(a=None, **{f"n{i}": f"n{i - 1}" if i else "a" for i in range(nodes - 1)})
    assert not why_no_picture(graph)
    assert len(drawn(picture(graph)).boxes) == nodes + 1


def test_a_node_of_a_large_graph_takes_some_hundred_bytes():
    names = [f"node_{i}" for i in range(1000)]
    origins = {name: [names[i // 2], names[i // 3]] for i, name in enumerate(names[1:])}
    assert len(picture(graph_of(node_0=None, **origins))) < 450 * 1000


def test_what_is_not_drawn_says_why():
    assert why_no_picture(graph_of()) == "No picture: there are no nodes."
    many = why_no_picture(graph_of(**{f"n{i}": [] for i in range(MOST_NODES + 1)}))
    assert many == "No picture: 2,001 nodes are more than 2,000."
    names = [f"n{i}" for i in range(101)]
    assert MOST_ROUTES == 10_000
    assert "10,201 routes" in why_no_picture(graph_of(**dict.fromkeys(names, names)))


def test_the_same_graph_is_always_the_same_picture():
    assert picture(graph_of(**FAN)) == picture(graph_of(**FAN))
