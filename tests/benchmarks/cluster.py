"""emitnb on a dask cluster of two workers, against work written by hand for the same cluster.

Wall time is compared: workers are other processes, and what a cluster is for is to end sooner.
CPU time is that of this process, in which the scheduler runs too, and of the workers together.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

import numpy as np
import pandas as pd
import psutil
from distributed import Client
from pandas.testing import assert_frame_equal

from emitnb import Router, Run
from tests.benchmarks import cluster_peers as peers
from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import (
    Goal,
    Options,
    Row,
    Sample,
    alone,
    faster,
    in_fresh_process,
    slower,
)
from tests.benchmarks.keyed import State, count_word
from tests.benchmarks.wordcount import Frames, check, words

WORKERS = 2
COSTLY, COST = 4_000, 1e-3
"""Messages, and seconds of CPU time that each takes."""

WORDS, STREAMZ_WORDS = 1_000_000, 1_000
LINES = 1_000
"""Documents a batch of the futures written by hand: 200,000 words, tasks of 35 to 60 ms. From 500
to 2,500 took the same, 250 took 1.4 times as long, and 100 twice as long."""

LAZY = 10_000_000
BATCHES, BATCH, ENDS = 2_000, 10, 100
"""Small batches, messages in each, and how many at either end are compared."""


@dataclass(frozen=True)
class Cost:
    """What one contender took."""

    wall: Sample
    cpu: Sample


def measure(options: Options) -> Iterator[Row]:
    """Measure speed on one cluster, then the driver's memory in processes of their own."""
    client = on_dask(Router()).backend.client
    yield from _costly(client, options)
    yield from _word_count(client, options)
    yield _small_batches(options)
    yield _lazy(options)


def on_dask(router: Router) -> Router:
    """Let a router use the cluster; it is one for all of them."""
    router.use("dask", n_workers=WORKERS)
    return router


# -- how it is measured -------------------------------------------------------------------------


def in_turn(
    contenders: Mapping[str, Callable[[], object]], runs: int, client: Client
) -> dict[str, Cost]:
    """Return what each contender took, run in turn after one round that does not count."""
    workers = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(runs + 1):
        for name, contender in contenders.items():
            costs[name].append(_cost(contender, workers))
    return {name: _as_cost(pairs[1:]) for name, pairs in costs.items()}


def _cost(contender: Callable[[], object], workers: list[psutil.Process]) -> tuple[float, float]:
    gc.collect()
    began, used = perf_counter(), _cpu(workers)
    kept = contender()
    taken = perf_counter() - began, _cpu(workers) - used
    del kept
    return taken


def _cpu(workers: list[psutil.Process]) -> float:
    return process_time() + sum(sum(worker.cpu_times()[:2]) for worker in workers)


def _as_cost(pairs: list[tuple[float, float]]) -> Cost:
    wall, cpu = (Sample(values) for values in zip(*pairs, strict=True))
    return Cost(wall, cpu)


def _cpu_note(ours: Cost, theirs: Cost) -> str:
    return f"CPU of all {ours.cpu} against {theirs.cpu}"


# -- nodes that take their time -----------------------------------------------------------------


def costly(msg: Any) -> tuple[int, int]:
    return msg.number, spin(msg.loops)


def spin(loops: int) -> int:
    """Compute something that takes as long as it takes: not a clock that is waited for."""
    made = 0
    for number in range(loops):
        made = (made * 31 + number) & 0xFFFFFFFF
    return made


def loops_for(seconds: float) -> int:
    """Return how many loops of :func:`spin` take so much CPU time on this machine."""
    loops, times = 10_000, []
    for _ in range(50):
        began = thread_time()
        spin(loops)
        times.append(thread_time() - began)
    return round(loops * seconds / float(np.median(times)))


