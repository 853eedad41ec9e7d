"""A run: one push on its way through, batch by batch.

Each batch is read, processed and committed. What was read stays at hand until the ledger says
that it is committed, so an interrupt at any moment loses nothing and repeats nothing: resuming
asks the ledger where it stands.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from time import perf_counter, time_ns
from typing import Any, Literal, Protocol

import pandas as pd

from emitnb.errors import RunInterrupted, RunStoppedError
from emitnb.failures import unreadable
from emitnb.interrupts import Interrupts
from emitnb.ledger import Position, Store, summary_frame
from emitnb.node import Form
from emitnb.plan import Plan
from emitnb.process import Committed, NodeOutcome, Outcome
from emitnb.progress import Watcher, watcher
from emitnb.sources import Source, Taken, Unreadable
from emitnb.table import Table

State = Literal["ready", "running", "done", "interrupted", "stopped"]
OnError = Literal["collect", "stop"]

FIRST_BATCH, LARGEST_BATCH = 16, 65_536
TARGET_SECONDS = 0.05
"""Time a batch should take: short enough for progress and interrupts, long enough that a commit
costs nothing beside it; and its columns still fit the processor's second-level cache."""

ASYNC_BATCH = 512
"""Messages a batch with async nodes has at least: they wait together, so a batch takes as long as
one message, and fewer would only wait more often."""

_numbers = itertools.count(1)


class Execute(Protocol):
    """What a backend does: take pushed rows through a plan."""

    def __call__(self, plan: Plan, pushed: Table, states: Committed) -> Outcome:
        """See :meth:`emitnb.backends.Backend.execute`."""


class Run:
    """One push: its state, how far it is, and what came of it.

    ``state`` is ``ready``, ``running``, ``done``, ``interrupted`` or ``stopped``. Shown in a
    notebook, a run is a table of what each node received, emitted, dropped and failed.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        execute: Execute,
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
        self._execute = execute
        self._plan = plan
        self._batch_size = batch_size
        self._size = batch_size or FIRST_BATCH
        self._on_error = on_error
        self._max_failures = max_failures
        self._progress = progress
        self._number = next(_numbers)
        self._interrupts = Interrupts()
        self._taken: tuple[int, Taken] | None = None
        self._streaks: dict[str, int] = {}
        self._order: tuple[str, ...] = ()
        self._awaits = False

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
                while self._step(watch):
                    self._interrupts.check()
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

    def _step(self, watch: Watcher) -> bool:
        """Take one batch through; return whether there may be more."""
        batches = self._position.batches
        if self._taken is None or self._taken[0] <= batches:
            # Only what was read and not committed is kept; the ledger tells which that is.
            with self._interrupts.deferred():
                self._taken = (batches + 1, self._source.take(self._size))
        taken = self._taken[1]
        if len(taken.table) or taken.unreadable:
            began = perf_counter()
            self._process(taken, watch)
            self._adapt(len(taken.table), perf_counter() - began)
        else:
            self._taken = None
        watch.update()
        return not taken.ended

    def _process(self, taken: Taken, watch: Watcher) -> None:
        started = self._store.ledger  # before the plan: what is renamed after it, the commit sees
        plan = self._plan()
        self._order = tuple(node.name for node in plan.nodes)
        self._awaits = any(node.form in (Form.ASYNC, Form.ASYNC_GENERATOR) for node in plan.nodes)
        misread = [
            (one.before, unreadable(one.place, one.error, time_ns())) for one in taken.unreadable
        ]
        with watch.prints(plan):
            outcome = self._execute(plan, taken.table, started.states)
        if self._on_error == "stop":
            self._stop_at_first(taken, outcome)
        self._store.change(
            lambda ledger: ledger.with_batch(taken.table, outcome, misread, self._number, started)
        )
        self._stop_if_hopeless(outcome.nodes)

    def _adapt(self, messages: int, seconds: float) -> None:
        if self._batch_size is None and messages:
            factor = min(max(TARGET_SECONDS / max(seconds, 1e-9), 0.25), 4)
            least = ASYNC_BATCH if self._awaits else 1
            self._size = int(min(max(messages * factor, least), LARGEST_BATCH))

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
