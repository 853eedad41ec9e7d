"""What a router made of its messages, as plain values: alike in the notebook and in any process.

The classes of a notebook and those of its module are different objects with one name; so a value is
told by the name of its class and what is in it. Imported by processes without IPython.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from emitnb import Router

DROPPED = ["time", "revision"]
NODE = (
    "fields",
    "entry_point",
    "key",
    "batch",
    "form",
    "retries",
    "backoff",
    "timeout",
    "placement",
    "allow_shared",
)


def outcome(router: Router, only: list[str] | None = None) -> dict[str, Any]:
    """Return frames, failures, counts and the graph; ``only`` of some nodes."""
    names = [name for name in router.nodes if not only or name in only]
    made = {f"frame of {name}": table(router.frame(name, lineage=True)) for name in names}
    whole = router.frame(lineage=True)
    failures = router.failures()
    summary = router.summary().reset_index()
    if only:
        whole, failures, summary = (
            frame[frame["node"].isin(only)] for frame in (whole, failures, summary)
        )
    made["whole frame"] = table(whole[["node", "row"]] if only else whole)
    columns = ["node", "error_type", "input", "source", "parent_node", "parent_row", "attempts"]
    made["failures"] = table(failures[columns])
    made["summary"] = table(summary.drop(columns="ms"))
    made["nodes"] = {name: plain([getattr(router.nodes[name], a) for a in NODE]) for name in names}
    made["types"] = {name: plain(dict(router.nodes[name].types)) for name in names}
    made["routes"] = {name: list(router.graph.origins(name)) for name in names}
    return made


def table(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame as plain values: names, dtypes and values by column, in order."""
    frame = frame.drop(columns=DROPPED, errors="ignore")
    return {
        "dtypes": [(str(name), str(dtype)) for name, dtype in frame.dtypes.items()],
        "values": {str(name): [plain(value) for value in frame[name]] for name in frame.columns},
    }


def plain(value: Any) -> Any:
    """Return a value as nested tuples of texts and numbers, which compare as the value should."""
    kind = type(value).__qualname__
    if value is None or isinstance(value, bool | str | bytes) or type(value) is int:
        return value
    if isinstance(value, enum.Enum):
        return kind, value.name, plain(value.value)
    if isinstance(value, float | complex | np.generic):
        return kind, repr(value)  # equal for NaN, and not for 1 and 1.0
    if isinstance(value, pd.DataFrame):
        return kind, table(value)
    if isinstance(value, pd.Series | np.ndarray):
        return kind, str(value.dtype), tuple(map(plain, value))
    return kind, _inside(value)


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((plain(key), plain(held)) for key, held in value.items())
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(repr, map(plain, value))))
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple((f.name, plain(getattr(value, f.name))) for f in dataclasses.fields(value))
    if isinstance(value, msgspec.Struct):
        return tuple((name, plain(getattr(value, name))) for name in value.__struct_fields__)
    if isinstance(value, type):
        return value.__qualname__
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    return re.sub(r"<[\w.]+\.(?=\w+ )", "<", text)
