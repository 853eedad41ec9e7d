"""``%emit_load``: a module's nodes in the running notebook, and again when its file changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from back.examples import declared, imported, written

from emitnb import DeclarationError, EmitError, Message, Router

GRAPH = """\
from emitnb import Router

router = Router(home=__name__)
STOP = {"the"}


def clean(text):
    return text.lower()


@router.node({"word": str}, entry_point=True)
def words(msg):
    yield from clean(msg.document).split()


@router.node(("word", "n"), "/word.*/", key="word", when=lambda msg: msg.word not in STOP)
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory; what is imported from it is forgotten."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def counts(router: Router) -> list[tuple[str, int]]:
    frame = router.frame("count_word")
    return list(zip(frame["word"], frame["n"], strict=True))


@pytest.mark.parametrize("source", ["tally", "tally.py", "./tally.py"])
def test_the_nodes_of_a_module_are_those_of_the_notebook(notebook, folder, source):
    module = imported(written(folder, "tally", GRAPH))
    notebook.run("STOP = {'rain'}  # not the module's")
    shown = notebook.run(f"%emit_load {source}")
    assert str(notebook.router) in repr(shown)
    assert declared(notebook.router) == declared(module.router)
    notebook.router.push(["The rain", "the Rain"], progress=False)
    assert counts(notebook.router) == [("rain", 1), ("rain", 2)]
    assert len(module.router.frame("words")) == 0


def test_a_file_in_another_folder_can_read_what_lies_beside_it(notebook, folder):
    (folder / "graphs").mkdir()
    written(folder / "graphs", "stops", "STOP = {'the'}")
    text = GRAPH.replace('STOP = {"the"}', "from stops import STOP")
    written(folder / "graphs", "tally", text)
    notebook.run("%emit_load graphs/tally.py")
    notebook.router.push(["the rain"], progress=False)
    assert counts(notebook.router) == [("rain", 1)]


def test_nodes_of_the_notebook_and_of_the_module_go_together(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")
    notebook.run("%%emit_node long --on count_word\ndef long(msg):\n    return len(msg.word)")
    notebook.run("%emit_push ['the rain']")
    assert notebook.router.frame("long")["long"].tolist() == [4]


def test_loaded_again_a_changed_module_has_new_revisions(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")
    notebook.router.push(["The rain"], progress=False)
    # As long as before, and within the same second.
    written(folder, "tally", GRAPH.replace(".split()", ".SPLIT()".lower()))
    notebook.run("%emit_load tally")
    assert {name: node.revision for name, node in notebook.router.nodes.items()} == {
        "words": 1,
        "count_word": 1,
    }
    written(folder, "tally", GRAPH.replace('state["n"]\n', 'state["N"]\n').replace('"n"', '"N"', 5))
    written(folder, "tally", GRAPH.replace(", 0) + 1", ", 0) + 2"))
    notebook.run("%emit_load tally")
    assert notebook.router.nodes["count_word"].revision == 2
    assert notebook.router.stale() == {"count_word": 1}
    notebook.run("%emit_replay count_word")
    assert counts(notebook.router) == [("rain", 2)]


def test_loaded_again_helpers_are_new_and_what_is_gone_is_gone(notebook, folder):
    written(
        folder, "tally", GRAPH + "\n\n@router.node('x', 'words')\ndef x(msg):\n    return OLD\n"
    )
    notebook.run("%emit_load tally")
    assert "x" in notebook.router.nodes
    written(folder, "tally", GRAPH.replace("lower", "upper"))
    notebook.run("%emit_load tally")
    assert list(notebook.router.nodes) == ["words", "count_word"]
    notebook.router.push(["The rain"], progress=False)
    assert counts(notebook.router) == [("THE", 1), ("RAIN", 1)]


def test_fields_and_keys_may_change_together(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")
    written(folder, "tally", GRAPH.replace('word"', 'term"').replace("msg.word", "msg.term"))
    notebook.run("%emit_load tally")
    assert notebook.router.nodes["count_word"].key == ("term",)


def test_a_node_of_the_notebook_is_not_replaced(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%%emit_node n --entry\ndef count_word(msg):\n    return 1")
    graph = notebook.router.graph
    with pytest.raises(DeclarationError, match=r"count_word would be replaced.*%emit_rename"):
        notebook.run("%emit_load tally")
    assert notebook.router.graph is graph
    notebook.run("%emit_rename count_word mine")
    notebook.run("%emit_load tally")
    assert list(notebook.router.nodes) == ["mine", "words", "count_word"]


def test_a_loaded_node_that_a_cell_declared_again_is_not_replaced_either(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")
    notebook.run("%%emit_node word n --on words\ndef count_word(msg):\n    return msg.word, 7")
    with pytest.raises(DeclarationError, match="count_word would be replaced"):
        notebook.run("%emit_load tally")
    assert notebook.router.nodes["count_word"].key == ()


def test_a_module_that_breaks_leaves_graph_and_module_as_they_were(notebook, folder):
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")
    graph = notebook.router.graph
    written(folder, "tally", GRAPH.replace("lower", "upper") + "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        notebook.run("%emit_load tally")
    written(folder, "tally", GRAPH + "def broken(:\n")
    with pytest.raises(EmitError, match=r"tally\.py, line 20: .*def broken.*load it again"):
        notebook.run("%emit_load tally")
    assert notebook.router.graph is graph
    notebook.router.push(["The rain"], progress=False)
    assert counts(notebook.router) == [("rain", 1)]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("taly", "there is no module taly.*Did you mean `tally`"),
        ("taly.py", "there is no file taly.py.*Did you mean `tally.py`"),
        ("graphs/none.py", "there is no file graphs/none.py"),
        ("json", "json has no router of its own"),
        ("other/tally.py", "a module named tally is imported already"),
    ],
)
def test_what_cannot_be_loaded_is_told(notebook, folder, source, what):
    imported(written(folder, "tally", GRAPH))
    (folder / "other").mkdir()
    written(folder / "other", "tally", GRAPH)
    with pytest.raises(EmitError, match=what):
        notebook.run(f"%emit_load {source}")
    assert not notebook.router.nodes


def test_what_a_module_cannot_import_itself_is_its_own_error(notebook, folder, capsys):
    written(folder, "tally", "import nowhere_to_be_found\n")
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        notebook.run("%emit_load tally")
    shown = capsys.readouterr().out
    assert "tally.py" in shown
    assert "loading.py" not in shown and "module_magics.py" not in shown
    written(folder, "tally", GRAPH)
    notebook.run("%emit_load tally")


def test_messages_must_be_of_the_kind_that_the_nodes_were_made_for():
    class Document(Message):
        pass

    with pytest.raises(DeclarationError, match=r"Router\(message_class=.*Document\)"):
        Router().load(Router(Document))
    Router(Document).load(Router())


def test_a_router_is_not_loaded_into_itself():
    router = Router()
    with pytest.raises(EmitError, match="no router of its own"):
        router.load(router)


def test_a_module_object_is_taken_as_it_is(folder: Path):
    module = imported(written(folder, "tally", GRAPH))
    router = Router()
    assert router.load(module) == ("words", "count_word")
    assert router.load(module) == ("words", "count_word")
    assert router.nodes["words"].function is module.words.__wrapped__


def test_a_module_that_is_imported_and_has_no_router_is_not_run_again(notebook):
    import json

    loads = json.loads
    with pytest.raises(EmitError, match="no router of its own"):
        notebook.run("%emit_load json")
    assert json.loads is loads
