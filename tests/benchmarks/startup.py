"""What it takes to begin: importing emitnb, and loading it into a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.harness import Goal, Options, Row, Sample, alone, over, run_code

HEAVY = ("pandas", "IPython", "anywidget", "distributed")

IMPORT = """
import json, sys, time
started = time.process_time()
import {module}
taken = time.process_time() - started
print(json.dumps([taken, [name for name in {heavy} if name in sys.modules]]))
"""

SHELL = """
import json, time
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
HistoryManager.enabled = False
shell = InteractiveShell.instance()
times = []
for line in {lines}:
    started = time.process_time()
    shell.run_cell(line).raise_error()
    times.append(time.process_time() - started)
print(json.dumps(times))
"""


def measure(options: Options) -> Iterator[Row]:
    """Measure imports and the extension, each in processes of its own."""
    yield from _imports(options.runs)
    yield from _extension(options.runs)


def _imports(runs: int) -> Iterator[Row]:
    modules = ("emitnb", "msgspec")
    results: dict[str, list[Any]] = {module: [] for module in modules}
    for _ in range(runs + 1):
        for module in modules:
            results[module].append(run_code(IMPORT.format(module=module, heavy=HEAVY)))
    ours, theirs = (Sample(tuple(taken for taken, _ in results[m][1:])) for m in modules)
    yield over("import emitnb - import msgspec", ours, theirs, Goal("<", 0.060, "s"))
    loaded = results["emitnb"][0][1]
    count = Sample((float(len(loaded)),), "")
    note = ", ".join(loaded) or f"none of {', '.join(HEAVY)}"
    yield alone("heavy modules that import emitnb loads", count, Goal("≤", 0, ""), note)


def _extension(runs: int) -> Iterator[Row]:
    load = "%load_ext emitnb"
    after = _shell(runs, ["import pandas", load])
    pandas, extension = (Sample(times) for times in zip(*after, strict=True))
    note = f"import pandas: {pandas}"
    yield alone("%load_ext emitnb, pandas imported", extension, Goal("≤", 0.400, "s"), note)
    whole = Sample(tuple(sum(times) for times in _shell(runs, [load])))
    yield over(
        "%load_ext emitnb - import pandas",
        whole,
        pandas,
        Goal("≤", 0.400, "s"),
        "in shells of their own",
    )


def _shell(runs: int, lines: list[str]) -> list[list[float]]:
    """Return the CPU time of each line, for each of a few started shells."""
    return [run_code(SHELL.format(lines=lines)) for _ in range(runs + 1)][1:]
