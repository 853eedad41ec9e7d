"""What cannot stand in a module: IPython's syntax, data, and what is read from somewhere."""

from __future__ import annotations

import ast
import builtins
import importlib
import random
from collections.abc import Collection
from typing import Any

import numpy as np

from emitnb.export.cells import Statement, first_line

_READING = """
open input urlopen read_text read_bytes load loadtxt genfromtxt fromfile connect getenv listdir
glob iglob iterdir rglob walk urlretrieve getpass cwd getcwd
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
    if isinstance(tree, ast.Await | ast.AsyncFor | ast.AsyncWith):
        return "await"
    if isinstance(tree, ast.Attribute) and ast.unparse(tree) in ("os.environ", "sys.argv"):
        return tree.attr
    if isinstance(tree, ast.Call):
        name = getattr(tree.func, "id", "") or getattr(tree.func, "attr", "")
        if name in READING or name.startswith("read_"):
            return str(name)
    return next(filter(None, map(outside_call, ast.iter_child_nodes(tree))), "")


def is_generator(value: Any) -> bool:
    """Whether a value draws random numbers, and is another one after each draw.

    >>> is_generator(random.Random(7))
    True
    """
    return isinstance(value, random.Random | np.random.Generator | np.random.RandomState)


def is_data(value: Any) -> bool:
    """Whether a value is a frame, an array or a model that is too large to be code.

    >>> import numpy
    >>> is_data(numpy.zeros(1_000)), is_data(numpy.array([0.2, 0.8]))
    (True, False)
    """
    kind = type(value)
    if kind.__module__.partition(".")[0] not in DATA or isinstance(value, type):
        return False
    size = getattr(value, "size", None)
    if isinstance(size, int):
        return size > MOST_ITEMS
    return any(hasattr(value, name) for name in ("shape", "predict", "state_dict"))


def is_builtin(name: str) -> bool:
    """Whether a name is Python's own, and not one that somebody put among the builtins."""
    found = getattr(builtins, name, None)
    return name in _CONSTANTS or getattr(found, "__module__", "") == "builtins"


_CONSTANTS = {"Ellipsis", "NotImplemented", "None", "True", "False", "__debug__", "__import__"}


def is_of_module(name: str) -> bool:
    """Whether every module has a name of itself."""
    return name in ("__name__", "__doc__", "__file__", "__spec__", "__builtins__", "__debug__")


def public_names(module: str) -> Collection[str]:
    """Return the names that a star import takes from a module."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return ()
    listed = getattr(found, "__all__", None)
    return listed if listed is not None else [n for n in vars(found) if not n.startswith("_")]
