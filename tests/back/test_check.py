"""``emitnb check``: node by node, what differs between a notebook and a module, and only that."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from back.examples import WORDCOUNT, written

from emitnb import EmitError
from emitnb.cli import main
from emitnb.cli.saved import exported
from emitnb.comparing import compare, differences
from emitnb.importing import import_module_file
from emitnb.ipynb import CODE, notebook_with, write

TEXT = '''\
import re
from math import pi, tau

STOP = {"the"}
LOW = 3


def deep(text):
    return text.strip()


def clean(text):
    """As it is."""
    return deep(text)


@router.node("word", entry_point=True)
def words(msg):
    """Cut."""
    pi = 3  # its own
    yield from re.split(r"\\s", clean(msg.document))


@router.node(
    ("word", "n"), subscribe_to="words", key="word", when=lambda msg: msg.word not in STOP
)
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]


tripled = router.node("n", subscribe_to="words", name="tripled")(lambda msg: LOW * tau)


def main(): return run_command(router, globals(), parameters={"LOW": "at least"})
'''


def test_settings_of_the_router_are_compared_too() -> None:
    made = "router = Router(home=__name__)\n"
    none, one, other = (
        f"{made}{setting}\n{TEXT}"
        for setting in ("", "router.hop_limit = 5", "router.hop_limit = 6")
    )
    assert {row.state for row in compare(one, one)} == {"same"}
    assert [row.node for row in compare(one, other) if row.state != "same"] == ["router"]
    shown = differences(compare(none, other), "nb.ipynb", "module.py")
    assert shown.endswith("@@ -0,0 +1 @@\n+router.hop_limit = 6")


def said(old: str, new: str) -> dict[str, str]:
    """What is said of each node that is not the same when a text is replaced in the module."""
    assert old in TEXT
    rows = compare(TEXT, TEXT.replace(old, new))
    return {
        row.node: ", ".join([row.state, *(change.what for change in row.changes)])
        for row in rows
        if row.state != "same"
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import re\n", "# comment\nimport re\nimport os\n"),
        ('"""Cut."""', '"""Cut documents."""'),
        ('    """As it is."""\n', ""),
        ("  # its own", ""),
        ("    return deep(text)", "    return (\n        deep(text)\n    )"),
        ('"word", entry_point=True', 'fields=("word",), entry_point=True, batch=False'),
        ('subscribe_to="words", key="word"', "subscribe_to=['words'], key=['word']"),
        ("from math import pi, tau", "from math import tau"),
        ('STOP = {"the"}\nLOW = 3', 'LOW = 3; STOP = {"the"}\nOTHER = 4'),
        ("def deep(", "def unused(): ...\n\n\ndef deep("),
        ("at least", "at the least"),
    ],
)
def test_what_does_nothing_does_not_count(old, new):
    assert said(old, new) == {}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("entry_point=True", "'x'", {"words": "differs, declaration (entry_point, subscribe_to)"}),
        (
            "not in STOP",
            "in STOP",
            {"count_word": "differs, declaration (when)"},
        ),
        ('state["n"] = state', 'state["n"] = -state', {"count_word": "differs, code"}),
        ("text.strip()", "text", {"words": "differs, helper deep"}),
        ('"the"', '"a"', {"count_word": "differs, constant STOP"}),
        ("LOW = 3", "LOW = 3\nSTOP.add('a')", {"count_word": "differs, constant STOP"}),
        ("LOW = 3", "LOW = 3\nLOW += 1", {"tripled": "differs, constant LOW"}),
        ("import re\n", "import regex as re\n", {"words": "differs, import re"}),
        ("pi, tau", "pi, e as tau", {"tripled": "differs, import tau"}),
        ("LOW * tau", "tau", {"tripled": "differs, code"}),
        ("{'LOW': 'at least'}".replace("'", '"'), "{}", {"tripled": "differs, parameter LOW"}),
        (
            '@router.node("word", entry_point=True)\ndef words',
            '@router.node("word", entry_point=True)\ndef tokens',
            {"tokens": "only in the module", "words": "only in the notebook"},
        ),
    ],
)
def test_what_differs_is_told_of_the_nodes_that_need_it(old, new, what):
    assert said(old, new) == what


def test_what_a_function_declares_is_compared_by_its_calls():
    text = (
        "def add(name, by):\n    @router.node('n', name=name)\n    def added(msg):\n"
        "        return msg.n + by\n\n\nadd('one', 1)\nadd('two', 2)\n"
    )
    assert [row.state for row in compare(text, text)] == ["same", "same"]
    rows = compare(text, text.replace("+ by", "- by"))
    assert [(row.node, row.changes[0].what) for row in rows] == [
        ("add('one', 1)", "helper add"),
        ("add('two', 2)", "helper add"),
    ]
    rows = compare(text, text.replace("('two', 2)", "('two', 3)"))
    assert [row.state for row in rows] == ["same", "only in the module", "only in the notebook"]


def test_a_router_may_say_where_it_is_at_home():
    plain, at_home = (f"router = Router({home})\n{TEXT}" for home in ("", "home=__name__"))
    assert {row.state for row in compare(plain, at_home)} == {"same"}
    other = f"router = Router(Mine)\n{TEXT}"
    assert {row.changes[0].what for row in compare(plain, other)} == {"constant router"}


def test_a_module_that_edits_its_graph_is_refused():
    with pytest.raises(EmitError, match=r"n, line 38: `router.subscribe.* say it there"):
        compare(TEXT, f"{TEXT}\n\nrouter.subscribe('tripled', 'count_word')\n", ("m", "n"))


def test_a_name_that_two_nodes_have_is_told():
    with pytest.raises(EmitError, match="m declares the node words twice"):
        compare(TEXT + TEXT.replace("def main", "def other"), TEXT, ("m", "n"))


@pytest.fixture
def both(tmp_path, monkeypatch):
    """A module and the notebook of it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    import_module_file(written(tmp_path, "wordcount", WORDCOUNT))
    return tmp_path


