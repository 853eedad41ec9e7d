"""The live widget: one for each router, fed by one thread a kernel, drawn in the browser.

A second output below it holds a picture that needs no script. The widget hides it while it lives,
so that it is seen where no widget is: after a restart, in HTML, where WebAssembly is blocked.
"""

from __future__ import annotations

import uuid
import weakref
from html import escape
from pathlib import Path
from time import monotonic
from typing import Any, cast

import anywidget
import ipywidgets
import traitlets
from IPython import display as ipython

from emitnb.graph import Graph
from emitnb.notebook.display import drawing
from emitnb.notebook.live.commands import answer
from emitnb.notebook.live.feed import FIRST, Feed
from emitnb.notebook.live.publisher import Publisher
from emitnb.router import Router

_ipython: Any = ipython  # it has no types
STATIC = Path(__file__).parent / "static"
STILL = """\
<div data-emitnb-still="{still}"><style>
.jp-OutputArea-child:has(+ .jp-OutputArea-child [data-emitnb-still="{still}"]) {{
  &:not(:has(.emitnb-graph)) {{ display: none }}
}}
</style>{inner}</div>"""
"""A picture that takes the place of what Jupyter says above it of a widget that is no more."""

STILL_EVERY = 1.0
"""Seconds between two pictures: each is sent whole."""


class Engine(ipywidgets.Widget):
    """Graphviz for the browser, 800 kB of it: one for all widgets of a kernel."""

    source = traitlets.Unicode().tag(sync=True)


class GraphWidget(anywidget.AnyWidget):
    """The dataflow of one router, drawn while it works.

    ``around`` is a node to show only the surroundings of, or "" for the whole graph.
    """

    _esm = (STATIC / "widget.js").read_text(encoding="utf-8")
    engine = traitlets.Unicode().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    around = traitlets.Unicode().tag(sync=True)
    graph = traitlets.Dict().tag(sync=True)
    stats = traitlets.Bytes().tag(sync=True)
    code = traitlets.Dict().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    surroundings = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, router: Router, engine: str = "", around: str = "") -> None:
        # The widgets of a kernel live as long as it does; the routers need not.
        self._router = weakref.ref(router)
        self._feed = Feed(cast(Router, weakref.proxy(router)))
        self._shown: tuple[weakref.ref[Graph], weakref.ref[object]] | None = None
        self._still_due = 0.0
        first = self._feed.news(FIRST)
        super().__init__(engine=engine, still=f"emitnb-{uuid.uuid4().hex}", around=around, **first)
        self.on_msg(self._hear)

    def refresh(self) -> bool:
        """Send what is new; return False when there will be nothing more."""
        if self.comm is None or self._router() is None:
            return False
        try:
            with self.hold_sync():
                for name, value in self._feed.news().items():
                    setattr(self, name, value)
                self.trouble = self._feed.trouble
            self._refresh_still()
        except ReferenceError:
            return False  # the router went while we looked
        except Exception as error:  # the next look may do better; the user is told
            self.trouble = f"{type(error).__name__}: {error}"
        return True

    def show(self) -> None:
        """Show it here, with the picture for where it is not."""
        router = self._router()
        assert router is not None
        data, metadata = self._repr_mimebundle_() or ({}, {})
        _ipython.display({**data, "text/plain": str(router)}, metadata=metadata, raw=True)
        self._shown = weakref.ref(router.graph), weakref.ref(router.moment)
        _ipython.display(self._picture(router), raw=True, display_id=self.still)

    def _refresh_still(self) -> None:
        """Draw the picture again, when a run has ended or the graph has changed."""
        router = self._router()
        if router is None or self._shown is None or not self._feed.is_at_rest:
            return
        graph, moment = router.graph, router.moment
        same = self._shown[0]() is graph and self._shown[1]() is moment
        if same or monotonic() < self._still_due:
            return
        self._shown = weakref.ref(graph), weakref.ref(moment)
        self._still_due = monotonic() + STILL_EVERY
        _ipython.display(self._picture(router), raw=True, display_id=self.still, update=True)

    def _picture(self, router: Router) -> dict[str, str]:
        drawn = drawing(router)._repr_mimebundle_()
        inner = drawn.get("text/html") or f"<pre>{escape(drawn['text/plain'])}</pre>"
        return {"text/html": STILL.format(still=self.still, inner=inner)}

    def _hear(self, _: Any, message: Any, __: Any) -> None:
        self.send(answer(self._router(), message))


class Widgets:
    """The widgets of one kernel: one for each router, and what they share."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._publisher = Publisher()
        self._made: weakref.WeakKeyDictionary[Router, dict[str, GraphWidget]]
        self._made = weakref.WeakKeyDictionary()

    def of(self, router: Router, around: str = "") -> GraphWidget:
        """Return the widget of a router, live; a second view of it is fed by the same messages."""
        if self._engine is None or self._engine.comm is None:
            source = (STATIC / "engine.js").read_text(encoding="utf-8")
            self._engine = Engine(source=source)
        made = self._made.setdefault(router, {})
        if around not in made or made[around].comm is None:
            made[around] = GraphWidget(router, self._engine.model_id, around)
            self._publisher.add(made[around])
        return made[around]
