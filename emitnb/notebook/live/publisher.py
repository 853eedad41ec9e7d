"""The thread that keeps the widgets of a kernel up to date: at most ten messages a second each.

It looks, and is never told: what is committed is a value that is swapped, so that looking whether
it is another one costs next to nothing, and a run pays nothing for being watched.
"""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

INTERVAL = 0.1
"""Seconds between two looks. More often nobody sees, and a server drops what comes too often."""


class Watching(Protocol):
    """What is kept up to date."""

    def refresh(self) -> bool:
        """Send what is new; return whether there may be more later."""


class Publisher:
    """Refreshes widgets as long as there are any; the thread ends with the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: list[weakref.ref[Watching]] = []
        self._thread: threading.Thread | None = None

    def add(self, one: Watching) -> None:
        """Keep one more up to date, for as long as it is alive."""
        with self._lock:
            self._watching.append(weakref.ref(one))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._publish, name="emitnb-publisher", daemon=True
                )
                self._thread.start()

    def _publish(self) -> None:
        pause = threading.Event()
        while self._refresh():
            pause.wait(INTERVAL)

    def _refresh(self) -> bool:
        """Refresh all; return whether any are left."""
        over = {known for known in tuple(self._watching) if not _refreshed(known())}
        with self._lock:
            self._watching = [known for known in self._watching if known not in over]
            if not self._watching:
                self._thread = None
            return bool(self._watching)


def _refreshed(one: Watching | None) -> bool:
    return one is not None and one.refresh()
