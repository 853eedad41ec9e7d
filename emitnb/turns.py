"""Turns: runs over the same states, one at a time, first come first served.

Two batches that begin with the same committed states would each forget what the other counted.
So a run takes the turn before it submits, and gives it up when nothing of it is on its way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

HOLD = 1.0
"""Seconds after which a run lets others have the turn, though it could keep a cluster busy."""

POLL = 0.5
"""Seconds after which one that waits looks by itself: an interrupt may strike whoever gives the
turn up before it has woken the next."""

_held: ContextVar[tuple[Turn, ...]] = ContextVar("held", default=())
"""The turns within which this code runs. Coroutines of nodes know them too, in their own thread."""


class Turns:
    """Who may have batches on their way now, and who waits for that."""

    def __init__(self) -> None:
        self.queue: deque[Turn] = deque()
        """The first has the turn. Each change of it is one operation that cannot be divided."""
        self.latest: Turn | None = None

    def turn(self) -> Turn:
        """Return a place in which to wait for turns."""
        return Turn(self)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the turn in the block."""
        turn = self.turn()
        try:
            turn.take()
            turn.begin()
            yield
        finally:
            turn.give_up()

    def held_here(self) -> bool:
        """Whether this code runs within a turn: it is a node, or what a node called."""
        return any(turn.turns is self and turn.is_first() for turn in _held.get())


class Turn:
    """One who takes turns.

    A node that pushes into its own router does so within the turn of the run that called it, for
    that run waits until the node returns.
    """

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self._since = 0.0
        self._woken: threading.Event | None = None

    def take(self, check: Callable[[], object] = lambda: None) -> None:
        """Wait for the turn, unless it is had; ``check`` is called meanwhile, and may raise."""
        if self.is_first() or self.turns.held_here():
            return
        try:
            self.turns.queue.append(self)
            if not self.is_first():
                self._wait(check)
            _held.set((*_held.get(), self))
            self._since = monotonic()
        except BaseException:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Let the next have the turn, or wait for it no longer. Nothing happens a second time."""
        if any(turn is self for turn in _held.get()):
            _held.set(tuple(turn for turn in _held.get() if turn is not self))
        try:
            self.turns.queue.remove(self)
            first = self.turns.queue[0]
        except (ValueError, IndexError):
            return
        first.wake()

    def begin(self) -> None:
        """Note that what follows begins with the states that are committed now."""
        self.turns.latest = self

    def goes_on(self) -> bool:
        """Whether nobody else has begun anything since :meth:`begin`."""
        return self.turns.latest is self

    def is_due(self) -> bool:
        """Whether it is time to let others have the turn."""
        return len(self.turns.queue) > 1 and monotonic() - self._since > HOLD

    def is_first(self) -> bool:
        """Whether this one has the turn."""
        try:
            return self.turns.queue[0] is self
        except IndexError:
            return False

    def wake(self) -> None:
        """Let it look whether it has the turn, or is to wait no longer."""
        if self._woken is not None:
            self._woken.set()

    def _wait(self, check: Callable[[], object]) -> None:
        woken = self._woken = threading.Event()
        while not self.is_first():
            check()
            woken.wait(POLL)
            woken.clear()
