"""Reading what was recorded: frames of emissions, failures, figures and traces."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pandas as pd

from emitnb.bounds import Kept, changed, kept
from emitnb.emissions import KeptRows, Track, node_frame, trace_frame, whole_frame
from emitnb.errors import UnknownRowError
from emitnb.graph import Graph
from emitnb.ledger import Ledger, Store, Totals, summary_frame
from emitnb.message import ENTRY_POINT


class Reader:
    """The part of a router that is about what came out; it changes none of it."""

    def __init__(self) -> None:
        self._store = Store()

    @property
    def graph(self) -> Graph:
        """The graph as it is now: an immutable value."""
        raise NotImplementedError

    def frame(self, node: str | None = None, *, lineage: bool = False) -> pd.DataFrame:
        """Return what one node emitted, or all of them in push order.

        One node: its fields as columns (declared types become dtypes) and a RangeIndex. All:
        ``node`` (str), ``row`` (int64) and the union of the fields. With ``lineage`` also
        ``parent_node`` (str), ``parent_row`` and ``source`` (int64; source is the number of the
        pushed message), ``revision`` (int64) and ``time`` (datetime64[ns, UTC]). Rows of an older
        revision are counted in ``frame.attrs["stale"]``. ``"__entry_point"`` gives the pushed
        messages that are still kept.
        """
        log, graph = self._ledger.log, self.graph
        if node == ENTRY_POINT:
            return log.inputs.frame()
        _check_room([log.tracks[name] for name in log.tracks if node in (None, name)])
        if node is None:
            frame = whole_frame(log, graph.nodes, _names(graph), lineage)
            names = list(log.tracks)
        else:
            names = [self._recorded(node)]
            frame = node_frame(log, names[0], graph.nodes.get(names[0]), lineage)
        notes = [f"{name}: {note}" for name in names if (note := self._ledger.changes.note(name))]
        if notes:
            frame.attrs["stale"] = "; ".join(notes)
        return frame

    def failures(self, node: str | None = None) -> pd.DataFrame:
        """Return the messages that failed, a row each, of one node or of all.

        Columns: ``node``, ``error_type`` and ``error`` (str), ``line`` (Int64, in the node's own
        file or cell), ``input`` (dict), ``source`` (Int64, number of the pushed message),
        ``parent_node`` (str), ``parent_row`` and ``revision`` (Int64), ``time``
        (datetime64[ns, UTC]) and ``traceback`` (str).
        """
        if node is not None and node != ENTRY_POINT:
            node = self._recorded(node)
        return self._ledger.failures.frame(node)

    def trace(self, node: str, row: int) -> pd.DataFrame:
        """Return the ancestors and descendants of one emission.

        Columns: ``hop`` (int64; 0 is the emission, negative its ancestors up to the pushed
        message, positive its descendants), ``node`` (str), ``row`` (int64), ``parent_node``
        (str), ``parent_row`` and ``revision`` (Int64), ``values`` (dict).
        """
        log = self._ledger.log
        name = ENTRY_POINT if node == ENTRY_POINT else self._recorded(node)
        rows = log.starts().get(name, 0)
        if not 0 <= row < rows:
            has = f"has rows 0 to {rows - 1:,}" if rows else "has emitted nothing yet"
            raise UnknownRowError(f"{name} {has}; there is no row {row}")
        return trace_frame(log, name, row)

    def summary(self) -> pd.DataFrame:
        """Return what each node did since the last clear, a row each, indexed by ``node``.

        Columns: ``in``, ``emitted``, ``dropped`` and ``failed`` (int64, messages) and ``ms``
        (float64, milliseconds in the node's function for each message received). Dropped are
        messages that made no emission and did not fail. ``attrs["kept"]`` says what lies in
        memory, and what in files; see :meth:`bound`.
        """
        graph = self.graph
        order = _names(graph)
        figures = {**dict.fromkeys([ENTRY_POINT, *order], Totals()), **self._ledger.figures}
        summary = summary_frame(figures, order)
        summary.attrs["kept"] = str(self.bound())
        return summary

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

    @property
    def _ledger(self) -> Ledger:
        return self._store.ledger

    def _recorded(self, name: str) -> str:
        """The full name of a node that is in the graph, or once was and has rows."""
        if name not in self.graph.nodes and name in self._ledger.log.tracks:
            return name
        return self.graph.find(name)


def _check_room(tracks: Iterable[Track]) -> None:
    """Refuse what is too large to be brought here from a cluster, before anything is."""
    kept = [p.table for track in tracks for p in track.parts if isinstance(p, KeptRows)]
    if kept:
        kept[0].keeper.check_room(sum(table.nbytes for table in kept))


def _names(graph: Graph) -> list[str]:
    return [name for part in graph.order for name in part.members]
