"""Files that are written as a whole or not at all: each beside its target, whose place it takes."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

Content = bytes | Callable[[IO[bytes]], object]
"""What goes into a file, or a function that writes it."""

LONGEST = 200
"""Characters of a name that a temporary file takes up, as file systems take 255 bytes."""


def write_files(files: Mapping[Path, Content]) -> None:
    """Write files; when all are complete, they take their places.

    A file that is there keeps its mode; of a link, what it leads to is replaced. Raises OSError,
    and what a function raises; before the first file takes its place all are as they were.
    """
    made: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            target = path.resolve()
            made[target] = target.with_name(f".{target.name[:LONGEST]}.{uuid.uuid4().hex[:8]}")
            _write(made[target], content)
            if target.exists():
                made[target].chmod(stat.S_IMODE(target.stat().st_mode))
        for target, beside in made.items():
            beside.replace(target)
    finally:
        for beside in made.values():
            with suppress(OSError):
                beside.unlink()


def _write(path: Path, content: Content) -> None:
    with path.open("xb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
