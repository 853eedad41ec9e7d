"""What cells did to modules that nodes use: an import, which has no effects, does not do it again.

``os.environ["HOME"] = …``, ``random.seed(3)``, ``sys.path.append(…)`` bind no name, and the process
in which a module is compared with the notebook has done them already.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from emitnb.export.cells import History, Statement
from emitnb.export.imports import Import
from emitnb.export.problems import Need, Problems
from emitnb.export.scopes import CHANGING, changed_in_place

Dotted = tuple[str, ...]

CONTEXTS = ("getcontext", "localcontext", "get_context")
"""Functions that give what a whole module looks at."""


def check_effects(
    history: History, traced: dict[Statement, Need], folder: Path, problems: Problems
) -> None:
    """Note what statements that are not ``traced`` did to something that the traced ones read.

    ``folder`` is where the module will stand.
    """
    imports = _imported(traced)
    read = {path: one for one in traced for path in _reads(one.tree, imports)}
    for statement in _current(history):
        if statement in traced or statement.is_definition:
            continue
        for changed in _changes(statement.tree, imports):
            for path, reader in read.items():
                if path[: len(changed)] == changed:
                    need = traced[reader]
                    problems.changed_module(".".join(changed), need, reader, statement)
                    break
        if any(path == ("sys", "path") for path in _changes(statement.tree, _SYS)):
            for one in filter(lambda one: _is_elsewhere(one, folder), traced):
                problems.found_by_path(sorted(one.names.binds)[0], traced[one], statement)


def check_in_place(history: History, traced: Mapping[Statement, Need], problems: Problems) -> None:
    """Note what statements that are not ``traced`` changed in place of what the traced ones made.

    Where a notebook runs, the values are compared. Of a saved one, only this can be told.
    """
    made = {name: one for one in traced for name in one.names.binds if not one.is_import}
    changing = {
        name: one.names.changed
        for one in history.statements
        if one.is_definition
        for name in one.names.binds
    }
    for statement in _current(history):
        if statement in traced or statement.is_definition:
            continue
        called = (p.func for p in ast.walk(statement.tree) if isinstance(p, ast.Call))
        by_call = (changing.get(f.id, ()) for f in called if isinstance(f, ast.Name))
        for name in sorted(changed_in_place(statement.tree).union(*by_call)):
            if name in made and made[name].time < statement.time:
                one = made.pop(name)
                problems.changed_in_place(name, traced[one], one, statement)


_SYS: dict[str, Dotted] = {"sys": ("sys",)}


def _current(history: History) -> Iterator[Statement]:
    """The statements of each cell as it ran last."""
    last = {cell.identity: cell for cell in history.cells if cell.identity}
    for statement in history.statements:
        cell = statement.cell
        if not cell.is_gone and last.get(cell.identity, cell) is cell:
            yield statement


def _imported(statements: Iterable[Statement]) -> dict[str, Dotted]:
    """What imported names stand for, as dotted names."""
    found: dict[str, Dotted] = {}
    for statement in statements:
        tree = statement.tree
        if isinstance(tree, ast.Import | ast.ImportFrom):
            one = Import.of(tree)
            whole = (*one.module.split("."), *([one.name] if one.name else []))
            for name in statement.names.binds:
                found[name] = whole if one.bound or one.name else whole[:1]
    return found


def _reads(tree: ast.AST, imports: dict[str, Dotted]) -> Iterator[Dotted]:
    if isinstance(tree, ast.Import | ast.ImportFrom):
        return
    for part in ast.walk(tree):
        if isinstance(part, ast.Name | ast.Attribute):
            path = _dotted(part, imports)
            if path:
                yield path


def _changes(tree: ast.AST, imports: dict[str, Dotted]) -> Iterator[Dotted]:
    for part in ast.walk(tree):
        found: Dotted = ()
        if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
            found = _dotted(part, imports)
        elif isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            found = _dotted(part.value, imports)
        elif isinstance(part, ast.Call) and getattr(part.func, "attr", "") in {*CHANGING, "seed"}:
            found = _dotted(getattr(part.func, "value", part), imports)
        if found:
            yield next((found[:n] for n, name in enumerate(found) if name in CONTEXTS), found)


def _dotted(part: ast.AST, imports: dict[str, Dotted]) -> Dotted:
    """The whole name of ``module.attribute``, whatever is called or looked up on the way."""
    if isinstance(part, ast.Name):
        return imports.get(part.id, ())
    if isinstance(part, ast.Attribute):
        owner = _dotted(part.value, imports)
        return (*owner, part.attr) if owner else ()
    if isinstance(part, ast.Subscript):
        return _dotted(part.value, imports)
    return _dotted(part.func, imports) if isinstance(part, ast.Call) else ()


def _is_elsewhere(statement: Statement, folder: Path) -> bool:
    """Whether a module is found neither among what is installed, nor in ``folder``."""
    tree = statement.tree
    if not isinstance(tree, ast.Import | ast.ImportFrom):
        return False
    root = Import.of(tree).module.partition(".")[0]
    if not root or root in sys.stdlib_module_names:
        return False
    try:
        found = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return False
    if found is None or found.origin is None:
        return False
    place = Path(found.origin).resolve().parent
    home = place.parent if found.submodule_search_locations else place
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    return home not in installed | {folder.resolve()}
