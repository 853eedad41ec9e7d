"""A saved notebook as a module, with nothing run; IPython translates its syntax."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from IPython.core import inputtransformer2

from emitnb import ipynb
from emitnb.errors import ExportError
from emitnb.export import NOTHING_WRITTEN, Cell, export_saved


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
    try:
        return export_saved(
            cells, notebook.name, version("emitnb"), module.resolve(), to_run=to_run
        )
    except ExportError as error:
        raise _of_saved(error, notebook) from None


def _of_saved(error: ExportError, notebook: Path) -> ExportError:
    """Return what an error says, for somebody who asked for no file and gave no options."""
    text = str(error).replace(NOTHING_WRITTEN, f"the cells of {notebook.name} make no module. ", 1)
    chooses = any(option in text for option in ("--freeze", "--params", "--files"))
    hint = "\nThese are options of %emit_export in the notebook; run the module that it writes."
    return ExportError(text + hint * chooses)
