"""A module of nodes becomes a notebook: the way back from ``%emit_export``."""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import Any

from emitnb import ipynb
from emitnb.errors import EmitError, file_words
from emitnb.importing.cells import cells
from emitnb.importing.chosen import chosen_name
from emitnb.importing.parts import parts

__all__ = ["import_module_file", "module_text", "notebook_of", "without_values"]


def notebook_of(text: str, name: str) -> dict[str, Any]:
    """Return the notebook, as nbformat 4.5 has it, that says what a module's text says.

    ``name`` is the module's name; the notebook of the same text is always the same. Raises
    EmitError for text that is no Python, and for a module without ``@router.node`` functions.

    >>> text = "@router.node('word', entry_point=True)\\ndef words(msg):\\n    return msg.document"
    >>> print("".join(notebook_of(text, "wordcount")["cells"][-1]["source"]))
    %%emit_node word --entry
    def words(msg):
        return msg.document
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return ipynb.notebook_with(cells(parts(text, f"{name}.py"), text, name))


def import_module_file(
    module: str | Path, notebook: str | Path | None = None, *, force: bool = False
) -> Path:
    """Write a module as a notebook, and return where it is.

    Parameters
    ----------
    module : a Python file with ``@router.node`` functions, as ``%emit_export`` writes it
    notebook : the file to write; None for the module's name with ``.ipynb``, beside it
    force : write over a notebook that is there

    Raises EmitError for what is no such module, for what cannot be read or written, and where
    another notebook is there already. The file that was there is whole in every case.
    """
    source = Path(module)
    target = source.with_suffix(".ipynb") if notebook is None else Path(notebook)
    if target.suffix != ".ipynb":
        raise EmitError(f"{target} is not the name of a notebook; write {target.stem}.ipynb")
    if not target.resolve().parent.is_dir():
        raise EmitError(f"there is no folder {target.parent}; make it, or give another name")
    made = notebook_of(module_text(source), source.stem)
    if target.exists() and not force and target.read_bytes() != ipynb.encoded(made):
        raise EmitError(
            f"{target} is there already and was left as it is. Give another name, "
            "or write over it with --force"
        )
    try:
        ipynb.write(made, target)
    except OSError as error:
        raise EmitError(f"cannot write {target}: {error.strerror or error}") from None
    return target


def module_text(path: Path) -> str:
    """Return the text of a Python file, in the encoding that it declares.

    Raises EmitError for a notebook, for bytes that are no text, and for what cannot be read.
    """
    if path.suffix == ".ipynb":
        raise EmitError(f"{path} is a notebook; name the module, {path.stem}.py")
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise EmitError(f"{path} is no Python module: {error}") from None
    except OSError as error:
        raise EmitError(f"cannot read the module {file_words(error)}") from None


def without_values(text: str, name: str) -> tuple[str, str]:
    """Return a module's text without the values that were chosen for it when it was exported.

    Those of ``--freeze``, ``--files`` and ``--params``, which nothing in the notebook need say. In
    their place stands ``name = None``; all those statements come back too. ``name`` names the
    module in an EmitError.
    """
    given = []
    for part in parts(text, name):
        if target := chosen_name(part):
            given.append(f"{target} = None\n")
            text = text.replace(part.text, given[-1].rstrip(), 1)
    return text, "".join(given)
