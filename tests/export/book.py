"""Small notebooks as text files, and how they are run: in a real IPython shell, cell by cell.

A file of the corpus (``corpus/*.txt``) has a header and cells::

    trap: a helper is redefined after the node was declared
    run: 1 2 1.2
    push: ["the rain", "in Spain"]
    expect: same
    has: ^def clean

    === 1
    def clean(text):
        return text
    === 2
    %%emit_node word --entry
    def words(msg):
        yield from clean(msg.document).split()
    === 1
    def clean(text):
        return text.lower()

=== what a line of the header says; all but ``trap`` and ``expect`` may be left out ===

trap      what is nasty about it
load      ``no``: the notebook loads emitnb by itself (else it is the first cell, ``load``)
run       the order in which cells run; as they stand by default. ``1.2`` is the second text of
          cell 1: the cell was edited, and ran again
push      an expression (of ``pd`` and ``np``) that is pushed, before the export, and into the
          module. Several are pushed one after the other
options   what comes behind the path on the line of ``%emit_export``
only      nodes that are compared, where the module has not all
given     a statement that runs before the module is pushed to, with ``module``, ``pd``, ``np``
expect    ``same``; ``refused``, or ``refused NAME for NODE``; or ``same or refused …``, where
          either is right and a module that gives other frames is not
says      a regular expression that the refusal must match
has       a regular expression that the module must match (``^`` and ``$`` are those of lines)
has not   one that it must not match

A cell begins at ``=== ID``. ``=== ID fails NAME`` raises that exception; ``=== file NAME`` is no
cell but a file beside the notebook.
"""

from __future__ import annotations

import atexit
import builtins
import csv
import decimal
import io
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from emitnb import Router

CORPUS = Path(__file__).parent / "corpus"
WAYS_OUT = r"→ \w"
SEVERAL = {"trap", "push", "given", "says", "has", "has not"}
OPTIONS = [
    *("display.max_rows", "display.max_columns", "display.width", "display.precision"),
    *("display.float_format", "display.max_colwidth", "mode.string_storage"),
]
ONE = {"load", "run", "options", "only", "expect"}


@dataclass(frozen=True)
class Cell:
    """One run of a cell; ``fails`` names the exception it raises, ``*`` is any, or none."""

    id: str
    text: str
    fails: str = ""


@dataclass(frozen=True)
class Book:
    """A notebook of the corpus."""

    name: str
    cells: tuple[Cell, ...]
    pushes: tuple[str, ...] = ()
    options: str = ""
    only: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    expect: str = "same"
    says: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    has_not: tuple[str, ...] = ()
    trap: str = ""
    load: bool = True
    files: dict[str, str] = field(default_factory=dict)

    @property
    def may_be_same(self) -> bool:
        """Whether a module is right."""
        return self.expect.startswith("same")

    @property
    def may_be_refused(self) -> bool:
        """Whether a refusal is right."""
        return "refused" in self.expect

    @property
    def reasons(self) -> list[str]:
        """Regular expressions that the message of a refusal must match."""
        named = re.fullmatch(r"(?:same or )?refused (\S+) for (\S+)", self.expect)
        if not named:
            return list(self.says)
        return [
            *self.says,
            rf"(?<!\w){re.escape(named[1])}(?!\w)",
            rf"\b{re.escape(named[2])}\b",
            r"In \[\d+\]|\bcell\b",
            WAYS_OUT,
        ]


