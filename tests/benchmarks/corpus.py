"""The text that the benchmarks read: the same everywhere, its words as uneven as in prose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate

VOCABULARY = 20_000
WORDS_A_DOCUMENT = 200
LETTERS = "etaoinshrdlucmfwypvbgkqjxz"


def documents(words: int, seed: int = 1) -> list[str]:
    """Return ``words`` words in documents of 200, drawn from 20,000 with Zipf's frequencies."""
    return list(iter_documents(words, seed))


def iter_documents(words: int, seed: int = 1) -> Iterator[str]:
    """Make what :func:`documents` returns one document at a time, holding none."""
    draw = random.Random(seed)
    vocabulary = _vocabulary(draw)
    weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    for start in range(0, words, WORDS_A_DOCUMENT):
        size = min(WORDS_A_DOCUMENT, words - start)
        yield " ".join(draw.choices(vocabulary, cum_weights=weights, k=size))


def _vocabulary(draw: random.Random) -> list[str]:
    """Return distinct words, the short ones first as in any language."""
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        length = 2 + min(len(found) // 40, draw.randrange(3, 10))
        found["".join(draw.choices(LETTERS, k=length))] = None
    return list(found)
