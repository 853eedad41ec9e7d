"""Exports over and over, interrupted each time a little later; tells what was left, as JSON.

A process of its own: what is told to Python here (call me before each thing done with a file; files
have no more than 50 bytes) it never forgets.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from export.book import Book, Cell, export, run_book, run_cell, shell_in

WORDS = "%%emit_node word --entry\ndef words(msg):\n    return msg.document{}"


class Interrupter:
    """Raises KeyboardInterrupt at the ``at``-th thing that is done to a file in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = -1
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: Any) -> None:
        if self.left < 0 or event not in ("open", "os.rename", "os.remove", "os.truncate"):
            return
        paths = [one for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
        if not any(Path(os.fsdecode(path)).parent.resolve() == self.folder for path in paths):
            return
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def main(folder: Path) -> None:
    folder = folder.resolve()
    broken, left, interrupted = [], [], 0
    file = folder / "book" / "module.py"
    with shell_in(folder / "book") as shell:
        run_book(shell, Book("words", (Cell("w", WORDS.format("")),)))
        assert export(shell, "module.py") is None
        old = file.read_bytes()
        interrupter = Interrupter(folder / "book")
        for at in range(50):
            run_cell(shell, Cell("w", WORDS.format(".lower()")))
            interrupter.left = at
            error = export(shell, "module.py")
            is_done, interrupter.left = interrupter.left >= 0, -1
            found = file.read_bytes()
            new = b".lower()" in found and found.startswith(old[:20]) and found.endswith(b"\n")
            if found != old and not (new and b"sha256" in found):
                broken.append(at)
            left += [path.name for path in Path().iterdir() if path.name != "module.py"]
            if is_done:
                assert error is None, error
                break
            interrupted += 1
            run_cell(shell, Cell("w", WORDS.format("")))
            assert export(shell, "module.py") is None
            assert file.read_bytes() == old
        full = without_room(shell, file)
        left += [path.name for path in Path().iterdir() if path.name != "module.py"]
    told = {"interrupted": interrupted, "broken": broken, "left": left, "full": full}
    print(json.dumps(told), flush=True)


def without_room(shell: Any, file: Path) -> str:
    """Export where no file may grow beyond 50 bytes; tell whether the old one is still there."""
    before = file.read_bytes()
    run_cell(shell, Cell("w", WORDS.format(".upper()")))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    error = export(shell, "module.py")
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if error is None:
        return "written"
    return "old" if file.read_bytes() == before else "broken"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
