"""A module is proven before it is written: run here, and its nodes compared with the notebook's."""

from __future__ import annotations

import ast
import io
import sys
import traceback
import types
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.export.building import Module, Notebook
from emitnb.export.cells import Statement, lines_of
from emitnb.export.problems import Need, Problems, problem, refusal, ways_out
from emitnb.export.sameness import CHECKED, Comparison
from emitnb.export.scopes import changed_in_place
from emitnb.graph import Graph
from emitnb.node import Node
from emitnb.reading import Reader
from emitnb.text import short_repr

COMPARED = (
    "fields",
    "types",
    "subscriptions",
    "ignores",
    "entry_point",
    "key",
    "batch",
    "form",
    "retries",
    "backoff",
    "timeout",
    "placement",
    "allow_shared",
)
"""What a declaration says, besides functions."""

COLLECTIONS = (dict, list, tuple, set, frozenset)
PICKLED = (bytes, tuple, int)
"""What ``pickle`` makes of a value that is another one."""

SHOWN = 60


@dataclass(frozen=True)
class Proven:
    """What a module has: its graph, and its ``own`` classes; ``classes`` are the notebook's."""

    graph: Graph
    classes: Mapping[str, type]
    own: Mapping[str, type]


def check(module: Module, notebook: Notebook, nodes: Mapping[str, Node], file: Path) -> Proven:
    """Run a module in a namespace of its own, and compare its nodes with those of the notebook.

    ``file`` is where the module lies for now, with its files beside it. Raises ExportError with
    all differences: what a node reads that is not what the module would make of it.
    """
    made = _run(module, notebook, file)
    router = _router(made, notebook.routers[0])
    problems = Problems()
    compare = Comparison(module.changed, module.attributes)
    for name, node in nodes.items():
        same = router.graph.nodes.get(name)
        if same is None:
            found = ", ".join(router.graph.nodes)
            problems.add(
                f"the module has no node {name}, but {found}", "declare it under that name"
            )
        else:
            _compare(node, same, compare, notebook, problems)
    more = [name for name in router.graph.nodes if name not in nodes]
    if more and not problems.texts:
        problems.add(
            f"the module would also have {', '.join(more)}: one statement declares them with what "
            "is exported",
            ["export them too", "declare each in a cell of its own"],
        )
    problems.raise_if_any()
    known = notebook.namespace or {}
    own = {name: value for name, value in made.items() if isinstance(value, type)}
    classes = {name: kind for name in own if isinstance(kind := known.get(name), type)}
    return Proven(router.graph, classes, {name: own[name] for name in classes})


def _run(module: Module, notebook: Notebook, file: Path) -> dict[str, Any]:
    text = module.text
    made = types.ModuleType(CHECKED)
    made.__file__ = str(file)
    before = sys.modules.get(CHECKED)
    sys.modules[CHECKED] = made  # dataclasses look their module up
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            exec(compile(text, str(file), "exec", dont_inherit=True), made.__dict__)
    except Exception as error:
        places = [
            one for one in traceback.extract_tb(error.__traceback__) if one.filename == str(file)
        ]
        number = (places[0].lineno if places else None) or 0
        why = f"{_why_not(module, notebook, number)}{type(error).__name__}: {error}"
        raise refusal(problem(why, _ways_out(module, notebook, number))) from error
    finally:
        _restore(before)
    if printed.getvalue():
        why = f"importing the module would print {short_repr(printed.getvalue(), SHOWN)}"
        way = "take the print out of the statement that makes what nodes need"
        raise refusal(problem(why, way))
    return made.__dict__


def _binds(text: str, number: int) -> str:
    """The name that the statement at a line of a module binds; "" if it is not one name."""
    for statement in ast.parse(text).body:
        if statement.lineno <= number <= (statement.end_lineno or 0):
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            return targets[0].id if isinstance(targets[0], ast.Name) else ""
    return ""


def _why_not(module: Module, notebook: Notebook, number: int) -> str:
    """Say which statement fails in the module, who needs it, and what changed what it reads."""
    line = lines_of(module.text)[number - 1].strip()[:SHOWN] if number else ""
    name = _binds(module.text, number)
    for statement, need in module.traced.items():
        if name and name in statement.names.binds:
            ran = [one for one in notebook.history.statements if one.time < statement.time]
            changes = (
                f"`{read}` was changed ({one.place}: {one.cell.line(one.line).strip()[:SHOWN]}), "
                "and "
                for one in ran
                for read in sorted(changed_in_place(one.tree) & statement.names.now)
                if one not in module.traced
            )
            why = next(changes, "")
            return f"`{name}`, {need}, cannot be made in the module: {why}`{line}` raises "
    return f"the module cannot be imported: `{line}` raises " if line else "it cannot be imported: "


