"""Notebooks made at random out of imports, constants, helpers and nodes, defined again and again.

Law: the module gives the frames of the notebook, or the export refuses. ``EMITNB_SWEEP=1`` tries
many more.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from export.book import Book, Cell, corpus, export, run_book, shell_in
from export.outcome import outcome
from hypothesis import HealthCheck, assume, event, example, given, note, settings
from hypothesis import strategies as st
from strategies import SWEEP

from emitnb import Router
from emitnb.errors import ExportError

PUSHED = [{"x": 1}, {"x": 5}, {"x": 2}]
CONSTANTS = ["A", "B", "C"]
HELPERS = ["f", "g", "h"]
NODES = ["one", "two", "three"]
SAME = [
    book
    for book in corpus()
    if book.expect == "same"
    and book.load
    and "push" not in book.trap
    and "random" not in book.cells[0].text  # a notebook that ran twice is not the same
]

numbers = st.integers(1, 9)
_names = itertools.count()


@st.composite
def expressions(draw: st.DrawFn, constants: Sequence[str], helpers: Sequence[str], x: str) -> str:
    """An arithmetic expression of ``x`` (or a number), constants and calls of helpers."""
    parts = [x or str(draw(numbers))]
    read = st.sampled_from([*constants, *helpers, "sum(T)"])
    for name in draw(st.lists(read, max_size=2)):
        parts.append(f"{name}({parts[0]})" if name in helpers else name)
    return draw(st.sampled_from([" + ", " - "])).join(parts)


@st.composite
def constants(draw: st.DrawFn) -> str:
    """A cell with a constant, computed from others before it, or by a helper."""
    at = draw(st.integers(0, len(CONSTANTS) - 1))
    name = CONSTANTS[at]
    value = draw(expressions(CONSTANTS[:at], HELPERS, ""))
    return draw(
        st.sampled_from(
            [
                f"{name} = {value}",
                f"{name}: int = {value}",
                f"{name} = unused = {value}",
                f"if {value} > 3:\n    {name} = 1\nelse:\n    {name} = 2",
                f"unused_{name}, {name} = 0, {value}",
                f"# What {name} is.\n{name} = {value}  # computed",
            ]
        )
    )


@st.composite
def helpers(draw: st.DrawFn) -> str:
    """A cell with a helper, which may call those before it and read constants, late or early."""
    at = draw(st.integers(0, len(HELPERS) - 1))
    name = HELPERS[at]
    value = draw(expressions(CONSTANTS, HELPERS[:at], "n"))
    early = draw(st.sampled_from([*CONSTANTS, *HELPERS[:at]]))
    bound = "early(n)" if early in HELPERS else "early"
    return draw(
        st.sampled_from(
            [
                f"def {name}(n):\n    return {value}",
                f"def {name}(n, early={early}):\n    return {value} + {bound}",
                f"{name} = lambda n: {value}",
                f"def make_{name}(k):\n    return lambda n: {value} + k\n{name} = make_{name}({at})",  # noqa: E501
                f"from math import {draw(st.sampled_from(['floor', 'ceil', 'fabs']))} as {name}",
                f"class Kind:\n    k = {early}\n    def __call__(self, n):\n        return {value}\n"  # noqa: E501
                f"{name} = Kind()",
            ]
        )
    )


@st.composite
def nodes(draw: st.DrawFn) -> str:
    """A cell with a node, by magic or decorator."""
    at = draw(st.integers(0, len(NODES) - 1))
    name = NODES[at]
    value = draw(expressions(CONSTANTS, HELPERS, "msg.x"))
    condition = draw(st.sampled_from(["", "msg.x > 1", f"msg.x > {CONSTANTS[0]}", "g(msg.x) > 0"]))
    bound = draw(st.sampled_from(["", f", k={draw(st.sampled_from(CONSTANTS))}"]))
    added = " + k" if bound else ""
    body = f"def {name}(msg{bound}):\n    return {value}{added}"
    if draw(st.booleans()):
        origin = "--entry" if at == 0 else f"--on {NODES[at - 1]}"
        when = f' --when "{condition}"' if condition else ""
        return f"%%emit_node x {origin}{when}\n{body}"
    origin = "entry_point=True" if at == 0 else f'subscribe_to="{NODES[at - 1]}"'
    when = f", when=lambda msg: {condition}" if condition else ""
    return f'@router.node("x", {origin}{when})\n{body}'


effects = st.sampled_from(
    [
        "A += 1",
        "A, B = B, A",
        'globals()["B"] = 7',
        'exec("A = 8")',
        "del C",
        "del f",
        "g = f",
        "def set_a(value):\n    global A\n    A = value\nset_a(4)",
        "A = 1\nraise ValueError\nB = 2",
        "B = !echo 3",
        "%precision 3",
        "print(1)",
        "for A in range(3):\n    pass",
        "%emit_remove three",
        "%emit_rename two three",
        "%emit_route\n",
        "%%time\nA = 6",
        "f.k = 3",
        "T = [A]",
        "T.append(2)",
        "T += [3]",
        "other = T\nother[0] = B",
    ]
)

notebooks = st.lists(
    st.one_of(constants(), helpers(), nodes(), nodes(), effects), min_size=3, max_size=9
).flatmap(
    lambda cells: st.lists(st.sampled_from(cells), max_size=8).map(lambda again: [*cells, *again])
)

START = [
    "A = 1\nB = 2\nC = 3\nT = [1]",
    "def f(n):\n    return n",
    "def g(n):\n    return f(n)",
    "def h(n):\n    return A",
]


@settings(
    max_examples=3_000 if SWEEP else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(cells=notebooks, ready=st.booleans())
@example(cells=["%%emit_node x --entry\ndef one(msg):\n    return g(msg.x)", "g = f"], ready=True)
def test_the_same_frames_or_a_refusal(
    cells: list[str], ready: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = "%%emit_node x --entry\ndef one(msg):\n    return msg.x"
    texts = [*(START if ready else []), first, *cells]
    folder = tmp_path / f"book{next(_names)}"
    with shell_in(folder) as shell, quiet():
        shell.run_cell("%load_ext emitnb", store_history=True)
        for number, text in enumerate(texts):  # cells may fail, and do
            shell.run_cell(text, store_history=True, cell_id=str(number))
        router: Router = shell.user_ns["router"]
        assume(router.nodes)
        router.bar = False
        router.push(PUSHED)
        expected = outcome(router)
        note("\n=== \n".join(texts))
        error = export(shell, "module.py")
    event("a module" if error is None else "refused")
    if error is not None:
        assert isinstance(error, ExportError), repr(error)
        return
    text = (folder / "module.py").read_text()
    note(text)
    with imported(text) as module:
        module.router.bar = False
        module.router.push(PUSHED)
        assert outcome(module.router) == expected


UNNEEDED = [
    "",
    "# a remark",
    "print('only for its effect')",
    "unneeded = 1",
    "unneeded += 1",
    "import unneeded_module_that_nobody_has",
    "import string, textwrap as wrapped",
    "def unneeded_helper(text):\n    return unneeded + router",
    "%precision 3",
    "!true",
    "1 / 0",
    "class Unneeded:\n    def __call__(self, msg):\n        return display(msg)",
    "%%time\nlater = 3",
    "router.frame()",
    "%emit_summary",
]


@settings(
    max_examples=500 if SWEEP else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    book=st.sampled_from(SAME),
    more=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(UNNEEDED)), max_size=6),
)
def test_cells_that_are_not_needed_change_nothing(
    book: Book, more: list[tuple[int, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = list(book.cells)
    for place, text in more:
        longer.insert(min(place, len(longer)), Cell(f"more{len(longer)}", text, fails="*"))
    without, within = (
        exported(
            Book(book.name, tuple(cells), files=book.files, options=book.options),
            tmp_path / f"book{next(_names)}",
        )
        for cells in (book.cells, longer)
    )
    assert within == without


def exported(book: Book, folder: Path) -> str:
    """Return the text of the module, with what the shell numbers left out."""
    with shell_in(folder) as shell, quiet():
        run_book(shell, book)
        error = export(shell, "module.py", book.options)
        assert error is None, error
    return re.sub(r"(?m)^.*(In \[\d+\]|sha256).*$", "", (folder / "module.py").read_text())


@contextlib.contextmanager
def imported(text: str) -> Iterator[Any]:
    """Execute a module's text as one of its own, here: that is ten times as fast as a process."""
    name = f"exported{next(_names)}"
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(text, f"{name}.py", "exec", dont_inherit=True), vars(module))
        yield module
    finally:
        del sys.modules[name]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
