"""For tests of graphs: one node called alone, a graph with nothing recorded, and stored data.

from emitnb.testing import emitted

def test_words():
    assert emitted(router, "words", [{"document": "the rain"}]) == [
        {"word": "the"},
        {"word": "rain"},
    ]
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import io
import json
import os
import pathlib
import uuid
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from emitnb.backends.memory import Memory
from emitnb.errors import EmitError
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, Message, check_fields, message_type
from emitnb.node import Node
from emitnb.plan import make_plan
from emitnb.process import Given, MessageTable, Recorded, Stream, process_plan
from emitnb.pushing import Pusher
from emitnb.text import counted, one_line

__all__ = ["assert_frame", "assert_stored", "emitted", "fresh", "load_cases", "same"]

AnyRouter = TypeVar("AnyRouter", bound=Pusher)

MARK = "!"
"""Key of a JSON object that stands for a value JSON has no form for, written in Python."""

NAMES: Mapping[str, Any] = {
    "datetime": datetime,
    "decimal": decimal,
    "fractions": fractions,
    "np": np,
    "pathlib": pathlib,
    "pd": pd,
    "uuid": uuid,
    "zoneinfo": zoneinfo,
}
"""What such a value may be written with, besides Python's own types."""

_TYPES = (bytes, complex, float, frozenset, set)
_SCOPE = {"__builtins__": {kind.__name__: kind for kind in _TYPES}, **NAMES}


def emitted(
    router: Pusher,
    node: str,
    messages: Iterable[Mapping[str, Any]],
    *,
    origin: str | Iterable[str] | None = None,
) -> list[dict[str, Any]]:
    """Push messages to one node alone, and return what it emits, in order.

    The node runs as in a push: its predicate, key, retries and checks count, and a node with
    state starts with a fresh one. Nothing goes to other nodes, and ``router`` records nothing.

    Parameters
    ----------
    router : the router that has the node
    node : its name
    messages : the fields of each message
    origin : the ``_origin`` of the messages, one for all or one for each (default: the first
        that the node subscribes to)

    Raises what the node raises on the first message that fails; UnknownNodeError; and EmitError
    for what are no messages.

    >>> from emitnb import Router
    >>> router = Router()
    >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: msg.n / 2)
    >>> emitted(router, "halve", [{"n": 3}, {"n": 4}])
    [{'half': 1.5}, {'half': 2.0}]
    >>> len(router.frame("halve"))
    0
    """
    __tracebackhide__ = True
    graph = router.graph
    name = graph.find(node)
    made = messages_for(graph, name, messages, origin)
    found = run_alone(graph, graph.nodes[name], made, router.hop_limit)
    if isinstance(found, BaseException):
        raise found
    return found


def fresh(router: AnyRouter) -> AnyRouter:
    """Return a router with the same graph, in which nothing is recorded; it runs in memory.

    >>> from emitnb import Router
    >>> router = Router()
    >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: msg.n / 2)
    >>> router(n=3)
    >>> again = fresh(router)
    >>> again(n=4)
    >>> again.frame("halve")["half"].tolist(), router.frame("halve")["half"].tolist()
    ([2.0], [1.5])
    """
    made = router._scratch(router.graph, Memory())
    assert isinstance(made, type(router))
    return made


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types all through; NaN equals NaN.

    >>> same([{"x": float("nan")}], [{"x": float("nan")}]), same([1], [1.0]), same([1], [1])
    (True, False, True)
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and same(one.tolist(), other.tolist())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, set | frozenset):
        return one == other and set(map(type, one)) == set(map(type, other))
    return one is other or bool(one == other) or bool(one != one and other != other)


def load_cases(path: str | os.PathLike[str], *classes: type) -> dict[str, list[Any]]:
    """Return what is stored beside a test file: a list of values for each name of a case.

    Each line of the file is a JSON object, ``{"case": name, "values": [...]}``. What JSON has no
    form for stands there as ``{"!": text}``, the value written in Python with no other names than
    those of ``datetime``, ``decimal``, ``fractions``, ``pathlib``, ``uuid``, ``zoneinfo``, ``np``
    and ``pd``, and of the ``classes`` that are given. Load only files that you would run.
    """
    return {one["case"]: one["values"] for one in _lines(Path(path).read_bytes(), _named(classes))}


