"""The order of a graph: topological, with loops taken as one and ties broken by declaration."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Component:
    """Nodes that are taken together in the order: one node, or all nodes of a loop."""

    members: tuple[str, ...]
    is_loop: bool


def in_order(names: list[str], origins: Mapping[str, Iterable[str]]) -> Iterator[Component]:
    """Kahn's algorithm over the strongly connected components, the earliest declared first."""
    index = {name: i for i, name in enumerate(names)}
    inner = {name: [o for o in origins[name] if o in index] for name in names}
    parts = {}
    for unordered in _strongly_connected(names, inner):
        members = tuple(sorted(unordered, key=index.__getitem__))
        parts[index[members[0]]] = members
    home = {name: first for first, members in parts.items() for name in members}
    before = {
        first: {home[origin] for name in members for origin in inner[name]} - {first}
        for first, members in parts.items()
    }
    after: dict[int, list[int]] = {}
    for first, earlier in before.items():
        for one in earlier:
            after.setdefault(one, []).append(first)
    missing = {first: len(earlier) for first, earlier in before.items()}
    ready = [first for first, count in missing.items() if not count]
    heapq.heapify(ready)
    while ready:
        first = heapq.heappop(ready)
        members = parts[first]
        yield Component(members, len(members) > 1 or members[0] in inner[members[0]])
        for later in after.get(first, ()):
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, later)


def _strongly_connected(
    names: Iterable[str], origins: Mapping[str, list[str]]
) -> Iterator[list[str]]:
    """Tarjan's algorithm (1972), with its own stack: a chain of any length fits."""
    search = _Search()
    for start in names:
        if start in search.number:
            continue
        work = [(search.enter(start), iter(origins[start]))]
        while work:
            name, rest = work[-1]
            following = search.first_new(name, rest)
            if following is not None:
                work.append((search.enter(following), iter(origins[following])))
                continue
            work.pop()
            if work:
                search.lower(work[-1][0], search.low[name])
            if search.low[name] == search.number[name]:
                yield search.cut(name)


class _Search:
    """What Tarjan's search knows of the names it has met."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self._trail: list[str] = []
        self._on_trail: set[str] = set()

    def enter(self, name: str) -> str:
        self.number[name] = self.low[name] = len(self.number)
        self._trail.append(name)
        self._on_trail.add(name)
        return name

    def first_new(self, name: str, rest: Iterator[str]) -> str | None:
        for origin in rest:
            if origin not in self.number:
                return origin
            if origin in self._on_trail:
                self.lower(name, self.number[origin])
        return None

    def lower(self, name: str, bound: int) -> None:
        self.low[name] = min(self.low[name], bound)

    def cut(self, first: str) -> list[str]:
        part = [self._trail.pop()]
        while part[-1] != first:
            part.append(self._trail.pop())
        self._on_trail.difference_update(part)
        return part
