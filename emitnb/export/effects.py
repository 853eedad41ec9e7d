"""What cells did to modules that nodes use: an import, which has no effects, does not do it again.

``os.environ["HOME"] = …``, ``random.seed(3)``, ``sys.path.append(…)`` bind no name, and the process
in which a module is compared with the notebook has done them already.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from emitnb.export.cells import History, Statement
from emitnb.export.counters import counters, counts_on
from emitnb.export.imports import Import
from emitnb.export.problems import Need, Problems
from emitnb.export.reaching import (
    RECURSION,
    Dotted,
    call_themselves,
    called,
    dotted,
    imported,
    reads,
    rendered,
)
from emitnb.export.scopes import changed_in_place, counted_up
from emitnb.export.settings import ALL, changes

OWN = frozenset({"Random", "SystemRandom", "RandomState", "Generator", "default_rng"})
"""Generators of random numbers that have a state of their own."""

ADDING = {
    "register_dataframe_accessor",
    "register_series_accessor",
    "register_index_accessor",
}
"""Decorators that give a pandas class an attribute."""

PROGRESS = ("progress_apply", "progress_map", "progress_aggregate", "progress_transform")
"""What ``tqdm.pandas()`` gives the classes of pandas."""


def check_surroundings(
    history: History, traced: dict[Statement, Need], folder: Path, problems: Problems
) -> None:
    """Note what a module in ``folder`` would find otherwise around it than the notebook does."""
    _check_effects(history, traced, folder, problems)
    _check_neighbours(traced, folder, problems)
    _check_own_name(traced, problems)


def _check_effects(
    history: History, traced: dict[Statement, Need], folder: Path, problems: Problems
) -> None:
    """Note what statements that are not ``traced`` did to something that the traced ones read.

    ``folder`` is where the module will stand.
    """
    read = _read(traced)
    attributes = {name: one for one in traced for name in _attributes(one.tree)}
    everything = imported(history.statements)
    makers = _makers(history)
    for statement in _current(history):
        if statement in traced:
            continue
        for name in _added(statement.tree, everything):
            if name in attributes:
                reader = attributes[name]
                problems.added(name, traced[reader], reader, statement)
        if statement.is_definition:
            continue
        doing = [statement, *_called(makers, statement, traced)]
        for change in (one for part in doing for one in changes(part.tree, everything)):
            readers = [one for path, one in read.items() if change.reaches(path)]
            for reader in (list(traced) if ALL in change.affects else readers)[:1]:
                problems.changed_module(change.what, traced[reader], reader, statement)
            if change.what == "sys.path":
                for one in filter(lambda one: _is_elsewhere(one, folder), traced):
                    problems.found_by_path(sorted(one.names.binds)[0], traced[one], statement)


def _makers(history: History) -> dict[str, list[Statement]]:
    """The statements that bound each name, in order."""
    found: dict[str, list[Statement]] = {}
    for one in history.statements:
        for name in one.names.binds:
            found.setdefault(name, []).append(one)
    return found


def _read(traced: Iterable[Statement]) -> dict[Dotted, Statement]:
    """What traced statements read, each with one that does."""
    imports = imported(traced)
    found = {
        path: one
        for one in traced
        for path in reads(one.tree, imports)
        if not OWN.intersection(path)
    }
    found.update((RECURSION, one) for one in call_themselves(traced))
    return found


def _called(
    makers: Mapping[str, list[Statement]], statement: Statement, traced: Mapping[Statement, Need]
) -> list[Statement]:
    """The functions of the notebook that a statement calls, and those that they call.

    Not the ``traced`` ones: what these do, nodes do.
    """
    found: list[Statement] = []
    waiting = [statement]
    while waiting:
        reader = waiting.pop()
        names = {called(part) for part in ast.walk(reader.tree)} - {""}
        for name in sorted(names):
            made = [s for s in makers.get(name, ()) if s.time < statement.time][-1:]
            new = [s for s in made if s.is_definition and s not in traced and s not in found]
            found += new
            waiting += new
    return found


def _check_own_name(traced: dict[Statement, Need], problems: Problems) -> None:
    """Note what says the name of its module: ``K.__module__``, ``repr(K)``."""
    classes = {
        name: one
        for one in traced
        if isinstance(one.tree, ast.ClassDef) and not _is_shown_otherwise(one.tree)
        for name in one.names.binds
    }
    imports = imported(traced)
    for one, need in traced.items():
        for part in ast.walk(one.tree):
            if not isinstance(part, ast.Attribute) or part.attr != "__module__":
                continue
            if isinstance(part.ctx, ast.Load) and not dotted(part, imports):
                problems.own_name("__module__", need, one)
        for part in rendered(one.tree):
            if isinstance(part, ast.Name) and part.id in classes:
                problems.own_name(f"str({part.id})", need, one)


def _is_shown_otherwise(tree: ast.ClassDef) -> bool:
    """Whether a class may have another text than its module and its name: one of an Enum's."""
    bases = [*tree.bases, *(word.value for word in tree.keywords)]
    named = [getattr(base, "id", getattr(base, "attr", "")) for base in bases]
    return bool(tree.keywords) or any(name.endswith(("Enum", "Flag")) for name in named)


