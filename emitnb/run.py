"""A run: one push on its way through, batch by batch.

Each batch is read, submitted to the backend's session, collected and committed, in order. What was
read stays at hand until the ledger says that it is committed, so an interrupt at any moment loses
nothing and repeats nothing: resuming asks the ledger where it stands.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns
from typing import Any, Literal

import pandas as pd

from emitnb.errors import BackendError, RecordFullError, RunInterrupted, RunStoppedError
from emitnb.failures import refused, unreadable
from emitnb.interrupts import Interrupts
from emitnb.ledger import Ledger, Position, Store, summary_frame
from emitnb.node import Form
from emitnb.plan import Plan
from emitnb.process import NodeOutcome, Outcome
from emitnb.progress import Watcher, watcher
from emitnb.session import Open, Pace, Processed, Session
from emitnb.sources import Source, Taken, Unreadable

State = Literal["ready", "running", "done", "interrupted", "stopped"]
OnError = Literal["collect", "stop"]

ASYNC_BATCH = 512
"""Messages a batch with async nodes has at least: they wait together, so a batch takes as long as
one message, and fewer would only wait more often."""

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


class Run:
    """One push: its state, how far it is, and what came of it.

    ``state`` is ``ready``, ``running``, ``done``, ``interrupted`` or ``stopped``. Shown in a
    notebook, a run is a table of what each node received, emitted, dropped and failed.
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
        max_failures: int = 1_000,
        progress: bool | Callable[[Run], Any] | None = None,
    ) -> None:
        self.state: State = "ready"
        self._source = source
        self._store = store
        self._open_session = open_session
        self._plan = plan
        self._batch_size = batch_size
        self._size = batch_size or 0
        self._on_error = on_error
        self._max_failures = max_failures
        self._progress = progress
        self._number = next(_numbers)
        self._interrupts = Interrupts()
        self._taken: list[tuple[int, Taken]] = []
        self._on_way: deque[_Batch] = deque()
        self._streaks: dict[str, int] = {}
        self._order: tuple[str, ...] = ()
        self._follows: tuple[Plan, int] | None = None
        self._awaits = False
        self._size_known = batch_size is not None
        self._ended = False

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
        fails. Raises RunInterrupted and RunStoppedError as the push did. A run that is done
        stays so.
        """
        self._on_error = on_error or self._on_error
        if self.state != "done":
            self._go()
        return self

    @property
    def _position(self) -> Position:
        return self._store.ledger.positions.get(self._number, Position())

    def _go(self) -> None:
        self.state = "running"
        try:
            with self._interrupts.handled(), watcher(self, self._progress) as watch:
                session = self._open_session(lambda: self._store.ledger.states, watch.say)
                self._run(session, watch)
        except RunStoppedError:
            self.state = "stopped"
            raise
        except KeyboardInterrupt as interrupt:
            self.state = "interrupted"
            raise RunInterrupted(self._how_to_resume(""), self) from interrupt
        except BaseException:
            self.state = "stopped"
            raise
        self.state = "done"
        self._source.close()

    def _run(self, session: Session, watch: Watcher) -> None:
        self._on_way.clear()  # a new session takes in again what is not committed
        self._follows = None
        self._size = self._size or session.pace.first
        try:
            while self._step(session, watch):
                self._interrupts.check()
        except (BackendError, RecordFullError) as error:
            raise RunStoppedError(self._how_to_resume(f"{error}. "), self) from error
        finally:
            session.close()

    def _step(self, session: Session, watch: Watcher) -> bool:
        """Fill the session, then take the first batch out of it; return whether there was one."""
        while session.has_room() and self._submit_next(session):
            pass
        if not self._on_way:
            return False
        batch = self._on_way[0]
        with watch.prints(batch.plan):
            processed = session.collect()
        watch.take(processed.printed)
        self._commit(batch, processed)
        self._on_way.popleft()
        self._adapt(processed, session.pace)
        watch.update()
        return True

    def _submit_next(self, session: Session) -> bool:
        """Submit one more batch; return whether there was one that may go with the others."""
        if self._on_way and not self._size_known:
            return False  # the first tells how large the next should be
        number = self._position.batches + len(self._on_way) + 1
        taken = self._read(number)
        if taken is None:
            return False
        started = self._store.ledger
        plan = self._plan()
        if not self._continues(plan, started):
            if self._on_way:
                return False  # first what is on its way, then the new revision
            session.restart()
        self._follows = plan, started.version
        self._order = tuple(node.name for node in plan.nodes)
        self._awaits = any(node.form in (Form.ASYNC, Form.ASYNC_GENERATOR) for node in plan.nodes)
        session.submit(plan, taken.table)
        self._on_way.append(_Batch(number, taken, plan, started))
        return True

    def _continues(self, plan: Plan, ledger: Ledger) -> bool:
        """Whether a batch goes on where the last left off: same plan, no state forgotten."""
        if self._follows is None:
            return False
        last_plan, version = self._follows
        return plan is last_plan and version == ledger.version

    def _read(self, number: int) -> Taken | None:
        """Return what batch ``number`` of this run holds: read before, or now; None at the end.

        What was read is kept until the ledger says that it is committed.
        """
        while self._taken and self._taken[0][0] <= self._position.batches:
            del self._taken[0]
        for kept, taken in self._taken:
            if kept == number:
                return taken
        while not self._ended:
            with self._interrupts.deferred():
                self._taken.append((number, self._source.take(self._size)))
            taken = self._taken[-1][1]
            self._ended = taken.ended
            if len(taken.table) or taken.unreadable:
                return taken
            del self._taken[-1]
        return None

    def _commit(self, batch: _Batch, processed: Processed) -> None:
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
            lambda ledger: ledger.with_batch(
                processed.pushed, outcome, misread, self._number, batch.started
            )
        )
        self._stop_if_hopeless(outcome.nodes)

    def _adapt(self, processed: Processed, pace: Pace) -> None:
        messages = len(processed.pushed)
        if self._batch_size is None and messages:
            factor = min(max(pace.seconds / max(processed.seconds, 1e-9), 0.25), pace.growth)
            least = ASYNC_BATCH if self._awaits else 1
            size = min(max(messages * factor, least), pace.largest)
            if self.total is not None:
                left = (
                    self.total - sum(len(batch.taken.table) for batch in self._on_way) - self.done
                )
                size = min(size, max(left / pace.spread, size * 0.4, least))
            self._size = max(int(size), 1)
            self._size_known = True

    def _stop_at_first(self, taken: Taken, outcome: Outcome) -> None:
        found = first_failure(outcome, taken)
        if found is not None:
            what, error = found
            advice = "mend it, or go past it with router.run.resume('collect')"
            raise RunStoppedError(self._how_to_resume(what, advice), self) from error

    def _stop_if_hopeless(self, nodes: tuple[NodeOutcome, ...]) -> None:
        for node in nodes:
            self._streaks[node.node], longest = streak(node, self._streaks.get(node.node, 0))
            if longest >= self._max_failures:
                self._streaks.clear()
                error = node.failures[-1].error
                what = (
                    f"{node.node} failed {longest:,} times in a row, "
                    f"the last with {type(error).__name__}: {error}. "
                )
                raise RunStoppedError(self._how_to_resume(what), self)

    def _how_to_resume(self, what: str, advice: str = "") -> str:
        total = "" if self.total is None else f" of {self.total:,}"
        plural = "" if (self.total or self.done) == 1 else "s"
        committed = f"{self.done:,}{total} message{plural} committed"
        advice = advice or "router.run.resume() goes on with the next one"
        return f"{what}{committed}; {advice}"

    def __repr__(self) -> str:
        return f"{self._headline()}\n{self._table().to_string()}"

    def _repr_html_(self) -> str:
        table = self._table().to_html(escape=True, border=0, index_names=False)
        return f'<div style="padding-left: 5px">{self._headline()}</div>{table}'

    def _headline(self) -> str:
        total = "" if self.total in (None, self.done) else f" of {self.total:,}"
        failed = int(self.summary["failed"].sum())
        failures = f", {failed:,} failed (%emit_failures)" if failed else ""
        return (
            f"{self.state}: {self.done:,}{total} message{'s' if self.done != 1 else ''}{failures}"
        )

    def _table(self) -> pd.DataFrame:
        summary = self.summary
        numbers = {name: summary[name].map("{:,}".format) for name in summary.columns[:-1]}
        return pd.DataFrame({**numbers, "ms": summary["ms"].map("{:,.3f}".format)})


def first_failure(outcome: Outcome, taken: Taken | None = None) -> tuple[str, BaseException] | None:
    """Return what failed first in push order, in words, and its error; None if nothing did."""
    found: list[tuple[int, int, int, str, BaseException]] = [
        (one.before, -1, 0, _unreadable_text(one), one.error)
        for one in (taken.unreadable if taken is not None else ())
    ]
    for place, node in enumerate(outcome.nodes):
        for failed in node.failures:
            source = int(node.sources[failed.position])
            text = f"{node.node} failed on {_short(failed.message)}: {_error_text(failed.error)}. "
            found.append((source, place, failed.position, text, failed.error))
    if not found:
        return None
    *_, what, error = min(found, key=lambda failure: failure[:3])
    return what, error


def _unreadable_text(one: Unreadable) -> str:
    line = f", line {one.place['line']}" if "line" in one.place else ""
    return f"{one.place.get('path', 'the source')}{line}: {_error_text(one.error)}. "


def _error_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _short(message: object, width: int = 100) -> str:
    text = repr(message)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def streak(node: NodeOutcome, before: int) -> tuple[int, int]:
    """Return how many failures in a row there are at the end of a batch, and at the most in it."""
    longest = current = before
    next_position = 0
    for failed in node.failures:
        current = current + 1 if failed.position == next_position else 1
        next_position = failed.position + 1
        longest = max(longest, current)
    at_the_end = next_position == node.received
    return (current if at_the_end else 0), (longest if node.failures else 0)