def _costly(client: Client, options: Options) -> Iterator[Row]:
    size = max(options.size(COSTLY), 1_000)
    rows = pd.DataFrame({"number": range(size), "loops": loops_for(COST)})
    sizes = batch_sizes(rows)
    contenders: dict[str, Callable[[], pd.DataFrame]] = {
        "memory": lambda: made_of(costly_router(), rows),
        "dask": lambda: made_of(on_dask(costly_router()), rows),
        "submit": lambda: peers.busy_batches(client, costly, rows, sizes),
    }
    expected = contenders["memory"]()
    for made in contenders.values():
        assert_frame_equal(made(), expected)
    costs = in_turn(contenders, options.runs, client)
    ours, memory, submit = costs["dask"], costs["memory"], costs["submit"]
    name, batches = f"{size:,} messages of 1 ms", f"the same {len(sizes)} batches"
    # Where others use the machine, or its two cores are not whole ones, this is what there is.
    most = f"client.submit reaches {memory.wall.median / submit.wall.median:.2f}×"
    goal, note = Goal("≥", 1.8), f"{most}; {_cpu_note(ours, memory)}"
    yield faster(f"{name}: memory / dask, wall", ours.wall, memory.wall, goal, note)
    goal, note = Goal("≤", 1.1), f"{batches}; {_cpu_note(ours, submit)}"
    yield slower(f"{name}: dask / client.submit, wall", ours.wall, submit.wall, goal, note)


def costly_router() -> Router:
    router = Router()
    router.node(("number", "made"), entry_point=True, name="costly")(costly)
    return router


def made_of(router: Router, rows: pd.DataFrame) -> pd.DataFrame:
    router.push(rows, progress=False)
    return router.frame("costly")


def batch_sizes(rows: pd.DataFrame) -> list[int]:
    """Return the sizes of the batches that emitnb cuts the rows into once it has warmed up."""
    made_of(on_dask(costly_router()), rows)
    done = [0]
    on_dask(costly_router()).push(rows, progress=lambda run: done.append(run.done))
    return [size for size in np.diff(done).tolist() if size]


# -- word count ---------------------------------------------------------------------------------


def _word_count(client: Client, options: Options) -> Iterator[Row]:
    size = options.size(WORDS)
    texts = documents(size)
    cut = {"lines": options.size(LINES), "partitions": WORKERS, "in_flight": 2 * WORKERS}
    by_hand = partial(peers.count_words, client, texts, **cut)
    contenders: dict[str, Callable[[], Frames]] = {
        "dask": lambda: counted(on_dask(word_router()), texts),
        "futures": lambda: by_hand(peers.BY_NODES),
        "inline": lambda: by_hand(peers.INLINE),
        "memory": lambda: counted(word_router(), texts),
    }
    check(contenders)
    costs = in_turn(contenders, options.runs, client)
    ours, name = costs.pop("dask"), f"{size:,} words, dask"
    goals = {"futures": ("futures that call the same nodes", Goal("≤", 1.25))}
    goals |= {"inline": ("futures, counting written inline", None)}
    for rival, cost in costs.items():
        label, goal = goals.get(rival, ("memory", None))
        note = _cpu_note(ours, cost)
        yield slower(f"{name} / {label}, wall", ours.wall, cost.wall, goal, note)
    yield _streamz(client, ours.wall.per(size), options)


def word_router() -> Router:
    router = Router()
    router.node(("word",), entry_point=True, name="words")(words)
    router.node(("word", "count"), subscribe_to="words", name="count_word", key="word")(count_word)
    return router


def counted(router: Router, texts: list[str]) -> Frames:
    router.push(texts, progress=False)
    return router.frame("words"), router.frame("count_word")


