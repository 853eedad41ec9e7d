"""A sample of what was pushed, and what the whole graph makes of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from emitnb.backends.memory import Memory
from emitnb.emissions import Log, recorded, sources_of
from emitnb.errors import EmitError
from emitnb.export.evidence.reaching import Reaching
from emitnb.export.evidence.received import Failing, size_of
from emitnb.export.evidence.tested import Tested
from emitnb.export.evidence.writing import UnwritableError, Writer
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, Message
from emitnb.pushing import Pusher
from emitnb.table import Positions
from emitnb.testing import load_frame, same

FIRST, MOST = 10, 20
"""Messages of a sample: so many that were pushed first, and with others so many at the most."""

REACHING = 100
"""Messages of a sample with those that nodes need to emit anything, at the most."""

EASY_BYTES, EASY_ROWS = 100_000, 5_000
"""What the sample takes, and the rows made of it, if there are messages as small as that."""

MOST_BYTES, MOST_ROWS = 2_000_000, 200_000
"""A single message that takes more is not pushed in a test."""

RUNS = 50
"""Runs that look for a sample in which every node emits."""

LOOKED_AT = 100
"""Messages that are weighed for one place in the sample."""

Pushes = list[tuple[str | None, list[dict[str, Any]]]]
"""Messages that were pushed one after the other, with the only node that they went to, if one."""


@dataclass(frozen=True)
class WholeRun:
    """What was pushed into a graph, and what came of it: a file with the frame, and how often
    which nodes failed. ``left_out`` are columns that no file holds."""

    pushes: Pushes
    suffix: str
    frame: bytes
    left_out: tuple[str, ...]
    failing: dict[str, int]


def whole_run(
    router: Pusher, nodes: Sequence[str], pushes: Pushes, tested: Tested
) -> WholeRun | str:
    """Return a run of the graph of some nodes on a sample, or why there is none."""
    if not pushes:
        return "no message that was pushed is small enough, and still kept"
    try:
        tested.ours.text(pushes)
        tested.ours.line(pushes)
        one, other = (_run(router, nodes, pushes, tested) for _ in range(2))
        frame, again = one.frame(), other.frame()
    except UnwritableError as error:
        return f"values of the type {error} cannot be written down"
    except EmitError as error:
        return str(error).rstrip(".")
    if not _equal(frame, again):
        return "it emits something else each time"
    suffix, data, left_out = stored(frame, tested.theirs)
    return WholeRun(pushes, suffix, data, left_out, one.failing())


def stored(frame: pd.DataFrame, writer: Writer) -> tuple[str, bytes, tuple[str, ...]]:
    """Return the kind of file that gives a frame again, its contents, and columns left out."""
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer)
        if _equal(frame, load_frame(buffer.getvalue(), ".parquet", {})):
            return ".parquet", buffer.getvalue(), ()
    except Exception:  # Arrow has errors of many kinds for what it does not take
        pass
    lost = tuple(name for name in frame.columns if not _holds(frame[[name]], writer))
    return ".jsonl", _lines(frame.drop(columns=list(lost)), writer), lost


def _run(router: Pusher, nodes: Sequence[str], pushes: Pushes, tested: Tested) -> Pusher:
    """A router after the pushes, with these nodes alone."""
    graph = tested.graph
    chosen = {name: node for name, node in graph.nodes.items() if name in nodes}
    again = router._scratch(Graph(chosen, {}, graph.message_class), Memory())
    for to, messages in pushes:
        again.push(tested.given(messages), to=to, progress=False)
    return again


def _emitting(router: Pusher, nodes: Sequence[str], tested: Tested, pushes: Pushes) -> set[str]:
    """Which nodes emit anything for a sample."""
    try:
        tracks = _run(router, nodes, pushes, tested)._store.ledger.log.tracks
    except EmitError:  # the run that is kept says so
        return set()
    return {name for name, track in tracks.items() if track.rows}


def sample(
    router: Pusher, ledger: Ledger, nodes: Sequence[str], tested: Tested, failing: Failing
) -> Pushes:
    """Return the first messages, those that once failed, and those that nodes need to emit."""
    log = ledger.log
    emitting = [name for name in nodes if name in log.tracks and log.tracks[name].rows]
    rows = np.zeros(log.pushed, np.int64)
    for name in emitting:
        rows += np.bincount(sources_of(log, name), minlength=log.pushed)
    is_kept = _kept(log, nodes)
    kept = np.flatnonzero(is_kept)
    chosen = _Chosen(log, rows)
    for row in kept[:LOOKED_AT].tolist():
        if len(chosen.sizes) < FIRST:
            chosen.add(row, EASY_BYTES // 2, EASY_ROWS // 2)
    for failure in ledger.fixed.kept:
        if failure.node in nodes and failure.source is not None and is_kept[failure.source]:
            chosen.add(failure.source)
    reaching = Reaching(ledger, router.graph, failing)
    run = partial(_emitting, router, nodes, tested)
    chosen = _reaching(chosen, reaching, emitting, is_kept, run)
    if not chosen.sizes:
        few = kept[:LOOKED_AT]
        for row in few[np.argsort(rows[few], kind="stable")][:1].tolist():
            chosen.add(row, MOST_BYTES, MOST_ROWS)
    return chosen.pushes()


def _reaching(
    chosen: _Chosen,
    reaching: Reaching,
    nodes: Sequence[str],
    is_kept: npt.NDArray[np.bool_],
    emitting: Callable[[Pushes], set[str]],
) -> _Chosen:
    """A sample with more messages, so that each of the nodes emits, where such are found.

    ``emitting`` says which nodes emit for a sample. That is tried out: what a node needs is a guess
    where there is state.
    """
    reached = emitting(chosen.pushes())
    runs = 0
    for node in reversed(nodes):  # what reaches the last reaches many before it
        sets = reaching.needs(node, REACHING) if node not in reached else ()
        for needs in (one for one in sets if is_kept[list(one)].all()):
            more = chosen.copy()
            if runs < RUNS and all(more.add(row, most=REACHING) for row in sorted(needs)):
                runs += 1
                now = emitting(more.pushes())
                if now > reached and node in now:
                    chosen, reached = more, now
                    break
    return chosen


class _Chosen:
    """The messages of a sample, by their numbers, within its bounds."""

    def __init__(self, log: Log, rows: Positions) -> None:
        self.sizes: dict[int, int] = {}
        self.values: dict[int, dict[str, Any]] = {}
        self._log = log
        self._rows = rows

    def copy(self) -> _Chosen:
        """Return a sample with the same messages."""
        made = _Chosen(self._log, self._rows)
        made.sizes, made.values = dict(self.sizes), dict(self.values)
        return made

    def pushes(self) -> Pushes:
        """Return the messages as they are pushed."""
        return [
            (to, [self.values[row] for row in part])
            for to, part in groupby(sorted(self.sizes), key=partial(_target, self._log))
        ]

    def add(
        self,
        row: int,
        most_bytes: int = EASY_BYTES,
        most_rows: int = EASY_ROWS,
        most: int = MOST,
    ) -> bool:
        """Add a message; return whether there was room for it."""
        made = int(self._rows[[*self.sizes, row]].sum())
        if row in self.sizes or len(self.sizes) >= most or made > most_rows:
            return row in self.sizes
        table = recorded(self._log, ENTRY_POINT, np.array([row]))
        (message,) = table.messages(ENTRY_POINT, Message)
        size = size_of(message)
        if sum(self.sizes.values()) + size > most_bytes:
            return False
        self.sizes[row] = size
        self.values[row] = message.as_dict()
        return True


def _kept(log: Log, nodes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which pushed messages are kept, and went to these nodes."""
    found = np.zeros(log.pushed, dtype=bool)
    ends = [*(first for first, _, _ in log.pushes), log.pushed][1:]
    for (first, _, to), end in zip(log.pushes, ends, strict=True):
        found[first:end] = to is None or to in nodes
    found[: log.inputs.first] = False
    return found


def _target(log: Log, row: int) -> str | None:
    """Which node a pushed message went to; None for all entry points."""
    return next(to for first, _, to in reversed(log.pushes) if first <= row)


def _holds(frame: pd.DataFrame, writer: Writer) -> bool:
    try:
        return _equal(frame, load_frame(_lines(frame, writer), ".jsonl", writer.classes))
    except Exception:  # a dtype whose name does not make it again
        return False


def _lines(frame: pd.DataFrame, writer: Writer) -> bytes:
    """The frame as JSON lines: its dtypes, then its rows."""
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    columns = [_values(frame[name]) for name in frame.columns]
    head = json.dumps({"dtypes": dtypes}, ensure_ascii=False).encode() + b"\n"
    return head + b"".join(writer.line(list(row)) for row in zip(*columns, strict=True))


def _values(column: pd.Series[Any]) -> list[Any]:
    if column.dtype == object:
        return column.tolist()
    values = column.astype(object)
    return values.where(column.notna(), None).tolist()


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    try:
        pd.testing.assert_frame_equal(one, other)
    except AssertionError:
        return False
    objects = [name for name in one.columns if one[name].dtype == object]
    return all(same(one[name].tolist(), other[name].tolist()) for name in objects)
