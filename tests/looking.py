"""Looking at a router in tests: its rows, and whether something left it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from emitnb import Router
from emitnb.message import ENTRY_POINT

BATCH_SIZES = (1, 2, 3, 7, 1_000, "auto")
"""Sizes that must not show."""


def rows(router: Router, node: str) -> list[tuple[Any, ...]]:
    """What a node emitted, a tuple for each emission."""
    frame = router.frame(node)
    return list(zip(*(frame[name].tolist() for name in frame.columns), strict=True))


def column(router: Router, node: str) -> list[Any]:
    """What a node with one field emitted."""
    return [value for (value,) in rows(router, node)]


def lineage(router: Router, node: str) -> list[tuple[str, int, int]]:
    """Parent node, parent row and source of each emission."""
    frame = router.frame(node, lineage=True)
    wanted = ("parent_node", "parent_row", "source")
    return list(zip(*(frame[name].tolist() for name in wanted), strict=True))


def figures(router: Router, node: str) -> tuple[int, int, int, int]:
    """What a node received, emitted, dropped and failed."""
    one = router.summary().loc[node]
    return int(one["in"]), int(one["emitted"]), int(one["dropped"]), int(one["failed"])


def everything(router: Router) -> list[pd.DataFrame]:
    """All that a router has recorded."""
    recorded = [router.frame(lineage=True), router.failures(), router.summary()]
    return [*recorded, router.frame(ENTRY_POINT)]


@contextmanager
def unchanged(router: Router) -> Iterator[None]:
    """Check that the block leaves graph and log as they were."""
    graph, log = router.graph, everything(router)
    yield
    assert router.graph == graph
    assert list(router.nodes) == list(graph.nodes)
    for before, after in zip(log, everything(router), strict=True):
        pd.testing.assert_frame_equal(before, after)
