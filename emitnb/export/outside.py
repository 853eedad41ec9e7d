"""What cannot stand in a module: IPython's syntax, data, and what is read from somewhere."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import Any

from emitnb.export.cells import Statement, first_line
from emitnb.export.scopes import CHANGING

_READING = """
open input urlopen read_text read_bytes load loadtxt genfromtxt fromfile connect getenv listdir
glob iglob iterdir rglob walk urlretrieve getpass cwd getcwd home expanduser
gethostname getpid getuser getlogin
"""
READING = frozenset(_READING.split())
"""Names of functions and methods that read what is not in the code, besides ``read_…``."""

DATA = ("pandas", "numpy", "pyarrow", "polars", "dask", "scipy", "sklearn", "torch", "tensorflow")
"""Packages whose objects are data or models, from so many items on."""

MOST_ITEMS = 100


def ipython_line(statement: Statement) -> int | None:
    """Return the line of the cell at which a statement uses IPython's own syntax, if it does."""
    for part in ast.walk(statement.tree):
        if isinstance(part, ast.Name) and part.id == "get_ipython":
            return statement.line + part.lineno - first_line(statement.tree)
    return None


def outside_call(tree: ast.AST) -> str:
    """Return the call with which a statement reads files and the like, or "".

    >>> outside_call(ast.parse("lines = open('words.txt').read().split()"))
    'open'
    """
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return ""
    if isinstance(tree, ast.Call):
        name = getattr(tree.func, "id", "") or getattr(tree.func, "attr", "")
        if name in READING or name.startswith("read_"):
            return str(name)
    return next(filter(None, map(outside_call, ast.iter_child_nodes(tree))), "")


def is_of_ipython(tree: ast.stmt) -> bool:
    """Whether a statement imports something of IPython."""
    if isinstance(tree, ast.Import):
        modules = [alias.name for alias in tree.names]
    elif isinstance(tree, ast.ImportFrom):
        modules = [tree.module or ""]
    else:
        return False
    return any(module.partition(".")[0] in INTERACTIVE for module in modules)


INTERACTIVE = ("IPython", "ipykernel", "ipywidgets")


def awaits(tree: ast.AST) -> bool:
    """Whether a statement awaits something at the top of its cell."""
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    if isinstance(tree, ast.Await | ast.AsyncFor | ast.AsyncWith):
        return True
    return any(map(awaits, ast.iter_child_nodes(tree)))


def affected(tree: ast.AST) -> Iterator[str]:
    """Yield the names whose modules or objects a statement changes while it runs.

    What only changes how things are shown (``pd.options.display``, ``plt.rcParams``) is left out.

    >>> list(affected(ast.parse("os.environ['A'] = 'b'; random.seed(7); print(x.y)")))
    ['os', 'random']
    """
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    if isinstance(tree, ast.Attribute | ast.Subscript) and not isinstance(tree.ctx, ast.Load):
        yield from _rooted(tree)
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        does = tree.func.attr in CHANGING or tree.func.attr in EFFECTS
        yield from _rooted(tree.func) if does else ()
    for part in ast.iter_child_nodes(tree):
        yield from affected(part)


EFFECTS = ("seed", "setlocale", "setcontext", "chdir", "putenv", "setrecursionlimit")
"""Functions that change their module for all who use it, besides those that change values."""

SHOWING = {"options", "rcParams", "display", "style"}


def _rooted(part: ast.expr) -> Iterator[str]:
    """Yield the ``os`` of ``os.environ["A"]``."""
    names = set[str]()
    inner: ast.expr = part
    while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
        names.add(getattr(inner, "attr", ""))
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    if isinstance(inner, ast.Name) and not names & SHOWING:
        yield inner.id


def looks_up(tree: ast.AST) -> str:
    """Return the call with which code finds names that only show when it runs, or "".

    >>> looks_up(ast.parse("def f(msg): return eval(msg.text)"))
    'eval'
    """
    for part in ast.walk(tree):
        called = part.func if isinstance(part, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in ("eval", "exec", "globals"):
            return called.id
    return ""


def declares(tree: ast.AST, routers: Collection[str]) -> bool:
    """Whether a statement declares a node while it runs: as a decorator, or by a call."""
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return any(declares(mark, routers) for mark in tree.decorator_list)
    if isinstance(tree, ast.Lambda):
        return False
    if isinstance(tree, ast.Attribute) and tree.attr == "node":
        return isinstance(tree.value, ast.Name) and tree.value.id in routers
    return any(declares(part, routers) for part in ast.iter_child_nodes(tree))


def is_of_data(value: Any) -> bool:
    """Whether a value is a frame, an array, a table or a model, however small."""
    kind = type(value)
    if kind.__module__.partition(".")[0] not in DATA or isinstance(value, type):
        return False
    return any(hasattr(value, name) for name in ("shape", "predict", "state_dict"))


def is_data(value: Any) -> bool:
    """Whether a value is a frame, an array or a model that is too large to be code.

    >>> import numpy
    >>> is_data(numpy.zeros(1_000)), is_data(numpy.array([0.2, 0.8]))
    (True, False)
    """
    if not is_of_data(value):
        return False
    size = getattr(value, "size", None)
    return size > MOST_ITEMS if isinstance(size, int) else True
