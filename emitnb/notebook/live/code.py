"""Where nodes were written: their source with highlighting, and what they subscribe to."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Callable, Sequence
from pathlib import Path
from tokenize import TokenError
from types import CodeType
from typing import Any, NamedTuple

from IPython.core.getipython import get_ipython
from pygments.lexers.python import PythonLexer
from pygments.token import STANDARD_TYPES

from emitnb.declaration import field_texts, node_marks
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT
from emitnb.node import Form, Node

MOST = 20_000
"""Characters of source that are sent."""

MOST_ORIGINS = 50
"""Origins that are listed of one subscription; a pattern may take in every node."""

CUT = "# … the rest is not shown here"
MAGIC = "%%emit_node"

Tokens = list[tuple[str, str]]
"""Pieces of source, each with the class that Pygments' style sheets have for it."""

_PLAIN = {"n", "p", "w", "x", "esc", "err"}
"""Classes of what is not coloured."""


class Source(NamedTuple):
    """What a user wrote: text, the file or cell it is in, its first line there and the node's."""

    text: str
    file: str
    first: int
    line: int


NOWHERE = Source("", "", 1, 1)


def code_of(graph: Graph) -> dict[str, dict[str, Any]]:
    """Return for each node of a graph, and for ``__entry_point``, what its declaration was.

    With each: ``title``, ``cell`` (``In [5]`` or ``counting.py:12``; "" where nobody knows),
    ``line`` (number of the first line of the source there), ``tokens`` (pairs of a short CSS class
    and a text), ``subscriptions`` (``written``, ``resolved``, and how many ``more`` there are),
    ``ignores`` and ``options`` (texts).
    """
    return {ENTRY_POINT: _entry_point(), **{name: _code(graph, name) for name in graph.nodes}}


def _entry_point() -> dict[str, Any]:
    nothing: dict[str, list[str]] = {"tokens": [], "subscriptions": [], "ignores": []}
    option = "what is pushed into the router"
    return {"title": ENTRY_POINT, "cell": "", "line": 1, **nothing, "options": [option]}


def _code(graph: Graph, name: str) -> dict[str, Any]:
    node = graph.nodes[name]
    source = source_of(node.function)
    return {
        "title": f"{name}({', '.join(field_texts(node))})",
        "cell": _cell(source),
        "line": source.first,
        "tokens": highlighted(source.text),
        "subscriptions": _subscriptions(graph, node),
        "ignores": [str(ignored) for ignored in node.ignores],
        "options": _options(node),
    }


def _subscriptions(graph: Graph, node: Node) -> list[dict[str, Any]]:
    found = []
    for wanted in node.subscriptions:
        origins = graph.origins_through(wanted, node.name)
        more = max(len(origins) - MOST_ORIGINS, 0)
        found.append({"written": str(wanted), "resolved": origins[:MOST_ORIGINS], "more": more})
    return found


def _options(node: Node) -> list[str]:
    options = ["entry point"] if node.entry_point else []
    options += node_marks(node)
    options += [] if node.form is Form.PLAIN else [node.form.value]
    if node.retries:
        after = f", the first after {node.backoff:g} s" if node.backoff else ""
        tries = "try" if node.retries == 1 else "tries"
        options.append(f"{node.retries:,} more {tries}{after}")
    options += [f"at most {node.timeout:g} s a try"] if node.timeout is not None else []
    options += [f"needs {amount:g} {what}" for what, amount in node.placement.resources]
    options += [f"only on {', '.join(node.placement.workers)}"] if node.placement.workers else []
    options += [f"priority {node.placement.priority}"] if node.placement.priority else []
    return options + (["may change what it captured"] if node.allow_shared else [])


def source_of(function: Callable[..., Any]) -> Source:
    """Return what a user wrote to make a function: with its decorators, or the cell of a magic.

    An object that can be called is shown by its class. Where there is no source, the text is "".
    """
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    target = inspect.unwrap(target)
    is_routine = inspect.isroutine(target)
    called = target if is_routine else inspect.unwrap(type(target).__call__)
    code = getattr(called, "__code__", None)
    if not isinstance(code, CodeType):
        return NOWHERE
    lines = linecache.getlines(code.co_filename, getattr(called, "__globals__", None))
    line = code.co_firstlineno
    if lines and next((one for one in lines if one.strip()), "").startswith(MAGIC):
        return Source("".join(lines), code.co_filename, 1, line)
    if is_routine:
        return Source(_block(lines, line), code.co_filename, line, line)
    first, end = _class_lines("".join(lines), line)
    return Source("".join(lines[first - 1 : end]), code.co_filename, first, first)


def _block(lines: Sequence[str], line: int) -> str:
    """The lines of the function that begins at one of them."""
    if line > len(lines):
        return ""
    try:
        return "".join(inspect.getblock(list(lines[line - 1 :])))
    except (SyntaxError, TokenError):  # the file is another by now
        return lines[line - 1]


@functools.lru_cache(maxsize=64)
def _class_lines(text: str, line: int) -> tuple[int, int]:
    """First and last line of the class, with decorators, around a line; of none the line itself."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return line, line
    around = [
        (min([one.lineno, *(mark.lineno for mark in one.decorator_list)]), one.end_lineno or line)
        for one in ast.walk(tree)
        if isinstance(one, ast.ClassDef)
    ]
    spans = [(first, end) for first, end in around if first <= line <= end]
    return max(spans, default=(line, line))


def _cell(source: Source) -> str:
    """The name of the cell, or of the file with the line."""
    if not source.text:
        return ""
    shell = get_ipython()
    named = shell.compile.format_code_name(source.file) if shell is not None else None
    if named:
        _, number = named
        return str(number).replace("In[", "In [")
    return f"{Path(source.file).name}:{source.line}"


@functools.lru_cache(maxsize=2_000)
def highlighted(text: str) -> Tokens:
    """Return source in pieces with the CSS classes of Pygments, cut after MOST characters.

    >>> highlighted("return 1")
    [('k', 'return'), ('', ' '), ('mi', '1')]
    """
    text = text.encode("utf-8", "replace").decode()  # lone surrogates are no JSON
    if len(text) > MOST:
        head = text[:MOST]
        text = f"{head.rpartition(chr(10))[0] or head}\n{CUT}"
    tokens: Tokens = []
    if text.startswith("%%"):
        magic, line_end, text = text.partition("\n")
        tokens = [("cp", magic), ("", line_end)]
    for kind, piece in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text.rstrip()):
        _add(tokens, _class(kind), piece)
    return tokens


def _add(tokens: Tokens, name: str, piece: str) -> None:
    if tokens and tokens[-1][0] == name:
        piece = tokens.pop()[1] + piece
    tokens.append((name, piece))


def _class(kind: Any) -> str:
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return "" if name in _PLAIN else name
