"""What running again costs: what is recorded for it, retrying a few failures, replaying a leaf.

The recording is left out by putting in the place of the two functions that record pushed messages
and lineage some that count them only; all else is the same. Where something is run again in a
router, each round has a fresh one, and times what was run first as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from emitnb import Router
from emitnb.emissions import log
from emitnb.emissions.inputs import InputRecord
from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import Goal, Options, Row, Sample, cpu_time, in_turn, slower
from tests.benchmarks.wordcount import WORDS, counts, emitnb, word_router

MESSAGES = 1_000_000
FAILING = 1_000
LEAF_INPUTS = 200_000
NODES = 10
"""A chain of half of them, and the leaves that all read its end."""


def measure(options: Options) -> Iterator[Row]:
    """Measure the recording, then a retry, then the replay of a leaf."""
    yield from _recording(options)
    yield _retry(options)
    yield from _replay(options)


def _recording(options: Options) -> Iterator[Row]:
    texts = documents(options.size(WORDS))
    contenders: dict[str, Callable[[], object]] = {
        "word count": lambda: emitnb(texts),
        "word count, push alone": lambda: word_router().push(texts, progress=False),
    }
    bare = {f"bare {name}": _unrecorded(one) for name, one in contenders.items()}
    times = in_turn({**contenders, **bare}, options.runs, counts.clear)
    for name in contenders:
        goal = Goal("≤", 1.1) if name == "word count" else None
        note = "beside the same run that records neither pushed messages nor lineage"
        yield slower(f"recording / {name}", times[name], times[f"bare {name}"], goal, note)


def _unrecorded(contender: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with ExitStack() as stack:
            stack.enter_context(patch.object(InputRecord, "with_rows", _counted))
            stack.enter_context(patch.object(log, "_extended", _without_lineage))
            return contender()

    return run


def _counted(record: InputRecord, table: Any) -> InputRecord:
    rows = record.rows + len(table)
    return InputRecord(rows, rows)


def _without_lineage(track: log.Track, outcome: Any, _: Any) -> log.Track:
    size, parts = len(outcome.table), track.parts
    if size:
        parts = log.grown(parts, log._part(outcome.table), log._merged_parts)
    return log.Track(track.rows + size, parts)


def _retry(options: Options) -> Row:
    size = options.size(MESSAGES)
    every = size // FAILING
    records = [{"n": n, "bad": n % every == 0} for n in range(size)]
    rounds = [_retry_round(records) for _ in range(options.runs + 1)][1:]
    retried, full = (Sample(tuple(times)) for times in zip(*rounds, strict=True))
    return Row(
        f"retrying {FAILING:,} of {size:,}",
        retried,
        full,
        retried.median - full.median / 100,
        "s",
        Goal("<", 0.2, "s"),
        "beside the full run, of which one hundredth is taken away",
        retried.least - full.least / 100,
    )


def _retry_round(records: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the CPU time of a retry, and of the push before it."""
    router = Router()
    router.node(("n", "rest"), entry_point=True, name="divide")(_divide)
    router.node(("n",), subscribe_to="divide", name="add")(_add)
    full = cpu_time(lambda: router.push(records, progress=False))
    router.node(("n", "rest"), entry_point=True, name="divide")(_divide_all)
    retried = cpu_time(lambda: router.retry(progress=False))
    if len(router.failures()) or len(router.frame("add")) != len(records):
        raise RuntimeError("not all that failed was retried")
    return retried, full


def _divide(msg: Any) -> tuple[int, int]:
    return divmod(msg.n, 0 if msg.bad else 7)


def _divide_all(msg: Any) -> tuple[int, int]:
    return divmod(msg.n, 1 if msg.bad else 7)


def _add(msg: Any) -> int:
    return msg.n + msg.rest  # type: ignore[no-any-return]  # fields have no types here


def _replay(options: Options) -> Iterator[Row]:
    """Replay one leaf, and push what it receives through that node alone."""
    size = options.size(LEAF_INPUTS)
    router, leaf = ten_nodes(), f"n{NODES - 1}"
    router.push([{"n": n, "word": f"word {n % 1_000}"} for n in range(size)], progress=False)
    frame = router.frame(f"n{NODES // 2 - 1}")

    def alone() -> Router:
        one = Router()
        one.node(("n", "word"), entry_point=True, name=leaf)(_step)
        one.push(frame, progress=False)
        return one

    if not router.frame(leaf).equals(alone().frame(leaf)):
        raise RuntimeError("the leaf alone makes something else")
    contenders = {"again": lambda: router.replay(leaf, progress=False), "alone": alone}
    times = in_turn(contenders, options.runs)
    note = f"pushing the frame of its {size:,} inputs through that node alone"
    yield slower(
        f"replaying a leaf of {NODES} nodes", times["again"], times["alone"], Goal("≤", 1.3), note
    )


def ten_nodes() -> Router:
    """Return a router with a chain of five nodes, and five leaves that read the last of them."""
    router = Router()
    half = NODES // 2
    for n in range(NODES):
        origin = f"n{min(n, half) - 1}" if n else ()
        router.node(("n", "word"), subscribe_to=origin, entry_point=not n, name=f"n{n}")(_step)
    return router


def _step(msg: Any) -> tuple[int, str]:
    return msg.n + 1, msg.word