def _check_neighbours(traced: dict[Statement, Need], folder: Path, problems: Problems) -> None:
    """Note modules beside the notebook that the exported one, in ``folder``, would not find."""
    here = Path.cwd()
    if folder.resolve() == here or str(here) in sys.path[1:]:
        return  # the first entry is the notebook's folder, or the script's
    for statement, need in traced.items():
        if _home(statement) == here:
            name = sorted(statement.names.binds)[0]
            problems.left_behind(name, need, here, folder)


def check_in_place(
    history: History,
    traced: Mapping[Statement, Need],
    problems: Problems,
    changing: Collection[str] | None = None,
) -> None:
    """Note what statements that are not ``traced`` changed in place of what the traced ones made.

    Where a notebook runs, values are compared; but not those that nodes are ``changing``, too. Of
    a saved one, where ``changing`` is None, only this can be told.
    """
    made = {name: one for one in traced for name in one.names.binds if not one.is_import}
    counting = counters(traced)
    if changing is not None:
        made = {
            name: one
            for name, one in made.items()
            if name in counting or (name in changing and not _is_only_written(name, traced))
        }
    known = {name: s for s in history.statements if s.is_definition for name in s.names.binds}
    for statement in _current(history):
        if statement in traced or statement.is_definition:
            continue
        later = (
            _changed_by_call(one, is_saved=changing is None) for one in _run_by(statement, known)
        )
        counted = (counts_on(one.tree, counting) for one in (statement, *_run_by(statement, known)))
        for name in sorted(changed_in_place(statement.tree).union(*later, *counted)):
            if name in made and made[name].time < statement.time:
                one = made.pop(name)
                problems.changed_in_place(name, traced[one], one, statement, changing is None)


def _changed_by_call(definition: Statement, *, is_saved: bool) -> frozenset[str]:
    """The globals that a function of a notebook changes.

    Not those to which it only adds values under keys, if values are compared: that is a cache.
    """
    changed = definition.names.changed
    return changed if is_saved else changed & counted_up(definition.tree)


def _run_by(statement: Statement, known: Mapping[str, Statement]) -> Iterator[Statement]:
    """The definitions of what a statement calls, however deep."""
    waiting, seen = [statement], {statement}
    while waiting:
        for part in ast.walk(waiting.pop().tree):
            follows = known.get(called(part))
            if follows is not None and follows not in seen:
                seen.add(follows)
                waiting.append(follows)
                yield follows


def _is_only_written(name: str, traced: Iterable[Statement]) -> bool:
    """Whether nodes write to a value, and never look what is in it: a log."""
    for one in traced:
        parts = list(ast.walk(one.tree))
        uses = [p for p in parts if isinstance(p, ast.Name) and p.id == name]
        writing = [
            part
            for part in parts
            if isinstance(part, ast.Expr) and name in changed_in_place(part.value)
        ]
        if one.names.binds != {name} and len(uses) > len(writing):
            return False
    return True


def _current(history: History) -> Iterator[Statement]:
    """The statements of each cell as it ran last."""
    last = {cell.identity: cell for cell in history.cells if cell.identity}
    for statement in history.statements:
        cell = statement.cell
        if not cell.is_gone and last.get(cell.identity, cell) is cell:
            yield statement


def _attributes(tree: ast.AST) -> Iterator[str]:
    """Names of attributes that a statement reads of whatever."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Load):
            yield part.attr


def _added(tree: ast.AST, imports: Mapping[str, Dotted]) -> Iterator[str]:
    """Names of attributes that a statement gives to classes that are imported."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            if len(dotted(part, imports)) > 2:
                yield part.attr
        elif isinstance(part, ast.Call):
            called = getattr(part.func, "attr", "")
            first = part.args[0] if part.args else None
            if called in ADDING and isinstance(first, ast.Constant):
                yield str(first.value)
            elif called == "pandas" and dotted(part.func, imports)[:1] == ("tqdm",):
                yield from PROGRESS


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
