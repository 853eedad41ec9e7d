"""What comes in through a pipe: lines of bytes, read once, as items to push."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Literal, get_args

from emitnb.errors import SourceError
from emitnb.sources.checks import check_names
from emitnb.sources.items import Bad
from emitnb.sources.lines import BOM, json_item, shown_text, text_item

Format = Literal["lines", "jsonl", "csv", "text"]
FORMATS: tuple[Format, ...] = get_args(Format)


def stream_items(lines: Iterable[bytes], kind: Format, name: str) -> Iterator[Any]:
    """Return the items in a stream, which is read as far as they are taken.

    ``kind`` says what is in it: a text a line, a JSON value a line, rows of CSV below a header
    (dicts of texts), or one text. Only the header is read at once. What cannot be read is a
    :class:`.items.Bad` among them. Raises SourceError, naming the stream, for a header that
    cannot be.

    >>> list(stream_items([b"word,n\\n", b"rain,1\\n"], "csv", "standard input"))
    [{'word': 'rain', 'n': '1'}]
    """
    lines = _without_mark(iter(lines))
    if kind == "csv":
        return _rows(lines, name)
    if kind == "text":
        return _whole(lines)
    if kind == "jsonl":
        return (json_item(line) for line in lines if line.strip())
    return map(text_item, lines)


def _without_mark(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line.removeprefix(BOM)
        break
    yield from lines


def _whole(lines: Iterator[bytes]) -> Iterator[Any]:
    data = b"".join(lines)
    try:
        yield data.decode()
    except UnicodeDecodeError as error:
        yield Bad(error, shown_text(data))


def _rows(lines: Iterator[bytes], name: str) -> Iterator[Any]:
    reader = csv.reader((line.decode() for line in lines), strict=True)
    try:
        header = next(filter(None, reader), None)
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{name}: the header does not parse: {error}") from error
    if header is None:
        raise SourceError(f"{name}: is empty; CSV begins with a line of field names")
    fields = check_names(name, header)
    # What decodes the lines ends with the first that it cannot decode; the reader goes on.
    return _records(lines, fields)


def _records(lines: Iterator[bytes], fields: tuple[str, ...]) -> Iterator[Any]:
    taken: list[bytes] = []

    def texts(first: bytes) -> Iterator[str]:
        for line in chain([first], lines):
            taken.append(line)
            yield line.decode()

    for first in lines:
        taken.clear()
        try:
            row = next(csv.reader(texts(first), strict=True), [])
        except (csv.Error, UnicodeDecodeError) as error:
            yield Bad(error, shown_text(b"".join(taken)))
            continue
        if len(row) == len(fields):
            yield dict(zip(fields, row, strict=True))
        elif row:
            problem = f"{len(row)} cells where the header has {len(fields)}: {', '.join(fields)}"
            yield Bad(SourceError(problem), ",".join(row))
