"""What ruff finds in a notebook, at the places where a reader sees it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb import ipynb
from emitnb.errors import EmitError
from emitnb.ipynb import CODE, Cell
from emitnb.linting.cells import Place, Shown, is_node_cell, shown

SYNTAX = "invalid-syntax"
_ON_MAGIC_LINES = re.compile(r"F|E7[12]|" + SYNTAX)
"""What is asked of an expression on the line of a magic; not how long or how pretty it is."""

_NEVER = {"E402", "F404"}
"""Imports must come first in a module. A notebook has them where they are first needed."""

_SHOWING = {"B018", "E703", "PLW0104"}
"""Useless in a module; in a notebook a value at the end of a cell is shown, and ``;`` hides it."""

_CELLS = re.compile(r"\bcell (\d+)(?=, line)")
_FORBIDDEN = re.compile(
    r"--(?:fix|unsafe-fixes|fix-only|diff|watch|output-format|output-file|add-noqa|stdin-filename|statistics|show-files|show-settings)\b"
)


@dataclass(frozen=True)
class Finding:
    """One thing that ruff found; ``str()`` says where, and what."""

    notebook: str
    cell: Cell
    line: int
    column: int
    code: str
    text: str

    def __str__(self) -> str:
        place = f"{self.notebook}: {self.cell.title}: line {self.line}:{self.column}"
        return f"{place} {self.code} {self.text}"


def lint(
    path: Path, arguments: Sequence[str] = (), *, every: bool = False
) -> tuple[list[Finding], int]:
    """Return what ruff finds in the node cells of a notebook, and how many of them there are.

    Parameters
    ----------
    path : the notebook's file; the settings of ruff are those of its folder
    arguments : more for ``ruff check``, as ``("--select", "ALL")``
    every : look at all cells with Python, not only at those of nodes

    What does not compile is told of any cell: nothing else can be said of a notebook then. Raises
    EmitError for what is no notebook, where ruff is missing, and for what it does not take.
    """
    if found := next(filter(_FORBIDDEN.match, arguments), None):
        raise EmitError(
            f"{found} makes no sense for cells: nothing is changed, and places are told"
        )
    cells = ipynb.read(path)
    wanted = {cell.number for cell in cells if cell.kind == CODE and (every or is_node_cell(cell))}
    text = shown(cells)
    findings = [
        Finding(str(path), place.cell, place.line, place.column, SYNTAX, what)
        for place, what in text.problems
    ]
    for one in _asked_ruff(path, text, cells, arguments):
        place = _place(one, text, cells)
        code, what = str(one["code"] or SYNTAX), str(one["message"])
        if place is None or (place.cell.number not in wanted and code != SYNTAX):
            continue
        if not _is_noise(one, code, what, place):
            what = _CELLS.sub(lambda cell: f"cell {int(cell[1]) - 1}", what)
            findings.append(Finding(str(path), *place, code, what))
    findings.sort(key=lambda one: (one.cell.number, one.line, one.column, one.code))
    return findings, len(wanted)


def _asked_ruff(
    path: Path, text: Shown, cells: Sequence[Cell], arguments: Sequence[str]
) -> list[dict[str, Any]]:
    kinds = [CODE, *(cell.kind for cell in cells), CODE]
    notebook = ipynb.notebook_with(zip(kinds, text.texts, strict=True))
    command = [_ruff(), "check", "--no-fix", "--no-force-exclude", *arguments]
    done = subprocess.run(
        [*command, "--output-format", "json", "--stdin-filename", path.name, "-"],
        cwd=path.resolve().parent,
        input=json.dumps(notebook),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip().removeprefix("error: ")
        raise EmitError(f"ruff could not check {path}: {said or 'it said nothing'}") from None
    return found


def _ruff() -> str:
    beside = Path(sys.executable).with_name("ruff")
    found = str(beside) if beside.is_file() else shutil.which("ruff")
    if found is None:
        raise EmitError("ruff is not installed, and it does the work; pip install ruff")
    return found


def _place(one: dict[str, Any], text: Shown, cells: Sequence[Cell]) -> Place | None:
    """Where a finding belongs in the notebook; None for what nobody wrote."""
    number, location = int(one.get("cell") or 0), one["location"]
    line, column = int(location["row"]), int(location["column"])
    if 2 <= number <= len(cells) + 1:
        cell = cells[number - 2]
        return Place(cell, line, column + text.shifts.get((cell.number, line), 0))
    if number != len(cells) + 2 or line > len(text.read):
        return None
    source = text.read[line - 1]
    if source is None or not _ON_MAGIC_LINES.match(str(one["code"] or SYNTAX)):
        return None
    place, before = source
    return place._replace(column=place.column + max(0, column - 1 - before))


def _is_noise(one: dict[str, Any], code: str, what: str, place: Place) -> bool:
    """Whether something is wrong in a module, and how a notebook is written."""
    if code in _SHOWING:
        written = place.cell.text.split("\n")[place.line - 1]
        return not written[:1].isspace()
    # A cell may define again what another one defined.
    earlier = re.search(r"from cell (\d+)", what)
    return code in _NEVER or (
        code == "F811" and earlier is not None and int(earlier[1]) != one["cell"]
    )
