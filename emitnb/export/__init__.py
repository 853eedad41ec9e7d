"""A graph leaves the notebook: nodes, and all that they need, become a Python module."""

from __future__ import annotations

import keyword
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.errors import ExportError
from emitnb.export.building import SETTINGS, Notebook, Origin, build, origin_of
from emitnb.export.cells import Cell, History
from emitnb.export.checking import Proven, check
from emitnb.export.chosen import Choices, check_choices
from emitnb.export.decorators import in_order
from emitnb.export.effects import check_in_place
from emitnb.export.evidence import evidence
from emitnb.export.problems import NOTHING_WRITTEN, Problems
from emitnb.export.readers import outdated, small_values
from emitnb.export.remarks import left_over, remarks
from emitnb.export.saved import ROUTER, declared, edit_of, settings_of
from emitnb.export.writing import check_target, formatted, marked, write_all
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT, node_of
from emitnb.node import Node
from emitnb.pushing import Pusher

TAKEN = sys.stdlib_module_names | {"emitnb"}
"""Names of modules that Python, and emitnb itself, look for: first beside what is run."""

__all__ = [
    "NOTHING_WRITTEN",
    "SETTINGS",
    "Cell",
    "Choices",
    "Exported",
    "History",
    "Notebook",
    "Origin",
    "edit_of",
    "export_graph",
    "export_saved",
    "left_over",
    "outdated",
    "remarks",
    "script_cell",
    "selected",
    "settings_of",
    "small_values",
    "with_tests",
    "write_all",
]


@dataclass(frozen=True)
class Exported:
    """What is to be written: files by path, and what of the notebook the module has.

    ``nodes`` are their names, in topological order; ``classes`` the classes by their names;
    ``parameters`` the names that are options of its command line; ``prove`` runs the module once
    more.
    """

    path: Path
    files: Mapping[Path, bytes]
    nodes: Sequence[str]
    classes: Mapping[str, type]
    parameters: frozenset[str]
    prove: Callable[[], Proven]


def export_graph(
    notebook: Notebook,
    graph: Graph,
    path: Path,
    *,
    nodes: Iterable[str] | None,
    choices: Choices,
    force: bool,
) -> Exported:
    """Return what is to be written for a graph at ``path``: the module, and files beside it.

    ``nodes`` are exported with all that they receive from; None: all nodes. Raises ExportError,
    and UnknownNodeError.
    """
    stem = path.stem
    if path.suffix != ".py" or not stem.isidentifier() or keyword.iskeyword(stem):
        raise ExportError(f"{path.name} cannot be imported as a module; name it as in wordcount.py")
    if stem in TAKEN:
        raise ExportError(
            f"{path.name} would stand before Python's own module {stem}, or emitnb, for all that "
            "runs in that folder; give it another name"
        )
    names = selected(graph, nodes)
    check_choices(choices, notebook.namespace)
    chosen = {name: graph.nodes[name] for name in names}
    found = {name: (node, _origin(notebook, node)) for name, node in chosen.items()}
    module = build(notebook, found, choices, stem, path.parent)

    def prove() -> Proven:
        with tempfile.TemporaryDirectory(prefix="emitnb-") as folder:
            staged = Path(folder)
            for name, content in module.files.items():
                (staged / name).write_bytes(content)
            return check(module, notebook, chosen, staged / path.name)

    classes = prove().classes
    text = marked(formatted(module.text, path))
    check_target(path, text, force=force)
    beside = {path.with_name(name): content for name, content in module.files.items()}
    files = {path: text.encode(), **beside}
    return Exported(path, files, names, classes, module.parameters, prove)


def with_tests(exported: Exported, router: Pusher, *, force: bool) -> dict[Path, bytes]:
    """Return the files of a module, with those of its tests, made of what was recorded.

    Raises ExportError where a test file would be replaced that was edited since, and where
    nothing was recorded.
    """
    path = exported.path
    made = evidence(router, path.stem, exported.nodes, exported.classes, run=exported.prove)
    found = dict(exported.files)
    for name, content in made.items():
        target = path.with_name(name)
        if target.suffix == ".py":
            text = marked(content.decode())
            check_target(target, text, force=force)
            content = text.encode()
        found[target] = content
    return found


def export_saved(
    cells: Sequence[Cell],
    name: str,
    version: str,
    path: Path,
    nodes: Iterable[str] | None = None,
    *,
    to_run: bool = False,
) -> str:
    """Return the module that the cells of a notebook make, as if they had run one by one.

    Nothing is run, so what no statement makes is told, but values are not compared. For a module
    ``to_run``, what a cell changes in place raises ExportError, too.
    """
    history = History(cells)
    graph, origins, settings = declared(history)
    notebook = Notebook(history, None, [ROUTER], name, version, settings)
    found = {name: (graph.nodes[name], origins[name]) for name in selected(graph, nodes)}
    module = build(notebook, found, Choices(), path.stem, path.parent)
    if to_run:
        problems = Problems()
        check_in_place(history, module.traced, problems)
        problems.raise_if_any()
    return marked(formatted(module.text, path))


def script_cell(graph: Graph) -> tuple[Cell, dict[str, Any]]:
    """Return the file in which all nodes were declared, as one cell, and its variables.

    Raises ExportError where there is no such file.
    """
    places = {node.declared_at[0] for node in graph.nodes.values() if node.declared_at}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if len(places) == 1 and file in places:
            source = Path(file).read_text(encoding="utf-8")
            return Cell(Path(file).name, source, source, file), vars(module)
    raise ExportError(
        "only a notebook with `%load_ext emitnb`, or one Python file that declares all nodes, can "
        f"be exported; these come from {', '.join(sorted(places)) or 'nowhere that is known'}"
    )


def selected(graph: Graph, nodes: Iterable[str] | None) -> list[str]:
    """Return the nodes, and all that they receive from, in topological order."""
    order = in_order(graph)
    if not order:
        raise ExportError("there are no nodes to export; declare one with %%emit_node")
    if nodes is None:
        return order
    wanted: set[str] = set()
    waiting = [graph.find(name) for name in nodes]
    while waiting:
        name = waiting.pop()
        if name not in wanted and name != ENTRY_POINT:
            wanted.add(name)
            waiting += [node_of(origin) for origin in graph.origins(name)]
    return [name for name in order if name in wanted]


def _origin(notebook: Notebook, node: Node) -> Origin:
    found = origin_of(notebook.history, node)
    if found is None:
        raise ExportError(
            f"nobody knows the statement that declared {node.name}"
            + (f" ({os.fspath(node.declared_at[0])})" if node.declared_at else "")
            + ". Declare it in a cell of this notebook"
        )
    return found
