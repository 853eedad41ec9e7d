"""A saved notebook as a module, with nothing run; IPython translates its syntax."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from IPython.core import inputtransformer2

from emitnb import ipynb
from emitnb.export import Cell, export_saved


def exported(notebook: Path, module: Path, given: str = "", *, to_run: bool = False) -> str:
    """Return the module that the cells of a notebook make, and the statements ``given``.

    Raises EmitError for what is no notebook, and ExportError for what cannot be exported.
    """
    manager: Any = inputtransformer2  # IPython does not say what its functions take
    translate = manager.TransformerManager().transform_cell
    cells = [
        Cell(cell.title, translate(cell.text), cell.text)
        for cell in ipynb.read(notebook)
        if cell.kind == ipynb.CODE and cell.text.strip()
    ]
    if given:
        cells.append(Cell(f"what {module.name} was given", given, given))
    return export_saved(cells, notebook.name, version("emitnb"), module.resolve(), to_run=to_run)
