"""Graphs that several tests push through."""

from __future__ import annotations

import time
from typing import Any

from emitnb import Router

FACTOR = 31
"""States here depend on every message so far and on their order."""


def stateful(router: Router, pace: float = 0.0) -> None:
    """Declare stages behind one another that remember: two by key, one for the whole node.

    Every message takes ``pace`` seconds; some fail, in two of the nodes.
    """

    @router.node({"key": int, "n": int}, entry_point=True, name="split")
    def split(msg: Any) -> Any:
        if pace:
            time.sleep(pace)
        if msg.n % 17 == 5:
            raise KeyError(f"{msg.n} is nothing")
        yield msg.n % 7, msg.n
        yield msg.n % 3, msg.n * 2

    @router.node(("key", "total"), "split", key="key", name="running")
    def running(msg: Any, state: dict[str, int]) -> tuple[int, int]:
        state["total"] = (state.get("total", 0) * FACTOR + msg.n) % 1_000_003
        if msg.n % 11 == 5:
            raise ValueError(f"{msg.n} is refused")
        return msg.n % 5, state["total"]

    @router.node(("key", "mark"), ["running", "split"], key="key", name="merged")
    def merged(msg: Any, state: list[int]) -> tuple[int, int]:
        more = msg.n if hasattr(msg, "n") else msg.total
        state.append((sum(state[-3:]) * FACTOR + more) % 1_000_003)
        return msg.key, state[-1]

    @router.node("mark", "merged", name="last")
    def last(msg: Any, state: dict[str, int]) -> int:
        state["mark"] = (state.get("mark", 0) * FACTOR + msg.mark + msg.key) % 1_000_003
        return state["mark"]


def numbers(count: int, start: int = 0) -> list[dict[str, int]]:
    """Return messages for :func:`stateful`."""
    return [{"n": n} for n in range(start, start + count)]
