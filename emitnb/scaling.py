"""What a cluster would make of a graph: what nodes captured, where keys go, the same on a sample.

The sample goes through routers that are thrown away, so that nothing of it is recorded.
"""

from __future__ import annotations

import html
import reprlib
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pandas as pd

from emitnb.backends import Backend
from emitnb.backends.memory import Memory, MemorySession
from emitnb.backends.preflight import LARGE, Check, Variable, check
from emitnb.emissions.inputs import InputRecord
from emitnb.errors import BackendError, EmitError, RunInterrupted, RunStoppedError
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, Message
from emitnb.process import Committed
from emitnb.process.hashing import partition_of
from emitnb.text import counted, listed, size_text

IDENTICAL = "identical"
UNCOMPARED = "nothing was compared"

MOST_SHOWN = 6
"""Captured variables, or partitions, that are listed for a node."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


class Scratch(Protocol):
    """A router that takes a sample and is thrown away."""

    max_failures: int

    def push(self, source: Any, *, progress: bool | None = None) -> Any:
        """See :meth:`emitnb.Router.push`."""

    def frame(self, node: str | None = None, *, lineage: bool = False) -> Any:
        """See :meth:`emitnb.Router.frame`."""

    def failures(self) -> pd.DataFrame:
        """See :meth:`emitnb.Router.failures`."""

    def summary(self) -> pd.DataFrame:
        """See :meth:`emitnb.Router.summary`."""


Make = Callable[[Graph, Backend], Scratch]
"""Makes a router of its own for a graph and a backend."""


@dataclass(frozen=True)
class Report:
    """What :func:`scale` found out.

    ``frame`` has a row for each node, indexed by ``node``: ``ms`` (float64, milliseconds in its
    function for a message of the sample), ``captured``, ``partitions``, ``problems`` and ``notes``
    (str). ``verdict`` is ``identical``, the first difference, or why nothing was compared.
    """

    frame: pd.DataFrame
    verdict: str
    headline: str

    def __str__(self) -> str:
        table = [self._table().to_string()] if len(self.frame) else []
        return "\n\n".join([self.headline, *table, *self._remarks()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self._table().to_html(escape=True, border=0, index_names=False)
        head, *remarks = (
            f'<div style="padding-left: 5px; white-space: pre-wrap">{html.escape(text)}</div>'
            for text in (self.headline, *self._remarks())
        )
        return "".join([head, table if len(self.frame) else "", *remarks])

    def _table(self) -> pd.DataFrame:
        """What fits a line. Problems and notes are sentences, and stand below."""
        ms = self.frame["ms"].map("{:,.3f}".format).where(self.frame["ms"].notna(), "")
        return pd.DataFrame({"ms": ms, **self.frame[["captured", "partitions"]]})

    def _remarks(self) -> list[str]:
        problems, notes = (
            self.frame[column][self.frame[column] != ""] for column in ("problems", "notes")
        )
        return [*problems, *(f"{name} {note}" for name, note in notes.items())]


def scale(graph: Graph, backend: Backend, inputs: InputRecord, sample: int, make: Make) -> Report:
    """Check every node for a cluster; run a sample in memory and on ``backend``; compare.

    Parameters
    ----------
    inputs : what was pushed so far; its last ``sample`` messages are the sample
    make : makes the routers that the sample goes through

    Raises EmitError if ``sample`` is not a number from 1 on.
    """
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < 1:
        raise EmitError(f"sample is {sample!r}; give a number of messages from 1 on")
    checks = {name: check(graph.nodes[name]) for name in _order(graph)}
    messages = latest(inputs, sample)
    here, memory = _Watched(), None
    if messages and graph.subscribers(ENTRY_POINT):
        memory = _pushed(make(graph, here), messages)
    frame = _frame(graph, checks, memory, here.keys(), backend.partitions)
    obstacle = _obstacle(graph, backend, checks, inputs)
    if obstacle or memory is None:
        return Report(frame, obstacle, obstacle)
    verdict = _verdict(graph, memory, _pushed(make(graph, backend), messages), backend.name)
    return Report(frame, verdict, _headline(verdict, len(messages), backend.name))


def latest(inputs: InputRecord, count: int) -> list[Message]:
    """Return the messages pushed last, in their order, each with the fields it came with."""
    found: list[Message] = []
    for table, _ in reversed(inputs.kept):
        start = max(0, len(table) + len(found) - count)
        found = table.messages(ENTRY_POINT, Message, start) + found
    return found


class _Watched(Memory):
    """The memory backend, with a window on the states of what ran last."""

    _states: Callable[[], Committed] = staticmethod(dict)

    def session(
        self,
        committed: Callable[[], Committed],
        say: Callable[[str], None],
        keep_on_cluster: bool = False,
    ) -> MemorySession:
        """See :class:`emitnb.backends.Backend`."""
        self._states = committed
        return super().session(committed, say, keep_on_cluster)

    def keys(self) -> dict[str, list[Hashable]]:
        """The keys that each node has a state for."""
        layers = self._states().items()
        return {name: list(dict.fromkeys(k for one in many for k in one)) for name, many in layers}


def _pushed(router: Scratch, messages: list[Message]) -> Scratch:
    router.max_failures = sys.maxsize  # what fails is compared too
    try:
        router.push(messages, progress=False)
    except RunInterrupted as interrupt:
        what = "the sample was on its way; nothing of it is recorded"
        raise RunInterrupted(what, interrupt.run) from interrupt
    except RunStoppedError as stopped:
        raise BackendError(f"the sample did not go through: {stopped.__cause__}") from stopped
    return router


def _obstacle(
    graph: Graph, backend: Backend, checks: Mapping[str, Check], inputs: InputRecord
) -> str:
    """Why no sample can be compared, and what to do about it; empty if one can."""
    broken = [name for name, found in checks.items() if found.problems]
    if broken:
        return f"{UNCOMPARED}: {listed(broken, 3)} cannot run on a cluster; see the problems"
    if not graph.subscribers(ENTRY_POINT):
        return f"{UNCOMPARED}: no node receives pushed data; declare one with --entry"
    if not inputs.rows:
        return f"{UNCOMPARED}: nothing was pushed yet; push some data, then ask again"
    if not inputs.kept:
        where = "what was pushed lies on the cluster, or is too large to keep"
        return f"{UNCOMPARED}: {where}; push a few messages from here, then ask again"
    if backend.name == Memory.name:
        return f"{UNCOMPARED}: nodes run in memory; choose a cluster with %emit_backend dask"
    return ""


def _headline(verdict: str, messages: int, name: str) -> str:
    of = f"{counted(messages, 'message')}, in memory and on {name}"
    if verdict == IDENTICAL:
        return f"{IDENTICAL}: {of}"
    return (
        f"different: {of}\n{verdict}\n"
        "A node gives the same on any backend if it is a function of message and state. Random "
        "numbers, the time, or the order of a set make it differ from run to run."
    )


def _order(graph: Graph) -> list[str]:
    return [name for part in graph.order for name in part.members]


# -- the table ----------------------------------------------------------------------------------


def _frame(
    graph: Graph,
    checks: Mapping[str, Check],
    memory: Scratch | None,
    keys: Mapping[str, Sequence[Hashable]],
    count: int | None,
) -> pd.DataFrame:
    ran = None if memory is None else memory.summary()
    ms = {} if ran is None else ran["ms"][ran["in"] > 0].to_dict()
    texts = {
        "captured": [_captured(found.variables) for found in checks.values()],
        "partitions": [_partitions(graph, name, keys.get(name, ()), count) for name in checks],
        "problems": ["\n".join(found.problems) for found in checks.values()],
        "notes": [_notes(found) for found in checks.values()],
    }
    index = pd.Index(checks, dtype="str", name="node")
    times = pd.Series([ms.get(name) for name in checks], index, "float64")
    return pd.DataFrame({"ms": times, **pd.DataFrame(texts, index, dtype="str")})


def _captured(variables: Sequence[Variable]) -> str:
    largest = sorted(variables, key=lambda variable: -(variable.size or 0))
    sizes = ["" if one.size is None else f" {size_text(one.size)}" for one in largest]
    texts = [f"{one.name}{size}" for one, size in zip(largest, sizes, strict=True)]
    return listed(texts, MOST_SHOWN)


def _notes(found: Check) -> str:
    """What neither ``captured`` nor a problem says: that something is large, or may be changed."""
    is_shared = any(one.change for one in found.variables) and not found.problems
    is_large = any((one.size or 0) >= LARGE for one in found.variables)
    return "; ".join(found.notes) if is_shared or is_large else ""


def _partitions(graph: Graph, name: str, keys: Sequence[Hashable], count: int | None) -> str:
    """Where on a cluster the messages of a node go, as text."""
    node = graph.nodes[name]
    if node.new_state is None:
        return "any"
    if not node.key or graph.order[graph.ranks[name]].is_loop:
        return "one"
    if count is None or not keys:
        return counted(len(keys), "key") if keys else "by key"
    tally = Counter(partition_of(key, count) for key in keys)
    texts = [f"{number}: {counted(tally[number], 'key')}" for number in sorted(tally)]
    return listed(texts, MOST_SHOWN)


# -- the comparison -----------------------------------------------------------------------------


class Difference(NamedTuple):
    """The first cell of two frames that is not the same."""

    row: int
    field: str
    one: object
    other: object


def _verdict(graph: Graph, memory: Scratch, cluster: Scratch, name: str) -> str:
    """``identical``, or the first difference in the order of the graph."""
    both = (memory, cluster)
    for node in _order(graph):
        # All but the last column, the time; by place, for a field may have that name too.
        frames = (router.frame(node, lineage=True).iloc[:, :-1] for router in both)
        found = first_difference(*frames)
        if found is not None:
            return _told(node, found, name)
    failures = (router.failures().drop(columns="time") for router in both)
    found = first_difference(*failures)
    return IDENTICAL if found is None else _told("failures", found, name)


def first_difference(one: pd.DataFrame, other: pd.DataFrame) -> Difference | None:
    """Return the first row that differs, and in it the first field; None if the frames are equal.

    >>> first_difference(pd.DataFrame({"word": ["a", "b"]}), pd.DataFrame({"word": ["a", "c"]}))
    Difference(row=1, field='word', one='b', other='c')
    """
    if list(one.columns) != list(other.columns):
        return Difference(0, "fields", list(one.columns), list(other.columns))
    rows = min(len(one), len(other))
    # As objects: a value is then shown as Python's own, and a dtype alone is no other value.
    left, right = (frame[:rows].astype(object) for frame in (one, other))
    places = range(left.shape[1])
    firsts = [_first_unequal(left.iloc[:, place], right.iloc[:, place]) for place in places]
    row = min(firsts, default=rows)
    if row < rows:
        place = firsts.index(row)
        field = str(one.columns[place])
        return Difference(row, field, left.iloc[row, place], right.iloc[row, place])
    if len(one) != len(other):
        return Difference(rows, "number of rows", len(one), len(other))
    kinds = zip(one.columns, one.dtypes, other.dtypes, strict=True)
    return next((Difference(0, f"dtype of {n}", a, b) for n, a, b in kinds if a != b), None)


def _first_unequal(one: pd.Series[Any], other: pd.Series[Any]) -> int:
    """The first row in which two columns of equal length differ; their length if none does."""
    if _equal(one, other):
        return len(one)
    rows = range(len(one))
    return bisect_left(rows, True, key=lambda row: not _equal(one[: row + 1], other[: row + 1]))


def _equal(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    try:
        # It knows missing values, and arrays and lists inside of columns.
        pd.testing.assert_series_equal(one, other, check_exact=True)
    except AssertionError:
        return False
    return True


def _told(what: str, found: Difference, name: str) -> str:
    one, other = (_short.repr(value) for value in (found.one, found.other))
    return f"{what}, row {found.row:,}, {found.field}: {one} in memory, {other} on {name}"