def _streamz(client: Client, ours: Sample, options: Options) -> Row:
    """Compare the time that one word takes: all of them would keep streamz busy for an hour."""
    size = options.size(STREAMZ_WORDS)
    texts = documents(size)
    # streamz looks for the default client, and finds only one that is set for all threads.
    with Client(client.scheduler.address, set_as_default=True):
        with_streamz = partial(peers.streamz_words, texts)
        check({"memory": lambda: counted(word_router(), texts), "streamz": with_streamz})
        theirs = in_turn({"streamz": with_streamz}, options.runs, client)["streamz"].wall.per(size)
    note = (
        f"{1 / ours.median:,.0f} against {1 / theirs.median:,.0f} words/s, a word a message, "
        f"{size:,} words for streamz"
    )
    goal = Goal("≥", 100.0)
    return faster("word count, a word: streamz / dask, wall", ours, theirs, goal, note)


# -- long runs ----------------------------------------------------------------------------------


def _small_batches(options: Options) -> Row:
    """Compare the last batches of one long run with its first; another run has warmed up all."""
    count = options.size(BATCHES)
    _batch_times(ENDS)
    rounds = [_batch_times(count) for _ in range(max(options.runs // 2, 1))]
    first = Sample(tuple(times[ENDS] - times[0] for times in rounds))
    last = Sample(tuple(times[-1] - times[-1 - ENDS] for times in rounds))
    note = f"{BATCH} messages a batch, a keyed node; the first batch begins the clock"
    name = f"{count:,} batches, last {ENDS} / first {ENDS}, wall"
    return slower(name, last, first, Goal("≤", 1.2), note)


def _batch_times(count: int) -> list[float]:
    """Return when the first batch was committed, and each of ``count`` more."""
    router = Router()
    router.node(("n", "seen"), entry_point=True, name="seen", key="n")(seen)
    source = [{"n": number % 50} for number in range((count + 1) * BATCH)]
    times: list[float] = []

    def note(run: Run) -> None:
        if run.done > len(times) * BATCH:
            times.append(perf_counter())

    on_dask(router).push(source, batch_size=BATCH, progress=note)
    if len(times) != count + 1:
        raise RuntimeError(f"{count + 1} batches were pushed, and {len(times)} were seen")
    return times


def seen(msg: Any, state: State) -> tuple[int, int]:
    state["n"] = state.get("n", 0) + 1
    return msg.n, state["n"]


def _lazy(options: Options) -> Row:
    size = options.size(LAZY)
    grown = [in_fresh_process("cluster:lazy_growth", size) for _ in range(1 + options.runs // 4)]
    sample = Sample(tuple(float(peak) for peak, _ in grown), "B")
    seconds = Sample(tuple(taken for _, taken in grown))
    note = f"the most it ever had, scheduler included; {seconds} for all"
    name = f"{size:,} messages kept on the cluster: growth of the driver"
    return alone(name, sample, Goal("<", 200e6, "B"), note)


def lazy_growth(size: int) -> tuple[int, float]:
    """Return how far this process grew at the most, and the seconds that the push took."""
    _push_kept(10_000)
    gc.collect()
    before = psutil.Process().memory_info().rss
    began = perf_counter()
    _push_kept(size)
    taken = perf_counter() - began
    return _most_resident() - before, taken


def _most_resident() -> int:
    """Return the most bytes that this process ever held; those it holds, if only Linux can tell.

    What ``getrusage`` says can be inherited from the parent process.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return int(psutil.Process().memory_info().rss)
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _push_kept(size: int) -> None:
    router = Router()
    router.node(("n",), entry_point=True, name="doubled")(doubled)
    router.node(("n", "odd"), subscribe_to="doubled", name="told")(told)
    numbers = (number for number in range(size))
    on_dask(router).push(numbers, field="n", keep_on_cluster=True, progress=False)
    frame = router.frame("told", lazy=True)
    found = len(frame), int(frame["n"].sum().compute())
    if found != (size, size * (size - 1)):
        raise RuntimeError(f"{size} numbers were pushed, and their doubles are {found}")


def doubled(msg: Any) -> int:
    return msg.n * 2


def told(msg: Any) -> tuple[int, bool]:
    return msg.n, msg.n % 4 == 2
