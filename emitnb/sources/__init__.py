"""Where messages come from: Python values, frames, files, dask collections, async iterators.

Everything is read as far as it is taken, never further: :func:`open_source` looks at what it is
given and returns a :class:`Source`, whose ``take`` does the reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from emitnb.errors import SourceError
from emitnb.message import Message
from emitnb.sources.asyncs import AsyncSource
from emitnb.sources.base import BaseSource, Source, Taken, Unreadable
from emitnb.sources.checks import check_names
from emitnb.sources.files import file_source
from emitnb.sources.frames import arrow_source, dask_source, frame_source, is_dask
from emitnb.sources.items import ItemSource

__all__ = ["Source", "Taken", "Unreadable", "open_source"]


def open_source(
    source: Any, *, field: str = "document", lines: bool = False, limit: int | None = None
) -> Source:
    """Return the messages of ``source``, to be taken a number at a time.

    Parameters
    ----------
    source : a dict or message (one message); an iterable, generator or async iterator of dicts,
        messages and plain values; a DataFrame, Series or Arrow table; a dask bag or dataframe; a
        path or glob of ``.txt``, ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` files, all but
        the last also with ``.gz``. A string is always a path. A source that is open already
        (:func:`emitnb.sources.files.files_source`) is returned as it is.
    field : the name of the single field that plain values and texts fill
    lines : whether each line of a text file is a message, rather than each file
    limit : stop after so many messages

    Raises SourceError where nothing can be read: no such file, an unknown suffix, columns that
    cannot be fields.

    >>> words = open_source(["rain", "sun"], field="word")
    >>> words.total, words.take(1).table.messages("__entry_point", Message)
    (2, [__entry_point(word='rain')])
    """
    check_names("push", (field,))
    if isinstance(source, BaseSource):
        return source
    if isinstance(source, Message | Mapping):
        record = source.as_dict() if isinstance(source, Message) else dict(source)
        check_names("the dict", record)
        return ItemSource([record], field, limit)
    if isinstance(source, str | Path):
        return file_source(source, field, lines, limit)
    return _framed(source, field, limit) or _iterated(source, field, limit)


def _framed(source: Any, field: str, limit: int | None) -> Source | None:
    """Return the rows of what has columns, None for anything else."""
    if isinstance(source, pd.Series) and source.dtype != object:
        source = source.to_frame(field)
    if isinstance(source, pd.DataFrame):
        return frame_source(source, limit)
    if is_dask(source):
        return dask_source(source, field, limit)
    # Arrow tables and whatever lends its columns to Arrow, polars for one.
    if hasattr(source, "__arrow_c_stream__") and hasattr(source, "columns"):
        return arrow_source(source, limit)
    return None


def _iterated(source: Any, field: str, limit: int | None) -> Source:
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | memoryview):
        return ItemSource(source, field, limit)
    if isinstance(source, AsyncIterable):
        return AsyncSource(source, field, limit)
    raise SourceError(
        f"what is pushed is of type {type(source).__name__}; push a dict, an iterable or async "
        "iterator of dicts or values, a DataFrame, a dask bag or dataframe, or a path. "
        "To push one value, push a list: [value]"
    )
