"""The same word count with `emit`, `streamz` and `reactivex`, each as its users would write it.

None of them keeps what nodes emit, so each gets the cheapest way there is to collect it: a list
that is appended to at the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import emit
import reactivex
from reactivex import operators
from streamz import Stream

from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import Goal, Options, Row, Sample, faster, in_turn
from tests.benchmarks.wordcount import (
    WORDS,
    Document,
    Frames,
    Word,
    check,
    count_word,
    counts,
    emitnb,
    frames_of,
    words,
)

GOALS = {"emit": 5.0, "streamz": 5.0, "reactivex flat_map": 2.5, "reactivex concat_map": 2.5}


def measure(options: Options) -> Iterator[Row]:
    """Measure how many times as fast emitnb is as each library."""
    size = options.size(WORDS)
    texts = documents(size)
    contenders: dict[str, Callable[[], Frames]] = {
        "emitnb": lambda: emitnb(texts),
        "emit": lambda: with_emit(texts),
        "streamz": lambda: with_streamz(texts),
        "reactivex flat_map": lambda: with_flat_map(texts),
        "reactivex concat_map": lambda: with_concat_map(texts),
    }
    check(contenders)
    times = in_turn(contenders, options.runs, counts.clear)
    for name, goal in GOALS.items():
        yield faster(
            f"word count / {name}",
            times["emitnb"],
            times[name],
            Goal("≥", goal),
            f"{speed(times['emitnb'], size)} against {speed(times[name], size)} words/s",
        )


def speed(taken: Sample, size: int) -> str:
    return f"{size / taken.median:,.0f}"


class RecordingRouter(emit.Router):  # type: ignore[misc]  # emit has no types
    """An emit router that keeps what passes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def route(self, origin: str, message: dict[str, Any]) -> None:
        self.rows.setdefault(origin, []).append(message)
        super().route(origin, message)


def with_emit(texts: list[str]) -> Frames:
    router = RecordingRouter()
    router.node(("word",), entry_point=True)(words)
    router.node(("word", "count"), subscribe_to=r"\.words$")(count_word)
    for text in texts:
        router(document=text)
    split = router.rows[router.get_name(words)]
    counted = router.rows[router.get_name(count_word)]
    word, count = itemgetter("word"), itemgetter("count")
    return frames_of(list(map(word, split)), list(map(word, counted)), list(map(count, counted)))


def split_text(text: str) -> Iterator[str]:
    return words(Document(text))


def count_text(word: str) -> tuple[str, int]:
    return count_word(Word(word))


def with_streamz(texts: list[str]) -> Frames:
    split: list[str] = []
    counted: list[tuple[str, int]] = []
    source = Stream()
    found = source.map(split_text).flatten()
    # Sinks are kept in a global set until they are destroyed, with all that they hold.
    sinks = found.sink(split.append), found.map(count_text).sink(counted.append)
    for text in texts:
        source.emit(text)
    for sink in sinks:
        sink.destroy()
    return frames_of_pairs(split, counted)


def with_flat_map(texts: list[str]) -> Frames:
    """The operator that users reach for first."""
    return with_reactivex(texts, operators.flat_map(split_text))


def with_concat_map(texts: list[str]) -> Frames:
    """The operator that promises the order; the quickest way found."""

    def stream_of_words(text: str) -> reactivex.Observable[str]:
        return reactivex.from_iterable(split_text(text))

    return with_reactivex(texts, operators.concat_map(stream_of_words))


def with_reactivex(texts: list[str], splitting: Any) -> Frames:
    split: list[str] = []
    counted: list[tuple[str, int]] = []
    reactivex.from_iterable(texts).pipe(
        splitting, operators.do_action(split.append), operators.map(count_text)
    ).subscribe(counted.append)
    return frames_of_pairs(split, counted)


def frames_of_pairs(split: list[str], counted: list[tuple[str, int]]) -> Frames:
    return frames_of(split, [word for word, _ in counted], [number for _, number in counted])
