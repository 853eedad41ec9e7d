"""What emitnb on dask is compared with: the same work on the same cluster, written by hand.

Each is as somebody who knows dask well would write it. A task is large, its results are arrays
or Arrow (dask pickles a bare list element by element), few batches are on their way at once, and
nothing that travels is pickled twice.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa
from distributed import Client, Future
from streamz import Stream

from tests.benchmarks.keyed import State, count_word
from tests.benchmarks.wordcount import Document, Frames, Word, frames_of, words

STR = pd.StringDtype("pyarrow", na_value=np.nan)
BUFFER = 100
"""Messages that streamz may have on their way; 10 was slower, 1,000 no faster."""

Split = tuple[pa.Array, np.ndarray, *tuple[pa.Array, ...]]
"""All words of a batch, the partition that owns each, and the words of each partition."""
Counts = np.ndarray
Link = tuple[dict[str, Any], Counts]
"""What a partition remembers after a batch, and the running count of each of its words."""


@dataclass(frozen=True)
class Tasks:
    """The two tasks of a word count, and whether the nodes' own functions are called in them."""

    split: Callable[[list[str], int], Split]
    link: Callable[[pa.Array, Link | None], Link]


# -- word count ---------------------------------------------------------------------------------


def count_words(
    client: Client, texts: list[str], tasks: Tasks, *, lines: int, partitions: int, in_flight: int
) -> Frames:
    """Count words with a chain of futures for each partition; bring home what was counted."""
    links: list[Future[Link] | None] = [None] * partitions
    on_way: deque[list[Future[Any]]] = deque()
    home: list[tuple[pa.Array, Counts]] = []
    for start in range(0, len(texts), lines):
        if len(on_way) == in_flight:
            home.append(merged(client.gather(on_way.popleft(), direct=True)))
        split = client.submit(tasks.split, texts[start : start + lines], partitions, pure=False)
        wanted = [client.submit(whole, split, pure=False)]
        for number, before in enumerate(links):
            part = client.submit(nth, split, number + 2, pure=False)
            link = links[number] = client.submit(tasks.link, part, before, pure=False)
            wanted.append(client.submit(nth, link, 1, pure=False))
        on_way.append(wanted)
    home += [merged(client.gather(wanted, direct=True)) for wanted in on_way]
    return arrow_frames(home)


def split_by_nodes(texts: list[str], partitions: int) -> Split:
    """Call the node ``words`` on a record for each text."""
    return shared_out([word for text in texts for word in words(Document(text))], partitions)


def link_by_nodes(part: pa.Array, before: Link | None) -> Link:
    """Call the node ``count_word`` on a record for each word; states of old words are copied."""
    found: list[str] = part.to_pylist()
    states: dict[str, State] = {} if before is None else dict(before[0])
    for word in set(found):
        states[word] = dict(states.get(word, ()))
    counted = map(count_word, map(Word, found), map(states.__getitem__, found))
    return states, np.array([number for _, number in counted], np.int64)


def split_inline(texts: list[str], partitions: int) -> Split:
    return shared_out(" ".join(texts).split(), partitions)


def link_inline(part: pa.Array, before: Link | None) -> Link:
    counts: dict[str, int] = {} if before is None else dict(before[0])
    numbers: list[int] = []
    append, get = numbers.append, counts.get
    for word in part.to_pylist():
        counts[word] = number = get(word, 0) + 1
        append(number)
    return counts, np.array(numbers, np.int64)


BY_NODES = Tasks(split_by_nodes, link_by_nodes)
INLINE = Tasks(split_inline, link_inline)


def shared_out(found: list[str], partitions: int) -> Split:
    """Partition words by the CRC of each different one."""
    owner = {word: crc32(word.encode()) % partitions for word in set(found)}
    owners = np.fromiter(map(owner.__getitem__, found), np.uint8, len(found))
    parts = [list(compress(found, owners == part)) for part in range(partitions)]
    return arrow(found), owners, *map(arrow, parts)


def arrow(found: list[str]) -> pa.Array:
    return pa.array(found, pa.large_string())


def nth(several: Any, number: int) -> Any:
    """Take one of several, so that nothing else of them travels."""
    return several[number]


def whole(split: Split) -> tuple[pa.Array, np.ndarray]:
    return split[0], split[1]


def merged(gathered: list[Any]) -> tuple[pa.Array, Counts]:
    """Return the words of a batch and their counts, in the order of the texts."""
    (found, owners), *parts = gathered
    counts = np.empty(len(owners), np.int64)
    for number, part in enumerate(parts):
        counts[owners == number] = part
    return found, counts


def arrow_frames(batches: Sequence[tuple[pa.Array, Counts]]) -> Frames:
    """Return both frames; each has a column of words of its own, which they share."""
    found = pa.chunked_array([one for one, _ in batches], pa.large_string())
    column = pd.Series(pd.array(found, dtype=STR), copy=False)
    counts = np.concatenate([counts for _, counts in batches])
    return pd.DataFrame({"word": column}), pd.DataFrame({"word": column, "count": counts})


# -- streamz ------------------------------------------------------------------------------------


def streamz_words(texts: list[str]) -> Frames:
    """Send each word through the default client's cluster, count them when they are back."""
    found = [word for text in texts for word in text.split()]
    split: list[str] = []
    numbers: list[int] = []
    counts: Counter[str] = Counter()
    ended = threading.Event()

    def count(word: str) -> None:
        counts[word] += 1
        split.append(word)
        numbers.append(counts[word])
        if len(numbers) == len(found):
            ended.set()

    source = Stream()
    sink = source.scatter().map(same_word).buffer(BUFFER).gather().sink(count)
    for word in found:
        source.emit(word)
    ended.wait()
    sink.destroy()
    return frames_of(split, split, numbers)


def same_word(word: str) -> str:
    return word


# -- work that takes its time -------------------------------------------------------------------


def busy_batches(
    client: Client, work: Callable[[Any], tuple[int, int]], rows: pd.DataFrame, sizes: list[int]
) -> pd.DataFrame:
    """Submit ``work`` over batches of the given sizes; return what it made as one frame."""
    futures = [client.submit(work_on, work, batch, pure=False) for batch in cut(rows, sizes)]
    numbers = np.concatenate(client.gather(futures), axis=1)
    return pd.DataFrame({"number": numbers[0], "made": numbers[1]})


def work_on(work: Callable[[Any], tuple[int, int]], rows: pd.DataFrame) -> np.ndarray:
    return np.array(list(map(work, rows.itertuples(index=False)))).T


def cut(rows: pd.DataFrame, sizes: list[int]) -> Iterator[pd.DataFrame]:
    start = 0
    for size in sizes:
        yield rows.iloc[start : start + size]
        start += size
