"""Emissions as a dask DataFrame: partitions are the batches that stayed on the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dask.dataframe as dd
import pandas as pd
from dask.delayed import delayed

from emitnb.backends.dask.kept import table_of
from emitnb.backends.dask.tasks import Made
from emitnb.emissions import Log, node_frame
from emitnb.emissions.columns import table_frame
from emitnb.emissions.frames import rows_frame
from emitnb.emissions.log import KeptRows, Track
from emitnb.node import Node


def lazy_frame(log: Log, name: str, node: Node | None) -> Any:
    """Return the emissions of a node: its fields as columns, as many rows as it emitted.

    Rows that are at home are one partition each time they stand between others. All partitions
    have the dtypes that hold the values of all.
    """
    track = log.tracks.get(name, Track())
    types = {} if node is None else node.types
    kept = [part for part in track.parts if isinstance(part, KeptRows)]
    if not kept:
        return dd.from_pandas(node_frame(log, name, node), npartitions=1, sort=False)
    looks = [_look(part, types) for part in track.parts]
    like = pd.concat(looks) if len(looks) > 1 else looks[0]
    parts = [
        # Delayed, not submitted: the graph of the frame holds on to the futures of the batches.
        delayed(_frame_of, pure=False)(*part.table.handle, types, like)
        if isinstance(part, KeptRows)
        else delayed(_fitted(rows_frame(part, types), like))
        for part in track.parts
    ]
    return dd.from_delayed(parts, meta=like, verify_meta=False)


def _look(part: Any, types: Mapping[str, Any]) -> pd.DataFrame:
    frame = part.table.like if isinstance(part, KeptRows) else rows_frame(part, types)
    return frame.iloc[:0]


def _frame_of(made: Made, name: str, types: Mapping[str, Any], like: pd.DataFrame) -> pd.DataFrame:
    return _fitted(table_frame(table_of(made, name), types), like)


def _fitted(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    return frame.reindex(columns=like.columns).astype(like.dtypes.to_dict())
