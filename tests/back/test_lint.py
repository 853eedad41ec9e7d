"""``emitnb lint``: what ruff finds in node cells, where a reader sees it, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emitnb import EmitError
from emitnb.cli import main
from emitnb.ipynb import CODE, MARKDOWN, notebook_with
from emitnb.linting import lint

WORDS = "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()"


def notebook(folder: Path, *texts: str, name: str = "a.ipynb") -> Path:
    """Write a notebook of code cells; the n-th has run as ``In [n + 10]``."""
    made = notebook_with([(CODE, text) for text in texts])
    for number, cell in enumerate(made["cells"], 1):
        cell["execution_count"] = number + 10
    path = folder / name
    path.write_text(json.dumps(made))
    return path


def found(folder: Path, *texts: str, options: tuple[str, ...] = (), every: bool = False):
    """What is found, as ``cell line:column code message``."""
    findings, _ = lint(notebook(folder, *texts), options, every=every)
    return [f"{one.cell.number} {one.line}:{one.column} {one.code} {one.text}" for one in findings]


def test_a_finding_has_cell_line_and_column_of_the_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = notebook_with([(MARKDOWN, "# A"), (CODE, f"\n{WORDS}\n    return lost")])
    made["cells"][1]["execution_count"] = 5
    Path("a.ipynb").write_text(json.dumps(made))
    assert main(["lint", "a.ipynb"]) == 1
    out, err = capsys.readouterr()
    assert out == "a.ipynb: cell 2 (In [5]): line 5:12 F821 Undefined name `lost`\n"
    assert err == "1 finding in 1 node cell\n"


def test_a_clean_notebook_is_clean(tmp_path, capsys):
    path = notebook(tmp_path, "%load_ext emitnb", WORDS, "%emit_graph", "router.frame()")
    assert main(["lint", str(path)]) == 0
    assert capsys.readouterr() == ("", "nothing found in 1 node cell\n")


def test_the_names_that_other_cells_define_are_known(tmp_path):
    assert not found(
        tmp_path,
        "import re\nfrom os import sep as SEP\nx = !ls\n%emit_param rate = 0.5  # share",
        "def clean(text):\n    return text",
        "%%capture told\nprint(1)",
        "%%emit_node word\nclass Helper:\n    pass\n\ndef words(msg):\n"
        "    return re, SEP, rate, clean, x, told, later, _, Out, _12, display, get_ipython()",
        "@router.node('x')\ndef later(msg):\n    return words, Helper, router",
    )


def test_strings_with_lines_that_look_like_magics_are_strings(tmp_path):
    node = "%%emit_node word\ndef f(msg):\n    text = '''\n    %%s\n'''"
    assert found(
        tmp_path,
        "EDGES = '.'\nTEXT = '''\n%%bash\nls\n'''",
        f"{node}\n    return EDGES, text, lost",
    ) == ["2 6:25 F821 Undefined name `lost`"]


def test_imports_that_others_use_are_used(tmp_path):
    assert not found(
        tmp_path,
        "%%emit_node word\nimport re, json, math, string, csv\nimport typing as t\n"
        "def f(msg):\n    return 1",
        "re.compile('x')",
        "%emit_push json.loads('[1]')",
        "%%emit_push --to f\nnothing",
        "%%emit_node x:t.Any --when 'math.pi > msg.x'\ndef g(msg):\n    return string",
        "!ls {csv.x}",
        options=("--select", "F"),
    )


def test_an_import_that_nobody_uses_is_found(tmp_path):
    text = "%%emit_node word\nimport re\n\n\ndef f(msg):\n    import os\n    return 1"
    assert found(tmp_path, text) == [
        "1 2:8 F401 `re` imported but unused",
        "1 6:12 F401 `os` imported but unused",
    ]


@pytest.mark.parametrize(
    ("line", "column", "name"),
    [
        ("word --when 'msg.x in STOP'", 35, "STOP"),
        ('word --when "g(msg) > 3" --on x', 26, "g"),
        ("word --when msg.x > LOW", 33, "LOW"),
        ("word count:Kind", 24, "Kind"),
        ("'word:dict[str, Kind | None]' --entry", 29, "Kind"),
    ],
)
def test_unknown_names_on_the_line_of_the_magic_are_found(tmp_path, line, column, name):
    text = f"%%emit_node {line}\ndef f(msg):\n    return 1"
    assert found(tmp_path, text) == [f"1 1:{column} F821 Undefined name `{name}`"]


def test_known_names_on_the_line_of_the_magic_are_not(tmp_path):
    line = "%%emit_node a:Kind b:int --when 'msg.x in STOP and clean(msg.x)' --on '/a|b/'"
    cell = f"{line}\nclass Kind: ...\n\ndef f(msg):\n    return 1"
    assert not found(tmp_path, "STOP = set()", cell, "def clean(x): ...")


def test_a_line_that_does_not_compile_is_found(tmp_path):
    function = "\ndef f(msg):\n    return 1"
    assert found(tmp_path, f"%%emit_node a --when 'msg.x >'{function}") == [
        "1 1:23 invalid-syntax `msg.x >` is not a Python expression: invalid syntax"
    ]
    (told,) = found(tmp_path, f"%%emit_node a --retries many{function}")
    assert told.startswith("1 1:1 invalid-syntax %%emit_node: argument --retries")


def test_a_cell_that_does_not_compile_is_found_wherever_it_is(tmp_path):
    assert found(tmp_path, WORDS, "print(")[0].startswith("2 1:7 invalid-syntax")
    assert found(tmp_path, f"{WORDS})")[0].startswith("1 3:36 invalid-syntax")


def test_what_is_usual_in_a_notebook_is_no_finding(tmp_path):
    assert not found(
        tmp_path,
        "x = 1",
        f"{WORDS}\n\nwords\nx;",
        WORDS,
        "%%emit_node a\nfrom __future__ import annotations\nimport re\n\n\n"
        "def f(msg):\n    return re",
        "%emit_graph\nimport os\n\n\n@router.node('y')\ndef g(msg):\n    return os\n\n\ng",
        options=("--select", "E,F,B,W"),
    )


def test_what_is_useless_inside_a_function_is_a_finding(tmp_path):
    text = "%%emit_node a\ndef f(msg):\n    msg.x\n    return 1;"
    told = " ".join(found(tmp_path, text, options=("--select", "B018,E703")))
    assert "1 3:5 B018" in told and "1 4:13 E703" in told


def test_a_name_defined_twice_in_a_cell_is_a_finding(tmp_path):
    text = "%%emit_node a\ndef f(msg):\n    return 1\ndef f(msg):\n    return 2"
    (told,) = found(tmp_path, text, options=("--select", "F811"))
    assert told.startswith("1 4:5 F811") and "from cell 1, line 2" in told


def test_only_node_cells_are_looked_at_unless_all_are_asked_for(tmp_path):
    cells = [
        "import os",
        "mine = router",
        WORDS,
        "%%time\n@mine.node('x')\ndef f(msg):\n    return lost",
    ]
    assert found(tmp_path, *cells) == ["4 4:12 F821 Undefined name `lost`"]
    assert "1 1:8 F401 `os` imported but unused" in found(tmp_path, *cells, every=True)


@pytest.mark.parametrize("magic", ["%%bash", "%%javascript", "%%html", "%%writefile x.py"])
def test_cells_that_are_not_python_are_left_out(tmp_path, magic):
    assert not found(tmp_path, f"{magic}\nlet x = @router.node(;", WORDS, every=True)


def test_columns_hold_behind_a_parameter(tmp_path):
    text = "%emit_param rate = LOST  # share\n@router.node('x')\ndef f(msg): ..."
    assert found(tmp_path, text) == ["1 1:20 F821 Undefined name `LOST`"]


def test_the_settings_of_the_notebooks_folder_apply(tmp_path, monkeypatch):
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "pyproject.toml").write_text(
        "[tool.ruff]\nfix = true\nextend-exclude = ['*.ipynb']\nforce-exclude = true\n"
        "[tool.ruff.lint]\nselect = ['N']\n"
    )
    monkeypatch.chdir(tmp_path)
    text = "%%emit_node a\ndef Words(msg):\n    return lost"
    assert found(Path("graphs"), text) == ["1 2:5 N802 Function name `Words` should be lowercase"]


def test_ruff_takes_more_arguments(tmp_path, capsys):
    path = notebook(tmp_path, "%%emit_node a\ndef Words(msg):\n    return lost")
    assert main(["lint", str(path), "--", "--select", "N"]) == 1
    assert " line 2:5 N802 " in capsys.readouterr().out
    assert main(["lint", str(path), "--", "--ignore", "F821"]) == 0


def test_several_notebooks_and_one_that_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path, WORDS, name="clean.ipynb")
    notebook(tmp_path, f"{WORDS}\n    lost()", name="lost.ipynb")
    Path("none.ipynb").write_text("no")
    assert main(["lint", "clean.ipynb", "none.ipynb", "lost.ipynb", "--all"]) == 2
    out, err = capsys.readouterr()
    assert out == "lost.ipynb: cell 1 (In [11]): line 4:5 F821 Undefined name `lost`\n"
    assert err.startswith("emitnb: none.ipynb is no notebook: it is not JSON")
    assert err.endswith("\n1 finding in 2 cells\n")


def test_a_notebook_may_begin_with_a_byte_order_mark(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = notebook(tmp_path, WORDS, name="marked.ipynb")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert main(["lint", "marked.ipynb"]) == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{}", "there are no cells in it"),
        ("[]", "there are no cells in it"),
        ('{"cells": [1]}', "there are no cells in it"),
        ('{"worksheets": [], "nbformat": 3}', "nbconvert --to notebook"),
        ("print(1)", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
    ],
)
def test_what_is_no_notebook_is_told(tmp_path, capsys, text, what):
    path = tmp_path / "a.ipynb"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["lint", str(path)]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "no notebook"),
        (["a.ipynb", "--select", "E"], "--select goes behind --"),
        (["none.ipynb"], "emitnb: none.ipynb: No such file or directory\n"),
        (["a.ipynb", "--", "--fix"], "--fix makes no sense for cells"),
        (["a.ipynb", "--", "--nonsense"], "--nonsense"),
        (["a.ipynb", "--", "--select", "NONSENSE1"], "NONSENSE1"),
    ],
)
def test_wrong_use_is_told(tmp_path, monkeypatch, capsys, words, what):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path, WORDS)
    assert main(["lint", *words]) == 2
    err = capsys.readouterr().err
    assert what in err
    assert "nothing found" not in err


def test_an_empty_notebook_has_nothing_to_find(tmp_path):
    assert found(tmp_path) == []


def test_without_ruff_it_says_how_to_get_it(tmp_path, monkeypatch):
    path = notebook(tmp_path, WORDS)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmitError, match="pip install ruff"):
        lint(path)


def test_as_a_program_it_tells_by_its_exit_status(tmp_path):
    path = notebook(tmp_path, f"{WORDS}\n    lost()")
    command = [sys.executable, "-m", "emitnb.cli", "lint", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.endswith("line 4:5 F821 Undefined name `lost`\n")
