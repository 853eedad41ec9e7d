"""Some rows of a node, wherever in the log they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from emitnb.emissions.columns import series
from emitnb.emissions.log import KeptRows, Track
from emitnb.node import Node
from emitnb.table import Positions, SealedTable, values_of


def picked(track: Track, rows: Positions) -> Iterator[tuple[Positions, SealedTable]]:
    """Yield the named rows, those of one part together: their places in ``rows``, and they.

    Raises BackendError where a part that was left on a cluster is too large to be brought here.
    """
    ends = np.cumsum([part.size for part in track.parts])
    homes = np.searchsorted(ends, rows, side="right")
    for home in np.unique(homes).tolist():
        part = track.parts[home]
        places = np.flatnonzero(homes == home)
        if isinstance(part, KeptRows):
            part.table.keeper.check_room(part.table.nbytes)
        table = SealedTable(part.fields, tuple(part.pieces), part.size)
        yield places, table.take(rows[places] - (ends[home] - part.size))


def picked_values(track: Track, rows: Positions) -> list[dict[str, Any]]:
    """Return the fields of the named rows, in the order named."""
    found: list[dict[str, Any]] = [{}] * len(rows)
    for places, table in picked(track, rows):
        columns = [values_of(piece) for piece in table.pieces]
        values = zip(*columns, strict=True) if columns else ((),) * len(table)
        for place, row in zip(places.tolist(), values, strict=True):
            found[place] = dict(zip(table.fields, row, strict=True))
    return found


def picked_frame(track: Track, node: Node | None, rows: Positions) -> pd.DataFrame:
    """Return the named rows as a frame, in the order named and indexed by their numbers."""
    declared = {} if node is None else node.types
    parts = list(picked(track, rows))
    order = np.argsort(np.concatenate([np.arange(0), *(places for places, _ in parts)]))
    columns = {}
    for name in dict.fromkeys((*(() if node is None else node.fields), *track.field_names())):
        column = series([_piece(table, name) for _, table in parts], declared.get(name))
        columns[name] = column.take(order).array
    return pd.DataFrame(columns, index=pd.Index(rows, dtype="int64", name="row"))


def _piece(table: SealedTable, name: str) -> Any:
    if name in table.fields:
        return table.pieces[table.fields.index(name)]
    nothing: Sequence[None] = [None] * len(table)
    return list(nothing)
