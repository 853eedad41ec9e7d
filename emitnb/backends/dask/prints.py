"""What nodes print on a worker, caught for the cell or for their logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from emitnb.prints import LimitedOutput, Names, Printed, printing, printing_to


class _Parts:
    """Text, in pieces by the node that printed them."""

    def __init__(self, names: Names) -> None:
        self.pieces: list[tuple[str, list[str]]] = []
        self._names = names
        nodes = set(names.values())
        self._only = nodes.pop() if len(nodes) == 1 else ""

    def write(self, text: str) -> int:
        """Take in ``text``."""
        node = printing(self._names) or self._only
        if not self.pieces or self.pieces[-1][0] != node:
            self.pieces.append((node, []))
        self.pieces[-1][1].append(text)
        return len(text)


class Caught:
    """What is printed in one task, up to the limit."""

    def __init__(self, names: Names) -> None:
        self._parts = _Parts(names)
        self._output = LimitedOutput(self._parts, names)

    def write(self, text: str) -> int:
        """Take in ``text`` as far as there is room."""
        return self._output.write(text)

    def printed(self) -> tuple[Printed, ...]:
        """All of it, in parts by node; nothing if nothing was printed."""
        parts = [Printed("".join(texts), 0, node) for node, texts in self._parts.pieces]
        if self._output.hidden:
            parts.append(Printed("", self._output.hidden, self._output.culprit))
        return tuple(parts)


@contextmanager
def caught(names: Names) -> Iterator[Caught]:
    """Catch what is printed in the block."""
    mine = Caught(names)
    with printing_to(mine):
        yield mine
