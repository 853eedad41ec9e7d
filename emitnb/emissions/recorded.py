"""Rows that are recorded, as a table that a graph can take in again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emitnb.emissions.log import FrameRows, KeptRows, Log, Part, Rows, Track
from emitnb.errors import EmitError
from emitnb.message import ENTRY_POINT
from emitnb.process import TallTable
from emitnb.table import FrameTable, Positions, SealedTable, Table


def recorded(log: Log, origin: str, rows: Positions) -> Table:
    """Return some rows of a node, or pushed ones; ``rows`` ascend.

    Raises EmitError for pushed rows that are no longer kept.
    """
    if origin == ENTRY_POINT:
        return _pushed(log, rows)
    parts = log.tracks.get(origin, Track()).parts
    return _tall(parts, [part.size for part in parts], rows)


def _pushed(log: Log, rows: Positions) -> Table:
    inputs = log.inputs
    if len(rows) and rows[0] < inputs.first:
        raise EmitError(
            f"the pushed messages 0 to {inputs.first - 1:,} are no longer kept; "
            "push them again after router.clear()"
        )
    tables = [table for table, _ in inputs.kept]
    return _tall(tables, list(map(len, tables)), rows - inputs.first)


def _tall(holders: Sequence[Any], sizes: Sequence[int], rows: Positions) -> Table:
    ends = np.cumsum([0, *sizes])
    found = []
    place = int(np.searchsorted(ends, rows[0], side="right")) - 1 if len(rows) else len(sizes)
    while place < len(sizes) and ends[place] <= rows[-1]:
        first, last = np.searchsorted(rows, [ends[place], ends[place + 1]])
        if first < last:
            found.append(_some(holders[place], rows[first:last] - ends[place]))
        place += 1
    return found[0] if len(found) == 1 else TallTable(tuple(found))


def _some(holder: Part | Table, rows: Positions) -> Table:
    start, stop = int(rows[0]), int(rows[-1]) + 1
    if isinstance(holder, KeptRows):
        holder = holder.fetched()
    if isinstance(holder, FrameRows):
        table: Table = FrameTable(holder.data)
    elif isinstance(holder, Rows):
        run = tuple(piece[start:stop] for piece in holder.pieces)
        table, rows = SealedTable(holder.fields, run, stop - start), rows - start
    else:
        table = holder
    return table if len(rows) == len(table) else table.take(rows)
