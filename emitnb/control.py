"""Where a run stands, and what others ask of it while it goes on: to pause, to end, to be waited
for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Literal

from emitnb.errors import EmitError

State = Literal["ready", "running", "paused", "done", "interrupted", "stopped", "cancelled"]

OVER = ("done", "interrupted", "stopped", "cancelled")
"""States in which a run does nothing more by itself."""

POLL = 0.5
"""Seconds after which one that waits looks by itself: some systems interrupt no longer wait."""


class Cancelled(BaseException):
    """The run was cancelled. Nothing that a user wrote should catch it."""


class Control:
    """The state of one run, safe to be looked at and changed from any thread."""

    def __init__(self, name: str) -> None:
        self.state: State = "ready"
        self.error: BaseException | None = None
        self.cancelled = False
        self._name = name
        self._allowed: int | None = None
        self._runner: int | None = None
        self._changed = threading.Condition()

    # -- asked by others --------------------------------------------------------------------

    def begin(self, batches: int | None, elsewhere: bool) -> bool:
        """Let it go on, for so many batches (None: to its end); return whether to start it.

        ``elsewhere`` says that it has a thread of its own, and so may be told while it runs.
        """
        with self._changed:
            if self.cancelled:
                raise EmitError(f"{self._name} was cancelled and cannot go on; push again")
            if self.state == "done":
                return False
            running = self.state == "running"
            if running and not elsewhere:
                raise EmitError(f"{self._name} is going on already, in a cell or another thread")
            self._allowed = batches
            self.state, self.error = "running", None
            return not running

    def pause(self) -> None:
        """Let it submit no more."""
        with self._changed:
            if self.state == "running":
                self._allowed = 0
            elif self.state == "ready":
                self.state = "paused"

    def cancel(self) -> bool:
        """Let it commit no more; return whether it is over at once, and to be closed."""
        with self._changed:
            if self.state == "done":
                return False
            self.cancelled = True
            idle = self.state not in ("running", "cancelled")
            if idle:
                self._end("cancelled", None)
            return idle

    def wait(self, until: Callable[[State], bool], timeout: float | None = None) -> bool:
        """Wait until the state is as wished; return whether it is. Interrupts end the waiting."""
        ends = None if timeout is None else monotonic() + timeout
        with self._changed:
            while not until(self.state):
                if self._runner == threading.get_ident():
                    raise EmitError(f"{self._name} cannot wait for itself")
                left = POLL if ends is None else min(ends - monotonic(), POLL)
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def look(self) -> tuple[str, BaseException | None]:
        """Return the state as people are told it, and what ended it, of one moment.

        ``stopping`` and ``pausing`` are states of a run whose batch is still under way.
        """
        with self._changed:
            state: str = self.state
            if state == "running" and self.cancelled:
                state = "stopping"
            elif state == "running" and not self.allows():
                state = "pausing"
            return state, self.error

    # -- told by the run --------------------------------------------------------------------

    def started(self) -> None:
        """Note which thread it runs in."""
        self._runner = threading.get_ident()

    def is_mine(self) -> bool:
        """Whether the run itself is asking: it calls a node, a source or a callback."""
        return self.state == "running" and self._runner == threading.get_ident()

    def check(self) -> None:
        """Raise Cancelled if it was cancelled."""
        if self.cancelled:
            raise Cancelled

    def allows(self) -> bool:
        """Whether one more batch may be submitted."""
        return self._allowed is None or self._allowed > 0

    def spend(self) -> None:
        """Note that a batch was submitted."""
        with self._changed:
            if self._allowed:
                self._allowed -= 1

    def rest(self) -> bool:
        """Pause; return False if meanwhile it may go on."""
        with self._changed:
            if self.cancelled or self.allows():
                return False
            self._end("paused", None)
            return True

    def end(self, state: State, error: BaseException | None = None) -> None:
        """Note how it ended. What stops it after it was cancelled is of no interest."""
        with self._changed:
            if self.cancelled and state != "done":
                state, error = "cancelled", None
            self._end(state, error)

    def _end(self, state: State, error: BaseException | None) -> None:
        self.state, self.error, self._runner = state, error, None
        self._changed.notify_all()
