"""What nodes print: bounded, for a million lines would freeze the notebook."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any, NamedTuple, Protocol, TextIO, cast

from emitnb.node import Node

LINES = 1_000
"""Lines that nodes may print in one run."""

CHARACTERS = 200_000
"""Characters that nodes may print in one run, for those that print no line ends."""

Names = Mapping[CodeType, str]
"""The node that each piece of code belongs to."""


class Printed(NamedTuple):
    """What was printed elsewhere: the text, how many lines more, and a node that printed."""

    text: str
    hidden: int
    node: str


class Writer(Protocol):
    """Takes in what is printed."""

    def write(self, text: str) -> int:
        """Take in ``text``; return its length."""


_writer: ContextVar[Writer | None] = ContextVar("writer", default=None)
_lock = threading.Lock()
_users = 0


class _Outlet:
    """Stands in the place of sys.stdout while nodes run: what they print goes to their writer."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def write(self, text: str) -> int:
        writer = _writer.get()
        return self.out.write(text) if writer is None else writer.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.out, name)


@contextmanager
def printing_to(writer: Writer) -> Iterator[None]:
    """Let this thread, and coroutines started in the block, print to ``writer``.

    Others print where they did: two runs in two threads do not get into each other's way.
    """
    global _users  # sys.stdout is one for the process, too
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Outlet):
            sys.stdout = cast(TextIO, _Outlet(sys.stdout))
    token = _writer.set(writer)
    try:
        yield
    finally:
        _writer.reset(token)
        with _lock:
            _users -= 1
            if not _users and isinstance(sys.stdout, _Outlet):
                sys.stdout = sys.stdout.out


def stdout() -> TextIO:
    """Return the real sys.stdout."""
    return sys.stdout.out if isinstance(sys.stdout, _Outlet) else sys.stdout


class LimitedOutput:
    """Passes text on to ``target`` until the limit, then counts the lines it hides."""

    def __init__(self, target: Writer | None = None, names: Names | None = None) -> None:
        self.target: Writer = stdout() if target is None else target
        self.names: Names = names or {}
        self.hidden = 0
        self.culprit = ""
        self._lines = 0
        self._characters = 0

    def write(self, text: str) -> int:
        """Print ``text`` if there is room for it."""
        if not self._pass_on(text):
            self.culprit = self.culprit or printing(self.names)
        return len(text)

    def take(self, printed: Printed) -> None:
        """Print what was printed elsewhere, as far as there is room."""
        before = self.hidden
        for line in printed.text.splitlines(keepends=True):
            self._pass_on(line)
        self.hidden += printed.hidden
        if self.hidden > before:
            self.culprit = self.culprit or printed.node

    def note(self) -> str:
        """Say how many lines were hidden, and which node went over the limit."""
        return (
            f"… {self.hidden:,} more lines printed by {self.culprit or 'nodes'} are not shown: "
            "emit what you want to keep as a field"
        )

    def _pass_on(self, text: str) -> bool:
        lines = text.count("\n")
        if self._lines >= LINES or self._characters >= CHARACTERS:
            self.hidden += lines
            return False
        self._lines += lines
        self._characters += len(text)
        self.target.write(text)
        return True


def names_of(nodes: Iterable[Node]) -> Names:
    """Return the node that each function's code belongs to."""
    return {code: node.name for node in nodes for code in _code(node)}


def printing(names: Names) -> str:
    """Return the node that is printing now, or nothing if it cannot be told."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code in names:
            return names[frame.f_code]
        frame = frame.f_back
    return ""


def _code(node: Node) -> list[CodeType]:
    function = inspect.unwrap(node.function)
    target = function if inspect.isroutine(function) else type(function).__call__
    code = getattr(target, "__code__", None)
    return [] if code is None else [code]