def _ways_out(module: Module, notebook: Notebook, number: int) -> Sequence[str]:
    name = _binds(module.text, number)
    namespace = notebook.namespace or {}
    if name and name in namespace:
        return ways_out(name, namespace[name])
    return ["make what that line needs by a statement in a cell: it came in some other way"]


def _restore(before: types.ModuleType | None) -> None:
    if before is None:
        del sys.modules[CHECKED]
    else:
        sys.modules[CHECKED] = before


def _router(namespace: Mapping[str, Any], name: str) -> Reader:
    found = namespace.get(name)
    if not isinstance(found, Reader):
        raise refusal(f"`{name}` is no Router in the module")
    return found


def _compare(
    node: Node, made: Node, compare: Comparison, notebook: Notebook, problems: Problems
) -> None:
    for name in COMPARED:
        one, two = getattr(node, name), getattr(made, name)
        if name == "types":
            one, two = dict(one), dict(two)
        if compare.difference(one, two) is not None:
            problems.add(
                f"{node.name} has other {name} by now ({short_repr(one, SHOWN)}) than where it "
                f"was declared ({short_repr(two, SHOWN)})",
                "declare it again as it should be",
            )
    for what in ("function", "when", "new_state", "record"):
        found = compare.difference(getattr(node, what), getattr(made, what))
        if found is not None:
            _differs(node, *found, notebook, problems)


def _differs(
    node: Node,
    path: tuple[str, ...],
    one: Any,
    two: Any,
    notebook: Notebook,
    problems: Problems,
) -> None:
    names = [name for name in path if name != node.short_name]
    if not names:
        problems.add(
            f"{node.name} is another function in the module: what made it in the notebook "
            "(a loop, a call, an edit) is no longer there",
            "declare it again in a cell of its own",
        )
        return
    name = names[-1].partition(".")[0]
    namespace = notebook.namespace or {}
    need = Need(node.name, names[-2] if len(names) > 1 else "")
    is_value = name in namespace and not isinstance(namespace[name], types.FunctionType | type)
    by = _changed_by(name, notebook)
    known = [one.partition(".")[0] for one in names if one.partition(".")[0] in namespace]
    held_by = known[-1] if known else name
    ways = ways_out(name, namespace[name]) if is_value else _run_again(held_by, notebook, by)
    is_whole = not isinstance(namespace.get(name), (type(one), *COLLECTIONS))
    if is_value and is_whole and not by and type(one) in PICKLED:
        problems.add(  # what a value is pickled to tells nobody anything
            f"`{name}`, {need}, is {short_repr(namespace[name], SHOWN)} in the notebook, and would "
            f"be another {type(namespace[name]).__name__} in the module",
            ways,
        )
        return
    why = "it was changed after a statement made it"
    if is_value and not by:
        why = "it was changed after a statement made it, or is another one each time"
        ways = [*ways, "if only a push changed it, run the cell that makes it again"]
    problems.add(
        f"`{name}`, {need}, is {short_repr(one, SHOWN)} in the notebook, and would be "
        f"{short_repr(two, SHOWN)} in the module: {why}",
        ways,
        *by,
    )


def _run_again(name: str, notebook: Notebook, by: Sequence[Statement]) -> list[str]:
    """Say which cell to run, and what to do with the statement that changed what it made."""
    made = [one.cell.place for one in notebook.history.statements if name in one.names.binds]
    place = made[-1] if made else "its cell"
    return [
        f"put that into {place}, or take it out, and run {place} again"
        if by
        else f"run {place} again"
    ]


def _changed_by(name: str, notebook: Notebook) -> list[Statement]:
    """Say which statement, run for its effect alone, mentions a name after it was made."""
    ran = notebook.history.statements
    made = max((one.time for one in ran if name in one.names.binds), default=-1)
    for statement in ran[made + 1 :]:
        if not statement.is_definition and name in statement.names.now and not statement.magic:
            return [statement]
    return []
