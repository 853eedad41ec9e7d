"""``emitnb run NOTEBOOK.ipynb``: the graph of a saved notebook as a command."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.command import emitnb

CELLS = (
    "%load_ext emitnb",
    "import re\nimport pandas as pd\nSTOP = {'the', 'a'}",
    "%emit_param least = 1  # letters of a word",
    "%%emit_node word --entry\n"
    "def words(msg):\n"
    '    """Cut documents into words."""\n'
    "    yield from (w for w in re.findall(r'\\w+', msg.document) if len(w) >= least)",
    "frame = pd.read_csv('nowhere.csv')  # never runs",
    '%%emit_node word n:int --on words --key word --when "msg.word not in STOP"\n'
    "def count(msg, state):\n"
    "    state['n'] = state.get('n', 0) + 1\n"
    "    return msg.word, state['n']",
    "%%emit_node word --on words\ndef unwanted(msg):\n    return msg.word",
    "%emit_remove unwanted",
    "%emit_push nowhere/*.txt",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "here"
    made.mkdir()
    (made / "doc.txt").write_text("the rain in the rain", encoding="utf-8")
    return made


def saved(folder: Path, *cells: str) -> str:
    notebook = new_notebook(cells=[new_markdown_cell("# Words"), *map(new_code_cell, cells)])
    nbformat.write(notebook, folder / "count-words.ipynb")
    return "count-words.ipynb"


def run(folder: Path, *arguments: str):
    return emitnb("run", *arguments, home=folder.parent / "home", folder=folder)


def test_it_runs_what_the_cells_declare_and_none_of_the_rest(folder):
    done = run(folder, saved(folder, *CELLS), "doc.txt", "--least", "3")
    assert (done.stderr, done.stdout) == ("", "word,n\nrain,1\nrain,2\n")
    assert done.returncode == 0
    assert {path.name for path in folder.iterdir()} == {"doc.txt", "count-words.ipynb"}


def test_it_has_the_help_of_the_module(folder):
    done = run(folder, saved(folder, *CELLS), "--help")
    assert "usage: count-words.ipynb [options] SOURCE" in done.stdout
    assert "--least INT" in done.stdout
    assert re.search(r"words +Cut documents into words\.", done.stdout)


def test_it_runs_on_a_cluster(folder):
    name = saved(folder, *CELLS)
    done = run(folder, name, "doc.txt", "--backend", "dask", "--workers", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(folder, name, "doc.txt").stdout


def test_the_settings_of_the_router_count(folder):
    failing = "%%emit_node n:int --entry\ndef number(msg):\n    return int(msg.document)"
    (folder / "doc.txt").write_text("x\n" * 9 + "7\n", encoding="utf-8")
    done = run(folder, saved(folder, failing, "router.max_failures = 3"), "doc.txt", "--lines")
    assert done.returncode == 1
    assert "number failed 9 times in a row" in done.stderr  # the batch is over first


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((*CELLS, "%emit_remove wrods"), "cell 11: no node is named `wrods`"),
        (("%load_ext emitnb", "1 + 1"), "there are no nodes to export"),
        (("%%emit_node word --on\ndef words(msg):\n    return 1",), "cell 2: %%emit_node"),
        (("%%emit_node n --entry\ndef add(msg):\n    return msg.n + x", "x = !ls"), "x = !ls"),
        ((*CELLS, "router.hop_limit = least"), "cell 11: `router.hop_limit = least` is known only"),
    ],
)
def test_what_cannot_be_exported_is_told_with_its_cell(folder, cells, said):
    done = run(folder, saved(folder, *cells), "doc.txt")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_notebook_is_told(folder):
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    done = run(folder, "broken.ipynb", "doc.txt")
    assert done.returncode == 1
    assert "broken.ipynb is no notebook" in done.stderr
