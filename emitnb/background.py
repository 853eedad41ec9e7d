"""Threads of runs in the background, and how they end with the process."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextvars import Context
from time import monotonic

PATIENCE = 3.0
"""Seconds that the process waits at its exit for batches under way; Jupyter kills it after 5."""

_going_on: dict[threading.Thread, Callable[[], object]] = {}
"""Threads that run, and what makes each of them end after the batch under way."""


def start(name: str, work: Callable[[], object], cancel: Callable[[], object]) -> None:
    """Do ``work``, which raises nothing, in a thread; ``cancel`` is called where it must end soon.

    The thread knows nothing of the caller's context: it is in no run, and prints for itself.
    """

    def run() -> None:
        try:
            Context().run(work)
        finally:
            _going_on.pop(thread, None)

    # A daemon: Python would wait for any other at its exit, for ever, before it tells us.
    thread = threading.Thread(target=run, name=name, daemon=True)
    _going_on[thread] = cancel
    try:
        thread.start()
    except BaseException:
        del _going_on[thread]
        raise
    # The last that is registered is called first: before the clusters close that runs use.
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def _at_exit() -> None:
    ends = monotonic() + PATIENCE
    threads = list(_going_on.items())
    for _, cancel in threads:
        cancel()
    for thread, _ in threads:
        thread.join(max(ends - monotonic(), 0))
