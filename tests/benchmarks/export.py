"""Leaving the notebook: how long an export takes, and what an exported module costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import ROOT, Goal, Options, Row, Sample, alone, run_code, slower

NODES = 200
WORDS = 1_000_000

SHELL = """
import contextlib, io, json, tempfile, time
from pathlib import Path
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
HistoryManager.enabled = False
shell = InteractiveShell.instance()
with contextlib.redirect_stdout(io.StringIO()):
    for cell in {cells}:
        shell.run_cell(cell, store_history=True).raise_error()
router = shell.user_ns["router"]
path = Path(tempfile.mkdtemp()) / "graph.py"
times = []
for _ in range({runs} + 1):
    started = time.perf_counter()
    router.export(path, tests={tests}, force=True)
    times.append(time.perf_counter() - started)
print(json.dumps(times[1:]))
"""

MODULE = """
from emitnb import Router, run_command

router = Router(home=__name__)


@router.node("word", entry_point=True)
def words(msg):
    yield from msg.document.split()


@router.node(("word", "count"), subscribe_to="words", key="word")
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]


if __name__ == "__main__":
    raise SystemExit(run_command(router, globals()))
"""

SCRIPT = """
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

counts = Counter()
rows = []
for path in sys.argv[1:-1]:
    for word in Path(path).read_text().split():
        counts[word] += 1
        rows.append((word, counts[word]))
pd.DataFrame(rows, columns=["word", "count"]).to_parquet(sys.argv[-1])
"""


def measure(options: Options) -> Iterator[Row]:
    """Measure an export of many nodes, and an exported module against a script."""
    yield from _exports(options)
    yield from _command(options)


def _exports(options: Options) -> Iterator[Row]:
    for tests, label in ((False, "export"), (True, "export with tests")):
        code = SHELL.format(cells=_cells(), runs=options.runs, tests=tests)
        sample = Sample(tuple(run_code(code)))
        goal = None if tests else Goal("<", 2.0, "s")
        yield alone(f"{label} of {NODES} nodes, wall", sample, goal, "ruff included")


def _cells() -> list[str]:
    """Cells with a constant, a helper and a node each, as a tree that is three wide."""
    cells = ["%load_ext emitnb", "import re\nimport pandas as pd"]
    for number in range(NODES):
        on = f"--on node_{(number - 1) // 3}" if number else "--entry"
        cells += [
            f"LIMIT_{number} = {number}\n"
            f"def helper_{number}(text):\n"
            f"    return re.sub('a', str(LIMIT_{number}), text)",
            f"%%emit_node text:str {on}\n"
            f"def node_{number}(msg):\n"
            f"    return helper_{number}(msg.text)",
        ]
    return [*cells, "run = router.push([{'text': 'banana'}, {'text': 'apple'}])"]


def _command(options: Options) -> Iterator[Row]:
    """Count words of files, and write a row for each: a process each, its imports included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / f"{number}.txt" for number in range(10)]
        texts = documents(options.size(WORDS))
        for number, file in enumerate(files):
            file.write_text("\n".join(texts[number :: len(files)]), encoding="utf-8")
        (folder / "module.py").write_text(MODULE, encoding="utf-8")
        (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
        out = folder / "out.parquet"
        module = [folder / "module.py", *files, "-o", out, "--node", "count_word"]
        script = [folder / "script.py", *files, out]
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(options.runs + 1):
            for taken, command in zip(times, (module, script), strict=True):
                taken.append(_cpu_time([str(part) for part in command]))
    ours, theirs = (Sample(tuple(taken[1:])) for taken in times)
    note = f"{options.size(WORDS):,} words in 10 files to Parquet, all of the process"
    yield slower("exported word count / script with Counter and pandas", ours, theirs, None, note)


def _cpu_time(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, cwd=ROOT, env=_environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
