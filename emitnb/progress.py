"""What a person sees while a run goes on: a progress bar after a second, and bounded prints."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from time import perf_counter
from types import CodeType, FrameType
from typing import Any, Protocol, TextIO, cast

from emitnb.plan import Plan

BAR_AFTER = 1.0
"""Seconds before a bar appears: what is faster needs none."""

PRINT_LIMIT = 1_000
"""Lines that nodes may print in one run. A million would freeze the notebook."""

PRINT_CHARACTERS = 200_000
"""Characters that nodes may print in one run, for those that print no line ends."""


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
        self._output.target = sys.stdout
        self._output.names = {code: node.name for node in plan.nodes for code in _code(node)}
        with redirect_stdout(cast(TextIO, self._output)):
            yield

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


class LimitedOutput:
    """Passes text on to ``target`` until the limit, then counts the lines it hides."""

    def __init__(self) -> None:
        self.target: TextIO = sys.stdout
        self.names: Mapping[CodeType, str] = {}
        self.hidden = 0
        self._lines = 0
        self._characters = 0
        self._culprit = ""

    def write(self, text: str) -> int:
        """Print ``text`` if there is room for it."""
        if self._lines < PRINT_LIMIT and self._characters < PRINT_CHARACTERS:
            self._lines += text.count("\n")
            self._characters += len(text)
            self.target.write(text)
        else:
            self._culprit = self._culprit or self._printing()
            self.hidden += text.count("\n")
        return len(text)

    def note(self) -> str:
        """Say how many lines were hidden, and which node went over the limit."""
        return (
            f"… {self.hidden:,} more lines printed by {self._culprit or 'nodes'} are not shown: "
            "emit what you want to keep as a field"
        )

    def flush(self) -> None:
        """Flush the target."""
        self.target.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def _printing(self) -> str:
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code in self.names:
                return self.names[frame.f_code]
            frame = frame.f_back
        return ""


def _code(node: Any) -> list[CodeType]:
    function = inspect.unwrap(node.function)
    target = function if inspect.isroutine(function) else type(function).__call__
    code = getattr(target, "__code__", None)
    return [] if code is None else [code]
