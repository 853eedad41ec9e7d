"""What a person sees while a run goes on: a progress bar after a second, and bounded prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol, cast

from emitnb.message import ENTRY_POINT
from emitnb.nodelogs import LogWriter, NodeLogs
from emitnb.plan import Plan
from emitnb.prints import LimitedOutput, Printed, names_of, printing_to, stdout

BAR_AFTER = 1.0
"""Seconds before a bar appears: what is faster needs none."""


class Progress(Protocol):
    """What can be watched: a run."""

    @property
    def done(self) -> int:
        """Messages committed."""

    @property
    def total(self) -> int | None:
        """Messages there are, if known."""


class Watcher:
    """Watches one run: shows a bar, or calls ``callback`` with the run after each batch."""

    def __init__(self, run: Progress, show: bool | None, callback: Callable[[Any], Any] | None):
        self._run = run
        self._show = show
        self._callback = callback
        self._began = perf_counter()
        self._bar: Any = None
        self._output = LimitedOutput()

    def update(self) -> None:
        """Note that a batch is committed."""
        if self._callback is not None:
            self._callback(self._run)
        if self._bar is None and self._due():
            from tqdm.auto import tqdm  # here: it loads ipywidgets, and most runs are over by now

            self._bar = tqdm(total=self._run.total, unit=" messages", leave=False)
        if self._bar is not None:
            self._bar.update(self._run.done - self._bar.n)

    def say(self, text: str) -> None:
        """Tell the user a line about the run."""
        if self._bar is None:
            print(text, file=stdout(), flush=True)
        else:
            self._bar.write(text, file=stdout())

    def close(self) -> None:
        """Take the bar away and say what was not printed."""
        if self._bar is not None:
            self._bar.total = self._bar.n  # else what stopped early stays on the page, red
            self._bar.close()
        if self._output.hidden:
            print(self._output.note())  # noqa: T201 - it stands where the prints would stand

    @contextmanager
    def prints(self, plan: Plan) -> Iterator[None]:
        """Let nodes print in the block, up to the limit."""
        self._output.target = stdout()
        self._output.names = names_of(plan.nodes)
        with printing_to(self._output):
            yield

    def take(self, printed: Iterable[Printed]) -> None:
        """Print what nodes printed elsewhere, up to the limit."""
        for one in printed:
            self._output.take(one)

    def _due(self) -> bool:
        if self._show is None:
            return perf_counter() - self._began > BAR_AFTER
        return self._show


class Quiet(Watcher):
    """Watches a run in the background: what is printed goes to logs, and there is no bar."""

    def __init__(
        self, run: Progress, callback: Callable[[Any], Any] | None, logs: NodeLogs
    ) -> None:
        super().__init__(run, False, callback)
        self._logs = logs

    def say(self, text: str) -> None:
        """Note a line about the run, beside what was pushed."""
        self._logs.write(ENTRY_POINT, f"{text}\n")

    @contextmanager
    def prints(self, plan: Plan) -> Iterator[None]:
        """Let each node print to its log."""
        with printing_to(LogWriter(self._logs, names_of(plan.nodes))):
            yield

    def take(self, printed: Iterable[Printed]) -> None:
        """Put into the logs what nodes printed elsewhere."""
        self._logs.take(printed)


@contextmanager
def watcher(
    run: Progress, progress: bool | Callable[[Any], Any] | None, logs: NodeLogs | None = None
) -> Iterator[Watcher]:
    """Watch ``run`` in the block. ``progress``: a bar (None: after a second), or a callback.

    With ``logs`` the run is one in the background.
    """
    callback = progress if callable(progress) else None
    show = False if callback else cast(bool | None, progress)
    watch = Watcher(run, show, callback) if logs is None else Quiet(run, callback, logs)
    try:
        yield watch
    finally:
        watch.close()
