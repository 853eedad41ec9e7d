"""What is new about a router since somebody looked last, as the widget's traits."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import monotonic
from typing import Any

from emitnb.graph import Graph
from emitnb.notebook.live.code import code_of
from emitnb.notebook.live.counting import stats
from emitnb.notebook.live.details import Groups, details_of
from emitnb.notebook.live.shape import Shape
from emitnb.notebook.live.status import status_of, surroundings_of
from emitnb.router import Router

MANY = 300
"""Boxes above which a browser gets five drawings a second instead of ten."""

BYTES_A_SECOND = 200_000
"""What details may take: a notebook server drops messages beyond a million bytes a second."""

SHARE = 0.02
"""Of the time, what may go into details and surroundings, each."""


class Paced:
    """Something that is made anew only as often as it is cheap, and never at once after itself."""

    def __init__(self, make: Callable[[], dict[str, Any]], least: float) -> None:
        self._make = make
        self._least = least
        self._due = self._due_at_rest = 0.0
        self._of: object = None
        self._last: dict[str, Any] | None = None

    def news(self, of: tuple[object, ...], now: float, is_at_rest: bool) -> dict[str, Any] | None:
        """Return it, if it is due and other than it was; ``of`` is what it was made of.

        At rest it may take longer: nothing waits for it.
        """
        # Compared by identity: what is committed is a value, and comparing it means reading it.
        known = self._of if isinstance(self._of, tuple) else ()
        same = len(known) == len(of) and all(a is b for a, b in zip(known, of, strict=True))
        if same or now < (self._due_at_rest if is_at_rest else self._due):
            return None
        made = self._make()
        took = monotonic() - now
        self._of = of
        self._due_at_rest = now + max(self._least, _size(made) / BYTES_A_SECOND)
        self._due = max(self._due_at_rest, now + took / SHARE)
        if made == self._last:
            return None
        self._last = made
        return made


class Feed:
    """Looks at one router, and tells what changed since the last look."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._shape = Shape(Graph(), 0)
        self._moment: object = None
        self._status: dict[str, Any] = {}
        self._due = 0.0
        self._surroundings = Paced(lambda: surroundings_of(router), 1.0)
        groups = Groups()
        self._details = Paced(lambda: details_of(router, self._shape.names, groups), 0.5)

    def news(self) -> dict[str, Any]:
        """Return the traits that changed, by name; nothing if it is too early to look again."""
        now = monotonic()
        if now < self._due:
            return {}
        router = self._router
        found: dict[str, Any] = {}
        graph, moment = router.graph, router.moment
        if graph is not self._shape.graph or not self._shape.version:
            self._shape = Shape(graph, self._shape.version + 1)
            found.update(graph=self._shape.as_dict(), code=code_of(graph))
        if found or moment is not self._moment:
            self._moment = moment
            found["stats"] = stats(router, self._shape, now)
        status = status_of(router)
        if status != self._status:
            self._status = found["status"] = status
        for name, paced in (("surroundings", self._surroundings), ("details", self._details)):
            made = paced.news((graph, moment, router.backend), now, self.is_at_rest)
            if made is not None:
                found[name] = made
        # A little less than two looks of the publisher apart.
        self._due = now + 0.15 if found and len(self._shape.names) > MANY else 0.0
        return found

    @property
    def is_at_rest(self) -> bool:
        """Whether no run is going on."""
        return not self._router.runs


def _size(made: dict[str, Any]) -> int:
    return len(json.dumps(made))
