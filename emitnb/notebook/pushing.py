"""What ``%emit_push`` and ``%%emit_push`` hand to the router."""

from __future__ import annotations

import ast
import glob
import operator
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from emitnb.errors import EmitError, SourceError
from emitnb.sources.items import Bad
from emitnb.sources.streams import csv_records
from emitnb.text import counted

FORMATS = ("text", "lines", "jsonl", "csv")


def source(text: str, namespace: dict[str, Any]) -> Any:
    """Return what ``text`` means: a path, or the value of an expression in ``namespace``.

    Text in quotes is a path. Else it is a path if there is such a file, or a glob that matches
    one; else it is an expression. Raises SourceError where it is neither.
    """
    __tracebackhide__ = True
    if not text:
        raise SourceError("%emit_push: push what? Give a path, a glob, or a Python expression")
    literal = _literal(text)
    if isinstance(literal, str):
        return literal
    path = _path(text)
    return path or _value(text, namespace)


def content(
    cell: str, form: str | None = None, *, by_line: bool = False, field: str = "document"
) -> list[Any]:
    """Return the messages in the text of a cell.

    ``form`` is one of :data:`FORMATS`; without it, text whose first line is a JSON object is taken
    as JSON lines, and any other as one message (``by_line``: one for each line that is not blank)
    that fills ``field``. The values of CSV are text. A line that does not parse stands as a
    :class:`Bad` item: it will be a failure, and the rest goes on.

    >>> content('{"word": "rain"}\\n{"word": "sun"}')
    [{'word': 'rain'}, {'word': 'sun'}]
    """
    lines = [(number, line) for number, line in enumerate(cell.splitlines(), 2) if line.strip()]
    guess = form is None and not by_line
    if guess and lines and isinstance(_json(*lines[0]), dict):
        form = "jsonl"
    if form == "csv":
        return list(_rows(cell))
    if form == "jsonl":
        return [_json(number, line) for number, line in lines]
    if form == "lines" or by_line:
        return [{field: line} for _, line in lines]
    return [{field: cell.removesuffix("\n")}]


def row(text: str, namespace: dict[str, Any], magic: str = "%emit_trace") -> int:
    """Return the row number that ``text`` stands for: a number, or an expression of one.

    >>> row("first + 1", {"first": 41})
    42
    """
    try:
        return operator.index(eval(text, namespace))
    except Exception as error:
        raise EmitError(f"{magic}: {text!r} is no row number ({error}); see {magic}?") from None


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _path(text: str) -> str:
    """Return ``text`` as a path if files are there, or as a glob with ``*`` or ``?``; else ""."""
    # Path.expanduser raises for a `~name` of nobody; here that is a name like any other.
    path = os.path.expanduser(text)  # noqa: PTH111
    if _is_file(path):
        return path
    # To glob, [1, 2] is any one of these characters; to everybody else it is a list.
    wild = ("*" in path or "?" in path) and text[0] not in "[({"
    return path if wild and any(map(_is_file, glob.iglob(path, recursive=True))) else ""  # noqa: PTH207


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        # Too long for a name, for instance: an expression.
        return False


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # the last: `~name` of nobody
        return False


def _value(text: str, namespace: dict[str, Any]) -> Any:
    __tracebackhide__ = True  # what fails is the user's expression
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise _neither(text, f"not Python: {error.msg}") from None
    code = compile(tree, "<%emit_push>", "eval")
    try:
        return eval(code, namespace)
    except Exception as error:
        if any(isinstance(part, ast.Call) for part in ast.walk(tree)):
            # It was meant as an expression, and its error says more than this could.
            raise
        raise _neither(text, f"{type(error).__name__}: {error}") from error


def _neither(text: str, why: str) -> SourceError:
    if _is_folder(text):
        return SourceError(f"%emit_push: {text!r} is a folder; push the files in it: {text}/*")
    return SourceError(
        f"%emit_push: {text!r} is neither a file nor a glob that matches one in {Path.cwd()}, "
        f"nor an expression that can be evaluated ({why})"
    )


def _json(number: int, line: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError as error:
        what = f"line {number} of the cell is not JSON: {error}: {line.strip()}"
        return Bad(SourceError(what), line.strip())


def _rows(cell: str) -> Iterator[dict[str, str] | Bad]:
    names: list[str] = []
    for number, text, row in csv_records(cell.encode().splitlines(keepends=True)):
        place = f"line {number + 1} of the cell"
        if isinstance(row, Exception):
            yield Bad(SourceError(f"{place} is not CSV: {row}"), text)
            if not names:
                return
        elif not names:
            names = row
        elif len(row) == len(names):
            yield dict(zip(names, row, strict=True))
        elif row:
            what = f"has {counted(len(row), 'cell')}, the header {len(names)}: {', '.join(names)}"
            yield Bad(SourceError(f"{place} {what}"), text)
