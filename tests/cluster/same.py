"""Whether two routers hold the same: everything they recorded, but for times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from emitnb import Router
from emitnb.message import ENTRY_POINT, port_of


def recorded(router: Router) -> dict[str, pd.DataFrame]:
    """Return all frames of a router, without the columns that hold times."""
    frames = {
        "frame()": router.frame(),
        "frame(lineage=True)": router.frame(lineage=True).drop(columns="time", errors="ignore"),
        "failures()": router.failures().drop(columns="time", errors="ignore"),
        "summary()": router.summary().drop(columns="ms"),
        "pushed": router.frame(ENTRY_POINT),
    }
    for name in [*router.nodes, *map(port_of, router.nodes)]:
        frames[f"frame({name})"] = router.frame(name)
        frames[f"frame({name}, lineage=True)"] = router.frame(name, lineage=True).drop(
            columns="time"
        )
    return frames


def assert_same(found: Router, expected: Router) -> None:
    """Every frame of one router is that of the other, exactly."""
    one, other = recorded(found), recorded(expected)
    assert list(one) == list(other)
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name], obj=name)


def in_memory(declare: Callable[[Router], Any], *pushes: Any, **options: Any) -> Router:
    """Return a router that took the same in memory."""
    router = Router()
    declare(router)
    for pushed in pushes:
        router.push(pushed, **options)
    return router
