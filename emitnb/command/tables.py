"""Frames as CSV, JSON lines and Parquet."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from emitnb.errors import EmitError, did_you_mean
from emitnb.text import short_repr

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMATS = ("csv", "jsonl", "parquet")
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

CHUNK = 10_000
"""Rows that are turned into Python values at once."""

PLAIN = (str, int, float, bool, type(None))

Fallback = Callable[[Any], Any]
Finish = Callable[[Any], Any]


@dataclass(frozen=True)
class Target:
    """Where something is written, and as what. ``path`` None: standard output."""

    path: Path | None
    format: str
    zipped: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "standard output" if self.path is None else str(self.path)


def target_of(path: Path | None, wanted: str | None) -> Target:
    """Return a target; ValueError where neither its suffix nor ``wanted`` says the format.

    Standard output is CSV by itself: people look at it, and every tool reads it.

    >>> target_of(Path("counts.jsonl.gz"), None)
    Target(path=PosixPath('counts.jsonl.gz'), format='jsonl', zipped=True)
    """
    if path is None:
        return Target(None, wanted or "csv")
    zipped = path.suffix.lower() == ".gz"
    suffix = (path.with_suffix("") if zipped else path).suffix.lower()
    found = wanted or SUFFIXES.get(suffix)
    if found is None:
        hint = did_you_mean(suffix, SUFFIXES) or f" Suffixes: {', '.join(SUFFIXES)}."
        raise ValueError(f"the suffix of {path} does not say how to write it; add --format.{hint}")
    if found == "parquet" and zipped:
        raise ValueError(f"{path}: Parquet is compressed by itself; leave .gz away")
    return Target(path, found, zipped)


def write_frame(
    frame: pd.DataFrame, target: Target, file: IO[bytes], fallback: Fallback | None = None
) -> None:
    """Write a frame into an open file, in the target's format.

    In CSV what is no plain value (a dict, a list, a dataclass) is JSON text. In JSON lines, and
    where Parquet would not take them, dataclasses, Enums and such are what msgspec makes of them.
    ``fallback`` makes something of what cannot be written at all; without it EmitError is raised,
    naming column, row and value.
    """
    convert = _Converter(fallback)
    if target.format == "parquet":
        _write_parquet(frame, file, convert)
        return
    with _zipped(file, target) as out:
        if target.format == "csv":
            _write_csv(frame, out, convert)
        else:
            _write_jsonl(frame, out, convert)


@contextmanager
def _zipped(file: IO[bytes], target: Target) -> Iterator[IO[bytes]]:
    if not target.zipped:
        yield file
        return
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as out:
        yield cast(IO[bytes], out)


def _encodable(value: Any) -> Any:
    """Refuse what UTF-8 cannot hold: half a surrogate pair, which damaged text may hold."""
    if isinstance(value, str):
        value.encode()
    return value


def _csv_text(value: Any) -> Any:
    """Return a plain value as it is, any other as JSON text."""
    return _encodable(value if isinstance(value, PLAIN) else json.dumps(value, ensure_ascii=False))


class _Converter:
    """Makes of values what JSON knows."""

    def __init__(self, fallback: Fallback | None) -> None:
        self._fallback = fallback

    def __call__(self, value: Any) -> Any:
        return msgspec.to_builtins(value, enc_hook=self._hook, str_keys=True)

    def column(
        self, name: str, values: Iterable[Any], first: int = 0, finish: Finish = _encodable
    ) -> list[Any]:
        """Convert the values of a column, of which the first is in row ``first``."""
        made = []
        for row, value in enumerate(values, first):
            try:
                made.append(finish(value if type(value) in PLAIN else self(value)))
            except Exception as error:  # values are the user's, and may raise anything
                if self._fallback is None:
                    raise _unwritable(name, row, value, str(error)) from error
                made.append(finish(self._fallback(value)))
        return made

    def _hook(self, value: Any) -> Any:
        if _is_missing(value):
            return None
        for method in ("tolist", "item", "isoformat"):  # of numpy's arrays and scalars, of pandas
            if hasattr(value, method) and not isinstance(value, type):
                return getattr(value, method)()
        if self._fallback is not None:
            return self._fallback(value)
        raise NotImplementedError(f"JSON has no {type(value).__name__}")


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is pd.NA or value is pd.NaT


def _unwritable(column: str, row: int, value: Any, why: str) -> EmitError:
    return EmitError(
        f"{column}, row {row:,}: {short_repr(value, 60)} ({type(value).__name__}) cannot be "
        f"written: {why}. Emit a text, a number, or a dict of them instead"
    )


def _chunks(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for start in range(0, len(frame), CHUNK):
        yield start, frame.iloc[start : start + CHUNK]


def _write_csv(frame: pd.DataFrame, out: IO[bytes], convert: _Converter) -> None:
    out.write(frame.iloc[:0].to_csv(index=False, lineterminator="\n").encode())
    for start, part in _chunks(frame):
        texts = {name: _csv_column(str(name), part[name], start, convert) for name in part.columns}
        made = part.assign(**cast(Any, texts)) if texts else part
        out.write(made.to_csv(index=False, header=False, lineterminator="\n").encode())


def _csv_column(name: str, column: pd.Series, start: int, convert: _Converter) -> Any:
    import pandas as pd

    if column.dtype != object:
        return column
    return pd.Series(convert.column(name, column, start, _csv_text), column.index, dtype=object)


def _write_jsonl(frame: pd.DataFrame, out: IO[bytes], convert: _Converter) -> None:
    names = list(map(str, frame.columns))
    for start, part in _chunks(frame):
        # astype: whole numbers stay whole, and what is missing in a column can be null.
        columns = [
            convert.column(name, part[column].astype(object), start)
            for name, column in zip(names, frame.columns, strict=True)
        ]
        rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        out.write(_json_lines(rows if names else [{}] * len(part), start))


def _json_lines(rows: list[dict[str, Any]], start: int) -> bytes:
    try:
        return msgspec.json.Encoder().encode_lines(rows)
    except (TypeError, ValueError, OverflowError):
        pass  # numbers of more than 64 bits, which JSON can hold
    try:
        lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        return "".join(lines).encode()
    except (TypeError, ValueError) as error:
        raise EmitError(f"rows from {start:,} on cannot be JSON: {error}") from error


def _write_parquet(frame: pd.DataFrame, file: IO[bytes], convert: _Converter) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {str(name): _arrow(str(name), frame[name], convert) for name in frame.columns}
    parquet.write_table(pa.table(columns), file)


def _arrow(name: str, column: pd.Series, convert: _Converter) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.Array.from_pandas(column)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if column.dtype == object:
            try:
                return pa.array(convert.column(name, column), from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                pass
        kinds = ", ".join(sorted({type(value).__name__ for value in column}))
        raise EmitError(
            f"{name} holds what a column of Parquet cannot ({kinds}): {error}. Write JSON lines "
            "or CSV (--format), or give all rows values of one type"
        ) from error
