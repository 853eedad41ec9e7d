"""The record of the cells that ran: what an export reads, in the order in which they ran."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import time
from traceback import walk_stack
from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from emitnb.export import Cell
from emitnb.router import Router


class Record:
    """Notes each cell of a shell when it has run, and what it changed under nodes.

    Cells that ran before emitnb was loaded are taken from IPython's history; whether they failed,
    nobody knows.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.ran = self._earlier()
        self._ended = [0.0] * len(self.ran)  # seconds since 1970
        self._running: ExecutionInfo | None = None
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._note)

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        found: dict[str, Any] = self._shell.user_ns
        return found

    @property
    def name(self) -> str:
        """The name of the notebook's file; "" if nobody knows."""
        path = self._file()
        return "" if path is None else path.name

    def cells(self) -> Sequence[Cell]:
        """Return the cells that ran, in that order. Those deleted from the saved file say so.

        The last is the one that runs now, with what stands above the line that it is at.
        """
        when, identities = self._saved() or (0.0, frozenset())
        ran = [
            replace(cell, is_gone=True)
            if ended < when and cell.identity and cell.identity not in identities
            else cell
            for cell, ended in zip(self.ran, self._ended, strict=True)
        ]
        if self._running is not None:
            cell = self._cell_of(self._running)
            line = _line_now(cell.file)
            ran += [] if line is None else [replace(cell, failed_at=line)]
        return ran

    def _begin(self, info: ExecutionInfo) -> None:
        self._running = info
        for router in self._routers():
            router.before_cell()

    def _note(self, result: ExecutionResult) -> None:
        self._running = None
        info = result.info
        if info is None or info.silent or not (info.raw_cell or "").strip():
            return
        cell = self._cell_of(info)
        if result.error_before_exec is not None:
            return  # it did not compile: nothing of it ran
        if result.error_in_exec is not None:
            line = _failing_line(result.error_in_exec.__traceback__, cell.file)
            cell = replace(cell, failed_at=line)
        self.ran.append(cell)
        self._ended.append(time())
        for router in self._routers():
            router.notebook = self
            for note in router.after_cell():
                print(note)  # noqa: T201 - a line below what the cell shows

    def _routers(self) -> Iterable[Router]:
        """The routers of the notebook, those made in cells too."""
        values = list(self.namespace.values())
        return {id(value): value for value in values if isinstance(value, Router)}.values()

    def _cell_of(self, info: ExecutionInfo) -> Cell:
        # A cell that is kept in the history has had its number counted up already.
        number = self._shell.execution_count - bool(info.store_history)
        return self._cell(info.raw_cell or "", number, getattr(info, "cell_id", None) or "")

    def _cell(self, raw: str, number: int, identity: str) -> Cell:
        shell: Any = self._shell  # IPython does not say what this one returns
        source = str(shell.transform_cell(raw))
        file = self._shell.compile.get_code_name(raw, source, number)
        return Cell(f"In [{number}]", source, raw, str(file), None, identity)

    def _earlier(self) -> list[Cell]:
        history: Any = self._shell.history_manager
        raws = list(getattr(history, "input_hist_raw", []))[1:]
        # The last one is the cell that runs now: it will be noted when it is over.
        return [self._cell(raw, number, "") for number, raw in enumerate(raws[:-1], start=1)]

    def _file(self) -> Path | None:
        """The notebook's file, as Jupyter or VS Code tells it."""
        told = self.namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
        if not isinstance(told, str) or not told.endswith(".ipynb"):
            return None
        return Path(told)

    def _saved(self) -> tuple[float, set[str]] | None:
        """When the notebook was saved, and which cells it then had; None if nobody knows."""
        path = self._file()
        if path is None or not path.is_absolute():
            return None
        try:
            when = path.stat().st_mtime
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            return when, {cell["id"] for cell in cells}
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _line_now(file: str) -> int | None:
    """The line, at its top, that a cell is at; None if the code that runs is of no such file."""
    lines = [frame.f_lineno for frame, _ in walk_stack(None) if frame.f_code.co_filename == file]
    return lines[-1] if lines else None


def _failing_line(trace: TracebackType | None, file: str) -> int:
    """The line of the cell, at its top, at which an error was raised; 1 if it tells none."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            return trace.tb_lineno
        trace = trace.tb_next
    return 1