def read_book(path: Path) -> Book:
    """Return the notebook in a file of the corpus."""
    # Not splitlines(), for which a form feed ends a line.
    head, *parts = re.split(r"^=== *(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = _header(head, path)
    cells: dict[str, list[Cell]] = {}
    written, files = [], {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        words = title.split()
        text = text.rstrip("\n")
        if words[0] == "file":
            files[words[1]] = f"{text}\n"
            continue
        cell = Cell(words[0], text, words[2] if words[1:2] == ["fails"] else "")
        cells.setdefault(cell.id, []).append(cell)
        written.append(cell)
    if "run" in said:
        written = [_chosen(cells, word) for word in said["run"][0].split()]
    return Book(
        name=path.stem,
        cells=tuple(written),
        pushes=tuple(said.get("push", ())),
        options=" ".join(said.get("options", ())),
        only=tuple(" ".join(said.get("only", ())).split()),
        given=tuple(said.get("given", ())),
        expect=said["expect"][0],
        says=tuple(said.get("says", ())),
        has=tuple(said.get("has", ())),
        has_not=tuple(said.get("has not", ())),
        trap=" ".join(said["trap"]),
        load=said.get("load") != ["no"],
        files=files,
    )


def _header(text: str, path: Path) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for line in filter(str.strip, text.split("\n")):
        key, _, value = line.partition(": ")
        assert key in SEVERAL or (key in ONE and key not in said), f"{path}: {line!r}"
        said.setdefault(key, []).append(value)
    assert {"trap", "expect"} <= set(said), path
    return said


def _chosen(cells: dict[str, list[Cell]], word: str) -> Cell:
    name, _, number = word.partition(".")
    return cells[name][int(number or 1) - 1]


def corpus() -> list[Book]:
    """Return all notebooks of the corpus."""
    return [read_book(path) for path in sorted(CORPUS.glob("*.txt"))]


@contextmanager
def shell_in(folder: Path) -> Iterator[InteractiveShell]:
    """Open a shell in ``folder``, the only one there is, and leave all as it was before."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    main, modules, path, cwd = sys.modules["__main__"], set(sys.modules), list(sys.path), Path.cwd()
    put_back = _process()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    sys.path.insert(0, "")
    shell = InteractiveShell.instance(config=config, ipython_dir=str(folder.parent / "ipython"))
    try:
        yield shell
    finally:
        for value in list(shell.user_ns.values()):
            if isinstance(value, io.IOBase | sqlite3.Connection):
                value.close()
        atexit.unregister(shell.atexit_operations)
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
        os.chdir(cwd)
        sys.path[:] = path
        put_back()
        for name in set(sys.modules) - modules:  # another notebook may have its own of that name
            file = getattr(sys.modules[name], "__file__", None)
            is_beside = bool(file) and Path(file).is_relative_to(folder.parent)
            if is_beside or name == "fake_settings":
                del sys.modules[name]


def _process() -> Callable[[], None]:
    """Return what puts back what the whole process is set to, as it is now."""
    environment, context, raising = dict(os.environ), decimal.getcontext().copy(), np.geterr()
    options = {name: pd.get_option(name) for name in OPTIONS}
    limits = sys.getrecursionlimit(), sys.get_int_max_str_digits(), csv.field_size_limit()
    default, rounding, printing = json.JSONEncoder.default, builtins.round, np.get_printoptions()

    def put_back() -> None:
        decimal.setcontext(context)
        np.seterr(**raising)
        np.set_printoptions(**printing)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        for name, value in options.items():
            pd.set_option(name, value)
        sys.setrecursionlimit(limits[0])
        sys.set_int_max_str_digits(limits[1])
        csv.field_size_limit(limits[2])
        json.JSONEncoder.default = default  # type: ignore[method-assign]
        builtins.round = rounding

    return put_back


def run_book(shell: InteractiveShell, book: Book) -> Router:
    """Run the cells of a notebook, push, and return its router."""
    for name, text in book.files.items():
        Path(name).write_text(text, encoding="utf-8")
    cells = (Cell("load", "%load_ext emitnb"), *book.cells) if book.load else book.cells
    for cell in cells:
        run_cell(shell, cell)
    router: Router = shell.user_ns["router"]
    router.bar = False
    for text in book.pushes:
        router.push(eval(text, {"pd": pd, "np": np}))
    return router


def run_cell(shell: InteractiveShell, cell: Cell) -> None:
    """Run a cell as the front end does; it must fail as it says, or not at all."""
    result = shell.run_cell(cell.text, store_history=True, cell_id=cell.id)
    error = result.error_before_exec or result.error_in_exec
    raised = "" if error is None else type(error).__name__
    assert cell.fails in ("*", raised), f"cell {cell.id}: {error!r}"


def export(shell: InteractiveShell, file: str, options: str = "") -> BaseException | None:
    """Run ``%emit_export``; return what it raised."""
    result: Any = shell.run_cell(f"%emit_export {file} {options}", store_history=True)
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error
