"""Interrupts (SIGINT, the notebook's ■) while a run goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupts:
    """Raises KeyboardInterrupt as Python does, but not just anywhere, and not just once.

    While a source is read an interrupt is held back until the read is over: a generator that it
    hits is dead, and what it had still to give would be lost. A second one breaks through. And
    an interrupt that a node swallowed (``except: pass``) still stops the run at the next commit.
    """

    def __init__(self) -> None:
        self._noted = False
        self._deferring = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle interrupts in the block; only the main thread gets any."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._noted = False
        before = signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold an interrupt back until the block is left."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was one."""
        if self._noted:
            self._noted = False
            raise KeyboardInterrupt

    def _note(self, number: int, frame: Any) -> None:
        first, self._noted = not self._noted, True
        if not (self._deferring and first):
            raise KeyboardInterrupt
