"""Exporting: the part of the router through which a graph leaves the notebook."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from emitnb.export import (
    SETTINGS,
    Cell,
    Choices,
    History,
    Notebook,
    export_graph,
    left_over,
    outdated,
    remarks,
    script_cell,
    small_values,
    with_tests,
    write_all,
)
from emitnb.ledger import Mark
from emitnb.message import Message
from emitnb.rerunning import Rerunner


class Written(list[Path]):
    """The files that an export wrote, the module first; ``notes`` say what is worth knowing."""

    def __init__(self, files: Iterable[Path], notes: Iterable[str]) -> None:
        super().__init__(files)
        self.notes = tuple(notes)


class Session(Protocol):
    """A notebook that runs: what a router asks of it."""

    @property
    def namespace(self) -> dict[str, Any]:
        """Its variables."""

    @property
    def name(self) -> str:
        """The name of its file; "" if nobody knows."""

    @property
    def ran(self) -> Sequence[Cell]:
        """The cells that ran, in that order."""

    def cells(self) -> Sequence[Cell]:
        """The same; those that were deleted since say so."""


class Exporter(Rerunner):
    """Exports the graph. ``notebook`` is the notebook that runs; None in a script."""

    def __init__(self, message_class: type[Message]) -> None:
        super().__init__(message_class)
        self.notebook: Session | None = None
        self._at_cell = Mark()
        self._values: dict[str, str] = {}

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        nodes: str | Iterable[str] | None = None,
        tests: bool = False,
        force: bool = False,
        params: str | Iterable[str] = (),
        files: str | Iterable[str] = (),
        freeze: str | Iterable[str] = (),
    ) -> Written:
        """Write the graph as a Python module; return the files written, the module first.

        The module holds the nodes as they were declared, and what they need: found by following
        names through their code, back to the statements that ran last. Before anything is
        written, it is run in a namespace of its own, and its nodes are compared with these.

        Parameters
        ----------
        path : of the module, as ``wordcount.py``
        nodes : export only these and what they receive from
        tests : also write ``test_wordcount.py``, with cases from what was recorded
        force : replace a file that emitnb did not write, or that was edited since
        params : names of variables that become options of the command line
        files : names of variables whose values go into files beside the module
        freeze : names of variables whose values, small literals, go into the code

        Raises ExportError, before anything is written, for what no statement of the notebook
        made, what was changed since it was made, data, and IPython's own syntax: it names the
        variable, the node that needs it, the cell, and the ways out. Also where tests are asked
        for and nothing was recorded. Raises UnknownNodeError.
        """
        target = Path(path).expanduser()
        choices = Choices(_names(freeze), _names(params), _names(files))
        wanted = None if nodes is None else sorted(_names(nodes))
        notebook, graph = self._exported_from(), self.graph
        found = export_graph(
            notebook,
            graph,
            target.resolve(),
            nodes=wanted,
            choices=choices,
            force=force,
        )
        written = with_tests(found, self, force=force) if tests else dict(found.files)
        write_all(written)
        notes = remarks(notebook.history, graph, found.nodes, found.parameters, self.stale())
        return Written(written, [*notes, *left_over(found.path, written)])

    def before_cell(self) -> None:
        """Remember what was recorded before a cell. Called by the notebook, before each cell."""
        self._at_cell = self._ledger.mark()
        self._values = {}
        if self.notebook is not None and self._at_cell.is_something:
            self._values = small_values(self.notebook.namespace)

    def after_cell(self) -> list[str]:
        """Look at what the notebook's last cell changed under the nodes; return what to say.

        What nodes emitted is stale when a function or variable that they read is made by another
        statement now. Called by the notebook, after each cell.
        """
        if self.notebook is None or not self._at_cell.is_something:
            return []
        namespace = self.notebook.namespace
        nodes = outdated(
            History(self.notebook.ran),
            namespace,
            self._names_in(namespace),
            self.graph,
            self._values,
        )
        return self.outdate(nodes, self._at_cell)

    def _names_in(self, namespace: Mapping[str, Any]) -> list[str]:
        """The names of the router among the variables of a notebook, the one to be used first."""
        return sorted((n for n, held in namespace.items() if held is self), key=_first_router)

    def _exported_from(self) -> Notebook:
        session = self.notebook
        if session is None:
            cell, namespace = script_cell(self.graph)
            return self._notebook(History([cell]), namespace, Path(cell.file).name)
        return self._notebook(History(session.cells()), session.namespace, session.name)

    def _notebook(self, history: History, namespace: dict[str, Any], name: str) -> Notebook:
        names = self._names_in(namespace)
        settings = {
            name: getattr(self, name)
            for name, usual in SETTINGS.items()
            if getattr(self, name) != usual
        }
        return Notebook(history, namespace, names or ["router"], name, _version(), settings)


def _first_router(name: str) -> tuple[bool, str]:
    return name != "router", name


def _names(given: str | Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


def _version() -> str:
    from importlib.metadata import version

    return version("emitnb")
