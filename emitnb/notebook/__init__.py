"""The notebook: magics, completion, and how they show what they return."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from emitnb.notebook.base import NAME
from emitnb.notebook.cluster_magics import ClusterMagics
from emitnb.notebook.completion import matcher
from emitnb.notebook.data_magics import DataMagics
from emitnb.notebook.export_magics import ExportMagics
from emitnb.notebook.failure_magics import FailureMagics
from emitnb.notebook.graphs import Graphs
from emitnb.notebook.magics import GraphMagics
from emitnb.notebook.module_magics import ModuleMagics
from emitnb.notebook.pages import asked_by_program
from emitnb.notebook.record import Record
from emitnb.notebook.rerun_magics import RerunMagics
from emitnb.notebook.run_magics import RunMagics
from emitnb.router import Router


def load(shell: InteractiveShell) -> None:
    """Give a shell the magics, and a router named ``router`` unless it has one.

    A second time, only a router that is gone is made anew.
    """
    if not isinstance(shell.user_ns.get(NAME), Router):
        shell.user_ns[NAME] = made = Router()
        if asked_by_program(shell):
            made.bar = False  # nobody watches it, and in a notebook it would be a widget
    if GraphMagics.__name__ in shell.magics_manager.registry:
        return
    Record(shell)
    graphs = Graphs(shell)
    formatter: Any = shell.display_formatter
    formatter.ipython_display_formatter.for_type(Router, graphs.show)
    shell.register_magics(
        GraphMagics(shell, graphs),
        DataMagics,
        FailureMagics,
        RerunMagics,
        RunMagics,
        ClusterMagics,
        ModuleMagics,
        ExportMagics,
    )

    def router() -> Any:
        found = shell.user_ns.get(NAME)
        return found if isinstance(found, Router) else None

    shell.Completer.custom_matchers.append(matcher(shell.find_magic, router))
