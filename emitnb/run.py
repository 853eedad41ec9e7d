"""A run: one push on its way through, batch by batch.

Each batch is read, submitted to the backend's session, collected and committed, in order. What was
read stays at hand until the ledger says that it is committed, so an interrupt at any moment loses
nothing and repeats nothing: resuming asks the ledger where it stands.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import time_ns
from typing import Any, Literal

import pandas as pd

from emitnb.control import Cancelled
from emitnb.errors import BackendError, EmitError, RecordFullError, RunInterrupted, RunStoppedError
from emitnb.failures import refused, unreadable
from emitnb.figures import summary_frame
from emitnb.halting import MAX_FAILURES, Streaks, first_failure
from emitnb.interrupts import Interrupts
from emitnb.ledger import Ledger, Position, Store
from emitnb.nodelogs import NodeLogs
from emitnb.pacing import BatchSize
from emitnb.plan import Plan
from emitnb.process import Outcome
from emitnb.progress import Watcher, watcher
from emitnb.session import Open, Processed, Session
from emitnb.sources import Source, Taken
from emitnb.sources.asyncs import AsyncSource
from emitnb.standing import Standing
from emitnb.steering import REPLAYING, Steered
from emitnb.table import Table

OnError = Literal["collect", "stop"]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class _Batch:
    """What was read and is not committed: the number its commit will have, and what it holds.

    ``started`` is the ledger from before its plan was made: what is renamed after it, the commit
    sees.
    """

    number: int
    taken: Taken
    plan: Plan
    started: Ledger


class Run(Steered):
    """One push: its state, how far it is, and what came of it.

    ``state`` is ``ready``, ``running``, ``paused``, ``done``, ``interrupted``, ``stopped`` or
    ``cancelled``, ``error`` what interrupted or stopped it, ``number`` what magics call it by.
    Shown in a notebook, a run is a table of what each node received, emitted, dropped and failed.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        open_session: Open,
        plan: Callable[[], Plan],
        *,
        batch_size: int | None = None,
        on_error: OnError = "collect",
        max_failures: int = MAX_FAILURES,
        progress: bool | Callable[[Run], Any] | None = None,
        finish: Callable[[], bool] = lambda: True,
        due: Callable[[Table], Table] = lambda table: table,
        first: int = 0,
        background: bool = False,
        logs: NodeLogs | None = None,
        number: int | None = None,
        remind: Callable[[Run], str] = lambda run: "",
    ) -> None:
        self._number = next(_numbers)  # in the ledger; that of a user counts from 1 in each router
        super().__init__(number or self._number, background, store.turns)
        self._source = source
        self._store = store
        self._open_session = open_session
        self._plan = plan
        self._size = BatchSize(batch_size, first)
        self._on_error = on_error
        self._progress = progress
        self._finish = finish
        self._due = due
        self._remind = remind
        self._logs = None if not background else NodeLogs() if logs is None else logs
        self._turn = store.turns.turn()
        self._interrupts = Interrupts()
        self._taken: list[tuple[int, Taken]] = []
        self._on_way: deque[_Batch] = deque()
        self._streaks = Streaks(max_failures)
        self._order: tuple[str, ...] = ()
        self._follows: tuple[Plan, int] | None = None
        self._ended = False
        self._over = False

    @property
    def done(self) -> int:
        """Number of messages committed."""
        return self._position.messages

    @property
    def total(self) -> int | None:
        """Number of messages there are; None where that is not known."""
        return self._source.total

    @property
    def summary(self) -> pd.DataFrame:
        """What each node did in this run; see :meth:`emitnb.Router.summary`."""
        return summary_frame(self._position.figures, self._order)

    def resume(self, on_error: OnError | None = None) -> Run:
        """Go on with the first message that is not committed; return the run.

        ``on_error`` changes what the push said: ``resume("collect")`` gets past a message that
        fails. A run in the background goes on there, and is returned at once. One in the
        foreground raises RunInterrupted and RunStoppedError as the push did. A run that is done
        stays so; one that was cancelled, or a replay that was given up, raises EmitError.
        """
        self._on_error = on_error or self._on_error
        self._begin(None)
        return self

    @property
    def _position(self) -> Position:
        return self._store.ledger.positions.get(self._number, Position())

    def _go(self) -> None:
        self._control.started()
        try:
            while not self._stint():
                if self._control.rest():
                    return
            self._close()
            self._control.end("done")
        except Cancelled:
            self._close()
            self._control.end("cancelled")
            if not self.background:
                raise RunStoppedError(f"cancelled: {self._standing().how_far}", self) from None
        except KeyboardInterrupt as interrupt:
            error = RunInterrupted(self._how_to_resume(""), self)
            self._control.end("interrupted", error)
            raise error from interrupt
        except BaseException as error:
            self._control.end("stopped", error)
            raise

    def _stint(self) -> bool:
        """Run to the end of the source, or until it is to pause; return whether it was the end."""
        with self._interrupts.handled(), watcher(self, self._progress, self._logs) as watch:
            session = self._open_session(lambda: self._store.ledger.states, watch.say)
            self._run(session, watch)
        return self._over

    def _close(self) -> None:
        self._source.close()

    def _wake(self) -> None:
        self._turn.wake()
        if isinstance(self._source, AsyncSource):  # others are closed in their own thread only
            self._source.close()

    def _run(self, session: Session, watch: Watcher) -> None:
        self._on_way.clear()  # a new session takes in again what is not committed
        self._follows = None
        self._size.begin(session.pace)
        try:
            while self._step(session, watch) or self._goes_on():
                self._interrupts.check()
                self._control.check()
        except (BackendError, RecordFullError) as error:
            raise RunStoppedError(self._how_to_resume(f"{error}. "), self) from error
        finally:
            try:
                session.close()
            finally:
                self._turn.give_up()

    def _goes_on(self) -> bool:
        """At the end of the source, finish; where there is more to read by now, go on."""
        if not self._over:
            return False  # it is only to pause
        try:
            self._over = self._ended = self._finish()
        except EmitError:
            self.given_up = True  # what it read is not what there is
            raise
        return not self._over

    def _step(self, session: Session, watch: Watcher) -> bool:
        """Fill the session, then take the first batch out of it; return whether there was one."""
        while session.has_room() and self._submit_next(session):
            pass
        if not self._on_way:
            return False
        batch = self._on_way[0]
        with watch.prints(batch.plan):
            processed = session.collect(self._control.check)
        watch.take(processed.printed)
        self._commit(batch, processed)
        self._on_way.popleft()
        self._size.learn(processed, session.pace, self._left)
        if not self._on_way:
            self._turn.give_up()
        watch.update()
        return True

    def _submit_next(self, session: Session) -> bool:
        """Submit one more batch; return whether there was one that may go with the others."""
        if self._on_way and (not self._size.is_known or self._turn.is_due()):
            return False  # the first tells how large the next should be
        may = self._control.allows()
        number = self._position.batches + len(self._on_way) + 1
        taken = self._read(number, may)
        self._over = taken is None and self._ended
        if taken is None or not may:
            return False
        self._turn.take(self._control.check)  # not before: a source may be slow
        taken = replace(taken, table=self._due(taken.table))  # meanwhile others had theirs
        started = self._store.ledger
        plan = self._plan()
        if not self._continues(plan, started):
            if self._on_way:
                return False  # first what is on its way, then the new revision
            session.restart()
            self._turn.begin()
        self._follows = plan, started.version
        self._order = tuple(node.name for node in plan.nodes)
        self._size.plan(plan)
        session.submit(plan, taken.table)
        self._control.spend()
        self._on_way.append(_Batch(number, taken, plan, started))
        return True

    def _continues(self, plan: Plan, ledger: Ledger) -> bool:
        """Whether a batch goes on where the last left off: same plan, states as it left them."""
        if self._follows is None or not self._turn.goes_on():
            return False
        last_plan, version = self._follows
        return plan is last_plan and version == ledger.version

    def _read(self, number: int, may_read: bool = True) -> Taken | None:
        """Return what batch ``number`` of this run holds: read before, or now; None at the end.

        What was read is kept until the ledger says that it is committed.
        """
        while self._taken and self._taken[0][0] <= self._position.batches:
            del self._taken[0]
        for kept, taken in self._taken:
            if kept == number:
                return taken
        while may_read and not self._ended:
            with self._interrupts.deferred():
                self._taken.append((number, self._source.take(self._size.messages)))
            taken = self._taken[-1][1]
            self._ended = taken.ended
            if len(taken.table) or taken.unreadable:
                return taken
            del self._taken[-1]
        return None

    def _commit(self, batch: _Batch, processed: Processed) -> None:
        self._control.check()
        taken, outcome = batch.taken, processed.outcome
        if self._on_error == "stop":
            self._stop_at_first(taken, outcome)
        misread = [
            (one.before, unreadable(one.place, one.error, time_ns())) for one in taken.unreadable
        ]
        misread += [
            (one.before, refused(one.message, one.error, time_ns())) for one in processed.refused
        ]
        self._store.change(
            lambda ledger: (
                ledger
                if self._control.cancelled  # by a reset just now: nothing may follow it
                else ledger.with_batch(
                    processed.pushed,
                    outcome,
                    misread,
                    self._number,
                    batch.started,
                    batch.plan.to,
                )
            )
        )
        hopeless = self._streaks.hopeless(outcome.nodes)
        if hopeless is not None:
            self.given_up = self.doing == REPLAYING
            why = hopeless.in_replay() if self.given_up else self._how_to_resume(str(hopeless))
            raise RunStoppedError(why, self)

    @property
    def _left(self) -> int | None:
        """Number of messages that are neither committed nor on their way."""
        if self.total is None:
            return None
        return self.total - sum(len(batch.taken.table) for batch in self._on_way) - self.done

    def _stop_at_first(self, taken: Taken, outcome: Outcome) -> None:
        found = first_failure(outcome, taken)
        if found is not None:
            what, error = found
            advice = self.how_to_pass
            raise RunStoppedError(self._how_to_resume(what, advice), self) from error

    def _how_to_resume(self, what: str, advice: str = "") -> str:
        now = self._standing()
        return f"{what}{now.how_far}; {advice or now.way_on(self.how_to_go_on)}"

    def __repr__(self) -> str:
        return str(self._standing())

    def _repr_html_(self) -> str:
        return self._standing().html()

    @property
    def headline(self) -> str:
        """How far it is; in the background also its number, and what stopped it."""
        return self._standing().headline

    def _standing(self) -> Standing:
        """How it stands at one moment, though it may be going on: no batch came in meanwhile."""
        while True:
            position = self._position
            state, error = self.look()
            if self._position.batches == position.batches:
                break
        return Standing(
            number=self.number if self.background else None,
            state=state,
            error=error if self.background else None,
            done=position.messages,
            total=self.total,
            replaying=self.doing == REPLAYING,
            summary=summary_frame(position.figures, self._order),
            reminder=self._remind(self),
        )
