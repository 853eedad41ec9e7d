"""Notebooks that are run from beginning to end in a kernel, as a user runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.command import ROOT, new_user


def executed(name: str, folder: Path) -> list[Any]:
    """The code cells, executed in a folder where nothing else is; a cell that raises fails."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    # With no folders to search, the one kernel left is the Python that runs the tests.
    kernel = AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )
    client = NotebookClient(notebook, km=kernel, timeout=300)
    client.resources = {"metadata": {"path": str(folder)}}
    env = new_user(folder / "home", PYTHONPATH=str(ROOT))
    client.execute(cleanup_kc=True, env=env)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> str:
    """What a cell shows, as text."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def outputs(cells: list[Any], source: str) -> list[str]:
    """What the cells show in which this text stands, in order."""
    found = [shown(cell) for cell in cells if source in cell.source]
    assert found, f"no cell says {source}"
    return found
