"""How things are measured, held against their goals and shown.

Contenders run in turn, A B A B, after one round that does not count, each after a full garbage
collection. What is compared is the median CPU time of the whole process, threads included.
Each returns its result and nothing else: to let go of the rest is part of its work.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).parents[2]
EAGERNESS, PATIENCE = 10.0, 120.0
"""Seconds after which no run more than those asked for begins, and none at all: what misses its
goal by far would take hours."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    runs: int = 5
    quick: bool = False

    def size(self, full: int) -> int:
        """Return ``full``, or a tenth of it for a quick look."""
        return full // 10 if self.quick else full


@dataclass(frozen=True, slots=True)
class Sample:
    """One quantity, measured a few times, in seconds (``s``), bytes (``B``) or plain numbers.

    >>> str(Sample((0.010, 0.012, 0.011)))
    '11.0 ms ±9%'
    """

    values: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The least value: what it takes when nothing else runs."""
        return min(self.values)

    @property
    def spread(self) -> float:
        """Half the way from the least to the greatest value, as a share of the median."""
        return (max(self.values) - self.least) / 2 / self.median if self.median else 0.0

    def per(self, count: int) -> Sample:
        """Return what one of ``count`` took."""
        return Sample(tuple(value / count for value in self.values), self.unit)

    def __str__(self) -> str:
        return f"{_amount(self.median, self.unit)} ±{abs(self.spread):.0%}"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to keep to: ``sign`` is ``≤``, ``<`` or ``≥``, ``unit`` is ``×`` for a ratio.

    >>> Goal("≤", 0.95).met(0.9), str(Goal("<", 0.06, "s"))
    (True, '< 60.0 ms')
    """

    sign: str
    limit: float
    unit: str = "×"

    def met(self, figure: float) -> bool:
        """Whether ``figure`` keeps to it."""
        if self.sign == "≥":
            return figure >= self.limit
        return figure < self.limit or (self.sign == "≤" and figure == self.limit)

    def __str__(self) -> str:
        return f"{self.sign} {_amount(self.limit, self.unit)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report.

    ``figure`` is what is held against the goal; ``best`` is the same made of the least values
    instead of the medians, which a busy machine disturbs less.
    """

    name: str
    ours: Sample | None = None
    theirs: Sample | None = None
    figure: float | None = None
    unit: str = "×"
    goal: Goal | None = None
    note: str = ""
    best: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None where there is none or nothing was measured."""
        if self.goal is None or self.figure is None:
            return None
        return self.goal.met(self.figure)

    def cells(self) -> tuple[str, ...]:
        """Return the line as text, column by column."""
        return (
            self.name,
            str(self.ours or "-"),
            str(self.theirs or "-"),
            "-" if self.figure is None else _amount(self.figure, self.unit),
            "-" if self.best is None else _amount(self.best, self.unit),
            str(self.goal or "-"),
            {True: "yes", False: "NO", None: "-"}[self.met],
            self.note,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the line for JSON, in seconds and bytes."""
        return {
            "name": self.name,
            "ours": _sample_dict(self.ours),
            "theirs": _sample_dict(self.theirs),
            "figure": self.figure,
            "at_best": self.best,
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "met": self.met,
            "note": self.note,
        }


def slower(
    name: str, ours: Sample, theirs: Sample, goal: Goal | None = None, note: str = ""
) -> Row:
    """Return a line whose figure is how many times as much we need."""
    return Row(
        name,
        ours,
        theirs,
        ours.median / theirs.median,
        goal=goal,
        note=note,
        best=ours.least / theirs.least,
    )


def faster(
    name: str, ours: Sample, theirs: Sample, goal: Goal | None = None, note: str = ""
) -> Row:
    """Return a line whose figure is how many times as fast we are."""
    return Row(
        name,
        ours,
        theirs,
        theirs.median / ours.median,
        goal=goal,
        note=note,
        best=theirs.least / ours.least,
    )


def over(name: str, ours: Sample, theirs: Sample, goal: Goal | None = None, note: str = "") -> Row:
    """Return a line whose figure is how much more we need."""
    return Row(
        name,
        ours,
        theirs,
        ours.median - theirs.median,
        ours.unit,
        goal,
        note,
        ours.least - theirs.least,
    )


def alone(name: str, ours: Sample, goal: Goal | None = None, note: str = "") -> Row:
    """Return a line of something that is compared with nothing."""
    return Row(name, ours, None, ours.median, ours.unit, goal, note, ours.least)


def in_turn(
    contenders: Mapping[str, Callable[[], object]],
    runs: int,
    prepare: Callable[[], object] | None = None,
) -> dict[str, Sample]:
    """Return the CPU time of each contender, run in turn, ``prepare`` untimed before each.

    What is quick runs up to eight times as often as asked, which evens out a busy machine.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    began = perf_counter()
    for done in range(8 * runs + 1):
        gone = perf_counter() - began
        if done > 1 and gone > (PATIENCE if done <= runs else EAGERNESS):
            break
        for name, contender in contenders.items():
            if prepare is not None:
                prepare()
            times[name].append(cpu_time(contender))
    return {name: Sample(tuple(values[1:])) for name, values in times.items()}


def cpu_time(contender: Callable[[], object]) -> float:
    """Return the CPU seconds that one call takes, without freeing what it returns."""
    gc.collect()
    started = process_time()
    kept = contender()
    taken = process_time() - started
    del kept
    return taken


def leanest(times: Mapping[str, Sample], names: Iterable[str]) -> str:
    """Return the name of the quickest of ``names``."""
    return min(names, key=lambda name: times[name].median)


def in_fresh_process(function: str, *arguments: object) -> Any:
    """Return what ``module:function`` of this package returns (as JSON) in a new process."""
    module, name = function.split(":")
    code = (
        f"import json; from tests.benchmarks.{module} import {name}; "
        f"print(json.dumps({name}(*{list(arguments)!r})))"
    )
    return run_code(code)


def run_code(code: str) -> Any:
    """Return what ``code`` prints as its last line (JSON), run by a new Python in the checkout."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark's own process failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(rows: Iterable[Row]) -> str:
    """Return the report as aligned text."""
    heads = ("name", "ours", "theirs", "figure", "at best", "goal", "met", "note")
    lines = [heads, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    padded = [
        cell.rjust(width) if 0 < column < 5 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _amount(value: float, unit: str) -> str:
    if unit == "s":
        return _time(value)
    if unit == "B":
        return f"{value / 1e6:.1f} MB"
    return f"{value:.2f}{unit}"


def _time(seconds: float) -> str:
    if abs(seconds) >= 1:
        return f"{seconds:.2f} s"
    if abs(seconds) >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.2f} µs"


def _sample_dict(sample: Sample | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {
        "median": sample.median,
        "spread": sample.spread,
        "unit": sample.unit,
        "values": list(sample.values),
    }
