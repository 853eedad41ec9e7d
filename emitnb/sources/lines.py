"""Files of text: one message a line, a JSON value or a whole file."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from emitnb.sources.base import Unreadable
from emitnb.sources.items import Bad, tabulate
from emitnb.sources.paths import is_gzip
from emitnb.table import Table

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What reading a file, compressed or not, may raise (a gzip file that is cut off: EOFError)."""

BOM = b"\xef\xbb\xbf"
_BUFFER_BYTES = 1 << 17
_WHOLE_FILES_CHARACTERS = 16_000_000


class Mark(NamedTuple):
    """A place in a file (``offset``: byte or row) or among files (``offset``: which)."""

    offset: int = 0
    line: int = 0


class Piece(NamedTuple):
    """What was read, and where to go on: None at the end."""

    table: Table
    unreadable: tuple[Unreadable, ...]
    after: Mark | None


class Reader(Protocol):
    """Reads on from a place.

    ``at`` is that place, and None while reading: a reader that was interrupted does not know
    where it is, and another is opened in its stead.
    """

    at: Mark | None

    def read(self, size: int) -> Piece:
        """Return at most ``size`` further messages, and what lies unreadable among them."""

    def close(self) -> None:
        """Close the file."""


class LineFile:
    """The lines of a file, as bytes, from a place on.

    ``error`` is what reading raised, if it did: then the lines end there. Lines given back are
    read again.
    """

    def __init__(self, path: Path, at: Mark) -> None:
        self.path = path
        self.offset, self.line = at
        self.error: Exception | None = None
        self._ahead: deque[bytes] = deque()
        self._handle = _open(path)
        self._size = 0 if is_gzip(path) else os.fstat(self._handle.fileno()).st_size
        try:
            self._find_start()
        except READ_ERRORS:
            self._handle.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        while self._ahead:
            yield self._ahead.popleft()
        if self.error is not None:
            return
        try:
            # Not `yield from`, which would close the file together with this generator.
            for line in self._handle:  # noqa: UP028
                yield line
            self._check_length()
        except READ_ERRORS as error:
            self.error = error

    def block(self, size: int) -> list[bytes]:
        """Return at most ``size`` further lines, faster than one by one."""
        lines: list[bytes] = []
        try:
            lines.extend(islice(self._handle, size))
            if len(lines) < size:
                self._check_length()
        except READ_ERRORS as error:
            self.error = error
        return lines

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Let ``lines`` be the next to be read."""
        self._ahead.extendleft(reversed(lines))

    def passed(self, lines: Sequence[bytes]) -> None:
        """Move the place: ``lines`` are done with."""
        self.offset += sum(map(len, lines))
        self.line += len(lines)

    @property
    def at(self) -> Mark:
        """The place up to which lines were passed."""
        return Mark(self.offset, self.line)

    def place(self, lines: Sequence[bytes], after: int = 0) -> dict[str, Any]:
        """Return where ``lines`` are, so many lines after the place, and their text."""
        text = shown_text(b"".join(lines))
        return {"path": str(self.path), "line": self.line + after + 1, "text": text}

    def broken_off(self, before: int) -> tuple[Unreadable, ...]:
        """Return the error that ended the lines, if one did."""
        if self.error is None:
            return ()
        return (Unreadable({"path": str(self.path), "line": self.line + 1}, self.error, before),)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _check_length(self) -> None:
        """Raise OSError where the file was longer when it was opened: lines are lost."""
        if self._size and os.fstat(self._handle.fileno()).st_size < self._size:
            raise OSError("the file became shorter while it was read")

    def _find_start(self) -> None:
        if self.offset:
            self._handle.seek(self.offset)
        elif self._handle.peek(len(BOM))[: len(BOM)] == BOM:
            self.offset = self._handle.seek(len(BOM))


class LineReader:
    """One message a line: a subclass tells what is in the lines."""

    def __init__(self, path: Path, field: str, at: Mark) -> None:
        self._file = LineFile(path, at)
        self._field = field
        self.at: Mark | None = at

    def read(self, size: int) -> Piece:
        """Return at most ``size`` messages, from as many lines."""
        self.at = None
        lines = self._file.block(size)
        items, numbers = self._items(lines)
        table, unreadable = tabulate(
            items, self._field, lambda n: self._file.place([lines[numbers[n]]], numbers[n])
        )
        self._file.passed(lines)
        unreadable += self._file.broken_off(len(table))
        after = self._file.at
        self.at = after
        return Piece(table, unreadable, after if len(lines) == size else None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _items(self, lines: list[bytes]) -> tuple[list[Any], Sequence[int]]:
        """Return the items in lines, and the number of the line that each is in."""
        raise NotImplementedError


class TextReader(LineReader):
    """Each line is a text."""

    def _items(self, lines: list[bytes]) -> tuple[list[Any], Sequence[int]]:
        items: list[Any]
        try:
            text = b"".join(lines).decode()
            items = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if lines else []
        except UnicodeDecodeError:
            items = list(map(text_item, lines))
        return items, range(len(items))


class JsonReader(LineReader):
    """Each line is a JSON value; blank lines are skipped."""

    def _items(self, lines: list[bytes]) -> tuple[list[Any], Sequence[int]]:
        try:
            return list(map(msgspec.json.decode, lines)), range(len(lines))
        except ValueError:
            numbers = [number for number, line in enumerate(lines) if line.strip()]
            return [json_item(lines[number]) for number in numbers], numbers


class WholeReader:
    """Each file is a text."""

    def __init__(self, paths: Sequence[Path], field: str, at: Mark) -> None:
        self._paths = paths
        self._field = field
        self.at: Mark | None = at
        self._next = at.offset

    def read(self, size: int) -> Piece:
        """Return the texts of at most ``size`` files; of fewer where they are long."""
        self.at = None
        items: list[Any] = []
        characters = 0
        paths = self._paths[self._next : self._next + size]
        for path in paths:
            items.append(_whole(path))
            characters += len(items[-1]) if isinstance(items[-1], str) else 0
            if characters > _WHOLE_FILES_CHARACTERS:
                break
        table, unreadable = tabulate(items, self._field, lambda n: {"path": str(paths[n])})
        self._next += len(items)
        after = Mark(self._next)
        self.at = after
        return Piece(table, unreadable, after if self._next < len(self._paths) else None)

    def close(self) -> None:
        """Nothing stays open."""


class _Unzipped(io.RawIOBase):
    """The content of a gzip file, to be read through a buffer in C: a GzipFile splits lines slowly.

    A GzipFile itself under that buffer tells in Python whether it is closed, for every line; an
    interrupt there comes out as a ValueError.
    """

    def __init__(self, path: Path) -> None:
        self._file = gzip.GzipFile(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        # Not all that fits: what can be read before an error is handed out before it.
        return self._file.readinto1(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()


def _open(path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Unzipped(path), _BUFFER_BYTES) if is_gzip(path) else path.open("rb")


def _whole(path: Path) -> str | Bad:
    try:
        with io.TextIOWrapper(_open(path), encoding="utf-8-sig") as file:
            return file.read()
    except (*READ_ERRORS, UnicodeDecodeError) as error:
        return Bad(error)


def text_item(line: bytes) -> str | Bad:
    """Return a line as text, without its end; Bad where it is no UTF-8."""
    try:
        return line.decode().replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError as error:
        return Bad(error, shown_text(line))


def json_item(line: bytes) -> Any:
    """Return the JSON value in a line; Bad where there is none."""
    try:
        return msgspec.json.decode(line)
    except ValueError as error:
        return Bad(error, shown_text(line))


def shown_text(data: bytes) -> str:
    """Return bytes as text without the end of a line; what is no UTF-8 is escaped."""
    return data.decode(errors="backslashreplace").rstrip("\r\n")
