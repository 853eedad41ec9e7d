"""Several runs: those that are not over, told together what to do, and waited for."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from emitnb.errors import EmitError, RunInterrupted, RunStoppedError, SourceError
from emitnb.run import Run
from emitnb.steering import PUSHING, REPLAYING
from emitnb.text import listed, plural

MOST_KEPT = 100
"""Runs that are over: the latest that can be resumed, or whose end nobody was told."""


MOST_LISTED = 10
"""Numbers of runs in one line."""


class Runs(tuple[Run, ...]):
    """Some runs of a router, in the order in which they began. Shown, it shows each of them."""

    __slots__ = ()

    def pause(self) -> Runs:
        """Pause those in the background; see :meth:`emitnb.Run.pause`."""
        return self._each("pause", lambda run: run.pause(), self._in_background())

    def resume(self) -> Runs:
        """Let those go on that are paused or stopped; see :meth:`emitnb.Run.resume`."""
        return self._each("resume", lambda run: run.resume(), self._in_background())

    def cancel(self) -> Runs:
        """End all of them; see :meth:`emitnb.Run.cancel`."""
        return self._each("stop", lambda run: run.cancel(), self)

    def step(self, n: int = 1) -> Runs:
        """Commit ``n`` more batches of each, then pause them; see :meth:`emitnb.Run.step`."""
        return self.begin_step(n)._each("step", lambda run: run.settle(), self._in_background())

    def begin_step(self, n: int = 1) -> Runs:
        """Begin what :meth:`step` does, and wait for nothing."""
        return self._each("step", lambda run: run.begin_step(n), self._in_background())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all are over, for ``timeout`` seconds at most; return whether they are.

        Then raises what stopped the first of those that were stopped. Raises EmitError where the
        only ones left are paused, and WaitInterrupted at an interrupt; the runs go on.
        """
        ends = None if timeout is None else monotonic() + timeout
        for run in self:
            run.settle_until(ends)
        paused = [run for run in self if run.state == "paused"]
        if paused and all(run.is_over for run in self if run not in paused):
            numbers = _listed(paused)
            raise EmitError(
                f"{numbers} {'are' if len(paused) > 1 else 'is'} paused, so waiting would not "
                "end: %emit_resume goes on, %emit_stop ends"
            )
        if not all(run.is_over for run in self):
            return False
        for run in self:
            if run.background:  # else its own push raises
                run.wait()
        return True

    def _in_background(self) -> Runs:
        """Those that can be steered from elsewhere; if there are none, all, to say why not."""
        return Runs(run for run in self if run.background) or self

    def _each(self, what: str, tell: Callable[[Run], object], runs: Runs) -> Runs:
        if not self:
            raise EmitError(f"there is nothing to {what}: no run is going on")
        for run in runs:
            tell(run)
        return runs

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self)) or "no run is going on"

    def _repr_html_(self) -> str:
        return "".join(run._repr_html_() for run in self) or repr(self)


class Register:
    """The runs of one router: those that are not over, and the last that somebody may ask for."""

    def __init__(self) -> None:
        self._runs: tuple[Run, ...] = ()
        self._count = 0

    def next_number(self) -> int:
        """Return the number of the next run."""
        self._count += 1
        return self._count

    def add(self, run: Run) -> None:
        """Keep a run until it is over and seen. What did not come to its end may be resumed."""
        kept = self._kept()
        if run.doing == REPLAYING:  # it does what an earlier one did not come to
            kept = tuple(one for one in kept if not _is_left(one) or one.doing != REPLAYING)
        for one in kept:
            one.is_latest = False
        self._runs = (*kept, run)

    def unfinished(self) -> Runs:
        """Those that are not over."""
        return Runs(run for run in self._runs if not run.is_over)

    def unseen(self) -> Runs:
        """Those that are not over, and those whose end nobody was told."""
        return Runs(
            run for run in self._runs if not run.is_over or (run.background and not run.seen)
        )

    def resumable(self) -> Runs:
        """Those that are not over if one of them is paused; else the latest that is open."""
        going_on = self.unfinished()
        if any(run.shown_state in ("paused", "pausing") for run in going_on):
            return going_on
        return Runs([run for run in self._runs if run.is_open][-1:]) or going_on

    def reminder(self, run: Run) -> str:
        """Say which pushes in the foreground before a run are not over; "" if there are none."""
        if run.doing != PUSHING:
            return ""
        left = [one for one in self._runs if one.number < run.number and _is_missed(one)]
        if not left:
            return ""
        are, last = "is" if len(left) == 1 else "are", left[-1].number
        ways = f"%emit_resume {last} goes on, %emit_stop {last} ends it"
        return f"{_listed(left)} {are} not over; {ways}"

    def find(self, number: int, latest: Run | None) -> Runs:
        """The run of a number; EmitError if none of those kept has it."""
        runs = [run for run in (*self._runs, *filter(None, [latest])) if run.number == number]
        if runs:
            return Runs(runs[:1])
        named = [run for run in self._runs if run.is_open or not run.is_over]
        there = f"{_listed(named)} can be named" if named else "no run is going on"
        raise EmitError(f"there is no run {number} any more, or not yet; {there}")

    def forget(self) -> None:
        """Cancel all of them, and forget them."""
        for run in self._runs:
            run.cancel()
        self._runs = ()

    def _kept(self) -> tuple[Run, ...]:
        over = [run for run in self._runs if run.is_over]
        kept = [run for run in over if run.is_open or (run.background and not run.seen)]
        late = kept[-MOST_KEPT:]
        return tuple(run for run in self._runs if not run.is_over or run in late)


def check_push(batch_size: object, on_error: object = "collect") -> None:
    """Raise SourceError for options that no run can have."""
    if batch_size != "auto" and not (isinstance(batch_size, int) and batch_size >= 1):
        raise SourceError(f"batch_size is {batch_size!r}; give a number from 1 on, or 'auto'")
    if on_error not in ("collect", "stop"):
        raise SourceError(f"on_error is {on_error!r}; give 'collect' or 'stop'")


def _is_left(run: Run) -> bool:
    """Whether its cell was told that it did not come to its end, and that it can be resumed."""
    return run.is_open and not run.background


def _is_missed(run: Run) -> bool:
    """Whether it is a push of which messages are missing, that nobody may think of any more."""
    told = isinstance(run.error, RunStoppedError | RunInterrupted)
    return _is_left(run) and told and run.doing == PUSHING and run.done != run.total


def _listed(runs: list[Run] | Runs) -> str:
    numbers = [str(run.number) for run in runs]
    return f"{plural('run', len(numbers))} {listed(numbers, MOST_LISTED)}"
