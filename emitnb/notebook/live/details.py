"""What the details panel shows of a node, of an edge and of one emission: texts and numbers.

All of it is JSON whatever users emit: values become short texts here, and never markup.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import pandas as pd

from emitnb.errors import RecordLostError
from emitnb.failures import Failures
from emitnb.glimpse import Glimpse
from emitnb.message import UNKNOWN, node_of
from emitnb.router import Router
from emitnb.story import values_text
from emitnb.text import one_line, printable, short_repr, value_text

MOST_ROWS = 5
MOST_GROUPS = 5
MOST_BINS = 12
MOST_HOPS = 200
MOST_MESSAGES = 200
"""Messages of an edge that are sent at once."""

CELL = 80
"""Characters of a value."""

TEXT = 200
"""Characters of an error and of the input that made it."""

Json: TypeAlias = dict[str, Any]


class Groups:
    """The groups of a router's failures, by node: made anew only where there are other failures."""

    def __init__(self) -> None:
        self._of: weakref.ref[Failures] | None = None
        self._by_node: dict[str, list[Json]] = {}

    def by_node(self, glimpse: Glimpse) -> dict[str, list[Json]]:
        """Return the largest groups of each node, as they are sent."""
        if self._of is None or self._of() is not glimpse.failures:
            self._of, self._by_node = weakref.ref(glimpse.failures), _groups(glimpse)
        return self._by_node


def details_of(
    reader: Router, names: Iterable[str], groups: Groups | None = None
) -> dict[str, Json]:
    """Return for each named node what it did last, all of it as of one moment.

    Who looks often gives the same ``groups`` each time.

    With each: ``columns``, ``dtypes`` and ``rows`` (its last emissions, newest last, each with its
    number first), ``missing`` (why rows are not there), ``total`` (rows in all), ``failures``
    (groups, largest first), ``grouped`` (of how many failures, or ""), ``histogram`` (messages by
    milliseconds a message: ``edges_ms`` and ``counts``; or None) and ``stale``.
    """
    glimpse = reader.glimpse()
    by_node = (groups or Groups()).by_node(glimpse)
    whole = glimpse.grouped == len(glimpse.failures)
    grouped = "" if whole else f"of the latest {glimpse.grouped:,} failures of all nodes"
    return {name: _details(glimpse, name, by_node.get(name, []), grouped) for name in names}


def _details(glimpse: Glimpse, name: str, groups: list[Json], grouped: str) -> Json:
    last = glimpse.last(name, MOST_ROWS)
    rows = [
        [last.first + place, *(value_text(value, CELL) for value in row)]
        for place, row in enumerate(last.rows)
    ]
    return {
        "columns": _texts(last.fields),
        "dtypes": list(last.dtypes),
        "rows": rows,
        "missing": printable(last.missing, TEXT),
        "total": glimpse.total(name),
        "failures": groups,
        "grouped": grouped if groups else "",
        "histogram": histogram(*glimpse.pace(name)),
        "stale": glimpse.stale(name),
    }


def histogram(edges: Sequence[float], counts: Sequence[int]) -> Json | None:
    """Return a histogram of MOST_BINS bins at the most, neighbours put together; None of nothing.

    >>> histogram([1.0, 2.0, 4.0], [3, 1])
    {'edges_ms': [1.0, 2.0, 4.0], 'counts': [3, 1]}
    """
    if not counts:
        return None
    each = math.ceil(len(counts) / MOST_BINS)
    starts = range(0, len(counts), each)
    return {
        "edges_ms": [float(f"{edges[start]:.4g}") for start in (*starts, len(counts))],
        "counts": [sum(counts[start : start + each]) for start in starts],
    }


def peek_rows(reader: Router, edge: str, n: int = 20) -> Json:
    """Return the last messages that went over an edge.

    ``columns``, ``dtypes``, ``rows`` (each with its number first) and ``total`` (how many of them
    are here). Raises what :meth:`emitnb.Router.peek` raises.
    """
    frame = reader.peek(edge, min(n, MOST_MESSAGES))
    values = zip(frame.index.tolist(), *(frame[name].tolist() for name in frame), strict=True)
    return {
        "columns": _texts(frame.columns),
        "dtypes": _texts(frame.dtypes),
        "rows": [[row, *(value_text(one, CELL) for one in ones)] for row, *ones in values],
        "total": len(frame),
    }


def trace_path(reader: Router, node: str, row: int) -> Json:
    """Return the nodes and edges that an emission came over and went over, and its story.

    ``nodes``: names; ``edges``: pairs of origin (a node or its failure port) and node; ``text``:
    the story as a tree; ``hops``: of each emission on the way ``hop``, ``node``, ``row``, ``ms``
    (None: nothing ran) and ``values``, those nearest to it, at most MOST_HOPS; ``total``: of how
    many. Raises what :meth:`emitnb.Router.trace` raises.
    """
    trace = reader.trace(node, row)
    plain = pd.DataFrame(trace)
    routes = plain[["parent_node", "node"]].dropna().drop_duplicates()
    edges = [list(route) for route in zip(routes["parent_node"], routes["node"], strict=True)]
    nodes = dict.fromkeys(map(node_of, plain["node"].drop_duplicates()))
    return {
        "nodes": list(nodes),
        "edges": [edge for edge in edges if edge[0] != UNKNOWN],
        "text": str(trace),
        "hops": _hops(plain),
        "total": len(plain),
    }


def _hops(plain: pd.DataFrame) -> list[Json]:
    """The rows of a trace that are nearest to the emission, what was pushed among them."""
    start = int((plain["hop"] < 0).sum())
    above = max(start - MOST_HOPS // 2, 0)
    near = plain.iloc[above : above + MOST_HOPS - 1]
    shown = near if not above else pd.concat([plain.iloc[:1], near])
    return [
        {
            "hop": int(hop),
            "node": str(name),
            "row": int(number),
            "ms": None if math.isnan(ms) else round(ms, 4),
            "values": values_text(values),
        }
        for hop, name, number, ms, values in zip(
            *(shown[column].tolist() for column in ("hop", "node", "row", "ms", "values")),
            strict=True,
        )
    ]


def _groups(glimpse: Glimpse) -> dict[str, list[Json]]:
    groups: dict[str, list[Json]] = {}
    try:
        found = glimpse.groups().to_dict("records") if glimpse.grouped else []
    except RecordLostError:
        found = []  # the counters still say how many there are
    for group in found:
        of_node = groups.setdefault(group["node"], [])
        if len(of_node) < MOST_GROUPS:
            of_node.append(_group(group))
    return groups


def _group(group: Any) -> Json:
    return {
        "error_type": printable(group["error_type"], TEXT),
        "line": None if pd.isna(group["line"]) else int(group["line"]),
        "count": int(group["count"]),
        "error": printable(one_line(group["error"], TEXT), TEXT),
        "input": short_repr(group["smallest"], TEXT),
        "row": int(group["row"]),
    }


def _texts(names: Iterable[Any]) -> list[str]:
    return [printable(str(name), CELL) for name in names]
