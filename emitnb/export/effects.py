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

OWN = frozenset({"Random", "SystemRandom", "RandomState", "Generator", "default_rng"})
"""Generators of random numbers that have a state of their own."""

RAISING: dict[Dotted, Dotted] = {
    ("numpy", "seterr"): ("numpy",),
    ("numpy", "seterrcall"): ("numpy",),
    ("locale", "setlocale"): ("locale",),
    ("decimal", "setcontext"): ("decimal",),
    ("warnings", "simplefilter"): (),
    ("warnings", "filterwarnings"): (),
}
"""Functions that change what others do, and what it is that they change; ``()``: whatever runs.

Not where they only make it quiet: ``seterr(all="ignore")``, ``filterwarnings("ignore")``.
"""

QUIET = {"ignore", "default", "warn", "once", "module", "always", "print", "log"}
"""What may be said to them that changes no result."""

ADDING = {
    "register_dataframe_accessor",
    "register_series_accessor",
    "register_index_accessor",
}
"""Decorators that give a pandas class an attribute."""

PROGRESS = ("progress_apply", "progress_map", "progress_aggregate", "progress_transform")
"""What ``tqdm.pandas()`` gives the classes of pandas."""

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
    attributes = {name: one for one in traced for name in _attributes(one.tree)}
    everything = _imported(history.statements)
    for statement in _current(history):
        if statement in traced:
            continue
        for name in _added(statement.tree, everything):
            if name in attributes:
                reader = attributes[name]
                problems.added(name, traced[reader], reader, statement)
        if statement.is_definition:
            continue
        for changed in _changes(statement.tree, everything):
            readers = [
                one
                for path, one in read.items()
                if path[: len(changed)] == changed and not OWN.intersection(path)
            ]
            for reader in readers[:1] if changed else list(traced)[:1]:
                what = ".".join(changed) or "warnings"
                problems.changed_module(what, traced[reader], reader, statement)
        if any(path == ("sys", "path") for path in _changes(statement.tree, _SYS)):
            for one in filter(lambda one: _is_elsewhere(one, folder), traced):
                problems.found_by_path(sorted(one.names.binds)[0], traced[one], statement)


def check_neighbours(traced: dict[Statement, Need], folder: Path, problems: Problems) -> None:
    """Note modules beside the notebook that the exported one, in ``folder``, would not find."""
    here = Path.cwd()
    if folder.resolve() == here or str(here) in sys.path[1:]:
        return  # the first entry is the notebook's folder, or the script's
    for statement, need in traced.items():
        if _home(statement) == here:
            name = sorted(statement.names.binds)[0]
            problems.left_behind(name, need, here, folder)


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
    owners = {id(part.value) for part in ast.walk(tree) if isinstance(part, ast.Attribute)}
    for part in ast.walk(tree):
        # Of `os.environ` not `os` as well.
        if isinstance(part, ast.Name | ast.Attribute) and id(part) not in owners:
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
        elif isinstance(part, ast.Call):
            yield from _raising(part, imports)
            if isinstance(part.func, ast.Attribute):
                found = _changed_by_call(part.func, imports)
        if found:
            yield next((found[:n] for n, name in enumerate(found) if name in CONTEXTS), found)


def _changed_by_call(method: ast.Attribute, imports: dict[str, Dotted]) -> Dotted:
    owner = _dotted(method.value, imports)
    if method.attr == "seed":
        return owner
    # `os.remove(…)` and `np.append(…)` change no module; `sys.stdout.write(…)` is but seen.
    is_module = ".".join(owner) in sys.modules
    return owner if method.attr in CHANGING - {"write"} and not is_module else ()


def _attributes(tree: ast.AST) -> Iterator[str]:
    """Names of attributes that a statement reads of whatever."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Load):
            yield part.attr


def _added(tree: ast.AST, imports: dict[str, Dotted]) -> Iterator[str]:
    """Names of attributes that a statement gives to classes that are imported."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            if len(_dotted(part, imports)) > 2:
                yield part.attr
        elif isinstance(part, ast.Call):
            called = getattr(part.func, "attr", "")
            first = part.args[0] if part.args else None
            if called in ADDING and isinstance(first, ast.Constant):
                yield str(first.value)
            elif called == "pandas" and _dotted(part.func, imports)[:1] == ("tqdm",):
                yield from PROGRESS


def _raising(call: ast.Call, imports: dict[str, Dotted]) -> Iterator[Dotted]:
    """What a call changes that makes others do something else, if it does more than silence."""
    said = [*call.args, *(word.value for word in call.keywords if word.arg != "category")]
    texts = {part.value for part in said if isinstance(part, ast.Constant)}
    path = _dotted(call.func, imports)
    if path in RAISING and not texts & QUIET:
        yield RAISING[path]


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
    home = _home(statement)
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    return home is not None and home not in installed | {folder.resolve()}


def _home(statement: Statement) -> Path | None:
    """The folder in which what a statement imports is found; None for Python's own modules."""
    tree = statement.tree
    if not isinstance(tree, ast.Import | ast.ImportFrom):
        return None
    root = Import.of(tree).module.partition(".")[0]
    if not root or root in sys.stdlib_module_names:
        return None
    try:
        found = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None:
        return None
    place = Path(found.origin).resolve().parent
    return place.parent if found.submodule_search_locations else place
