"""What a person sees while a run goes on: a progress bar after a second, and bounded prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol, cast

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
            print(text, file=self._output.target, flush=True)
        else:
            self._bar.write(text, file=self._output.target)

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


@contextmanager
def watcher(run: Progress, progress: bool | Callable[[Any], Any] | None) -> Iterator[Watcher]:
    """Watch ``run`` in the block. ``progress``: a bar (None: after a second), or a callback."""
    callback = progress if callable(progress) else None
    watch = Watcher(run, False if callback else cast(bool | None, progress), callback)
    try:
        yield watch
    finally:
        watch.close()
