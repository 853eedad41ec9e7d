"""Where boxes and lines go: a layered layout, as figures that know nothing of SVG.

The layers run along the *main* axis, the boxes of one layer stand beside each other on the
*cross* axis; the result has x and y, rightward or downward. Routes to one box that pass the same
layer share their way, so a node that listens to everything gets one trunk instead of a tangle.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LAYER_GAP = 54.0
BOX_GAP = 18.0
LINE_GAP = 12.0
PORT_GAP = 11.0
LEAST_PORT_GAP = 8.0
SWEEPS = 24
PORT_MARGIN = 7.0

Route = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of a route, from one layer to the next: a curve, perhaps with a straight end.

    ``through`` is where it leaves the layer that it reaches and does not end in. ``arrow`` says
    at which end the head is: "end", "start" (of a route back), or "" where the route goes on.
    ``port`` says that it leads from a failure port, ``mark`` where that is, if it begins there.
    """

    start: Point
    end: Point
    through: Point | None
    back: bool
    port: bool
    mark: Point | None
    arrow: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes by name, the lines between them, and the size of it all."""

    boxes: dict[str, Box]
    lines: list[Line]
    width: float
    height: float


class Bend(NamedTuple):
    """Where routes to ``target`` pass a layer."""

    target: str
    layer: int
    back: bool
    port: bool


Item = str | Bend


class Link(NamedTuple):
    """A piece of one or more routes between neighbouring layers."""

    start: Item
    end: Item
    back: bool
    port: bool


def layout(
    sizes: Mapping[str, Point],
    routes: Iterable[Route],
    back: Collection[Route] = (),
    *,
    ports: Collection[Route] = (),
    downward: bool = False,
) -> Layout:
    """Return where boxes of the given sizes (width, height) go, and the lines of ``routes``.

    Without ``back`` the routes must be free of loops. A route from a box to itself has no line.
    ``ports`` are routes from failure ports; they have lines of their own, apart from ``routes``.

    >>> layout({"a": (80, 40), "b": (80, 40)}, [("a", "b")]).boxes["b"]
    Box(x=134.0, y=0.0, width=80, height=40)
    """
    kinds = [(list(routes), False), (list(ports), True)]
    forward = [(route, port) for some, port in kinds for route in some if route not in back]
    layers = _layers(list(sizes), [route for route, _ in forward])
    plan = _Plan(sizes, layers, downward)
    for (origin, name), port in forward:
        plan.connect(origin, name, back=False, port=port)
    for origin, name in back:
        for some, port in kinds:
            if origin != name and (origin, name) in some:
                plan.connect(name, origin, back=True, port=port)
    plan.order_rows()
    plan.place_rows()
    return plan.result()


def _layers(names: list[str], routes: Iterable[Route]) -> dict[str, int]:
    """The longest way to each name, counted in routes."""
    listeners: dict[str, list[str]] = {name: [] for name in names}
    missing = dict.fromkeys(names, 0)
    for origin, name in routes:
        listeners[origin].append(name)
        missing[name] += 1
    layer = dict.fromkeys(names, 0)
    ready = [name for name in names if not missing[name]]
    for origin in ready:
        for name in listeners[origin]:
            layer[name] = max(layer[name], layer[origin] + 1)
            missing[name] -= 1
            if not missing[name]:
                ready.append(name)
    return layer


class _Plan:
    """The work on one layout: rows of items, their order, their places on the cross axis."""

    def __init__(
        self, sizes: Mapping[str, Point], layers: Mapping[str, int], downward: bool
    ) -> None:
        self.sizes, self.layers, self.downward = sizes, layers, downward
        self.rows: list[list[Item]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
        self.out: dict[Item, list[Link]] = {}
        self.into: dict[Item, list[Link]] = {}
        self.centre: dict[Item, float] = {}
        for name, number in layers.items():
            self._add(name, number)

    def connect(self, start: str, end: str, *, back: bool, port: bool) -> None:
        """Lead a route through every layer between two boxes."""
        # Routes share their way towards the box that their arrow head is at.
        target = start if back else end
        item: Item = start
        for number in range(self.layers[start] + 1, self.layers[end] + 1):
            bend = Bend(target, number, back, port)
            following = end if number == self.layers[end] else bend
            if following not in self.out:
                self._add(following, number)
            link = Link(item, following, back, port)
            if link not in self.out[item]:
                self.out[item].append(link)
                self.into[following].append(link)
            item = following

    def order_rows(self) -> None:
        """Find an order in each row with few crossings: each item at the mean of its neighbours."""
        for _ in range(2):
            self._sort(self.rows[1:], lambda item: [link.start for link in self.into[item]])
            self._sort(self.rows[-2::-1], lambda item: [link.end for link in self.out[item]])

    def place_rows(self) -> None:
        """Bring every item as near to its neighbours as order and gaps allow."""
        for row in self.rows:
            self._spread(row, [0.0] * len(row))
        for turn in range(SWEEPS):
            for row in self.rows if turn % 2 else reversed(self.rows):
                self._spread(row, [self._wish(item) for item in row])
        low = min((self.centre[item] - self._breadth(item) / 2 for item in self.centre), default=0)
        self.centre = {item: place - low for item, place in self.centre.items()}

    def result(self) -> Layout:
        """Return the figures, on x and y."""
        depths = [max(map(self._depth, row), default=0.0) for row in self.rows]
        starts = [0.0]
        for row, depth in zip(self.rows, depths[:-1], strict=False):
            starts.append(starts[-1] + depth + self._gap_after(row))
        sides = {
            item: self._sides(item, starts[number], depths[number])
            for number, row in enumerate(self.rows)
            for item in row
        }
        breadth = max((c + self._breadth(item) / 2 for item, c in self.centre.items()), default=0.0)
        width, height = self._turned(starts[-1] + depths[-1], breadth)
        boxes = {name: self._box(name, sides[name][0]) for name in self.layers}
        return Layout(boxes, self._lines(sides), width, height)

    def _add(self, item: Item, number: int) -> None:
        self.out[item], self.into[item] = [], []
        self.rows[number].append(item)

    def _sort(
        self, rows: Iterable[list[Item]], neighbours: Callable[[Item], Iterable[Item]]
    ) -> None:
        position = {item: float(n) for row in self.rows for n, item in enumerate(row)}
        for row in rows:
            wish = {i: _mean([position[n] for n in neighbours(i)], position[i]) for i in row}
            row.sort(key=wish.__getitem__)
            position.update({item: float(n) for n, item in enumerate(row)})

    def _wish(self, item: Item) -> float:
        near = [self.centre[link.start] for link in self.into[item]]
        near += [self.centre[link.end] for link in self.out[item]]
        return _mean(near, self.centre[item])

    def _spread(self, row: list[Item], wishes: list[float]) -> None:
        offsets = [0.0]
        for one, other in itertools.pairwise(row):
            gap = BOX_GAP if isinstance(one, str) and isinstance(other, str) else LINE_GAP
            offsets.append(offsets[-1] + (self._breadth(one) + self._breadth(other)) / 2 + gap)
        wanted = [wish - offset for wish, offset in zip(wishes, offsets, strict=False)]
        # What has no neighbours gives way to what has.
        weights = [len(self.into[item]) + len(self.out[item]) or 0.001 for item in row]
        for item, place, offset in zip(row, _never_falling(wanted, weights), offsets, strict=False):
            self.centre[item] = place + offset

    def _gap_after(self, row: list[Item]) -> float:
        """Steep lines get more room to turn."""
        links = [link for item in row for link in self.out[item]]
        steepest = max((abs(self.centre[a] - self.centre[b]) for a, b, *_ in links), default=0.0)
        return LAYER_GAP + min(steepest * 0.12, LAYER_GAP)

    def _breadth(self, item: Item) -> float:
        return self.sizes[item][0 if self.downward else 1] if isinstance(item, str) else 0.0

    def _depth(self, item: Item) -> float:
        return self.sizes[item][1 if self.downward else 0] if isinstance(item, str) else 0.0

    def _sides(self, item: Item, start: float, depth: float) -> Point:
        """Where an item begins and ends on the main axis: a box is in the middle of its layer."""
        slack = (depth - self._depth(item)) / 2 if isinstance(item, str) else 0.0
        return start + slack, start + depth - slack

    def _turned(self, main: float, cross: float) -> Point:
        return (cross, main) if self.downward else (main, cross)

    def _box(self, name: str, start: float) -> Box:
        x, y = self._turned(start, self.centre[name] - self._breadth(name) / 2)
        return Box(x, y, *self.sizes[name])

    def _lines(self, sides: Mapping[Item, Point]) -> list[Line]:
        leave: dict[Link, float] = {}
        reach: dict[Link, float] = {}
        for item in sides:
            leave.update(self._ports(item, self.out[item], lambda link: link.end))
            reach.update(self._ports(item, self.into[item], lambda link: link.start))
        return [self._line(link, leave[link], reach[link], sides) for link in leave]

    def _line(self, link: Link, leave: float, reach: float, sides: Mapping[Item, Point]) -> Line:
        # Of the routes that share a bend, one draws what is straight.
        passing = isinstance(link.end, Bend) and link == self.into[link.end][0]
        end = "start" if link.back else "end"
        head, tail = (link.start, link.end) if link.back else (link.end, link.start)
        first = self._turned(sides[link.start][1], leave)
        last = self._turned(sides[link.end][0], reach)
        return Line(
            start=first,
            end=last,
            through=self._turned(sides[link.end][1], reach) if passing else None,
            back=link.back,
            port=link.port,
            mark=(last if link.back else first) if link.port and isinstance(tail, str) else None,
            arrow=end if isinstance(head, str) else "",
        )

    def _ports(
        self, item: Item, links: list[Link], other: Callable[[Link], Item]
    ) -> dict[Link, float]:
        """Where on its side of an item each link is: in the order of the other ends."""
        ordered = sorted(links, key=lambda link: (self.centre[other(link)], link.back, link.port))
        room = (self._breadth(item) - 2 * PORT_MARGIN) / max(len(links) - 1, 1)
        # Where arrow heads would not fit beside each other, all lines meet in one.
        step = min(PORT_GAP, room) if room >= LEAST_PORT_GAP and isinstance(item, str) else 0.0
        first = self.centre[item] - step * (len(links) - 1) / 2
        return {link: first + step * n for n, link in enumerate(ordered)}


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _never_falling(wanted: list[float], weights: list[float]) -> list[float]:
    """The never falling figures nearest to ``wanted``: those in conflict share their mean."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        mean, mass, count = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            earlier, more, members = blocks.pop()
            mean = (mean * mass + earlier * more) / (mass + more)
            mass, count = mass + more, count + members
        blocks.append((mean, mass, count))
    return [mean for mean, _, count in blocks for _ in range(count)]