def edited(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_notebook_and_its_module_agree(both, capsys):
    assert main(["check", "wordcount.ipynb", "wordcount.py"]) == 0
    assert capsys.readouterr().out == "words       same\ncount_word  same\n"


def test_what_differs_is_shown(both, capsys):
    edited(both, "wordcount.py", "text.lower()", "text.upper()")
    edited(both, "wordcount.ipynb", "--on words --key word", "--on words --key word --retries 2")
    assert main(["check", "wordcount.ipynb", "wordcount.py"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "words       differs: helper clean\ncount_word  differs: declaration (retries)\n"
    )
    assert (
        "--- wordcount.ipynb: helper clean\n+++ wordcount.py: helper clean\n@@ -1,2 +1,2 @@\n"
        " def clean(text):\n-    return text.lower()\n+    return text.upper()\n"
    ) in out
    assert "declaration (retries) of count_word" in out


def test_nodes_of_one_side_alone_are_told(both, capsys):
    edited(both, "wordcount.py", "def count_word", "def counted")
    assert main(["check", "wordcount.ipynb", "wordcount.py"]) == 1
    assert capsys.readouterr().out == (
        "words       same\ncounted     only in the module\ncount_word  only in the notebook\n"
    )


def test_cells_that_hold_no_code_of_nodes_do_not_matter(both):
    notebook = json.loads((both / "wordcount.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    extra = {**code[0], "id": "x", "source": ["!ls\n", "%emit_graph\n", "words?"]}
    notebook["cells"] += [extra, {**extra, "id": "y", "source": ["%%bash\nls"]}]
    (both / "wordcount.ipynb").write_text(json.dumps(notebook))
    assert main(["check", "wordcount.ipynb", "wordcount.py"]) == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["none.ipynb", "wordcount.py"], "emitnb: none.ipynb: No such file or directory\n"),
        (["wordcount.ipynb", "none.py"], "none.py"),
        (["wordcount.py", "wordcount.ipynb"], "is a notebook; name the module"),
        (["wordcount.py", "wordcount.py"], "is no notebook"),
        (["wordcount.ipynb", "empty.py"], "declares no node"),
    ],
)
def test_wrong_files_are_told(both, capsys, arguments, what):
    written(both, "empty", "")
    assert main(["check", *arguments]) == 2
    assert what in capsys.readouterr().err


def test_a_notebook_that_cannot_be_exported_is_told(both, capsys):
    edited(both, "wordcount.ipynb", "STOP = {", "STOPS = {")
    assert main(["check", "wordcount.ipynb", "wordcount.py"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("emitnb: the cells of wordcount.ipynb make no module. `STOP`")
    assert "options of %emit_export" not in said


EDITED = (
    """\
%%emit_node word --entry
def words(msg):
    return msg.document
""",
    """\
%%emit_node word --on words
def loud(msg):
    return msg.word.upper()
""",
    """\
%%emit_node word --on loud
def last(msg):
    return msg.word
""",
)


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ('router.remove("last")', {"last": "only in the module"}),
        (
            'router.rename("loud", new="LOUD")',
            {"LOUD": "only in the notebook", "loud": "only in the module", "last": "differs"},
        ),
        ('router.subscribe("last", "words", from_start=True)', {"last": "differs"}),
        ('router.unsubscribe("last", ["loud"])', {"last": "differs"}),
        ('_ = router.add_entry_point("last");', {"last": "differs"}),
        ("def later():\n    router.remove('last')", {}),
    ],
)
def test_methods_that_edit_the_graph_count(tmp_path, edit, changed):
    write(notebook_with((CODE, text) for text in EDITED), tmp_path / "n.ipynb")
    module = written(tmp_path, "n", exported(tmp_path / "n.ipynb", tmp_path / "n.py"))
    assert main(["check", str(tmp_path / "n.ipynb"), str(module)]) == 0
    write(notebook_with((CODE, text) for text in [*EDITED, edit]), tmp_path / "n.ipynb")
    rows = compare(exported(tmp_path / "n.ipynb", module), module.read_text())
    assert {row.node: row.state for row in rows if row.state != "same"} == changed


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ("router.remove(NAME)", "what `router.remove(NAME)` does is known only when it has run"),
        ("for one in []:\n    router.reset()", "what `for one in []: router.reset()` does"),
        ("%emit_load other", "nobody knows here which nodes it loads"),
        ("router.load('other')", "nobody knows here which nodes it loads"),
    ],
)
def test_edits_that_only_a_run_would_tell_are_refused(tmp_path, capsys, edit, what):
    texts = ["NAME = 'last'", *EDITED, edit]
    write(notebook_with((CODE, text) for text in texts), tmp_path / "n.ipynb")
    written(tmp_path, "n", WORDCOUNT)
    assert main(["check", str(tmp_path / "n.ipynb"), str(tmp_path / "n.py")]) == 2
    assert f"cell 5: {what}" in capsys.readouterr().err


def test_as_a_program_it_tells_by_its_exit_status(both):
    edited(both, "wordcount.py", "+ rate", "+ 1")
    command = [sys.executable, "-m", "emitnb.cli", "check", "wordcount.ipynb", "wordcount.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 1
    assert "count_word  differs: code" in done.stdout
    assert done.stderr == ""
