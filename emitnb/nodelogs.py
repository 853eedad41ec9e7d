"""What nodes print in the background: a log of each node, of its latest lines."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from emitnb.message import ENTRY_POINT
from emitnb.prints import CHARACTERS, LINES, Names, Printed, printing
from emitnb.text import counted


class NodeLog:
    """The latest lines that one node printed, at most LINES of them and CHARACTERS bytes."""

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: deque[str] = deque()
        self._bytes = 0
        self._open: list[str] = []
        self._open_size = 0

    def write(self, text: str) -> None:
        """Take in ``text``, which may end in the middle of a line."""
        *lines, rest = text.split("\n")
        if lines or self._open_size > CHARACTERS:
            self._add("".join([*self._open, lines[0] if lines else ""]))
            self._open.clear()
            self._open_size = 0
        for line in lines[1:]:
            self._add(line)
        if rest:
            self._open.append(rest)
            self._open_size += len(rest)

    def _add(self, line: str) -> None:
        if _size(line) > CHARACTERS:
            line = f"…{line[-CHARACTERS // 5 :]}"  # characters have at most four bytes
        self._lines.append(line)
        self._bytes += _size(line)
        while len(self._lines) > LINES or self._bytes > CHARACTERS:
            self._bytes -= _size(self._lines.popleft())
            self.dropped += 1

    def text(self) -> str:
        """Return the lines; the first says how many earlier ones were dropped."""
        lines = [*self._lines, *filter(None, ["".join(self._open)])]
        if self.dropped:
            lines.insert(0, f"… {counted(self.dropped, 'earlier line')} dropped")
        return "\n".join(lines)


class NodeLogs:
    """The logs of all nodes of a router; any thread may write and read."""

    def __init__(self) -> None:
        self._logs: dict[str, NodeLog] = {}
        self._lock = threading.Lock()

    def write(self, node: str, text: str) -> None:
        """Add ``text`` to the log of a node. What no node can be told for stays with the pushes."""
        with self._lock:
            self._logs.setdefault(node or ENTRY_POINT, NodeLog()).write(text)

    def take(self, printed: Iterable[Printed]) -> None:
        """Add what nodes printed elsewhere."""
        for one in printed:
            self.write(one.node, one.text)
            if one.hidden:
                self.write(one.node, f"… {one.hidden:,} more lines were not kept by the worker\n")

    def text(self, node: str) -> str:
        """Return the log of a node; empty if it printed nothing."""
        with self._lock:
            return self._logs[node].text() if node in self._logs else ""

    def __contains__(self, node: str) -> bool:
        return node in self._logs

    def rename(self, old: str, new: str) -> None:
        """Let the log of a node follow it."""
        with self._lock:
            if old in self._logs:
                self._logs[new] = self._logs.pop(old)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._logs.clear()


class LogWriter:
    """Takes in what nodes print in this thread, and tells by the code which of them it was."""

    def __init__(self, logs: NodeLogs, names: Names) -> None:
        self._logs = logs
        self._names = names

    def write(self, text: str) -> int:
        """Add ``text`` to the log of the node that prints it."""
        self._logs.write(printing(self._names), text)
        return len(text)


def _size(line: str) -> int:
    return len(line.encode(errors="replace")) + 1
