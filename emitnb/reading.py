"""Reading what was recorded: frames of emissions, failures, figures and traces."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from emitnb.advice import advise
from emitnb.bounds import Kept, changed, kept
from emitnb.emissions import KeptRows, Track, node_frame, trace_frame, whole_frame
from emitnb.errors import UnknownRowError
from emitnb.figures import Totals, summary_frame
from emitnb.glimpse import Glimpse
from emitnb.graph import Graph
from emitnb.grouping import group_failures
from emitnb.message import ENTRY_POINT, is_port, node_of, port_of
from emitnb.peeking import peek
from emitnb.reproducing import FailingCall, failing_call
from emitnb.story import Trace
from emitnb.watching import Watched


class Reader(Watched):
    """The part of a router that is about what came out; it changes none of it."""

    def frame(self, node: str | None = None, *, lineage: bool = False) -> pd.DataFrame:
        """Return what one node emitted, or all of them in push order.

        One node: its fields as columns (declared types become dtypes) and a RangeIndex. All:
        ``node`` (str), ``row`` (int64) and the union of the fields. With ``lineage`` also
        ``parent_node`` (str), ``parent_row`` and ``source`` (int64; source is the number of the
        pushed message), ``revision`` (int64) and ``time`` (datetime64[ns, UTC]). A field
        keeps its name where it is one of these; the column is ``_time`` then. Rows older than a
        change are counted in ``frame.attrs["stale"]``. ``"__entry_point"`` gives the pushed
        messages that are still kept, ``"parse!"`` what went out of the failure port of ``parse``
        while a node subscribed to it (``node``, ``error_type``, ``error`` and ``input``).

        Raises UnknownNodeError for a node that there never was, RecordLostError where a file with
        rows is gone, and BackendError where rows that stay on a cluster have no room here.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.frame("halve", lineage=True)[["half", "parent_node", "parent_row"]]
           half    parent_node  parent_row
        0     3  __entry_point           1
        """
        log, graph = self._ledger.log, self.graph
        if node == ENTRY_POINT:
            return log.inputs.frame()
        _check_room([log.tracks[name] for name in log.tracks if node in (None, name)])
        if node is None:
            frame = whole_frame(log, graph.nodes, _names(graph), lineage)
            names = [name for name in log.tracks if not is_port(name)]
        else:
            names = [self._origin(node)]
            frame = node_frame(log, names[0], graph.nodes.get(names[0]), lineage)
        notes = [f"{name}: {note}" for name in names if (note := self._ledger.changes.note(name))]
        if notes:
            frame.attrs["stale"] = "; ".join(notes)
        return frame

    def failures(self, node: str | None = None) -> pd.DataFrame:
        """Return the messages that failed, a row each, of one node or of all.

        Columns: ``node``, ``error_type`` and ``error`` (str), ``line`` (Int64, in the node's own
        file or cell), ``input`` (dict), ``source`` (Int64, number of the pushed message),
        ``parent_node`` (str), ``parent_row`` and ``revision`` (Int64), ``attempts`` (int64, how
        often the message was tried), ``time`` (datetime64[ns, UTC]) and ``traceback`` (str). The
        index is the row number that :meth:`reproduce`, ``retry`` and ``discard`` take. A failure
        has it for as long as it is kept, whatever becomes of the others.

        Raises UnknownNodeError for a node that there never was.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.failures("halve")[["error_type", "input", "attempts"]]
                  error_type     input  attempts
        0  ZeroDivisionError  {'n': 0}         1
        """
        return self._ledger.failures.frame(self._failing(node))

    def fixed(self, node: str | None = None) -> pd.DataFrame:
        """Return the failures that were fixed, a row each, of one node or of all.

        What failed and passed when it was retried, or when its node was replayed. The latest
        1,000 are remembered (and 32 MB at the most), until :meth:`Router.clear`.

        Columns: ``node``, ``error_type`` and ``error`` (str), ``input`` (dict), ``revision``
        (Int64, the one that failed) and ``time`` (datetime64[ns, UTC], when it last did).

        Raises UnknownNodeError for a node that there never was.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: msg.n / 2)
        >>> run = router.retry()
        >>> router.fixed()[["node", "error_type", "input", "revision"]]
            node         error_type     input  revision
        0  halve  ZeroDivisionError  {'n': 0}         1
        """
        return self._ledger.fixed.frame(self._failing(node))

    def failure_groups(self, node: str | None = None) -> pd.DataFrame:
        """Return what failed, a row for each node, exception type and line, the largest first.

        Columns: ``node`` and ``error_type`` (str), ``line`` (Int64, in the node's own file or
        cell), ``count`` (int64), ``first`` and ``last`` (datetime64[ns, UTC]); then of the failure
        with the smallest input, by the length of its JSON (the first of those as small):
        ``error`` (str, cut after 200 characters), ``smallest`` (dict, the input) and ``row``
        (int64, its row in :meth:`failures`).

        Raises UnknownNodeError for a node that there never was.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.failure_groups().query("count > 0")[["node", "count", "smallest", "row"]]
            node  count  smallest  row
        0  halve      1  {'n': 0}    0
        """
        return group_failures(self._ledger.failures, self._failing(node))

    def reproduce(self, row: int) -> Any:
        """Call a node again, as it is now, on the input of one failure: a row of :meth:`failures`.

        Returns what the node returns: a list for a generator, a DataFrame for a batch node, which
        gets a frame of one row; NoResult if its predicate is now false. Async nodes are awaited.
        The call is made here, wherever it failed, once, and with a copy of the committed state;
        nothing is recorded or routed.

        Raises what the node raises; UnknownRowError; UnknownNodeError if the node was removed; and
        EmitError where no node was called, or the call ended its process.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.reproduce(router.failure_groups()["row"][0])
        Traceback (most recent call last):
        ZeroDivisionError: integer division or modulo by zero
        """
        __tracebackhide__ = True
        return self.failing_call(row)()

    def failing_call(self, row: int) -> FailingCall:
        """Return the call that :meth:`reproduce` makes, without making it.

        Raises UnknownRowError; UnknownNodeError; and EmitError where no node was called.
        """
        ledger = self._ledger
        return failing_call(ledger.failures, self.graph, ledger.states, row)

    def trace(self, node: str, row: int) -> Trace:
        """Return the ancestors and descendants of one emission: a DataFrame, shown as a tree.

        Columns: ``hop`` (int64; 0 is the emission, negative its ancestors up to the pushed
        message, positive its descendants), ``node`` (str), ``row`` (int64), ``parent_node``
        (str), ``parent_row`` and ``revision`` (Int64), ``ms`` (float64, milliseconds in the
        node's function for one message: the mean of the slice of up to 512 messages in which it
        was processed, of a batch node the mean of the batch, for that is what is measured) and
        ``values`` (dict). The tree is cut where it is long; the frame has all.

        Raises UnknownNodeError, and UnknownRowError for a row that the node does not have.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.trace("halve", 0)[["hop", "node", "row", "values"]]
           hop           node  row       values
        0   -1  __entry_point    1     {'n': 4}
        1    0          halve    0  {'half': 3}
        """
        log = self._ledger.log
        name = ENTRY_POINT if node == ENTRY_POINT else self._origin(node)
        rows = log.starts().get(name, 0)
        if not 0 <= row < rows:
            has = f"has rows 0 to {rows - 1:,}" if rows else "has emitted nothing yet"
            raise UnknownRowError(f"{name} {has}; there is no row {row}")
        return Trace(trace_frame(log, name, row))

    def peek(self, edge: str, n: int = 20) -> pd.DataFrame:
        """Return the latest messages that went over an edge, the latest last.

        The columns are the fields of the origin, the index (``row``, int64) the origin's rows.
        Only what the node really received is there: not what its origin emitted before it
        subscribed, or while data was pushed to another node.

        Parameters
        ----------
        edge : ``"words -> count_word"``; the origin may be ``__entry_point``, of which there are
            the messages that are still kept
        n : the largest number of messages

        Raises UnknownNodeError, UnknownEdgeError (it says what the node does receive from), and
        EmitError if ``edge`` is no edge or ``n`` no number from 1 on.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.peek("__entry_point -> halve", n=1)["n"].tolist()
        [4]
        """
        return peek(self._ledger.log, self.graph, edge, n)

    def glimpse(self) -> Glimpse:
        """Return a look at what is recorded now, for displays: bounded, and the same to the end.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.glimpse().last("halve", 5).rows
        [(3,)]
        """
        return Glimpse(self._ledger, self.graph)

    def summary(self) -> pd.DataFrame:
        """Return what each node did since the last clear, a row each, indexed by ``node``.

        Columns: ``in``, ``emitted``, ``dropped`` and ``failed`` (int64, messages) and ``ms``
        (float64, milliseconds in the node's function for each message received). Dropped are
        messages that made no emission and did not fail. ``attrs["advice"]`` is what
        :meth:`advice` says, ``attrs["kept"]`` what lies in memory, and what in files (see
        :meth:`bound`), and ``attrs["remarks"]`` all lines (str) to be shown below the table.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.summary()["failed"].to_dict()
        {'__entry_point': 0, 'halve': 1}
        """
        graph = self.graph
        order = _names(graph)
        figures = {**dict.fromkeys([ENTRY_POINT, *order], Totals()), **self._ledger.figures}
        frame = summary_frame(figures, order)
        advice = self.advice()
        kept = str(self.bound())
        remarks = [line for line in (kept, advice) if line]
        frame.attrs.update(advice=advice, kept=kept, remarks=remarks)
        return frame

    def advice(self) -> str:
        """Say what is slow since the last clear, in a sentence or two; "" if nothing ran.

        Which node takes what share of the time in nodes, and its rate; whether one key has far
        more than its part of the latest messages of a keyed node; and, where the slowest node
        takes half a second or more, what would help: ``batch=True``, ``key=``, dask, or nothing
        that is known.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.advice()[:41]
        'halve takes all of the time: 2 messages i'
        """
        ledger = self._ledger
        return advise(ledger.figures, self.graph, ledger.log, self._on_cluster)

    @property
    def _on_cluster(self) -> bool:
        """Whether nodes run on a cluster."""
        raise NotImplementedError

    def _failing(self, node: str | None) -> str | None:
        return node if node in (None, ENTRY_POINT) else self._recorded(node)

    def bound(
        self,
        memory: int | float | str | None = None,
        rows: int | float | str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> Kept:
        """Bound the memory that the record takes; return what lies in memory, and what in files.

        The record are emissions, pushed messages and failures. What is beyond goes to files,
        oldest rows first, and is read back where it is needed. What is not given stays as it is.

        Parameters
        ----------
        memory : bytes, or a text as ``"200 MB"``; ``"unlimited"`` (at first: 1 GB)
        rows : rows of all three together, or ``"unlimited"`` (as it is at first)
        folder : where files go from now on, in a folder of their own that is removed with the
            last of them (at first: the system's temporary folder)

        Raises EmitError for what is no such thing, and RecordFullError where files have no room;
        then all stays as it was.

        >>> Reader().bound("200 MB").bounds.memory
        200000000
        """
        if (memory, rows, folder) != (None, None, None):
            self._store.bound(lambda bounds: changed(bounds, memory, rows, folder))
        ledger = self._ledger
        return kept(self._store.bounds, ledger.log, ledger.failures)

    def _recorded(self, name: str) -> str:
        """The full name of a node that is in the graph, or once was and has rows."""
        if name not in self.graph.nodes and name in self._ledger.log.tracks and not is_port(name):
            return name
        return self.graph.find(name)

    def _origin(self, name: str) -> str:
        """The full name of a node, or of its port."""
        node = self._recorded(node_of(name))
        return port_of(node) if is_port(name) else node


def _check_room(tracks: Iterable[Track]) -> None:
    """Refuse what is too large to be brought here from a cluster, before anything is."""
    kept = [p.table for track in tracks for p in track.parts if isinstance(p, KeptRows)]
    if kept:
        kept[0].keeper.check_room(sum(table.nbytes for table in kept))


def _names(graph: Graph) -> list[str]:
    return [name for part in graph.order for name in part.members]
