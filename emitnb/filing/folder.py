"""A folder of our own, and the files in it. Each goes away when nobody needs it any more."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from emitnb.errors import RecordFullError, RecordLostError
from emitnb.text import size_text


class Folder:
    """Makes files in a folder of its own inside ``parent``, or the system's temporary folder.

    The folder is made with the first file, for this user alone, and removed with the last of who
    refers to it, or with the process.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.parent = parent
        self._path: Path | None = None
        self._numbers = itertools.count(1)

    @property
    def path(self) -> Path:
        """Where files are, or would be made."""
        return self._path or self.parent or Path(tempfile.gettempdir())

    def write(self, arrays: Sequence[pa.Array], names: Sequence[str], size: int) -> File:
        """Return a new file with these columns; ``size`` is about what it will take, in bytes.

        Raises RecordFullError, and leaves nothing behind, where it cannot be written.
        """
        try:
            if self._path is None:
                self._path = self._made()
            path = self._path / f"{next(self._numbers)}.arrow"
            file = File(path, self)
            try:
                file.size = _write(path, arrays, names)
            except BaseException:
                file.remove()
                raise
            return file
        except OSError as error:
            raise self._full(error, size) from error

    def _made(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="emitnb-", dir=self.parent))  # mode 0700
        weakref.finalize(self, _remove_folder, path, os.getpid())
        return path

    def _full(self, error: OSError, size: int) -> RecordFullError:
        gone = next((p for p in (self._path, self.parent) if p and not p.is_dir()), None)
        if gone is not None:
            self._path = None  # tried again, it is made again
            what = f"the folder {gone} is gone, and with it what was kept there"
        else:
            what = f"a file of about {size_text(size)} cannot be written to {self.path}"
            what += f" ({os.strerror(error.errno) if error.errno else error}{_free(self.path)})"
        return RecordFullError(
            f"what was recorded is beyond its budget of memory, but {what}. Make room, or choose "
            "another folder with router.bound(folder=…), or %emit_budget --folder"
        )


class File:
    """One file, for as long as somebody refers to it. ``size`` is in bytes."""

    def __init__(self, path: Path, folder: Folder) -> None:
        self.path = path
        self.size = 0
        self._folder = folder  # outlives its files
        self.remove = weakref.finalize(self, _remove_file, path, os.getpid())

    def columns(self, what: str) -> pa.RecordBatch:
        """Return the columns: not read yet, but mapped into memory.

        Raises RecordLostError, naming ``what`` was in it.
        """
        try:
            if self.path.stat().st_size != self.size:
                raise RecordLostError(_lost(what, self.path, "is not what was written"))
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_file(source) as reader:
                return reader.get_batch(0)
        except (OSError, pa.ArrowInvalid) as error:
            why = "is gone" if not self.path.exists() else f"cannot be read ({error})"
            raise RecordLostError(_lost(what, self.path, why)) from error


def _write(path: Path, arrays: Sequence[pa.Array], names: Sequence[str]) -> int:
    batch = pa.RecordBatch.from_arrays(list(arrays), list(names))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return path.stat().st_size


def _lost(what: str, path: Path, why: str) -> str:
    return (
        f"{what} cannot be read: {path} {why}. "
        "What was kept there is lost; forget it all with router.clear(), and push again "
        "(%emit_reset --keep-graph)"
    )


def _free(path: Path) -> str:
    try:
        return f"; {size_text(shutil.disk_usage(path).free)} are free there"
    except OSError:
        return ""


def _remove_file(path: Path, process: int) -> None:
    if os.getpid() == process:  # a forked process has no say in what its parent keeps
        _quietly(path.unlink)


def _remove_folder(path: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)


def _quietly(remove: Any) -> None:
    try:
        remove()
    except OSError:
        return  # gone already, or still mapped where that matters: the folder takes it along
