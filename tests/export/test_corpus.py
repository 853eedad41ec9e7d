"""Small notebooks, each a trap: the module gives the same frames, or the export refuses.

What a file in ``corpus/`` says is told in :mod:`export.book`; ``golden/`` holds some of the
modules, for the look of the code. ``EMITNB_GOLDEN=1 pytest tests/export`` writes those again.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from export.book import CORPUS, Book, corpus, export, read_book, run_book, shell_in
from export.outcome import outcome
from export.processes import Fresh
from IPython.core.interactiveshell import InteractiveShell

from emitnb.errors import ExportError, UnknownNodeError

BOOKS = {book.name: book for book in corpus()}
GOLDEN = Path(__file__).parent / "golden"
LOOKS = sorted(path.stem for path in GOLDEN.glob("*.py"))


@pytest.mark.parametrize("name", BOOKS)
def test_same_frames_or_a_refusal(
    name: str, tmp_path: Path, fresh: Fresh, modules: dict[str, dict[str, str]]
) -> None:
    book = BOOKS[name]
    folder = tmp_path / "book"
    with shell_in(folder) as shell:
        router = run_book(shell, book)
        with unchanged(shell):
            before = contents(folder)
            error = export(shell, f"{name}.py", book.options)
        if error is not None:
            check_refusal(book, error)
            assert contents(folder) == before, "refused, and yet something was written"
            return
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        modules[name] = sources(folder)
        assert book.may_be_same, f"not refused:\n{text}"
        expected = outcome(router, list(book.only))
        check_text(book, text)
        check_again(shell, book, folder)
    check_tools(folder / f"{name}.py")
    made = fresh.run(folder / f"{name}.py", book.pushes, tmp_path / "away", book.given, book.only)
    check_import(made)
    for what, value in expected.items():
        assert made["outcome"][what] == value, f"other {what}:\n{text}"


@pytest.mark.parametrize("name", LOOKS)
def test_look(name: str, tmp_path: Path, modules: dict[str, dict[str, str]]) -> None:
    text = (modules.get(name) or exported(BOOKS[name], tmp_path / "book"))[f"{name}.py"]
    golden = GOLDEN / f"{name}.py"
    if os.environ.get("EMITNB_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_types(tmp_path: Path, modules: dict[str, dict[str, str]]) -> None:
    """One run of mypy, as anybody would start it, over the modules of all notebooks."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name, book in BOOKS.items():
        if not book.may_be_same:
            continue
        for file, text in (modules.get(name) or exported(book, tmp_path / name)).items():
            (folder / file).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file=", *folder.glob("*.py")]
    done = subprocess.run(
        [*map(str, command), "--cache-dir", str(tmp_path / "cache")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_book_says_what_it_is() -> None:
    """The header is read to the letter; so a word that is none of it is an error."""
    assert len(BOOKS) >= 55
    for book in BOOKS.values():
        assert book.trap
        assert re.fullmatch(r"same|(same or )?refused( \S+ for \S+)?", book.expect), book.name
        assert book.cells
        assert book.pushes or not book.may_be_same, book.name
    (first, *_) = sorted(CORPUS.glob("*.txt"))
    with pytest.raises(AssertionError):
        read_book(changed(first, "expect:", "expects:"))


def changed(path: Path, old: str, new: str) -> Any:
    class Changed:
        def read_text(self, encoding: str) -> str:
            return path.read_text(encoding=encoding).replace(old, new)

    return Changed()


def exported(book: Book, folder: Path) -> dict[str, str]:
    """Return the module of a notebook and those beside it; nothing where it is refused."""
    with shell_in(folder / "book") as shell:
        run_book(shell, book)
        error = export(shell, f"{book.name}.py", book.options)
        if error is not None:
            assert book.may_be_refused, error
            return {}
        return sources(folder / "book")


def sources(folder: Path) -> dict[str, str]:
    """Return the Python files in a folder, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}


def check_refusal(book: Book, error: BaseException) -> None:
    assert isinstance(error, ExportError | UnknownNodeError), repr(error)
    assert book.may_be_refused, f"refused: {error}"
    said = " ".join(str(error).split())
    for pattern in book.reasons:
        assert re.search(pattern, said), f"does not say {pattern!r}: {error}"


def check_text(book: Book, text: str) -> None:
    for pattern in book.has:
        assert re.search(pattern, text, re.MULTILINE), f"has no {pattern!r}:\n{text}"
    for pattern in book.has_not:
        assert not re.search(pattern, text, re.MULTILINE), f"has {pattern!r}:\n{text}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = ast.parse(text)
    documentation = ast.get_docstring(tree) or ""
    assert re.search(r"emitnb \d+\.\d+", documentation), documentation
    assert not [node for node in ast.walk(tree) if getattr(node, "id", "") == "get_ipython"]


def check_again(shell: InteractiveShell, book: Book, folder: Path) -> None:
    """Exported again, over itself and to another place, it is the same to the byte."""
    first = contents(folder)
    error = export(shell, f"{book.name}.py", book.options)
    assert error is None, error
    assert contents(folder) == first


def check_tools(file: Path) -> None:
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", file.name],
            cwd=file.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{file.read_text()}"


def check_import(made: dict[str, Any]) -> None:
    assert made["printed"] == ""
    assert made["written"] == []
    assert made["ipython"] == []
    assert made["rows"] == 0
    assert made["main"]
    assert made["help"].startswith("usage:")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@contextmanager
def unchanged(shell: InteractiveShell) -> Iterator[None]:
    """The notebook is after the export what it was before."""

    def all_there_is() -> Any:
        names = {k: id(v) for k, v in shell.user_ns.items() if not k.startswith("_")}
        router = shell.user_ns["router"]
        return names, dict(router.nodes), outcome(router), sys.modules["__main__"], set(sys.modules)

    before = all_there_is()
    yield
    after = all_there_is()
    assert after[:4] == before[:4]
    ours = {m for m in after[4] - before[4] if not m.startswith(("emitnb", "ruff", "black"))}
    assert not {m for m in ours if "book" in str(getattr(sys.modules[m], "__file__", ""))}
