"""What a user does with a run while it goes on: pause, step, resume, cancel, wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from emitnb import background as threads
from emitnb.control import OVER, Control, State
from emitnb.errors import EmitError, WaitInterrupted
from emitnb.turns import Turns

PUSHING, RETRYING, REPLAYING = "running", "retrying", "replaying"

Own = TypeVar("Own", bound="Steered")


class Steered:
    """A run as others see it. A subclass has ``_go``, which runs it, and ``_close``.

    One that is paused has no thread, no batch on its way and no turn: it goes on in a new thread.
    """

    def __init__(self, number: int, background: bool, turns: Turns) -> None:
        self.number = number
        self.doing = PUSHING
        """What it does while it runs: PUSHING, RETRYING or REPLAYING."""
        self.background = background
        self.seen = False
        """Whether somebody was told how it ended."""
        self.is_latest = True
        """Whether none of its router's began after it."""
        self.given_up = False
        """Whether going on cannot help: a replay of a node that fails on everything."""
        self._control = Control(f"run {number}")
        self._turns = turns
        self._by_node = turns.held_here()

    @property
    def state(self) -> State:
        """``ready``, ``running``, ``paused``, ``done``, ``interrupted``, ``stopped`` or
        ``cancelled``."""
        return self._control.state

    @property
    def shown_state(self) -> str:
        """The state, or ``stopping`` and ``pausing`` while a batch is still under way."""
        return self.look()[0]

    @property
    def is_over(self) -> bool:
        """Whether it does nothing more by itself: done, interrupted, stopped or cancelled."""
        return self.state in OVER

    @property
    def is_open(self) -> bool:
        """Whether it did not come to its end, and somebody should ``resume()`` it.

        Not where a node pushed: the message that the node was called with is run again.
        """
        ended_early = self.state in ("interrupted", "stopped")
        return ended_early and not self.given_up and not self._by_node

    @property
    def how_to_go_on(self) -> str:
        """What its messages tell to type. ``router.run`` is another run, or may be by then."""
        at_hand = self.is_latest and not self.background
        return "router.run.resume()" if at_hand else f"%emit_resume {self.number}"

    @property
    def how_to_pass(self) -> str:
        """What to do about a message on which it stopped."""
        if self.is_latest and not self.background:
            return "mend it, or go past it with router.run.resume('collect')"
        return f"mend it, then {self.how_to_go_on}; or resume('collect') passes it"

    @property
    def error(self) -> BaseException | None:
        """What interrupted or stopped it; None otherwise."""
        return self._control.error

    def look(self) -> tuple[str, BaseException | None]:
        """Return ``shown_state`` and ``error``, both of the same moment."""
        return self._control.look()

    def pause(self: Own) -> Own:
        """Let a run in the background pause after the batch under way; return it at once.

        ``resume()`` goes on, ``step()`` with so many batches. Raises EmitError for a run in the
        foreground, which is paused by an interrupt (■).

        >>> from emitnb import Router
        >>> router = Router()
        >>> double = router.node("n", entry_point=True, name="double")(lambda msg: 2 * msg.n)
        >>> import time
        >>> endless = (time.sleep(0.01) or n for n in range(1_000_000))
        >>> run = router.push(endless, field="n", batch_size=1, background=True)
        >>> run.pause().settle()
        >>> run.state
        'paused'
        >>> before = run.done
        >>> run.step(2).done - before
        2
        >>> run.cancel().state
        'cancelled'
        """
        self._check_background("pause")
        self._control.pause()
        return self

    def step(self: Own, n: int = 1) -> Own:
        """Commit ``n`` more batches, or all that are left, then be paused; return the run then.

        A run that was not paused is, afterwards. Raises what stops the run meanwhile, and
        EmitError for a run in the foreground, or where ``n`` is no number from 1 on. An example
        is at :meth:`pause`.
        """
        self.begin_step(n)
        self.settle()
        return self

    def begin_step(self, n: int = 1) -> None:
        """Begin what :meth:`step` does."""
        self._check_background("step")
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise EmitError(f"step takes a number of batches from 1 on, not {n!r}")
        self._begin(n)

    def settle(self) -> None:
        """Wait until the run is paused or over; raise what stopped it.

        Code that the run itself calls goes on at once: the run waits for it.
        """
        if self._control.is_mine() or self._turns.held_here():
            return
        self._wait_until(lambda state: state != "running", None)
        if self.is_over:
            self._tell()

    def cancel(self: Own) -> Own:
        """End the run after the batch under way, which is not committed; return it at once.

        What is committed stays. A run that was cancelled cannot go on. It ends when the node or
        the source that it has called returns; an async source, a cluster, or a run before it is
        not waited for. A push in the foreground that another thread cancels raises
        RunStoppedError. An example is at :meth:`pause`.
        """
        if self._control.cancel():
            self._close()
        else:
            self._wake()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over, for ``timeout`` seconds at most; return whether it is.

        True for a run that is done or was cancelled. What stopped the run is raised here, as the
        push would have raised it in the foreground (RunStoppedError, SourceError, …), and again
        the next time; it stays in ``error``. A run that is paused is waited for. An interrupt
        (WaitInterrupted, a KeyboardInterrupt) ends the waiting and not the run.

        Raises EmitError in a node of the same router, or in a callback of the run: it would wait
        for ever.

        >>> from emitnb import Router
        >>> router = Router()
        >>> double = router.node("n", entry_point=True, name="double")(lambda msg: 2 * msg.n)
        >>> run = router.push([1, 2, 3], field="n", background=True)
        >>> run.wait(timeout=60), run.done
        (True, 3)
        """
        over = self._wait_until(lambda state: state in OVER, timeout)
        if over:
            self._tell()
        return over

    def settle_until(self, ends: float | None) -> None:
        """Wait until the run is paused or over, but no longer than until ``ends``.

        ``ends`` is a time of ``time.monotonic()``, in seconds; None waits on.
        """
        left = None if ends is None else max(ends - monotonic(), 0)
        self._wait_until(lambda state: state not in ("ready", "running"), left)

    # -- inside -----------------------------------------------------------------------------

    def _go(self) -> None:
        """Run until it is over or paused, here."""
        raise NotImplementedError

    def _close(self) -> None:
        """Release the source."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Wait no longer for what may take for ever: it was cancelled."""
        raise NotImplementedError

    def _begin(self, batches: int | None) -> None:
        if self.given_up:
            raise EmitError(
                f"run {self.number} was given up and nothing came of it: %emit_replay begins anew"
            )
        if not self._control.begin(batches, self.background):
            return
        self.seen = False
        if not self.background:
            self._go()
            return
        try:
            threads.start(f"emitnb-run-{self.number}", self._go_silently, self.cancel)
        except BaseException as error:
            self._control.end("stopped", error)
            raise

    def _go_silently(self) -> None:
        with suppress(BaseException):  # it is kept in `error`
            self._go()

    def _tell(self) -> None:
        error, self.seen = self.error, True
        if error is not None:
            raise error

    def _wait_until(self, until: Callable[[State], bool], timeout: float | None) -> bool:
        if not self.is_over and self._turns.held_here():
            raise EmitError(
                f"run {self.number} cannot be waited for by a node of its router, or what a node "
                "calls: it goes on when the node has returned"
            )
        try:
            return self._control.wait(until, timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(f"no longer waiting for run {self.number}; it goes on") from None

    def _check_background(self, what: str) -> None:
        if not self.background:
            raise EmitError(
                f"run {self.number} is in the foreground, where it cannot {what}: interrupt it "
                "with ■, and resume() goes on. Push with background=True (--background) for this"
            )
