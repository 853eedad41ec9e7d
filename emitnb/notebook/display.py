"""What magics return where the router has no value of its own to show."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT
from emitnb.picture import Count, Counts, picture, why_no_picture
from emitnb.router import Router

OVERVIEW = (
    ("%%emit_node FIELD[:TYPE] ... [--on P ...]", "declare the function in the cell as a node"),
    ("%%emit_route", "subscribe and cut: lines `a -> b -> c`, `a -x b`"),
    ("%emit_push SOURCE [--to NODE]", "push files or the value of an expression"),
    ("%%emit_push [--to NODE]", "push what is in the cell: text, JSON lines or CSV"),
    ("%emit_wait [SECONDS] [--run N]", "wait for what was pushed with --background; summary"),
    ("%emit_pause [RUN]", "pause runs in the background between two batches"),
    ("%emit_resume [RUN]", "let them go on, or the last one that was interrupted"),
    ("%emit_step [N] [--run RUN]", "let them commit N more batches, then pause"),
    ("%emit_stop [RUN]", "end them; what is committed stays"),
    ("%emit_log NODE", "what a node printed in the background"),
    ("%emit_frame [NODE] [--lineage]", "what a node, or all of them, emitted"),
    ("%emit_failures [NODE] [--rows]", "what failed, by error and line; or every message"),
    ("%emit_debug ROW", "call a node again on what it failed on, in the debugger"),
    ("%emit_retry [NODE] [--step]", "send what failed through its nodes again"),
    ("%emit_discard [NODE]", "forget failures"),
    ("%emit_replay [NODE]", "run again what comes from an older version of a cell"),
    ("%emit_live [on | off]", "replay a node whenever its cell changes"),
    ("%emit_summary", "in, emitted, dropped, failed and ms for each node"),
    ("%emit_budget [SIZE] [--rows N]", "what the record may take in memory; files hold the rest"),
    ("%emit_trace NODE ROW", "the story of an emission: ancestors, descendants, ms"),
    ("%emit_peek A -> B [-n N]", "the latest messages that went over an edge"),
    ("%emit_backend [memory | dask]", "where nodes run: here, or on a dask cluster"),
    ("%emit_scale [--sample N]", "what a cluster makes of the graph; the same on a sample?"),
    ("%emit_graph", "the graph, as a picture and as text"),
    ("%emit_remove NODE", "remove a node"),
    ("%emit_rename A B", "rename node A to B"),
    ("%emit_param NAME = VALUE", "a variable that is an option of the exported module"),
    ("%emit_export PATH [--tests]", "write the graph as a Python module"),
    ("%emit_import MODULE.py [NOTEBOOK.ipynb]", "write a module of nodes as a notebook"),
    ("%emit_load MODULE", "take a module's nodes in, without cells"),
    ("%emit_reset [--keep-graph]", "forget the graph, emissions and failures"),
    ("%emit", "this list; %emit_push? explains a magic"),
)


class Text(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Several:
    """Several results of one cell, one below the other."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.parts))

    def _repr_html_(self) -> str:
        return "".join(map(_html, self.parts))


def _html(part: Any) -> str:
    shown = getattr(part, "_repr_html_", None)
    if shown is not None:
        return str(shown())
    return f'<pre style="margin: 0; padding: 0 0 5px 5px">{escape(repr(part))}</pre>'


class Summary(pd.DataFrame):
    """A summary that is shown with its remarks, a line each below the table."""

    def __repr__(self) -> str:
        return "\n".join([repr(self[:]), *self.attrs.get("remarks", ())])

    def _repr_html_(self) -> str:
        lines = (
            f'<div style="padding-left: 5px">{escape(line)}</div>'
            for line in self.attrs.get("remarks", ())
        )
        plain: Any = self[:]
        return "".join([plain._repr_html_() or "", *lines])


class Drawing:
    """The graph as it was when it was drawn: text everywhere, a picture where there can be one."""

    def __init__(self, text: str, graph: Graph, counts: Counts) -> None:
        self.text = text
        self.graph = graph
        self.counts = counts
        self._missing = why_no_picture(graph)

    def __repr__(self) -> str:
        # Of a graph without nodes the text itself says so.
        is_said = not self._missing or not self.graph.nodes
        return self.text if is_said else f"{self.text}\n\n({self._missing})"

    def _repr_svg_(self) -> str | None:
        if self._missing:
            return None
        return picture(self.graph, self.counts, standalone=True)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if not self._missing:
            # HTML before SVG: a page shows SVG data as an image, which cannot see its colours.
            bundle["text/html"] = picture(self.graph, self.counts)
            bundle["image/svg+xml"] = picture(self.graph, self.counts, standalone=True)
        return bundle


def drawing(router: Router) -> Drawing:
    """Return the graph of a router, with what each node emitted if anything was pushed."""
    summary = router.summary()
    stale = router.stale()
    counts: dict[str, Count] = {}
    if summary["in"].any():
        for name, emitted, failed in zip(
            summary.index, summary["emitted"], summary["failed"], strict=True
        ):
            counts[name] = Count(int(emitted), int(failed), stale.get(name, 0))
    counts.pop(ENTRY_POINT, None)
    return Drawing(str(router), router.graph, counts)


def summary(router: Router) -> Summary:
    """Return the summary of a router: a DataFrame, shown with its remarks."""
    found = router.summary()
    shown = Summary(found)
    shown.attrs.update(found.attrs)
    return shown


def overview() -> Text:
    """Return all magics, a line each."""
    width = max(len(form) for form, _ in OVERVIEW)
    return Text("\n".join(f"{form:<{width}}  {what}" for form, what in OVERVIEW))
