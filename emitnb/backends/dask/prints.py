"""What nodes print on a worker, caught for the cell."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from emitnb.prints import LimitedOutput, Names, Printed, printing, printing_to


class Caught:
    """What is printed in one task, up to the limit."""

    def __init__(self, names: Names) -> None:
        self._text = io.StringIO()
        self._output = LimitedOutput(self._text, names)
        self._names = names
        self._first = ""

    def write(self, text: str) -> int:
        """Take in ``text`` as far as there is room."""
        self._first = self._first or printing(self._names)
        return self._output.write(text)

    def printed(self) -> tuple[Printed, ...]:
        """All of it; nothing if nothing was printed."""
        text, hidden = self._text.getvalue(), self._output.hidden
        return (Printed(text, hidden, self._output.culprit or self._first),) if text else ()


@contextmanager
def caught(names: Names) -> Iterator[Caught]:
    """Catch what is printed in the block."""
    mine = Caught(names)
    with printing_to(mine):
        yield mine
