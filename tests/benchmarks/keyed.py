"""Word count with state for each key, against a loop with one small dict for each key.

The loop has no way back: it changes its dicts in place. emitnb copies each state once a batch, so
that an interrupt or a failure can return to what was committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emitnb import Router
from tests.benchmarks.corpus import documents
from tests.benchmarks.harness import Goal, Options, Row, in_turn, slower
from tests.benchmarks.wordcount import WORDS, Document, Frames, Word, check, frames_of, words

State = dict[str, int]


def count_word(msg: Any, state: State) -> tuple[str, int]:
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]


def measure(options: Options) -> Iterator[Row]:
    """Measure emitnb with state against both loops."""
    texts = documents(options.size(WORDS))
    contenders = {
        "emitnb": lambda: emitnb(texts),
        "message by message": lambda: nested_loop(texts),
        "node by node": lambda: staged_loop(texts),
    }
    check(contenders)
    times = in_turn(contenders, options.runs)
    for name in list(contenders)[1:]:
        label = f"keyed word count / loop {name}"
        yield slower(label, times["emitnb"], times[name], Goal("≤", 1.35))


def emitnb(texts: list[str]) -> Frames:
    router = Router()
    router.node(("word",), entry_point=True, name="words")(words)
    router.node(("word", "count"), subscribe_to="words", name="count_word", key="word")(count_word)
    router.push(texts, progress=False)
    return router.frame("words"), router.frame("count_word")


def nested_loop(texts: list[str]) -> Frames:
    split: list[str] = []
    counted: list[str] = []
    numbers: list[int] = []
    states: dict[str, State] = {}
    for text in texts:
        for word in words(Document(text)):
            split.append(word)
            message = Word(word)
            state = states.get(message.word)
            if state is None:
                state = states[message.word] = {}
            same_word, number = count_word(message, state)
            counted.append(same_word)
            numbers.append(number)
    return frames_of(split, counted, numbers)


def staged_loop(texts: list[str]) -> Frames:
    split = [word for text in texts for word in words(Document(text))]
    states: dict[str, State] = {word: {} for word in split}
    counted: list[str] = []
    numbers: list[int] = []
    for same_word, number in map(count_word, map(Word, split), map(states.__getitem__, split)):
        counted.append(same_word)
        numbers.append(number)
    return frames_of(split, counted, numbers)
