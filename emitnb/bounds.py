"""The budget of memory for what is recorded, and what goes to files beyond it.

What holds most gives its oldest rows first: the emissions of a node, the pushed messages, or the
failures. Nothing is dropped; frames, traces and failures read the files where they need them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from emitnb.emissions import Log
from emitnb.emissions.filed import FiledRows, FiledTable
from emitnb.errors import EmitError
from emitnb.failures import Failures
from emitnb.filing import FiledColumns, FiledValues, Folder, Held
from emitnb.filing.sizes import parse_rows, parse_size, total
from emitnb.text import size_text

MEMORY = 10**9
"""Bytes: some twenty million words with their counts. Beside it a laptop with 8 GB has room for
the frames made of it; what goes to files meanwhile still lies in the system's file cache."""

INPUTS, FAILURES = ("inputs", ""), ("failures", "")

Holder = tuple[str, str]


@dataclass(frozen=True)
class Bounds:
    """How much of what is recorded may lie in memory: bytes and rows; None is no limit.

    Rows are those of emissions, pushed messages and failures together.
    """

    memory: int | None = MEMORY
    rows: int | None = None
    folder: Folder = field(default_factory=Folder)

    def kept(self, log: Log, failures: Failures) -> tuple[Log, Failures]:
        """Return both within the bounds. Raises RecordFullError where files have no room."""
        held = {("track", name): track.held for name, track in log.tracks.items()}
        held |= {INPUTS: log.inputs.held, FAILURES: failures.held}
        if not self._surplus(total(held.values())):
            return log, failures
        return self._filed(self._choice(held, log, failures), log, failures)

    def _surplus(self, held: Held) -> str:
        """Of what there is too much, if of anything."""
        if self.memory is not None and held.bytes > self.memory:
            return "bytes"
        return "rows" if self.rows is not None and held.rows > self.rows else ""

    def _choice(
        self, held: Mapping[Holder, Held], log: Log, failures: Failures
    ) -> dict[Holder, list[int]]:
        """Return which parts are to go: their places in what holds them."""
        left = dict(held)
        waiting = {("track", name): track.loose() for name, track in log.tracks.items()}
        waiting |= {INPUTS: log.inputs.loose(), FAILURES: failures.loose()}
        chosen: dict[Holder, list[int]] = {}
        while waiting and (surplus := self._surplus(total(left.values()))):
            most = max(waiting, key=lambda name: getattr(left[name], surplus))
            found = next(waiting[most], None)
            if found is None:
                del waiting[most]  # what it still holds cannot be pickled
                continue
            place, part = found
            chosen.setdefault(most, []).append(place)
            left[most] = Held(left[most].rows - part.rows, left[most].bytes - part.bytes)
        return chosen

    def _filed(
        self, chosen: Mapping[Holder, Iterable[int]], log: Log, failures: Failures
    ) -> tuple[Log, Failures]:
        inputs, tracks = log.inputs, dict(log.tracks)
        for holder, places in chosen.items():
            if holder == INPUTS:
                inputs = inputs.filed(places, self.folder)
            elif holder == FAILURES:
                failures = failures.filed(places, self.folder)
            else:
                name = holder[1]
                tracks[name] = tracks[name].filed(places, name, self.folder)
        return replace(log, tracks=tracks, inputs=inputs), failures


@dataclass(frozen=True)
class Kept:
    """What a router keeps of what it recorded: what lies in memory, and what in files."""

    bounds: Bounds
    memory: Held
    files: Held

    def __str__(self) -> str:
        where = self.bounds.folder.path
        is_free = self.bounds == replace(self.bounds, memory=parse_size("unlimited"), rows=None)
        if is_free and not self.files.rows:
            size = size_text(self.memory.bytes)
            return f"kept: {size} in memory ({self.memory.rows:,} rows), as much as there is"
        rows = "" if self.bounds.rows is None else f" of {self.bounds.rows:,}"
        limit = size_text(self.bounds.memory)
        text = f"kept: {size_text(self.memory.bytes)} of {limit} in memory"
        text += f" ({self.memory.rows:,}{rows} rows)"
        if not self.files.rows:
            return f"{text}; what is beyond goes to files in {where}"
        size = size_text(self.files.bytes)
        return f"{text}; {size} in files ({self.files.rows:,} rows) in {where}"

    __repr__ = __str__


def kept(bounds: Bounds, log: Log, failures: Failures) -> Kept:
    """Return what lies where."""
    held = [track.held for track in log.tracks.values()]
    files = total(_in_file(columns) for columns in _filed_columns(log, failures))
    return Kept(bounds, total([*held, log.inputs.held, failures.held]), files)


def changed(
    bounds: Bounds,
    memory: int | float | str | None = None,
    rows: int | float | str | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Bounds:
    """Return other bounds; what is None stays as it is. Raises EmitError for what cannot be."""
    return Bounds(
        bounds.memory if memory is None else parse_size(memory),
        bounds.rows if rows is None else parse_rows(rows),
        bounds.folder if folder is None else _folder(folder),
    )


def _folder(given: str | os.PathLike[str]) -> Folder:
    path = Path(given).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise EmitError(f"{path} cannot be a folder for what is recorded: {why}") from error
    return Folder(path)


def _filed_columns(log: Log, failures: Failures) -> Iterator[FiledColumns]:
    for track in log.tracks.values():
        yield from (part.columns for part in track.parts if isinstance(part, FiledRows))
    yield from (table.columns for table, _ in log.inputs.kept if isinstance(table, FiledTable))
    yield from (part.columns for part in failures.parts if isinstance(part, FiledValues))


def _in_file(columns: FiledColumns) -> Held:
    return Held() if columns.file is None else Held(columns.size, columns.file.size)
