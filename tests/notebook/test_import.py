"""The notebook that a module becomes, run in a shell, is the module's graph."""

from __future__ import annotations

import json

import pytest
from back.examples import RICH, WORDCOUNT, declared, frames, imported, written

from emitnb import EmitError
from emitnb.ipynb import CODE, read


@pytest.mark.parametrize(("name", "text"), [("wordcount", WORDCOUNT), ("rich", RICH)])
def test_the_notebook_has_the_graph_and_the_frames_of_the_module(
    notebook, tmp_path, monkeypatch, name, text
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = imported(written(tmp_path, name, text))
    assert str(notebook.run(f"%emit_import {name}.py")) == (
        f"wrote {name}.ipynb; open it, and run all its cells"
    )
    for cell in read(tmp_path / f"{name}.ipynb"):
        if cell.kind == CODE:
            notebook.run(cell.text.replace("%emit_param ", ""))
    assert declared(notebook.router) == declared(module.router)
    assert frames(notebook.router) == frames(module.router)


def test_a_notebook_is_written_over_only_by_force(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "wordcount", WORDCOUNT)
    (tmp_path / "a b.ipynb").write_text("{}")
    with pytest.raises(EmitError, match="is there already"):
        notebook.run("%emit_import wordcount.py 'a b.ipynb'")
    notebook.run("%emit_import wordcount.py 'a b.ipynb' --force")
    assert json.loads((tmp_path / "a b.ipynb").read_text())["nbformat"] == 4
