"""Where something is defined, as a person would say it: ``In [3]``, or ``tasks.py, line 7``."""

from __future__ import annotations

import ast
import functools
import linecache
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emitnb.backends.preflight.captured import GLOBAL, Capture

_CELL = re.compile(r"In ?\[(\d+)\]|<ipython-input-(\d+)-")


def place_of(capture: Capture) -> str:
    """Return where a captured variable got its value; else where the code that uses it is.

    A notebook tells it by the cells that ran, a module by its source.
    """
    found = _assigned(capture.name, capture.place.namespace) if capture.kind == GLOBAL else ""
    return found or place_of_code(capture.place.code, capture.place.namespace)


def place_of_code(code: types.CodeType | None, namespace: Mapping[str, Any]) -> str:
    """Return where code is defined, or nothing if nobody can tell."""
    if code is None:
        return ""
    file = code.co_filename
    cell = _CELL.match(file) or _CELL.match(_name_in_notebook(file, namespace))
    if cell is not None:
        return f"In [{cell[1] or cell[2]}]"
    is_file = not file.startswith("<") and Path(file).is_file()
    return f"{Path(file).name}, line {code.co_firstlineno}" if is_file else ""


def _name_in_notebook(file: str, namespace: Mapping[str, Any]) -> str:
    """What IPython calls the cell that it compiled under this file name."""
    try:
        shell = namespace["get_ipython"]()
        _, name = shell.compile.format_code_name(file)
        return str(name)
    except Exception:  # no notebook, or whatever else has this name
        return ""


def _assigned(name: str, namespace: Mapping[str, Any]) -> str:
    cells = namespace.get("In")
    if type(cells) is list:
        for number in range(len(cells) - 1, 0, -1):
            if isinstance(cells[number], str) and name in _bindings(cells[number]):
                return f"In [{number}]"
    file = namespace.get("__file__")
    if type(file) is str:
        line = _bindings("".join(linecache.getlines(file))).get(name)
        return f"{Path(file).name}, line {line}" if line is not None else ""
    return ""


@functools.lru_cache(maxsize=512)
def _bindings(text: str) -> dict[str, int]:
    """The names that a cell or a module binds, each with the last line that does.

    >>> _bindings("n = 1" + chr(10) + "for word in []: n += 1")
    {'n': 2, 'word': 2}
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    return dict(_bound(tree))


def _bound(node: ast.AST) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name, child.lineno
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0], child.lineno
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, child.lineno
        elif isinstance(child, ast.Call) and _is_cell_magic(child):
            # IPython keeps `%%time` and the like as a call with the rest of the cell as a text.
            body = child.args[2]
            yield from _bindings(body.value).items()  # type: ignore[attr-defined]  # a constant
        elif not isinstance(child, ast.Lambda):
            yield from _bound(child)


def _is_cell_magic(call: ast.Call) -> bool:
    is_magic = isinstance(call.func, ast.Attribute) and call.func.attr == "run_cell_magic"
    body = call.args[2] if is_magic and len(call.args) == 3 else None
    return isinstance(body, ast.Constant) and isinstance(body.value, str)
