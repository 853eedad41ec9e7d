"""Data that lies on the cluster already: it is pushed from where it is, a partition a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from distributed import Client, Future

from emitnb.errors import SourceError
from emitnb.message import Message
from emitnb.sources import Source, Taken, Unreadable
from emitnb.sources.base import EMPTY
from emitnb.sources.frames import dask_parts, part_table
from emitnb.table import Positions, Table

AHEAD = 4
"""Partitions that are computed ahead of the one that is pushed."""


@dataclass(frozen=True)
class LyingTable:
    """Rows that lie on the cluster: ``rows`` is the future of the table."""

    rows: Future[Any]
    fields: tuple[str, ...]
    size: int

    def __len__(self) -> int:
        return self.size

    def messages(
        self, origin: str, base: type[Message], start: int = 0, stop: int | None = None
    ) -> list[Message]:
        """See :class:`emitnb.table.Table`; brings the rows here."""
        return self._fetched().messages(origin, base, start, stop)

    def frame(self) -> pd.DataFrame:
        """See :class:`emitnb.table.Table`; brings the rows here."""
        return self._fetched().frame()

    def take(self, rows: Positions) -> Table:
        """See :class:`emitnb.table.Table`; brings the rows here."""
        return self._fetched().take(rows)

    def _fetched(self) -> Table:
        table: Table = self.rows.result()
        return table


def lying_source(client: Client, source: Any, field: str) -> Source | None:
    """Return the messages of a dask bag or dataframe, or of futures; None for anything else."""
    futures = _futures(source)
    if futures is not None:
        return LyingSource(client, [partial(_itself, future) for future in futures], field)
    parts = dask_parts(source)
    if parts is None:
        return None
    return LyingSource(client, [partial(client.compute, part) for part in parts], field)


class LyingSource:
    """Partitions on the cluster. Only how many rows there are, and what is unreadable, comes
    here."""

    def __init__(
        self, client: Client, parts: Sequence[Callable[[], Future[Any]]], field: str
    ) -> None:
        self.total: int | None = None
        self._client = client
        self._parts = parts
        self._field = field
        self._next = 0
        self._ahead: deque[tuple[int, Future[Any], Future[Any]]] = deque()

    def take(self, n: int) -> Taken:
        """Return the next partition, however many messages it has."""
        for number in range(self._next + len(self._ahead), len(self._parts)):
            if len(self._ahead) >= AHEAD:
                break
            loaded = self._client.submit(
                part_table, self._parts[number](), number, self._field, pure=False
            )
            count = self._client.submit(_counted, loaded, pure=False)
            self._ahead.append((number, loaded, count))
        if not self._ahead:
            return Taken(EMPTY, (), True)
        number, loaded, count = self._ahead[0]
        fields, size, unreadable = self._result(number, count)
        rows = self._client.submit(_rows, loaded, pure=False)
        ended = number + 1 == len(self._parts)
        self._next = number + 1
        self._ahead.popleft()
        return Taken(LyingTable(rows, fields, size), unreadable, ended)

    def close(self) -> None:
        """Let go of what was computed ahead."""
        self._ahead.clear()

    def _result(
        self, number: int, count: Future[Any]
    ) -> tuple[tuple[str, ...], int, tuple[Unreadable, ...]]:
        try:
            found: tuple[tuple[str, ...], int, tuple[Unreadable, ...]] = count.result()
            return found
        except Exception as error:
            self._ahead.clear()  # resumed, it is computed again
            raise SourceError(
                f"partition {number} of the dask collection failed: {type(error).__name__}: "
                f"{error}. What came before it is pushed; resume to compute it again"
            ) from error


def _itself(future: Future[Any]) -> Future[Any]:
    return future


def _counted(
    part: tuple[Table, tuple[Unreadable, ...]],
) -> tuple[tuple[str, ...], int, tuple[Unreadable, ...]]:
    table, unreadable = part
    return table.fields, len(table), unreadable


def _rows(part: tuple[Table, tuple[Unreadable, ...]]) -> Table:
    return part[0]


def _futures(source: Any) -> list[Future[Any]] | None:
    """The futures in a list, tuple or array of nothing but futures."""
    if isinstance(source, np.ndarray) and source.dtype == object:
        source = source.ravel().tolist()
    if isinstance(source, Future):
        return [source]
    if isinstance(source, list | tuple) and source:
        return list(source) if all(isinstance(one, Future) for one in source) else None
    return None
