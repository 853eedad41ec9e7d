"""Where items stand in the rows of a layered layout: their order, and their places.

Items are numbers. Places are worked out on arrays, every other row at a time: neighbours are
always in the rows between, so no row waits for another, and a thousand rows cost what ten do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOX_GAP = 18
LINE_GAP = 12
ROUNDS = 24
NUDGES = 12
HEAVY = 100.0
NEARLY = 12
"""Pixels by which a line may be off that could as well be straight."""

BARELY = 0.001
"""What an item without neighbours weighs: it gives way to all that have some."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]
Link = tuple[int, int]


def order(rows: list[list[int]], links: Sequence[Link]) -> None:
    """Order each row for few crossings: each item comes at the mean of its neighbours.

    Parameters
    ----------
    rows : the items of each row; sorted in place
    links : pairs of items, each of a row and the next one

    >>> rows = [[0, 1], [2, 3]]
    >>> order(rows, [(0, 3), (1, 2)])
    >>> rows
    [[0, 1], [3, 2]]
    """
    count = sum(map(len, rows))
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for low, high in links:
        after[low].append(high)
        before[high].append(low)
    place = [0.0] * count
    for row in rows:
        _number(row, place)
    for _ in range(2):
        for row in rows[1:]:
            _sort(row, before, place)
        for row in rows[-2::-1]:
            _sort(row, after, place)


def _sort(row: list[int], near: list[list[int]], place: list[float]) -> None:
    if len(row) < 2:
        return
    for item in row:
        others = near[item]
        if len(others) == 1:
            place[item] = place[others[0]]
        elif others:
            place[item] = sum([place[other] for other in others]) / len(others)
    row.sort(key=place.__getitem__)
    _number(row, place)


def _number(row: list[int], place: list[float]) -> None:
    for number, item in enumerate(row):
        place[item] = number


class Places:
    """Finds the places of items whose order is known.

    Parameters
    ----------
    rows : the items of each row, in order
    links : pairs of items, each of a row and the next one: an array of two columns
    breadths : what each item takes of its row, in pixels
    boxes : how many of the items are boxes, the first ones; the others are lines that pass
    """

    def __init__(self, rows: list[list[int]], links: Numbers, breadths: Floats, boxes: int) -> None:
        self._count = len(breadths)
        self._halves = [_Half.of(rows[start::2], links, breadths, boxes) for start in (0, 1)]

    def centres(self) -> Floats:
        """Return the centre of each item: as near to its neighbours as order and gaps allow.

        >>> links = np.array([(0, 1), (0, 2)])
        >>> Places([[0], [1, 2]], links, np.full(3, 40.0), 3).centres().tolist()
        [0.0, -29.0, 29.0]
        """
        centre = np.zeros(self._count)
        for half in self._halves:
            half.settle(centre, np.zeros(len(half.items)), half.weights)
        for turn in range(ROUNDS):
            half = self._halves[1 - turn % 2]
            half.settle(centre, half.wishes(centre), half.weights)
        return centre

    def straighten(self, centre: Floats, steps: Floats) -> None:
        """Move items a little, where that makes a line straight that nearly is.

        Parameters
        ----------
        centre : the centres of the items; changed in place
        steps : what the centres of each link's items must differ by, for its line to be straight

        >>> centre = np.array([0.0, 5.0])
        >>> Places([[0], [1]], np.array([(0, 1)]), np.full(2, 40.0), 2).straighten(
        ...     centre, np.array([-2.0])
        ... )
        >>> centre.tolist()
        [0.0, -2.0]
        """
        for turn in range(NUDGES):
            half = self._halves[1 - turn % 2]
            half.settle(centre, *half.nudged(centre, steps))


@dataclass(frozen=True)
class _Half:
    """Every other row, one after the other: items, how far from the row's first, neighbours."""

    items: Numbers
    offsets: Floats
    first: NDArray[np.bool_]
    weights: Floats
    mine: Numbers
    others: Numbers
    reached: Numbers
    degree: Numbers

    @classmethod
    def of(cls, rows: list[list[int]], ends: Numbers, breadths: Floats, boxes: int) -> _Half:
        items = np.array([item for row in rows for item in row], dtype=np.intp)
        lengths = np.array([len(row) for row in rows], dtype=np.intp)
        first = np.zeros(len(items), dtype=bool)
        first[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
        position = np.full(len(breadths), -1)
        position[items] = np.arange(len(items))
        low, high = ends.T
        here = position[low] >= 0
        mine, others = position[np.where(here, low, high)], np.where(here, high, low)
        degree = np.bincount(mine, minlength=len(items))
        weights = np.where(degree, degree, BARELY)
        offsets = _offsets(items, first, breadths, boxes)
        return cls(items, offsets, first, weights, mine, others, np.flatnonzero(~here), degree)

    def wishes(self, centre: Floats) -> Floats:
        sums = np.bincount(self.mine, weights=centre[self.others], minlength=len(self.items))
        return np.where(self.degree, sums / np.maximum(self.degree, 1), centre[self.items])

    def nudged(self, centre: Floats, steps: Floats) -> tuple[Floats, Floats]:
        """Where items should be for the straightest of the lines from the rows before.

        With it comes what they weigh: the others give way to those that are nudged.
        """
        wishes, mine = centre[self.items], self.mine[self.reached]
        straight = centre[self.others[self.reached]] + steps[self.reached]
        off = np.abs(straight - wishes[mine])
        near = np.flatnonzero(off <= NEARLY)
        # Of several for one item the last one counts.
        near = near[np.argsort(-off[near], kind="stable")]
        wishes[mine[near]] = straight[near]
        weights = np.ones(len(wishes))
        weights[mine[near]] = HEAVY
        return wishes, weights

    def settle(self, centre: Floats, wishes: Floats, weights: Floats) -> None:
        free = _never_falling(wishes - self.offsets, weights, self.first)
        # Half pixels, so that what should be straight is.
        centre[self.items] = np.rint(free * 2) / 2 + self.offsets


def _offsets(items: Numbers, first: NDArray[np.bool_], breadths: Floats, boxes: int) -> Floats:
    """How far each item is from the first one of its row at the least, from centre to centre."""
    steps = np.zeros(len(items))
    is_box, breadth = items < boxes, breadths[items]
    gaps = np.where(is_box[1:] & is_box[:-1], BOX_GAP, LINE_GAP)
    steps[1:] = gaps + (breadth[1:] + breadth[:-1]) / 2
    total = np.cumsum(steps)
    start = np.maximum.accumulate(np.where(first, np.arange(len(items)), 0))
    return np.asarray(total - total[start])


def _never_falling(values: Floats, weights: Floats, first: NDArray[np.bool_]) -> Floats:
    """The figures nearest to ``values`` that never fall within a row.

    Those in conflict share their mean, which may bring them into conflict with others.
    """
    means, masses, counts = values, weights, np.ones(len(values), dtype=np.intp)
    while True:
        rises = np.ones(len(means), dtype=bool)
        rises[1:] = (means[1:] >= means[:-1]) | first[1:]
        if rises.all():
            return np.repeat(means, counts)
        heads = np.flatnonzero(rises)
        total = np.add.reduceat(masses, heads)
        means = np.add.reduceat(means * masses, heads) / total
        masses, counts, first = total, np.add.reduceat(counts, heads), first[heads]
