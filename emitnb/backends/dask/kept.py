"""Emissions that stay on the cluster: what comes home of them is how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import psutil
from dask.utils import format_bytes
from distributed import Client, Future

from emitnb.backends.dask.tasks import Made, table_size
from emitnb.backends.dask.transport import Shelf
from emitnb.emissions.columns import table_frame
from emitnb.errors import BackendError
from emitnb.table import KeptTable, Table

MOST_OF_MEMORY = 0.4
"""Share of the memory that is left here which emissions may have: a frame takes as much again."""


@dataclass(frozen=True)
class Count:
    """Stands for a table that stays: its size, and an empty frame with its columns and dtypes."""

    fields: tuple[str, ...]
    size: int
    nbytes: int
    like: pd.DataFrame

    def __len__(self) -> int:
        return self.size


def slim(made: Made) -> Made:
    """Return what a stage made without its rows."""
    nodes = tuple(replace(node, table=_count(node.table)) for node in made.nodes)
    return replace(made, nodes=nodes)


def with_kept_tables(
    keeper: ClusterKeeper, made: Sequence[Made], futures: Sequence[Future[Any]]
) -> list[Made]:
    """Return what came home, with tables that know the future they can be fetched from."""
    return [
        replace(one, nodes=tuple(_kept(keeper, node, future) for node in one.nodes))
        for one, future in zip(made, futures, strict=True)
    ]


def table_of(made: Made, name: str) -> Table:
    """Return the rows that one node emitted."""
    return next(node.table for node in made.nodes if node.node == name)


def _count(table: Any) -> Any:
    if not len(table):
        return table
    return Count(table.fields, len(table), table_size(table), table_frame(table).iloc[:0])


def _kept(keeper: ClusterKeeper, node: Any, future: Future[Any]) -> Any:
    table = node.table
    if not isinstance(table, Count):
        return node
    handle = (future, node.node)
    kept = KeptTable(table.fields, table.size, table.nbytes, table.like, handle, keeper)
    return replace(node, table=kept)


@dataclass(frozen=True)
class ClusterKeeper:
    """Brings rows home from a cluster; see :class:`emitnb.table.Keeper`.

    It holds on to the shelf from which rows that are lost can be made again.
    """

    client: Client
    shelf: Shelf | None

    def fetch(self, handle: tuple[Future[Any], str]) -> Table:
        """Bring the rows of one node and batch here."""
        future, name = handle
        table: Table = self.client.submit(table_of, future, name, pure=False).result()
        return table

    def check_room(self, size: int) -> None:
        """Raise BackendError where a frame of so many bytes would take most of what is left."""
        left = psutil.virtual_memory().available
        if size > left * MOST_OF_MEMORY:
            raise BackendError(
                f"{format_bytes(size)} of emissions stay on the cluster, and only "
                f"{format_bytes(left)} of memory are left here. Read them where they are: "
                "frame(node, lazy=True), or %emit_frame NODE --lazy"
            )
