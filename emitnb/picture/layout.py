"""Where boxes and lines go: a layered layout, as figures that know nothing of SVG.

The layers run along the *main* axis, the boxes of one layer stand beside each other on the
*cross* axis; the result has x and y, rightward or downward. Routes to one box that pass the same
layer share their way, so a node that listens to everything gets one trunk instead of a tangle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from emitnb.picture.rows import BOX_GAP, Floats, Link, Numbers, Places, order

LAYER_GAP = 54
LANE_GAP = 7
PORT_GAP = 11
LEAST_PORT_GAP = 8
PORT_MARGIN = 7
MOST_BENDS = 1500
FEW_ITEMS = 500
"""Up to so many, people look at the single line: what nearly is straight is made so."""

Point = tuple[float, float]
Stay = tuple[float, float, float]


class Route(NamedTuple):
    """Who feeds whom; routes of one kind may share a line.

    ``port``: from a failure port; ``pattern``: only a pattern gives it; ``back``: closes a loop.
    """

    origin: str
    name: str
    port: bool = False
    pattern: bool = False
    back: bool = False

    @property
    def kind(self) -> tuple[bool, bool, bool]:
        """What it has to be drawn as."""
        return self[2:]


class Box(NamedTuple):
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """How a route is drawn, from its origin on until it ends or joins one of its kind.

    It is straight at each of the ``stays`` (from, to, across: two places on the main axis, one on
    the cross axis) and curved from each to the next. ``ends`` says that it reaches its box.
    """

    route: Route
    stays: list[Stay]
    ends: bool


class Layout(NamedTuple):
    """Boxes by name, the lines between them, and the size of it all."""

    boxes: dict[str, Box]
    lines: list[Line]
    width: float
    height: float
    downward: bool


def layout(
    sizes: Mapping[str, Point],
    routes: Iterable[Route],
    *,
    widest: float = float("inf"),
    most_bends: int = MOST_BENDS,
) -> Layout:
    """Return where boxes of the given sizes (width, height) go, and the lines of ``routes``.

    Without those that are ``back`` the routes must be free of loops. A route from a box to itself
    has no line. What is wider than ``widest`` goes downward, if it is narrower then. Where lines
    would pass layers more than ``most_bends`` times in all, the longest go past all boxes.

    >>> layout({"a": (80, 40), "b": (80, 40)}, [Route("a", "b")]).boxes["b"]
    Box(x=134.0, y=0.0, width=80, height=40)
    """
    plan = _Plan(list(sizes), [route for route in routes if route.origin != route.name], most_bends)
    rightward, downward = _Figures(plan, sizes, False), _Figures(plan, sizes, True)
    narrower = downward.least_width < rightward.least_width
    return (downward if rightward.least_width > widest and narrower else rightward).layout()


class _Track(NamedTuple):
    """The links that draw a route, in the order of its way."""

    route: Route
    links: list[int]
    ends: bool


class _Plan:
    """What is in which layer, and what leads to what: names as numbers, and no places yet.

    Items are boxes, then bends (where lines pass a layer), then lanes (where they pass all boxes).
    A link leads from one item to another over the gap after a layer.
    """

    def __init__(self, names: list[str], routes: list[Route], most_bends: int) -> None:
        self.names = names
        self.number = {name: number for number, name in enumerate(names)}
        self.layers = _layers(names, [route for route in routes if not route.back])
        self.rows: list[list[int]] = [[] for _ in range(max(self.layers, default=0) + 1)]
        for number, layer in enumerate(self.layers):
            self.rows[layer].append(number)
        self.items = len(names)
        self.links: list[Link] = []
        self.gaps: list[int] = []
        self.tracks: list[_Track] = []
        near, far = self._trunks(routes, most_bends)
        for trunk in near:
            self._lead_through(trunk)
        self.in_rows = len(self.links)
        self.lanes = [self._lead_past(trunk) for trunk in far]

    def _trunks(
        self, routes: list[Route], room: int
    ) -> tuple[list[list[Route]], list[list[Route]]]:
        """Routes that share their way, the longest first: those through layers, those past them."""
        trunks: dict[tuple[object, ...], list[Route]] = {}
        for route in routes:
            trunks.setdefault(route[1:], []).append(route)
        lengths = {}
        for key, trunk in trunks.items():
            if len(trunk) > 1:
                trunk.sort(key=self._length, reverse=True)
            lengths[key] = self._length(trunk[0]) - 1
        far = []
        if sum(lengths.values()) > room:
            for key, length in sorted(lengths.items(), key=lambda pair: pair[1]):
                room -= length
                if room < 0:
                    far.append(trunks.pop(key))
        # What only goes to the next layer needs no lane.
        near = [*trunks.values(), *([r for r in trunk if self._length(r) == 1] for trunk in far)]
        return near, [[r for r in trunk if self._length(r) > 1] for trunk in far]

    def _length(self, route: Route) -> int:
        return abs(self.layers[self.number[route.name]] - self.layers[self.number[route.origin]])

    def _lead_through(self, trunk: list[Route]) -> None:
        """Lead routes to one box through every layer on their way."""
        bends: dict[int, int] = {}
        step = -1 if trunk and trunk[0].back else 1
        for route in trunk:
            item, head = self.number[route.origin], self.number[route.name]
            links: list[int] = []
            joined = False
            for layer in range(self.layers[item] + step, self.layers[head], step):
                joined = layer in bends
                if not joined:
                    bends[layer] = self.items
                    self.rows[layer].append(self.items)
                    self.items += 1
                links.append(self._link(item, bends[layer], layer, step))
                if joined:
                    break
                item = bends[layer]
            if not joined:
                links.append(self._link(item, head, self.layers[head], step))
            self.tracks.append(_Track(route, links, not joined))

    def _lead_past(self, trunk: list[Route]) -> tuple[int, int]:
        """Lead routes to one box past all boxes; return the first and last layer they pass."""
        step = -1 if trunk[0].back else 1
        lane, head = self.items, self.number[trunk[0].name]
        self.items += 1
        for number, route in enumerate(trunk):
            origin = self.number[route.origin]
            links = [self._link(origin, lane, self.layers[origin] + step, step)]
            if not number:
                links.append(self._link(lane, head, self.layers[head], step))
            self.tracks.append(_Track(route, links, not number))
        ends = (self.layers[self.number[trunk[0].origin]] + step, self.layers[head] - step)
        return min(ends), max(ends)

    def _link(self, item: int, following: int, layer: int, step: int) -> int:
        """Add a link to an item as it is met in ``layer``; return its number."""
        self.links.append((item, following) if step > 0 else (following, item))
        self.gaps.append(layer - 1 if step > 0 else layer)
        return len(self.links) - 1


class _Figures:
    """A plan in one direction: what room things take, and where they go."""

    def __init__(self, plan: _Plan, sizes: Mapping[str, Point], downward: bool) -> None:
        self.plan, self.sizes, self.downward = plan, sizes, downward
        both = np.array(list(sizes.values()), dtype=float).reshape(-1, 2)
        self.boxes = len(both)
        self.depths = both[:, 1 if downward else 0]
        self.breadths = np.zeros(plan.items)
        self.breadths[: self.boxes] = both[:, 0 if downward else 1]
        self.links = np.array(plan.links, dtype=np.intp).reshape(-1, 2)
        self.layers = np.array(plan.layers, dtype=np.intp)
        self.rows = np.zeros(len(plan.rows))
        np.maximum.at(self.rows, self.layers, self.depths)

    @property
    def least_width(self) -> float:
        """The width on the page, before it is known how much room the lines need to turn."""
        if not self.downward:
            return float(self.rows.sum()) + LAYER_GAP * (len(self.rows) - 1)
        taken = np.bincount(self.layers, weights=self.breadths[: self.boxes] + BOX_GAP)
        return float(taken.max(initial=0))

    def layout(self) -> Layout:
        plan, boxes = self.plan, self.boxes
        centre, breadth = self._across()
        low, high = self.links.T
        leave, reach = self._ports(low, high, centre), self._ports(high, low, centre)
        steepest = np.zeros(len(self.rows))
        np.maximum.at(steepest, np.array(plan.gaps, dtype=np.intp), np.abs(leave - reach))
        # Steep lines get more room to turn.
        gaps = np.rint(LAYER_GAP + np.minimum(steepest * 0.12, LAYER_GAP))
        gaps[-1] = 0
        starts = np.cumsum(self.rows + gaps) - self.rows - gaps
        sides = starts[self.layers] + (self.rows[self.layers] - self.depths) / 2
        lines = _Lines(plan, starts, starts + self.rows, sides, sides + self.depths, leave, reach)
        upper = (centre - self.breadths / 2)[:boxes].tolist()
        lengthwise = sides.tolist()
        x, y = (upper, lengthwise) if self.downward else (lengthwise, upper)
        placed = {
            name: Box(left, top, *self.sizes[name])
            for name, left, top in zip(plan.names, x, y, strict=True)
        }
        length = float(starts[-1] + self.rows[-1])
        width, height = (breadth, length) if self.downward else (length, breadth)
        return Layout(placed, lines.drawn(), width, height, self.downward)

    def _across(self) -> tuple[Floats, float]:
        """Return the place of each item on the cross axis, and how much they take of it."""
        plan = self.plan
        order(plan.rows, plan.links[: plan.in_rows])
        links = self.links[: plan.in_rows]
        breadths = self.breadths[: plan.items - len(plan.lanes)]
        places = Places(plan.rows, links, breadths, self.boxes)
        centre = places.centres()
        if len(centre) <= FEW_ITEMS:
            low, high = links.T
            leave, reach = self._ports(low, high, centre), self._ports(high, low, centre)
            places.straighten(centre, leave - centre[low] - reach + centre[high])
        centre -= (centre - breadths / 2).min(initial=0)
        breadth = float((centre + breadths / 2).max(initial=0))
        if not plan.lanes:
            return centre, breadth
        lanes = breadth + BOX_GAP + LANE_GAP * np.array(_shared(plan.lanes))
        return np.concatenate((centre, lanes)), float(lanes.max())

    def _ports(self, items: Numbers, others: Numbers, centre: Floats) -> Floats:
        """Where on its side of an item each link is: in the order of the other ends."""
        sorting = np.lexsort((centre[others], items))
        counts = np.bincount(items, minlength=len(centre))
        rank = np.empty(len(items))
        rank[sorting] = np.arange(len(items)) - (np.cumsum(counts) - counts)[items[sorting]]
        room = (self.breadths[: len(centre)] - 2 * PORT_MARGIN) / np.maximum(counts - 1, 1)
        # Where arrow heads would not fit beside each other, all lines meet in one.
        step = np.where(room >= LEAST_PORT_GAP, np.minimum(PORT_GAP, np.floor(room)), 0)
        return np.asarray(centre[items] + step[items] * (rank - (counts[items] - 1) / 2))


class _Lines:
    """Where lines are straight, from figures of layers, boxes and links."""

    def __init__(self, plan: _Plan, *figures: Floats) -> None:
        self.plan = plan
        lists = [figure.tolist() for figure in figures]
        self.starts, self.ends, self.box_starts, self.box_ends, self.leave, self.reach = lists

    def drawn(self) -> list[Line]:
        return [self._line(track) for track in self.plan.tracks]

    def _line(self, track: _Track) -> Line:
        # Along its way a line leaves a layer at one side and comes to the next at another.
        route, gaps, back = track.route, self.plan.gaps, track.route.back
        origin, name = self.plan.number[route.origin], self.plan.number[route.name]
        leave, reach = (self.reach, self.leave) if back else (self.leave, self.reach)
        far, near, shift = (self.starts, self.ends, 1) if back else (self.ends, self.starts, 0)
        begin = (self.box_starts if back else self.box_ends)[origin]
        stays: list[Stay] = []
        across = leave[track.links[0]]
        for link in track.links:
            gap = gaps[link]
            stays.append((begin, far[gap + shift], across))
            begin, across = near[gap + 1 - shift], reach[link]
        end = (self.box_ends if back else self.box_starts)[name] if track.ends else begin
        return Line(route, [*stays, (begin, end, across)], track.ends)


def _layers(names: list[str], routes: Iterable[Route]) -> list[int]:
    """The longest way to each name, counted in routes."""
    listeners: dict[str, list[str]] = {name: [] for name in names}
    missing = dict.fromkeys(names, 0)
    for route in routes:
        listeners[route.origin].append(route.name)
        missing[route.name] += 1
    layer = dict.fromkeys(names, 0)
    ready = [name for name in names if not missing[name]]
    for origin in ready:
        following = layer[origin] + 1
        for name in listeners[origin]:
            if layer[name] < following:
                layer[name] = following
            missing[name] -= 1
            if not missing[name]:
                ready.append(name)
    return list(layer.values())


def _shared(lanes: list[tuple[int, int]]) -> list[int]:
    """Number lanes so that those beside each other, from their first to last layer, differ."""
    numbers = [0] * len(lanes)
    busy: list[tuple[int, int]] = []
    for lane in sorted(range(len(lanes)), key=lanes.__getitem__):
        first, last = lanes[lane]
        numbers[lane] = heappop(busy)[1] if busy and busy[0][0] < first else len(busy)
        heappush(busy, (last, numbers[lane]))
    return numbers
