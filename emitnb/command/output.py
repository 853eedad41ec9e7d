"""Where results go: a file, written as a whole or not at all, a pipe, or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from emitnb.errors import EmitError
from emitnb.files import write_files

Write = Callable[[IO[bytes]], None]


def check_writable(path: Path) -> None:
    """Raise EmitError where a file could not be written, before time goes into what is in it."""
    if path.is_dir():
        raise EmitError(f"cannot write {path}: it is a folder; name a file in it")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise EmitError(f"cannot write {path}: there is no folder {folder}; make it first")
    there = path.exists()
    if not os.access(path if there and not path.is_file() else folder, os.W_OK):
        raise EmitError(f"cannot write {path}: that is not allowed")


def write_file(path: Path, write: Write) -> None:
    """Let ``write`` write a file, which takes the place of ``path`` when it is complete.

    What is there and no ordinary file (``/dev/null``, a pipe) is written into. Raises EmitError
    where it cannot be written, and what ``write`` raises; then ``path`` is as it was.
    """
    target = path.resolve()  # of a link, what it leads to is replaced
    try:
        if target.exists() and not target.is_file():
            with suppress(BrokenPipeError), target.open("wb") as file:
                write(file)
            return
        write_files({target: write})
    except OSError as error:
        raise EmitError(f"cannot write {path}: {error.strerror or error}") from error


def write_stdout(write: Write, text: bool) -> None:
    """Let ``write`` write to standard output; who reads may stop reading when they have enough."""
    out = sys.stdout
    binary: IO[bytes] | None = getattr(out, "buffer", None)
    try:
        if binary is not None:
            out.flush()
            write(binary)
            out.flush()
        elif text:
            _write_through(out, write)
        else:
            raise EmitError("standard output takes text alone here; name a file with -o")
    except BrokenPipeError:
        _silence(out)
    except OSError as error:
        _silence(out)
        raise EmitError(f"cannot write standard output: {error.strerror or error}") from error


def _write_through(out: IO[str], write: Write) -> None:
    """Write to what takes text alone, as a notebook's output does."""
    import io

    held = io.BytesIO()
    write(held)
    out.write(held.getvalue().decode())


def _silence(out: IO[str]) -> None:
    """Let what is still buffered go nowhere: Python would complain about it at its exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
