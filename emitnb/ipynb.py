"""Notebook files: the cells of one, and a new one written in one go. Nothing here needs Jupyter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.errors import EmitError
from emitnb.files import write_files

CODE, MARKDOWN = "code", "markdown"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class Cell:
    """A cell: its place among all cells from 1 on, its text, and the number of its last run."""

    number: int
    kind: str
    text: str
    execution: int | None = None

    @property
    def title(self) -> str:
        """How a reader finds it: ``cell 3 (In [5])``."""
        ran = "" if self.execution is None else f" (In [{self.execution}])"
        return f"cell {self.number}{ran}"


def cells_of(notebook: Any, name: str) -> list[Cell]:
    """Return the cells of a notebook as its file holds it; ``name`` names it in an EmitError."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise EmitError(
            f"{name} is a notebook of an old format. Convert it: "
            f"jupyter nbconvert --to notebook --inplace {name}"
        )
    if not isinstance(cells, list) or not all(map(_is_cell, cells)):
        raise EmitError(f"{name} is no notebook: there are no cells in it. Name an .ipynb file")
    return [
        Cell(number, cell["cell_type"], _text(cell["source"]), cell.get("execution_count"))
        for number, cell in enumerate(cells, start=1)
    ]


def read(path: Path) -> list[Cell]:
    """Return the cells of a notebook file.

    Raises EmitError for what is no notebook, and OSError where there is nothing to read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise EmitError(
            f"{path} is no notebook: it is not JSON ({error}). Name an .ipynb file"
        ) from None
    return cells_of(found, str(path))


def notebook_with(cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a notebook, nbformat 4.5, of ``(kind, text)`` cells, none of which has run.

    The identifiers of its cells depend on their texts alone.
    """
    made: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for kind, text in cells:
        again = seen[text] = seen.get(text, -1) + 1
        mark = hashlib.sha256(f"{again}:{kind}:{text}".encode()).hexdigest()[:16]
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": mark,
            "metadata": {},
            "source": _lines(text),
        }
        if kind == CODE:
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell)
    return {"cells": made, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}


def encoded(notebook: dict[str, Any]) -> bytes:
    """Return what is in the file of a notebook, as Jupyter writes it."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return text.encode("utf-8")


def write(notebook: dict[str, Any], path: Path) -> None:
    """Write a notebook; whatever happens, the file is the old one or the new. Raises OSError."""
    write_files({path: encoded(notebook)})


def _is_cell(cell: Any) -> bool:
    return (
        isinstance(cell, dict)
        and isinstance(cell.get("cell_type"), str)
        and isinstance(cell.get("source"), str | list)
    )


def _text(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]
