"""An export in JupyterLab: it knows the notebook, and the cells that were edited and deleted."""

from __future__ import annotations

from typing import Any

CELLS = (
    "%load_ext emitnb",
    "STOP = {'the', 'a'}",
    "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()",
    "%%emit_node word --on words\ndef kept(msg):\n    return msg.word not in STOP",
    "%emit_export graph_of_page.py",
)
NODE, EXPORT = 2, 4
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


def test_what_the_page_no_longer_says_is_not_exported(open_notebook: Any) -> None:
    page = open_notebook(CELLS)
    page.run_all()
    page.wait_idle()
    assert page.texts(EXPORT)[0].startswith("wrote graph_of_page.py; ")
    module = page.path.with_name("graph_of_page.py").read_text(encoding="utf-8")
    assert module.startswith(f'"""The graph of {page.path.name}, exported by emitnb')

    edited = CELLS[NODE].replace("def words", "def tokens")
    page.page.evaluate(
        f"text => {NOTEBOOK}.widgets[{NODE}].model.sharedModel.setSource(text)", edited
    )
    page.run(NODE, EXPORT)
    page.wait_idle()
    (error,) = page.errors()
    assert "words was declared in In [3], and that cell has run again since, as In [6]" in told(
        error
    )

    page.evaluate("router.remove('words')")
    page.evaluate("router.subscribe('kept', 'tokens')")
    page.page.evaluate(f"() => {NOTEBOOK}.model.sharedModel.deleteCell(1)")
    page.save()
    page.run(EXPORT - 1)
    page.wait_idle()
    (error,) = page.errors()
    assert "`STOP`, which kept needs, was made in a cell that has been deleted since" in told(error)
    assert "In [2], line 1: STOP = {'the', 'a'}" in error


def told(error: str) -> str:
    """Return an error without its line breaks."""
    return " ".join(error.split())
