"""Columns in a file, and how each comes back: equal, in the types and dtypes that it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from emitnb.filing.folder import File, Folder
from emitnb.filing.pickles import dumps, loads, same_types
from emitnb.filing.sizes import weigh
from emitnb.table import STR, Piece

CHUNK = 512
"""Values that are pickled together."""

_PLAIN = frozenset("iuf")
"""Kinds of numpy dtypes that Arrow holds as they are."""


class Coded(NamedTuple):
    """A column as it is written. ``kept`` must be kept for as long as it is to be read."""

    array: pa.Array
    form: str
    chunk: int = 0
    kept: tuple[Any, ...] = ()


class Form(NamedTuple):
    """How one column comes back: from which column of the file, or from here if ``here``."""

    kind: str
    place: int = 0
    chunk: int = 0
    kept: tuple[Any, ...] = ()
    here: Piece | None = None


@dataclass(frozen=True)
class FiledColumns:
    """Columns of equal length, most of them in a file; what cannot be pickled stayed here.

    ``size`` counts rows, ``held`` the bytes that stayed here.
    """

    size: int
    forms: tuple[Form, ...]
    file: File | None
    held: int = 0

    @classmethod
    def write(
        cls, pieces: Sequence[Piece], names: Sequence[str], size: int, folder: Folder
    ) -> FiledColumns:
        """Write columns to a new file. Raises RecordFullError where there is no room for it."""
        forms: list[Form] = []
        arrays: list[pa.Array] = []
        labels: list[str] = []
        for piece, name in zip(pieces, names, strict=True):
            coded = _coded(piece)
            if coded is None:
                forms.append(Form("here", here=piece))
                continue
            forms.append(Form(coded.form, len(arrays), coded.chunk, coded.kept))
            arrays.append(coded.array)
            labels.append(name.encode("utf-8", "backslashreplace").decode())
        file = None
        if arrays and size:
            file = folder.write(arrays, labels, sum(array.nbytes for array in arrays))
        held = sum(weigh(form.here) for form in forms if form.here is not None)
        return cls(size, tuple(forms), file, held)

    def read(self, column: int, what: str, start: int = 0, stop: int | None = None) -> Piece:
        """Return one column, or its rows from ``start`` to ``stop``.

        Raises RecordLostError, naming ``what`` it is that is lost.
        """
        form = self.forms[column]
        if form.here is not None:
            return form.here[start:stop]
        if self.file is None:
            return []
        array = self.file.columns(what).column(form.place)
        if form.kind == "arrow":
            return array[start:stop]
        if form.kind == "list":
            return _unpickled(array, form.chunk, *slice(start, stop).indices(self.size)[:2])
        if form.kind == "pickled series":
            whole: pd.Series[Any] = loads(array[0].as_py())
            return whole.iloc[start:stop]
        part = array[start:stop]
        if form.kind == "text series":
            return pd.Series(pd.array(pa.chunked_array([part]), dtype=STR))
        return pd.Series(part.to_numpy(), copy=False)


def _coded(piece: Piece) -> Coded | None:
    """A column in the form it is written in; None where it cannot be pickled."""
    if isinstance(piece, pa.Array):
        return Coded(piece, "arrow")
    try:
        return _coded_list(piece) if isinstance(piece, list) else _coded_series(piece)
    except Exception:
        return None  # whatever a class of the user's raises when it is pickled, or comes back


def _coded_list(values: list[Any]) -> Coded | None:
    cells: list[bytes | None] = [None] * len(values)
    kept: dict[int, Any] = {}
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        pickled, needed = dumps(chunk)
        if not same_types(chunk, loads(pickled)):
            return None
        cells[start] = pickled
        kept.update((id(one), one) for one in needed)
    return Coded(pa.array(cells, pa.large_binary()), "list", CHUNK, tuple(kept.values()))


def _coded_series(series: pd.Series[Any]) -> Coded | None:
    dtype: Any = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in _PLAIN and dtype.isnative:
        if dtype.itemsize <= 8:
            return Coded(pa.array(series.to_numpy()), "series")
    elif isinstance(dtype, pd.StringDtype) and dtype == STR and dtype.storage == "pyarrow":
        array = pa.array(series.array)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        if array.type == pa.large_string():
            return Coded(array, "text series")
    whole = series.reset_index(drop=True)
    pickled, kept = dumps(whole)
    again = loads(pickled)
    if again.dtype != dtype or (dtype.kind == "O" and not same_types(whole.array, again.array)):
        return None
    cells = [pickled, *[None] * (len(series) - 1)]
    return Coded(pa.array(cells, pa.large_binary()), "pickled series", len(series), kept)


def _unpickled(array: pa.Array, chunk: int, start: int, stop: int) -> list[Any]:
    first = start - start % chunk
    values = [v for place in range(first, stop, chunk) for v in loads(array[place].as_py())]
    return values[start - first : stop - first]
