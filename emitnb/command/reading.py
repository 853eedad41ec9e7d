"""What a command line names, opened to be pushed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emitnb.command.arguments import STREAM, Asked, WrongUse
from emitnb.errors import SourceError
from emitnb.sources.files import files_source
from emitnb.sources.paths import find_files, kind_of
from emitnb.sources.streams import stream_items

if TYPE_CHECKING:
    from emitnb.command.signals import Signals


def open_sources(asked: Asked, signals: Signals) -> Any:
    """Return what is to be pushed: all files as one source, or what comes in.

    Raises WrongUse for files that are not there, have an unknown suffix or would be written over,
    and SourceError for those that cannot be read.
    """
    paths = [] if asked.sources == (STREAM,) else _paths(asked)
    _check_targets(asked, paths)
    if asked.sources == (STREAM,):
        return stream_items(signals.lines(_stdin()), asked.input_format, "standard input")
    return files_source(paths, asked.field, asked.lines, asked.limit)


def _stdin() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:  # closed, or not that of a process
        raise SourceError("standard input cannot be read here") from error


def _check_targets(asked: Asked, paths: Sequence[Path]) -> None:
    """Raise WrongUse where a file would take the place of another that is wanted."""
    taken = {path.resolve(): "is read" for path in (*paths, *asked.data.values())}
    for option, target in (("-o", asked.output), ("--failures", asked.failures)):
        if target is None or target.path is None:
            continue
        place = target.path.resolve()
        if place.exists() and not place.is_file():  # /dev/null takes everything
            continue
        if place in taken:
            raise WrongUse(f"{option} {target.path}: this file {taken[place]}; name another one")
        taken[place] = "is written by -o"


def _paths(asked: Asked) -> list[Path]:
    try:
        paths = [path for source in asked.sources for path in find_files(source)]
    except SourceError as error:
        raise WrongUse(str(error)) from error
    for path in () if asked.lines else paths:
        try:
            kind_of(path)
        except SourceError as error:
            raise WrongUse(
                f"{path}: its suffix does not tell how to read it; --lines reads it as text, a "
                "message a line"
            ) from error
    return paths
