"""Where boxes and lines go: nothing lies over anything else, and every route is there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emitnb.dot import back_edges, pattern_routes
from emitnb.graph import Graph
from emitnb.message import is_port, node_of
from emitnb.node import Options, declare
from emitnb.picture.layout import Route, layout


def routes_of(origins):
    """Return the routes of a graph whose nodes have the given origins."""
    graph = Graph()
    for name, names in origins.items():
        graph = graph.with_node(declare(lambda msg: None, Options("x", names, name=name)))
    back, patterns = back_edges(graph), pattern_routes(graph)
    return [
        Route(
            node_of(origin),
            name,
            is_port(origin),
            (origin, name) in patterns,
            (node_of(origin), name) in back,
        )
        for name in graph.nodes
        for origin in graph.origins(name)
        if node_of(origin) in graph.nodes
    ]


@st.composite
def graphs(draw):
    """Draw sizes by name, and routes: forward, back, from ports, by pattern."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 14)))]
    origin = st.sampled_from([*names, *(f"{name}!" for name in names), "n[0-4]", ".*!", ".*"])
    origins = {name: draw(st.lists(origin, max_size=3)) for name in names}
    side = st.integers(10, 150).map(lambda half: 2 * half)
    sizes = {name: (draw(side), draw(side)) for name in names}
    return sizes, routes_of(origins)


def bezier(a, b, c, d):
    """Return points of a curve with the given ends and turns, on one axis."""
    steps = [i / 24 for i in range(25)]
    return [
        a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
        for t in steps
    ]


def points(line, downward):
    """Return points (x, y) of a line, in its order."""
    found = []
    for number, (begin, end, across) in enumerate(line.stays):
        if number:
            _, before, place = line.stays[number - 1]
            turn = (before + begin) / 2
            along = bezier(before, turn, turn, begin)
            found += zip(along, bezier(place, place, across, across), strict=True)
        found += [(begin + (end - begin) * i / 8, across) for i in range(9)]
    return [(y, x) if downward else (x, y) for x, y in found]


def inside(point, box):
    """Whether a point lies in a box, not only at its rim."""
    x, y = point
    return box.x < x < box.x + box.width and box.y < y < box.y + box.height


def touches(point, box):
    """Whether a point lies at a box."""
    x, y = point
    return box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height


def meets(line, stay):
    """Whether a line comes to where another one stays."""
    end, across = line.stays[-1][1:]
    return min(stay[:2]) <= end <= max(stay[:2]) and across == stay[2]


def passing(trunk):
    """Return where the lines of a trunk pass layers: from, to, across."""
    stays = [stay for line in trunk for stay in line.stays[1:-1]]
    return [(min(begin, end), max(begin, end), across) for begin, end, across in stays]


def overlap(one, other):
    """Whether two boxes share room."""
    apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
    apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (apart_x or apart_y)


def check(sizes, routes, placed):
    """Check all that holds for any layout."""
    assert set(placed.boxes) == set(sizes)
    for name, box in placed.boxes.items():
        assert box[2:] == sizes[name]
        assert min(box.x, box.y) >= 0
        assert box.x + box.width <= placed.width
        assert box.y + box.height <= placed.height
    assert not any(overlap(*two) for two in itertools.combinations(placed.boxes.values(), 2))
    drawn = [line.route for line in placed.lines]
    assert sorted(drawn) == sorted(route for route in routes if route.origin != route.name)
    trunks = {}
    for line in placed.lines:
        way = points(line, placed.downward)
        crossed = [n for n, box in placed.boxes.items() if any(inside(p, box) for p in way)]
        assert not crossed, (line.route, crossed)
        assert touches(way[0], placed.boxes[line.route.origin])
        assert all(-1 <= x <= placed.width + 1 and -1 <= y <= placed.height + 1 for x, y in way)
        assert not line.ends or touches(way[-1], placed.boxes[line.route.name])
        trunks.setdefault(line.route[1:], []).append(line)
    for trunk in trunks.values():
        # A line that joins others comes to where one of them passes that reaches the box.
        passed = [stay for line in trunk if line.ends for stay in line.stays]
        assert all(line.ends or any(meets(line, stay) for stay in passed) for line in trunk)
    assert not any(
        one[2] == other[2] and min(one[1], other[1]) > max(one[0], other[0])
        for first, second in itertools.combinations(trunks.values(), 2)
        for one, other in itertools.product(passing(first), passing(second))
    )


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from([0, 200, 10**6]), st.sampled_from([0, 3, 10**6]))
def test_boxes_and_lines_keep_apart_and_every_route_is_there(graph, widest, most_bends):
    sizes, routes = graph
    placed = layout(sizes, routes, widest=widest, most_bends=most_bends)
    check(sizes, routes, placed)
    assert layout(sizes, routes, widest=widest, most_bends=most_bends) == placed


def test_a_large_graph_keeps_apart_too():
    names = [f"n{i}" for i in range(150)]
    origins = {
        name: [names[i * 7 // 8], names[i // 2], names[i // 5]] for i, name in enumerate(names)
    }
    origins["n120"].append("n149")
    sizes = {name: (80 + 2 * (i % 50), 40 + 2 * (i % 9)) for i, name in enumerate(names)}
    routes = routes_of({**origins, "n149": [".*"]})
    check(sizes, routes, layout(sizes, routes, widest=1000))


def test_what_is_too_wide_goes_downward():
    sizes = dict.fromkeys("abcd", (80, 40))
    routes = [Route(*pair) for pair in ("ab", "bc", "cd")]
    assert not layout(sizes, routes, widest=500).downward
    assert layout(sizes, routes, widest=400).downward
    wide = {**sizes, **dict.fromkeys("efghijk", (80, 40))}
    assert not layout(wide, routes, widest=400).downward


def test_many_lines_to_one_box_share_their_way():
    sizes = dict.fromkeys("abcdz", (80, 40))
    routes = [Route(*pair) for pair in ("ab", "bc", "cd", "dz", "az", "bz", "cz")]
    placed = layout(sizes, routes)
    joining = {line.route for line in placed.lines if not line.ends}
    assert joining == {Route("b", "z"), Route("c", "z")}


def test_routes_of_different_kinds_do_not_share_their_way():
    sizes = dict.fromkeys("abc", (80, 40))
    kinds = [Route("a", "c"), Route("a", "c", port=True), Route("a", "c", pattern=True)]
    placed = layout(sizes, [Route("a", "b"), Route("b", "c"), *kinds])
    assert all(line.ends for line in placed.lines)


@pytest.mark.parametrize("most_bends", [0, 100])
def test_a_long_chain_stays_straight(most_bends):
    sizes = {f"n{i}": (80, 40) for i in range(1000)}
    routes = [Route(f"n{i}", f"n{i + 1}") for i in range(999)]
    routes.append(Route("n0", "n999", pattern=True))
    placed = layout(sizes, routes, most_bends=most_bends)
    assert len({box.y for box in placed.boxes.values()}) == 1
    last = placed.lines[-1]
    assert (last.route.pattern, len(last.stays)) == (True, 3)


def test_a_chain_is_straight_though_others_read_from_it_too():
    origins = {"a": None, "b": "a", "c": "b", "d": "c", "e": ["a", "b", "d"], "failed": ".*!"}
    sizes = {name: (90, 50 + 8 * (i % 3)) for i, name in enumerate(origins)}
    lines = layout(sizes, routes_of(origins)).lines
    chain = [line for line in lines if line.route[:2] in (("a", "b"), ("b", "c"), ("c", "d"))]
    assert len(chain) == 3
    assert all(len({across for _, _, across in line.stays}) == 1 for line in chain)
