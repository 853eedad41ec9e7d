"""What is new about a router since somebody looked last, as the widget's traits."""

from __future__ import annotations

import json
import operator
import weakref
from collections.abc import Callable, Container, Mapping
from time import monotonic
from typing import Any, TypeAlias

from emitnb.notebook.live.code import code_of
from emitnb.notebook.live.counting import stats
from emitnb.notebook.live.details import Groups, details_of
from emitnb.notebook.live.shape import Shape, drawn, shape_of
from emitnb.notebook.live.status import status_of, surroundings_of
from emitnb.router import Router
from emitnb.text import printable

Clock: TypeAlias = Callable[[], float]
Of: TypeAlias = Callable[[], tuple[object, ...]]

MANY = 300
"""Boxes above which a browser gets five drawings a second instead of ten."""

BYTES_A_SECOND = 200_000
"""What details may take: a notebook server drops messages beyond a million bytes a second."""

SHARE = 0.02
"""Of the time, what may go into details and surroundings, each."""

ALWAYS = float("-inf")
"""A time after which it always is."""

ALL = ("graph", "code", "stats", "status", "surroundings", "details")
"""The traits."""

FIRST = ("graph", "stats", "status")
"""What is drawn at once; the rest of a thousand nodes takes a second to make."""

TEXT = 1_000
"""Characters of what went wrong."""


class Part:
    """One trait, made anew when what it is made of is another; ``of`` returns that.

    Without ``of`` it is made at each look.
    """

    def __init__(self, make: Callable[[], Any], of: Of | None = None) -> None:
        self._make = make
        self._of = of
        # Weak: a router that the user drops goes, with all that it recorded, though a browser
        # still shows it.
        self._made_of: tuple[weakref.ref[Any], ...] = ()
        self._last: Any = None

    def news(self, now: float, is_at_rest: bool) -> Any:
        """Return it, if it is due and other than it was; else None."""
        of = () if self._of is None else self._of()
        if self._is_of(of) or now < self._due(is_at_rest):
            return None
        made = self._made(now)
        self._made_of = tuple(map(weakref.ref, of))
        if made == self._last:
            return None
        self._last = made
        return made

    def _is_of(self, of: tuple[object, ...]) -> bool:
        """Whether it was made of this, and of something."""
        # By identity: what is committed is a value, and comparing it means reading it.
        known = [ref() for ref in self._made_of]
        return len(known) == len(of) > 0 and all(map(operator.is_, known, of))

    def _due(self, is_at_rest: bool) -> float:
        """When it may be made again: a time of the clock."""
        return ALWAYS

    def _made(self, now: float) -> Any:
        return self._make()


class Paced(Part):
    """A part that is made only as often as it is cheap, and never at once after itself.

    ``least`` are seconds between two. While no run goes on it may take longer: nothing waits for
    it.
    """

    def __init__(self, make: Callable[[], Any], of: Of, clock: Clock, least: float) -> None:
        super().__init__(make, of)
        self._clock = clock
        self._least = least
        self._due_at_rest = self._due_in_run = ALWAYS

    def _due(self, is_at_rest: bool) -> float:
        return self._due_at_rest if is_at_rest else self._due_in_run

    def _made(self, now: float) -> Any:
        began, size = self._clock(), 0
        try:
            made = self._make()
            size = len(json.dumps(made))
        finally:  # what fails is not tried again at once either
            took = self._clock() - began
            self._due_at_rest = now + max(self._least, size / BYTES_A_SECOND)
            self._due_in_run = max(self._due_at_rest, now + took / SHARE)
        return made


class Feed:
    """Looks at one router, and tells what changed since the last look; ``clock`` gives seconds."""

    def __init__(self, router: Router, clock: Clock = monotonic) -> None:
        self._router = router
        self._clock = clock
        self._shape = Shape()
        self._due = ALWAYS
        self._parts = self._all_parts()
        self.trouble = ""
        """What went wrong at the last look, for the user."""

    def news(self, of: Container[str] = ALL) -> dict[str, Any]:
        """Return the traits that changed, by name; nothing if it is too early to look again.

        One that cannot be made takes none of the others along: it is what ``trouble`` is about.
        """
        now = self._clock()
        if now < self._due:
            return {}
        found, wrong, is_at_rest = {}, [], self.is_at_rest
        for name, part in self._parts.items():
            if name not in of:
                continue
            try:
                made = part.news(now, is_at_rest)
            except ReferenceError:
                raise  # there is no router any more
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
            else:
                found.update({} if made is None else {name: made})
        self.trouble = printable("; ".join(dict.fromkeys(wrong)), TEXT)
        if found and len(self._shape.names) > MANY:
            self._due = now + 0.15  # a little less than two looks of the publisher apart
        return found

    @property
    def is_at_rest(self) -> bool:
        """Whether no run is going on."""
        return not self._router.runs

    def _all_parts(self) -> Mapping[str, Part]:
        router, clock, groups = self._router, self._clock, Groups()
        return {
            # First: all that has numbers of boxes speaks of this shape.
            "graph": Part(self._drawn, lambda: (router.graph,)),
            "code": Part(lambda: code_of(router.graph), lambda: (router.graph,)),
            "stats": Part(
                lambda: stats(router, self._shape, clock()),
                lambda: (self._shape, router.moment),
            ),
            "status": Part(lambda: status_of(router)),
            "surroundings": Paced(
                lambda: surroundings_of(router),
                lambda: (self._shape, router.moment, router.backend),
                clock,
                1.0,
            ),
            "details": Paced(
                lambda: details_of(router, self._shape.names, groups),
                lambda: (self._shape, router.moment, router.backend),
                clock,
                0.5,
            ),
        }

    def _drawn(self) -> dict[str, Any]:
        graph = self._router.graph
        shape = shape_of(graph, self._shape.version + 1)
        drawing = drawn(graph, shape)
        self._shape = shape
        return drawing
