"""Word count: emitnb against hand-written loops that do the same work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pandas as pd
from pandas.testing import assert_frame_equal

from emitnb import Router
from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import Goal, Options, Row, alone, in_turn, leanest, slower

WORDS = 200_000
Frames = tuple[pd.DataFrame, pd.DataFrame]

counts: Counter[str] = Counter()


class Document(msgspec.Struct, frozen=True, gc=False):
    """What the loops hand to ``words``: the same kind of record as emitnb's messages."""

    document: str


class Word(msgspec.Struct, frozen=True, gc=False):
    """What the loops hand to ``count_word``."""

    word: str


def words(msg: Any) -> Iterator[str]:
    yield from msg.document.split()


def count_word(msg: Any) -> tuple[str, int]:
    counts[msg.word] += 1
    return msg.word, counts[msg.word]


def measure(options: Options) -> Iterator[Row]:
    """Measure emitnb against each loop; the goal is held against the leanest as well."""
    texts = documents(options.size(WORDS))
    loops = {
        "message by message": lambda: nested_loop(texts),
        "node by node": lambda: staged_loop(texts),
    }
    ours = {"emitnb": lambda: emitnb(texts)}
    check({**ours, **loops})
    expanded = {"lineage": lambda: lineage(texts)}
    times = in_turn({**ours, **loops, **expanded}, options.runs, counts.clear)
    best = leanest(times, loops)
    for name in loops:
        label, note = f"word count / loop {name}", "the leanest loop" if name == best else ""
        yield slower(label, times["emitnb"], times[name], Goal("≤", 0.95), note)
    yield alone(
        "word count, lineage expanded too",
        times["lineage"],
        note="frame(…, lineage=True) of both nodes",
    )


def emitnb(texts: list[str]) -> Frames:
    """Push all texts through a fresh router, lineage recorded."""
    router = word_router()
    router.push(texts, progress=False)
    return router.frame("words"), router.frame("count_word")


def lineage(texts: list[str]) -> Frames:
    router = word_router()
    router.push(texts, progress=False)
    return router.frame("words", lineage=True), router.frame("count_word", lineage=True)


def word_router() -> Router:
    """Return a fresh router with the two nodes declared."""
    router = Router()
    router.node(("word",), entry_point=True, name="words")(words)
    router.node(("word", "count"), subscribe_to="words", name="count_word")(count_word)
    return router


def nested_loop(texts: Iterable[str]) -> Frames:
    """Take one message after the other through both functions, as anybody would write it."""
    split: list[str] = []
    counted: list[str] = []
    numbers: list[int] = []
    for text in texts:
        for word in words(Document(text)):
            split.append(word)
            same_word, number = count_word(Word(word))
            counted.append(same_word)
            numbers.append(number)
    return frames_of(split, counted, numbers)


def staged_loop(texts: list[str]) -> Frames:
    """Finish the first function before the second begins: less to write, and less to run."""
    split = [word for text in texts for word in words(Document(text))]
    counted: list[str] = []
    numbers: list[int] = []
    for same_word, number in map(count_word, map(Word, split)):
        counted.append(same_word)
        numbers.append(number)
    return frames_of(split, counted, numbers)


def frames_of(split: list[str], counted: list[str], numbers: list[int]) -> Frames:
    """Return both frames, made of ready columns."""
    return pd.DataFrame({"word": split}), pd.DataFrame({"word": counted, "count": numbers})


def check(contenders: Mapping[str, Callable[[], Frames]]) -> None:
    """Raise unless every contender makes the frames that the first one makes."""
    expected: Frames | None = None
    for name, contender in contenders.items():
        counts.clear()
        frames = contender()
        expected = expected or frames
        for left, right in zip(expected, frames, strict=True):
            assert_frame_equal(left, right, obj=f"what {name} made")
