"""Before and after: what a changed node makes of messages that the node received before."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from emitnb.emissions import Log
from emitnb.errors import EmitError
from emitnb.graph import Graph
from emitnb.message import Message
from emitnb.node import Node
from emitnb.plan import HOP_LIMIT, make_plan
from emitnb.process import Given, Inputs, gather, process_plan
from emitnb.reruns.replay import ReplaySource
from emitnb.text import aligned, counted, one_line

LAST = 100
"""Messages that a node is tried on, if nobody says how many."""

SHOWN = 10
"""Lines of examples in the table."""

KINDS = ("same", "changed", "newly failing", "now fixed", "still failing", "dropped", "added")

_WIDTH = 36

Result = list[dict[str, Any]] | BaseException
"""What a node made of one message: its emissions' fields, or what it raised."""


@dataclass(frozen=True)
class Difference:
    """What changed between two versions of a node; ``str()`` gives a table, as a notebook does.

    ``frame`` has a row for each message: ``origin`` (str) and ``row`` (int64) of the message,
    ``kind`` (str, one of :data:`KINDS`), ``input`` (dict), ``old`` and ``new`` (list of dicts, the
    fields of each emission; the exception where it failed).
    """

    node: Node
    frame: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """How many messages are of each kind."""
        found = Counter(self.frame["kind"])
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def __str__(self) -> str:
        lines = [self._head(), *(f"  {line}" for line in aligned(self._examples()))]
        return "\n".join([*lines, *self._more()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = pd.DataFrame(list(self._examples()), columns=["", "message", "field", "old → new"])
        shown = table.to_html(index=False, border=0) if len(table) else ""
        for tag in ("<th>", "<td>"):  # notebooks put what is in tables to the right
            shown = shown.replace(tag, f'{tag[:-1]} style="text-align: left">')
        head, *more = (
            f'<div style="padding-left: 5px">{html.escape(line)}</div>'
            for line in (self._head(), *self._more())
        )
        return "".join([head, shown, *more])

    def _head(self) -> str:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        note = "; both with fresh state" if self.node.new_state is not None else ""
        tried = counted(len(self.frame), "message")
        return f"{self.node.name}: the last {tried}: {counts}{note}"

    @property
    def _news(self) -> pd.DataFrame:
        """The messages to tell of: not those that fail just as they did before."""
        pairs = zip(self.frame["old"], self.frame["new"], strict=True)
        return self.frame.loc[[not _alike(old, new) for old, new in pairs]]

    def _more(self) -> list[str]:
        hidden = len(self._news) - SHOWN
        return [f"… {hidden:,} more; .frame has all"] if hidden > 0 else []

    def _examples(self) -> Iterator[tuple[str, str, str, str]]:
        told = self._news.head(SHOWN)
        columns = (told[name].tolist() for name in ("kind", "input", "old", "new"))
        for kind, message, old, new in zip(*columns, strict=True):
            for place, (field, change) in enumerate(_changes(old, new)):
                yield (*(("", "") if place else (kind, _short(message))), field, change)


def difference(
    log: Log, graph: Graph, old: Node, new: Node, last: int, hop_limit: int = HOP_LIMIT
) -> Difference:
    """Return what ``new``, in its graph, does otherwise than ``old``.

    Both run here, on the ``last`` messages that are recorded of what the new one receives.
    Raises EmitError where there are none.
    """
    source = ReplaySource(graph, frozenset([new.name]), log)
    source.skip_to_last(last)
    taken = source.take(last).table
    if not isinstance(taken, Given):
        raise EmitError(
            f"{new.name} has received nothing yet that it could be tried on; "
            "push something first, or run the cell without --diff"
        )
    streams = source.entries[new.name]
    inputs = gather(streams, taken.streams, graph.message_class)
    messages = [message for part in inputs.slices(len(inputs)) for message in part]
    olds, news = (_results(graph, node, streams, taken, hop_limit) for node in (old, new))
    rows = [
        (*place, _kind(before, after), message.as_dict(), before, after)
        for place, message, before, after in zip(
            _places(inputs, streams, taken), messages, olds, news, strict=True
        )
    ]
    columns = ["origin", "row", "kind", "input", "old", "new"]
    frame = pd.DataFrame(rows[-last:], columns=columns)
    return Difference(new, frame)


def _results(
    graph: Graph, node: Node, streams: tuple[str, ...], given: Given, hop_limit: int
) -> list[Result]:
    """What a node alone makes of each message, in the order in which they arrive."""
    node = replace(node, subscriptions=(), ignores=(), entry_point=False)
    alone = Graph({node.name: node}, {}, graph.message_class)
    (made,) = process_plan(make_plan(alone, {node.name: streams}, hop_limit), given, {}).nodes
    emitted = iter(made.table.messages(node.name, Message))
    counts = [1] * made.received if made.counts is None else made.counts.tolist()
    found: list[Result] = [[next(emitted).as_dict() for _ in range(count)] for count in counts]
    for failed in made.failures:
        found[failed.position] = failed.error
    return found


def _places(inputs: Inputs, streams: tuple[str, ...], given: Given) -> Iterator[tuple[str, int]]:
    """The origin and the recorded row of each message."""
    parents = inputs.parents
    size = len(inputs)
    codes = [0] * size if parents.codes is None else parents.codes.tolist()
    rows = range(size) if parents.rows is None else parents.rows.tolist()
    for code, row in zip(codes, rows, strict=True):
        origin, recorded = given.recorded[streams[code]]
        yield origin, int(recorded[row])


def _kind(old: Result, new: Result) -> str:
    if isinstance(new, BaseException):
        return "still failing" if isinstance(old, BaseException) else "newly failing"
    if isinstance(old, BaseException):
        return "now fixed"
    if bool(old) != bool(new):
        return "added" if new else "dropped"
    return "same" if _alike(old, new) else "changed"


def _alike(old: Any, new: Any) -> bool:
    """Equal, also where values are compared element by element, or are not equal to themselves."""
    try:
        return bool(old == new) or repr(old) == repr(new)
    except Exception:
        return repr(old) == repr(new)


def _changes(old: Result, new: Result) -> Iterator[tuple[str, str]]:
    """The fields that changed, with old and new values; one line for what has no pair."""
    if isinstance(old, BaseException) or isinstance(new, BaseException) or len(old) != len(new):
        yield "", f"{_result_text(old)} → {_result_text(new)}"
        return
    for before, after in zip(old, new, strict=True):
        for field in dict.fromkeys((*before, *after)):
            values = before.get(field, _ABSENT), after.get(field, _ABSENT)
            if not _alike(*values):
                yield field, f"{_short(values[0])} → {_short(values[1])}"


def _result_text(result: Result) -> str:
    if isinstance(result, BaseException):
        return one_line(f"{type(result).__name__}: {result}", _WIDTH)
    if len(result) > 1:
        return f"{len(result)} emissions"
    return _short(result[0]) if result else "nothing"


class _Absent:
    def __repr__(self) -> str:
        return "(no such field)"


_ABSENT = _Absent()


def _short(value: Any) -> str:
    return one_line(repr(value), _WIDTH)