def assert_stored(
    router: Pusher, node: str, stored: Mapping[str, Sequence[Any]], cases: str
) -> None:
    """Raise where a node does not emit what some stored cases expect, types included.

    ``stored`` is what :func:`load_cases` gives, and each case a list of the messages and what the
    node emits for them, with their origins first where these matter. ``cases`` is what the names of
    some of them begin with, up to a dash.

    Raises AssertionError for the first that differs, with its name, and where there is no such
    case; and what the node raises, with a note that names the case.
    """
    __tracebackhide__ = True
    chosen = [name for name in stored if name.startswith(f"{cases}-")]
    if not chosen:
        raise AssertionError(f"no stored case begins with {cases}-; is the file complete?")
    for name in chosen:
        *origin, messages, expected = stored[name]
        try:
            found = emitted(router, node, messages, origin=origin[0] if origin else None)
        except Exception as error:
            error.add_note(f"{name}: {node} fails for {one_line(repr(messages), 2_000)}")
            raise
        if not same(found, expected):
            given, made, wanted = (
                one_line(repr(part), 2_000) for part in (messages, found, expected)
            )
            raise AssertionError(f"{name}: for {given} {node} emits {made}, not {wanted}")


def assert_frame(frame: pd.DataFrame, path: str | os.PathLike[str], *classes: type) -> None:
    """Raise AssertionError where a frame is not what is stored in a file, dtypes included.

    The file is Parquet, or ``.jsonl`` where that cannot hold the values: a line with the columns
    and their dtypes, and a line for each row, with values as in :func:`load_cases`.
    """
    __tracebackhide__ = True
    stored = load_frame(Path(path).read_bytes(), Path(path).suffix, _named(classes))
    pd.testing.assert_frame_equal(frame, stored)


def load_frame(data: bytes, suffix: str, classes: Mapping[str, type]) -> pd.DataFrame:
    """Return the frame that the contents of a file of :func:`assert_frame` hold."""
    if suffix == ".parquet":
        return pd.read_parquet(io.BytesIO(data))
    head, *rows = _lines(data, classes)
    columns = zip(*rows, strict=True) if rows else ([] for _ in head["dtypes"])
    values = {
        name: pd.Series(list(column), dtype=object).astype(dtype)
        for (name, dtype), column in zip(head["dtypes"].items(), columns, strict=True)
    }
    return pd.DataFrame(values, index=pd.RangeIndex(len(rows)))


def evaluated(text: str, classes: Mapping[str, type]) -> Any:
    """Return the value of an expression that has no other names than a stored value may have."""
    return eval(text, {**_SCOPE, **classes})


def run_alone(
    graph: Graph, node: Node, messages: Iterable[Message], hop_limit: int
) -> list[dict[str, Any]] | BaseException:
    """Return what a node emits for messages, from fresh states on, or what it raised first."""
    node = replace(node, subscriptions=(), ignores=(), entry_point=False)
    alone = Graph({node.name: node}, {}, graph.message_class)
    rows = MessageTable(tuple(messages))
    stream = f"{ENTRY_POINT}>{node.name}"  # no node can have such a name
    numbers = np.arange(len(rows))
    given = Given(
        {stream: Stream(ENTRY_POINT, rows, numbers)},
        {stream: Recorded(ENTRY_POINT, numbers)},
        numbers,
    )
    plan = make_plan(alone, {node.name: (stream,)}, hop_limit)
    (made,) = process_plan(plan, given, {}).nodes
    if made.failures:
        return made.failures[0].error
    return [message.as_dict() for message in made.table.messages(node.name, Message)]


def default_origin(graph: Graph, node: str) -> str:
    """Return the origin of messages of which nobody says more."""
    return next(iter(graph.origins(node)), ENTRY_POINT)


def messages_for(
    graph: Graph, node: str, messages: Any, origin: str | Iterable[str] | None
) -> list[Message]:
    """Return messages with these fields, as a node of a graph receives them."""
    wrong = isinstance(messages, Mapping) or not isinstance(messages, Iterable)
    fields = [] if wrong else list(messages)
    if wrong or not all(isinstance(one, Mapping) for one in fields):
        raise EmitError(f"{messages!r} are no messages; give a list of dicts, one for each")
    if origin is None or isinstance(origin, str):
        origins = [origin or default_origin(graph, node)] * len(fields)
    else:
        origins = list(origin)
    if len(origins) != len(fields):
        counts = counted(len(fields), "message"), counted(len(origins), "origin")
        raise EmitError(f"there are {' and '.join(counts)}; give one origin for each, or for all")
    base = graph.message_class
    kinds = [
        message_type(name, check_fields(name, one, base), base)
        for name, one in zip(origins, fields, strict=True)
    ]
    return [kind(*one.values()) for kind, one in zip(kinds, fields, strict=True)]


def _named(classes: Iterable[type]) -> dict[str, type]:
    return {kind.__name__: kind for kind in classes}


def _lines(data: bytes, classes: Mapping[str, type]) -> list[Any]:
    def restored(found: dict[str, Any]) -> Any:
        return evaluated(found[MARK], classes) if found.keys() == {MARK} else found

    # Texts may hold other line ends than that between two lines.
    return [json.loads(line, object_hook=restored) for line in data.decode().split("\n") if line]
