"""``emitnb import``: a notebook is written whole or not at all, and none is written over."""

from __future__ import annotations

import json

import nbformat
import pytest
from back.examples import WORDCOUNT, written

from emitnb import EmitError
from emitnb.cli import main
from emitnb.importing import import_module_file, notebook_of


def test_the_notebook_goes_beside_the_module(tmp_path, capsys):
    path = written(tmp_path, "wordcount", WORDCOUNT)
    assert main(["import", str(path)]) == 0
    made = tmp_path / "wordcount.ipynb"
    assert capsys.readouterr().out == f"wrote {made}\n"
    assert json.loads(made.read_text()) == notebook_of(WORDCOUNT, "wordcount")
    assert made.stat().st_mode == path.stat().st_mode
    # As Jupyter writes it: saved there, nothing in it changes.
    assert made.read_text() == nbformat.writes(nbformat.read(made, as_version=4)) + "\n"


def test_a_notebook_that_is_there_is_written_over_only_by_force(tmp_path, capsys):
    path = written(tmp_path, "wordcount", WORDCOUNT)
    mine = tmp_path / "mine.ipynb"
    mine.write_text("mine")
    assert main(["import", str(path), str(mine)]) == 1
    assert "is there already and was left as it is" in (said := capsys.readouterr().err)
    assert "--force" in said
    assert mine.read_text() == "mine"
    assert main(["import", str(path), str(mine), "--force"]) == 0
    assert "%%emit_node" in mine.read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine.ipynb", "wordcount.py"]


def test_importing_again_says_nothing_of_a_notebook_that_says_the_same(tmp_path, capsys):
    path = written(tmp_path, "wordcount", WORDCOUNT)
    assert main(["import", str(path)]) == 0
    made = tmp_path / "wordcount.ipynb"
    text = made.read_text()
    assert main(["import", str(path)]) == 0
    assert made.read_text() == text
    made.write_text(text.replace("wordcount", "my own title"))
    assert main(["import", str(path)]) == 1
    assert "my own title" in made.read_text()


def test_a_module_that_cannot_be_imported_leaves_the_notebook_as_it_is(tmp_path):
    path = written(tmp_path, "broken", "x = 1\ndef f(:\n")
    (tmp_path / "broken.ipynb").write_text("mine")
    with pytest.raises(EmitError, match=r"broken\.py, line 2"):
        import_module_file(path, force=True)
    assert (tmp_path / "broken.ipynb").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["none.py"], "emitnb: cannot read the module none.py: No such file or directory\n"),
        (["wordcount.py", "none/a.ipynb"], "there is no folder none; make it"),
        (["wordcount.ipynb"], "is a notebook; name the module, wordcount.py"),
        (["wordcount.py", "other.py"], "write other.ipynb"),
        (["latin.py"], "latin.py is no Python module"),
    ],
)
def test_wrong_files_are_named(tmp_path, monkeypatch, capsys, arguments, what):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "wordcount", WORDCOUNT)
    (tmp_path / "latin.py").write_bytes(b"x = '\xe4'\n")
    assert main(["import", *arguments]) == 1
    assert what in capsys.readouterr().err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["latin.py", "wordcount.py"]


def test_a_module_that_is_not_there_is_one_sentence():
    with pytest.raises(EmitError, match=r"cannot read the module none\.py: No such file"):
        import_module_file("none.py")


def test_a_declared_encoding_is_read(tmp_path):
    text = f"# -*- coding: latin-1 -*-\n{WORDCOUNT}".replace('"the"', '"größer"')
    (tmp_path / "wordcount.py").write_bytes(text.encode("latin-1"))
    assert "größer" in import_module_file(tmp_path / "wordcount.py").read_text(encoding="utf-8")


def test_wrong_use_is_told(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["import"])
    assert stopped.value.code == 2
    assert "MODULE.py" in capsys.readouterr().err
