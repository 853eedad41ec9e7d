"""Ctrl-C and SIGTERM: what runs ends between two commits, and a wait for input ends at once."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHUNK = 1 << 16


class Signals:
    """Which signal asked to end, if one did. Status: 130 after Ctrl-C, 143 after SIGTERM."""

    def __init__(self) -> None:
        self._terminated = False
        self._woken = False
        self._wakeup: int | None = None

    @property
    def status(self) -> int:
        """The exit status of what was interrupted."""
        return 128 + (signal.SIGTERM if self._terminated else signal.SIGINT)

    @property
    def name(self) -> str:
        """What interrupted, in a message."""
        return "terminated" if self._terminated else "interrupted"

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals in the block; in another thread than the main one none come."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminate),
            signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        }
        woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._wakeup = reading
        try:
            yield
        finally:
            self._wakeup = None
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            os.close(reading)
            os.close(writing)

    def lines(self, fileno: int) -> Iterator[bytes]:
        """Yield the lines that come in; none any more as soon as there is a signal.

        Reading blocks, and a run holds interrupts back while it reads: nothing would end a wait
        for input that does not come.
        """
        rest = b""
        while block := self._read(fileno):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in lines)
        if rest and not self._woken:
            yield rest

    def _read(self, fileno: int) -> bytes:
        if self._wakeup is not None and sys.platform != "win32":
            ready, _, _ = select.select([fileno, self._wakeup], [], [])
            if self._wakeup in ready:
                self._woken = True
                return b""
        return os.read(fileno, CHUNK)

    def _terminate(self, number: int, frame: Any) -> None:
        self._terminated = True
        signal.raise_signal(signal.SIGINT)  # from here on it is an interrupt
