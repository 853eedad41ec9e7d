"""``emitnb run NOTEBOOK.ipynb``: what the cells would export, or why nobody can know it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emitnb.ipynb import CODE, notebook_with, write

NODE = """\
%%emit_node word n:int --entry
def words(msg):
    for word in msg.document.split():
        if word not in STOP:
            yield word, sizes.get(word, 1)"""


def ran(folder: Path, *cells: str) -> subprocess.CompletedProcess[str]:
    texts = ["%load_ext emitnb", *cells]
    write(notebook_with((CODE, text) for text in texts), folder / "n.ipynb")
    command = [sys.executable, "-m", "emitnb.cli", "run", "n.ipynb", "-"]
    return subprocess.run(
        command, cwd=folder, input="the rain", capture_output=True, text=True, check=False
    )


def test_the_graph_of_the_cells_runs(tmp_path: Path) -> None:
    done = ran(
        tmp_path, 'STOP = {"the"}\nsizes = {}\nsizes["rain"] = 2', "sizes = {'rain': 3}", NODE
    )
    assert (done.returncode, done.stdout) == (0, "word,n\nrain,3\n")


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ('sizes["rain"] = 3', "sizes"),
        ("for size in [1, 2]:\n    sizes[size] = 1", "sizes"),
        ('STOP.add("rain")', "STOP"),
        ("def fill():\n    STOP.add(1)\nfill()", "STOP"),
    ],
)
def test_what_cells_change_in_place_is_refused(tmp_path: Path, cell: str, name: str) -> None:
    """No cell runs: the value that was first made is not the one that the notebook has."""
    done = ran(tmp_path, 'STOP = {"the"}', "sizes = {}", cell, NODE)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"`{name}`, which words needs, is made in cell" in done.stderr
    assert "and changed in cell 4" in done.stderr
    assert f"--freeze {name}" in done.stderr
    assert done.stderr.startswith("emitnb: the cells of n.ipynb make no module. ")
    assert "written. " not in done.stderr
    assert done.stderr.endswith(
        "options of %emit_export in the notebook; run the module that it writes.\n"
    )
