"""What comes in through a pipe: lines of bytes, read once, as items to push."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

from emitnb.errors import SourceError
from emitnb.sources.checks import check_names, wrong_cells
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
    for _, text, row in csv_records(lines):
        if isinstance(row, Exception):
            yield Bad(row, text)
        elif len(row) == len(fields):
            yield dict(zip(fields, row, strict=True))
        elif row:
            yield Bad(wrong_cells(len(row), fields), text)


def csv_records(lines: Iterable[bytes]) -> Iterator[tuple[int, str, list[str] | Exception]]:
    """Yield the records in lines of CSV: the number of the line, from 1 on, the text, the cells.

    Where a record does not parse its error comes in place of the cells. A stray quote may have
    swallowed good rows: only its own line is given up.

    >>> [row for _, _, row in csv_records([b'1,2\\n', b'"3,4\\n', b'5,6\\n'])]
    [['1', '2'], Error('unexpected end of data'), ['5', '6']]
    """
    rest, ahead, taken, number = iter(lines), deque[bytes](), list[bytes](), 1

    def texts() -> Iterator[str]:
        while line := ahead.popleft() if ahead else next(rest, b""):
            taken.append(line)
            yield line.decode()

    while True:
        row: list[str] | Exception | None
        try:
            row = next(csv.reader(texts(), strict=True), None)
        except csv.Error as error:
            ahead.extendleft(reversed(taken[1:]))
            del taken[1:]
            row = error
        except UnicodeDecodeError as error:
            row = error
        if row is None:
            return
        yield number, shown_text(b"".join(taken)), row
        number += len(taken)
        taken.clear()
