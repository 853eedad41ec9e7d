"""What a million emissions of a str and an int take, and how soon they are a frame.

Resident memory is measured in processes of their own, before and after, once garbage is collected
and free pages are back with the system.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa

from tests.benchmarks.corpus import documents, iter_documents
from tests.benchmarks.harness import (
    Goal,
    Options,
    Row,
    Sample,
    alone,
    cpu_time,
    in_fresh_process,
    slower,
)
from tests.benchmarks.wordcount import counts, nested_loop, word_router

EMISSIONS = 1_000_000
"""Of ``count_word``, which emits a str and an int; ``words`` emits as many of a str."""


def measure(options: Options) -> Iterator[Row]:
    """Measure resident memory, then the time that frames take."""
    size = options.size(EMISSIONS)
    yield from _resident(size, options.runs)
    yield from _frame_times(size, options.runs)


def _resident(size: int, runs: int) -> Iterator[Row]:
    records = [in_fresh_process("memory:record_size", size) for _ in range(runs)]
    frames = [in_fresh_process("memory:frames_size", size) for _ in range(runs)]
    record = Sample(tuple(float(grown) for grown, _ in records), "B")
    built = Sample(tuple(float(grown) for grown, _ in frames), "B")
    counted = Sample(tuple(float(deep) for _, deep in frames), "B")
    goal = Goal("≤", 1.5)
    name = f"memory of {2 * size:,} emissions"
    yield slower(f"{name} / frames, deep", record, counted, goal, "memory_usage(deep=True)")
    yield slower(f"{name} / frames, resident", record, built, goal, "in a process of their own")
    yield alone(f"{name} with both frames", Sample(tuple(float(both) for _, both in records), "B"))


def record_size(size: int) -> tuple[int, int]:
    """Return how the process grows by what a router keeps, and by that and both frames."""
    _warm_up()
    before = _resident_bytes()
    router = word_router()
    router.push(iter_documents(size), progress=False)
    counts.clear()
    kept = _resident_bytes() - before
    frames = router.frame("words"), router.frame("count_word")
    both = _resident_bytes() - before
    _expect(size, *frames)
    return kept, both


def frames_size(size: int) -> tuple[int, int]:
    """Return how the process grows by two frames alone, and what pandas says that they take."""
    _warm_up()
    before = _resident_bytes()
    frames = nested_loop(iter_documents(size))
    counts.clear()
    grown = _resident_bytes() - before
    _expect(size, *frames)
    return grown, sum(int(frame.memory_usage(deep=True).sum()) for frame in frames)


def _warm_up() -> None:
    """Load all that is loaded on first use, so that it counts for neither side."""
    texts = documents(2_000)
    router = word_router()
    router.push(texts, progress=False)
    router.frame("words"), router.frame("count_word"), nested_loop(texts)


def _expect(size: int, *frames: pd.DataFrame) -> None:
    lengths = [len(frame) for frame in frames]
    if lengths != [size, size]:
        raise RuntimeError(f"expected two frames of {size} rows, got {lengths}")


def _resident_bytes() -> int:
    """Return the bytes that this process alone holds, after giving back what it can."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_full_info().uss)


def _frame_times(size: int, runs: int) -> Iterator[Row]:
    texts = documents(size)
    rounds = [_frame_round(texts) for _ in range(runs + 1)][1:]
    times = {name: Sample(tuple(each[name] for each in rounds)) for name in rounds[0]}
    goal = Goal("<", 1.5)
    for node in ("count_word", "all nodes"):
        for ready in ("lists", "arrays"):
            yield slower(
                f"frame of {node} / from {ready}",
                times[node],
                times[f"{node} {ready}"],
                goal if ready == "lists" else None,
                "first frame of a fresh router",
            )


def _frame_round(texts: list[str]) -> dict[str, float]:
    """Return the CPU time of each way to the same two frames; a router may keep no frame ready."""
    counts.clear()
    router = word_router()
    router.push(texts, progress=False)
    times = {"count_word": cpu_time(lambda: router.frame("count_word"))}
    times |= _ready_times("count_word", router.frame("count_word"))
    times["all nodes"] = cpu_time(router.frame)
    return times | _ready_times("all nodes", router.frame())


def _ready_times(name: str, frame: pd.DataFrame) -> dict[str, float]:
    lists: dict[Any, Any] = {column: values.tolist() for column, values in frame.items()}
    arrays: dict[Any, Any] = {column: values.to_numpy() for column, values in frame.items()}

    return {
        f"{name} lists": cpu_time(lambda: pd.DataFrame(lists)),
        f"{name} arrays": cpu_time(lambda: pd.DataFrame(arrays)),
    }
