"""How a graph is shown: live where there is a page for it, as a picture and text elsewhere."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from IPython import display as ipython
from IPython.core.interactiveshell import InteractiveShell

from emitnb.notebook.display import Drawing, drawing
from emitnb.router import Router

if TYPE_CHECKING:
    from emitnb.notebook.widget import Widgets

_ipython: Any = ipython  # it has no types
PROGRAM = re.compile(r"_\d+_\d+$")
"""Ends the ids of messages from Python programs (jupyter_client): consoles, nbclient, nbconvert."""


class Live(Drawing):
    """The graph as it is from now on: a widget, with a picture for where it cannot be."""

    def __init__(self, drawn: Drawing, router: Router, widgets: Widgets, around: str) -> None:
        super().__init__(drawn.text, drawn.graph, drawn.counts)
        self._router = router
        self._widgets = widgets
        self._around = around

    def _ipython_display_(self) -> None:
        self._widgets.of(self._router, self._around).show()


class Graphs:
    """Shows graphs in one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._widgets: Widgets | None = None

    def graph(self, router: Router, around: str | None = None) -> Drawing:
        """Return the graph of a router, as it can be shown here.

        ``around`` is a node to show the surroundings of. Raises UnknownNodeError.
        """
        name = router.graph.find(around) if around else ""
        drawn = drawing(router)
        if not self._has_page():
            return drawn
        return Live(drawn, router, self._live(), name)

    def show(self, router: Router) -> None:
        """Show the graph of a router that is the value of a cell."""
        _ipython.display(self.graph(router))

    def _live(self) -> Widgets:
        if self._widgets is None:
            # Here: ipywidgets and anywidget take a while to load, and a terminal needs neither.
            from emitnb.notebook.widget import Widgets

            self._widgets = Widgets()
        return self._widgets

    def _has_page(self) -> bool:
        """Whether what runs the cell can show widgets.

        Programs that run notebooks cannot, and the state of widgets that they save makes pages
        load scripts from elsewhere. Voilà is one that can.
        """
        kernel: Any = getattr(self._shell, "kernel", None)
        if kernel is None:
            return False
        asked = str(kernel.get_parent("shell").get("header", {}).get("msg_id", ""))
        return not PROGRAM.search(asked) or "voila" in os.environ.get("SERVER_SOFTWARE", "")
