"""What keeping to a budget of memory costs: time beside no budget, and memory of a long run.

Resident memory is that of a process of its own, above what it was once all was imported. Pages
that are mapped from files count in ``VmRSS`` though the system takes them back when it likes;
``RssAnon`` is what cannot be taken back.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from emitnb import Router
from tests.benchmarks.corpus import documents, iter_documents
from tests.benchmarks.harness import (
    Goal,
    Options,
    Row,
    Sample,
    alone,
    in_fresh_process,
    in_turn,
    slower,
)
from tests.benchmarks.wordcount import counts, word_router

WORDS = 2_000_000
SLOW_MESSAGES = 20_000
SLOW = 1e-4
"""Seconds that a slow node takes for a message."""

BUDGET = "10 MB"
"""What two million words and their counts take eight times over."""

LONG = 20_000_000
LONG_BUDGET = "200 MB"


def measure(options: Options) -> Iterator[Row]:
    """Measure the time with and without a budget, then the memory of a long run."""
    yield from _cost(
        "word count", options, lambda memory: _words(documents_of(options), memory), 1.3
    )
    size = options.size(SLOW_MESSAGES)
    records = [{"n": n, "text": f"message {n} " * 20} for n in range(size)]
    yield from _cost("nodes of 100 µs", options, lambda memory: _slow(records, memory), 1.05)
    yield from _resident(options)


def documents_of(options: Options) -> list[str]:
    """Return the documents that are counted; made once."""
    size = options.size(WORDS)
    if size not in _documents:
        _documents[size] = documents(size)
    return _documents[size]


_documents: dict[int, list[str]] = {}


def _cost(
    name: str, options: Options, push: Callable[[str], Router], limit: float
) -> Iterator[Row]:
    budget = "100 kB" if name.startswith("nodes") else BUDGET
    if not push(budget).bound().files.rows or push("unlimited").bound().files.rows:
        raise RuntimeError(f"{name}: files where none should be, or none where they should")
    contenders = {memory: lambda m=memory: push(m) for memory in (budget, "unlimited")}
    times = in_turn(contenders, options.runs, counts.clear)
    goal, note = Goal("≤", limit), f"budget of {budget}"
    yield slower(f"spilling / {name}", times[budget], times["unlimited"], goal, note)


def _words(texts: list[str], memory: str) -> Router:
    router = word_router()
    router.bound(memory)
    router.push(texts, progress=False)
    return router


def _slow(records: list[dict[str, Any]], memory: str) -> Router:
    router = Router()
    router.bound(memory)
    router.node(("n", "text"), entry_point=True, name="slow")(_wait)
    router.push(records, progress=False)
    return router


def _wait(msg: Any) -> tuple[int, str]:
    end = perf_counter() + SLOW
    while perf_counter() < end:
        pass
    return msg.n, msg.text.upper()


def _resident(options: Options) -> Iterator[Row]:
    size = options.size(LONG)
    runs = [in_fresh_process("bounded:grown", size) for _ in range(min(options.runs, 3))]
    name = f"{2 * size:,} emissions, budget of {LONG_BUDGET}"
    notes = {
        "VmHWM": "at the most; above the imports",
        "VmRSS": "after the push",
        "RssAnon": "after the push",
        "RssAnon with a frame": f"and the frame of {size:,} words and counts",
    }
    for key, note in notes.items():
        sample = Sample(tuple(float(run[key]) for run in runs), "B")
        goal = None if "frame" in key else Goal("<", 500e6, "B")
        yield alone(f"{name}: {key}", sample, goal, note)


def grown(size: int) -> dict[str, int]:
    """Return by how many bytes the process grows while ``size`` words are pushed and counted."""
    router = word_router()
    router.push(documents(2_000), progress=False)
    router.frame("words")
    del router
    counts.clear()
    gc.collect()
    before = _status()
    router = word_router()
    router.bound(LONG_BUDGET)
    router.push(iter_documents(size), progress=False)
    after = _status()
    frame = router.frame("count_word")
    if len(frame) != size or int(frame["count"].max()) != max(counts.values()):
        raise RuntimeError("the frame is not what was pushed")
    with_frame = _status()["RssAnon"] - before["RssAnon"]
    return {**{key: after[key] - before[key] for key in after}, "RssAnon with a frame": with_frame}


def _status() -> dict[str, int]:
    """Return what Linux says of the memory of this process, in bytes."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = {key: re.search(rf"{key}:\s+(\d+) kB", text) for key in ("VmHWM", "VmRSS", "RssAnon")}
    return {key: int(match[1]) * 1024 for key, match in found.items() if match}
