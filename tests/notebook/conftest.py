"""A real IPython shell with emitnb loaded, new for each test."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from pages import PATIENCE, Page, publishers
from traitlets.config import Config

from emitnb import Router

WORDS = """\
%%emit_node word --entry
def words(msg):
    yield from msg.document.split()"""

COUNT_WORD = """\
%%emit_node word:str count:int --on words --key word
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]"""


class Notebook:
    """Runs cells, one after another, as a notebook does."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys

    def run(self, cell: str) -> Any:
        """Run a cell; return its value, or raise what it raised."""
        result = self.shell.run_cell(cell, store_history=True)
        result.raise_error()
        return result.result

    def shown(self, cell: str) -> str:
        """Run a cell; return what is shown for it: prints, its value, or its traceback."""
        self._capsys.readouterr()
        self.shell.run_cell(cell, store_history=True)
        return self._capsys.readouterr().out

    def __getitem__(self, name: str) -> Any:
        """Return the value of a variable."""
        return self.shell.user_ns[name]

    @property
    def router(self) -> Router:
        """The notebook's router."""
        return self.shell.user_ns["router"]


@pytest.fixture
def plain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    """A notebook without emitnb."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    main = sys.modules["__main__"]
    # Tracebacks name cells only in the one shell that there is.
    shell = InteractiveShell.instance(config=config, ipython_dir=str(tmp_path / "ipython"))
    yield Notebook(shell, capsys)
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


@pytest.fixture
def notebook(plain: Notebook) -> Notebook:
    """A notebook in which ``%load_ext emitnb`` has run."""
    plain.run("%load_ext emitnb")
    return plain


@pytest.fixture
def counting(notebook: Notebook) -> Notebook:
    """A notebook with the nodes ``words`` and ``count_word``."""
    notebook.run(WORDS)
    notebook.run(COUNT_WORD)
    return notebook


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page that all widgets made from now on are shown on."""
    page = Page()
    monkeypatch.setattr("comm.create_comm", page.create_comm)
    yield page
    page.broken = None
    ipywidgets.Widget.close_all()
    for thread in publishers():
        thread.join(PATIENCE)
    assert publishers() == []
