"""What a run in the background shows: state, headline and table are those of one moment."""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import emitnb
from emitnb import Router, Run

PATIENCE = 30
PACKAGE = str(Path(emitnb.__file__).parent)


class Meanwhile:
    """Does something when the n-th line of the package runs in this thread."""

    def __init__(self, line: int, work: Callable[[], object]) -> None:
        self.left = line
        self._work = work

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        path = frame.f_code.co_filename
        # What holds the lock of a run is not disturbed: nobody else could do anything then.
        if not path.startswith(PACKAGE) or path.endswith("control.py"):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                self._work()
        return self

    def show(self, shown: Callable[[], str]) -> str:
        """Return what is shown while this watches."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            return shown()
        finally:
            sys.settrace(before)


def on_its_way() -> tuple[Run, Callable[[], object]]:
    """A run that has committed 4 of 6 messages, and what lets it come to its end."""
    router = Router()
    reached, gate = threading.Event(), threading.Event()

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if msg.n == 4:
            reached.set()
            assert gate.wait(PATIENCE)
        return 1 // msg.n

    run = router.push(range(6), field="n", batch_size=2, background=True)
    assert reached.wait(PATIENCE)
    return run, lambda: (gate.set(), run.wait(PATIENCE))


def numbers(shown: str) -> tuple[str, ...]:
    """State and messages of the headline, and what the table says came in."""
    headline = re.search(r"run 1, (\w+): (\d+)", shown)
    table = re.search(r"__entry_point\D*(\d+)", shown)
    assert headline, shown
    assert table, shown
    return (*headline.groups(), table[1])


@pytest.mark.parametrize("show", [repr, Run._repr_html_])
def test_headline_and_table_are_of_one_moment_whenever_the_run_ends(show):
    seen = set()
    for line in itertools.count(1):
        run, end = on_its_way()
        watch = Meanwhile(line, end)
        seen.add(numbers(watch.show(lambda run=run: show(run))))
        if watch.left > 0:  # it was shown in fewer lines
            end()
            break
        assert numbers(show(run)) == ("done", "6", "6")
    assert line > 10
    assert seen == {("running", "4", "4"), ("done", "6", "6")}
