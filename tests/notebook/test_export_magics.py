"""``%emit_param`` and ``%emit_export``: what they set, write, say and refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emitnb import DeclarationError, ExportError, UnknownNodeError
from emitnb.cells.parameters import TAKEN
from emitnb.command.arguments import make_parser
from emitnb.graph import Graph


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "here"
    made.mkdir()
    monkeypatch.chdir(made)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return made


def test_a_parameter_is_a_variable_like_any_other(notebook):
    notebook.run("base = 2")
    notebook.run("%emit_param rate: float = base / 4  # share of the words")
    assert notebook["rate"] == 0.5


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rate", "no assignment to one name"),
        ("a, b = 1, 2", "no assignment to one name"),
        ("rate: float", "no assignment to one name"),
        ("limit = 3", "--limit, which every exported module has"),
        ("input_format = 'x'", "--input-format"),
        ("rate = print", "builtin_function_or_method, which no option"),
    ],
)
def test_what_can_be_no_option_is_refused_and_nothing_is_set(notebook, line, said):
    with pytest.raises(DeclarationError, match=said):
        notebook.run(f"%emit_param {line}")
    name = line.partition(" ")[0].rstrip(":,")
    assert name not in notebook.shell.user_ns


def test_an_error_in_the_value_of_a_parameter_is_the_users_own(notebook):
    with pytest.raises(ZeroDivisionError):
        notebook.run("%emit_param rate = 1 / 0")


def test_the_names_that_no_parameter_may_have_are_those_of_the_options_of_a_module():
    parser = make_parser(Graph(), {"__file__": "module.py"}, {}, {})
    flags = [flag for action in parser._actions for flag in action.option_strings]
    longs = {flag[2:].replace("-", "_") for flag in flags if flag.startswith("--")}
    assert longs == TAKEN


def test_an_export_says_what_it_wrote_and_how_to_run_it(counting, folder):
    counting.run("%emit_push [{'document': 'the rain'}]")
    told = counting.run("%emit_export wordcount.py --tests")
    assert str(told).splitlines()[0].startswith("wrote wordcount.py; python wordcount.py --help")
    assert "python wordcount.py --help" in str(told)
    assert "test_wordcount.py" in str(told)
    names = {path.name for path in folder.iterdir()}
    assert {"wordcount.py", "test_wordcount.py"} <= names


def test_an_export_says_what_is_worth_knowing(counting, folder):
    counting.run("%emit_param least = 3")
    counting.run("%emit_push [{'document': 'the rain'}]")
    counting.run("%emit_export wordcount.py --tests")
    counting.run("%emit_remove words")
    told = str(counting.run("%emit_export wordcount.py"))
    assert told.splitlines()[1:] == [
        "  note: no entry point: nothing can be pushed to 1 node",
        "  note: no option for `least`: no exported node reads that",
        "  note: test_wordcount.py is of an earlier export; --tests makes it anew",
    ]


def test_an_export_says_which_frames_are_not_those_of_the_module(notebook, folder):
    for cell in ("mark = '!'", "%%emit_node w --entry\ndef f(msg): return msg.document + mark"):
        notebook.run(cell)
    notebook.run("%emit_push ['a']")
    notebook.run("mark = '?'")
    told = str(notebook.run("%emit_export marked.py"))
    assert told.endswith("\n  note: stale here: f; %emit_replay brings them up to date")
    notebook.run("%emit_replay")
    assert "stale" not in str(notebook.run("%emit_export marked.py"))


def test_the_parameter_is_an_option_of_the_module(notebook, folder):
    notebook.run("%emit_param factor = 2  # times so much")
    notebook.run("%%emit_node n:int --entry\ndef times(msg):\n    return msg.n * factor")
    notebook.run("%emit_export times.py")
    (folder / "in.jsonl").write_text('{"n": 3}\n', encoding="utf-8")
    command = [sys.executable, "times.py", "in.jsonl", "--factor", "5"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "n\n15\n"


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("wordcount", ExportError, "name it as in wordcount.py"),
        ("word-count.py", ExportError, "name it as in wordcount.py"),
        ("nowhere/wordcount.py", ExportError, "there is no folder"),
        ("wordcount.py --nodes wrods", UnknownNodeError, "Did you mean `words`"),
        ("wordcount.py --freeze nothing", ExportError, "`nothing` is chosen, but"),
        ("wordcount.py --params limit", DeclarationError, "--limit"),
        ("wordcount.py --tests", ExportError, "nothing was written. nothing was recorded"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is(counting, folder, line, error, said):
    with pytest.raises(error, match=said):
        counting.run(f"%emit_export {line}")
    assert list(folder.iterdir()) == []


def test_what_stands_above_the_export_in_its_cell_is_exported_and_nothing_below(notebook, folder):
    notebook.run("times = 1")
    notebook.run("%%emit_node n:int --entry\ndef scale(msg):\n    return msg.n * times")
    notebook.run("times = 2\n%emit_export scale.py\ntimes_of_old = times = 3")
    assert "\ntimes = 2\n" in Path("scale.py").read_text()
    notebook.run("for times in (4,):\n    pass\ntimes = 5\nrouter.export('scale.py')")
    assert "\ntimes = 5\n" in Path("scale.py").read_text()


def test_a_graph_without_nodes_is_refused(notebook, folder):
    with pytest.raises(ExportError, match="no nodes to export"):
        notebook.run("%emit_export empty.py")


def test_a_router_of_a_cell_is_exported_by_its_own_method(plain, folder):
    plain.run("from emitnb import Router")
    plain.run("%load_ext emitnb")
    plain.run("router = Router(); router.max_failures = 5")
    plain.run("@router.node('n', entry_point=True)\ndef double(msg):\n    return 2 * msg.n")
    plain.run("written = router.export('double.py')")
    assert [path.name for path in plain["written"]] == ["double.py"]
    text = (folder / "double.py").read_text(encoding="utf-8")
    assert "router = Router(home=__name__)\nrouter.max_failures = 5\n" in text


def test_a_script_exports_its_own_graph(folder):
    script = folder / "script.py"
    script.write_text(
        "from emitnb import Router\n"
        "import os, re\n"
        "router = Router()\n"
        "@router.node('word', entry_point=True)\n"
        "def words(msg):\n"
        "    yield from re.findall(r'\\w+', msg.document)\n"
        "router.export('graph.py')\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, str(script)], cwd=folder, check=True)
    text = (folder / "graph.py").read_text(encoding="utf-8")
    assert text.startswith('"""The graph of script.py, exported by emitnb')
    assert "import re\n" in text and "import os" not in text


def test_a_module_beside_the_notebook_is_not_left_behind(notebook, folder):
    (folder / "tools_beside.py").write_text("def clean(text):\n    return text\n")
    (folder / "out").mkdir()
    notebook.run("import sys; sys.path.insert(0, '')")
    notebook.run("from tools_beside import clean")
    notebook.run("%%emit_node text --entry\ndef tidy(msg):\n    return clean(msg.text)")
    with pytest.raises(ExportError, match="`clean`, which tidy needs, is imported from"):
        notebook.run("%emit_export out/graph.py")
    notebook.run("%emit_export graph.py")
    assert (folder / "graph.py").is_file()


def test_a_refusal_is_shown_in_short_lines_and_a_difference_as_it_is(counting, folder):
    counting.run("words_of_all_files = !echo a")
    counting.run("%%emit_node word --on words\ndef kept(msg):\n    return words_of_all_files")
    shown = counting.shown("%emit_export graph.py")
    assert "`words_of_all_files`, which kept needs" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80

    counting.run("%emit_remove kept")
    (folder / "graph.py").write_text(f"long = {'x' * 150!r}\n", encoding="utf-8")
    assert f"-long = {'x' * 150!r}" in counting.shown("%emit_export graph.py")
