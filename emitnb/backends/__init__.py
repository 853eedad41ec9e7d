"""Where nodes run. A backend is a few methods behind one small protocol; see :class:`Backend`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from emitnb.backends.pickling import send_whole
from emitnb.emissions import Log
from emitnb.errors import BackendError, did_you_mean
from emitnb.node import Node
from emitnb.process import Committed
from emitnb.session import Session
from emitnb.sources import Source

HOMES = {"memory": "emitnb.backends.memory", "dask": "emitnb.backends.dask.backend"}
"""The backends there are, and the modules that open them."""


class Backend(Protocol):
    """Takes batches through a plan, somewhere, by calling :func:`emitnb.process.process`."""

    name: str
    notes: tuple[str, ...]
    """What :meth:`check` said of all nodes when the backend was chosen."""

    def facts(self) -> Mapping[str, str]:
        """Return what there is to know of the place now, a text each: ``workers``, ``dashboard``.

        Nothing where nodes run in this process, or where a cluster cannot be reached.
        """

    @property
    def partitions(self) -> int | None:
        """Into how many partitions the keys of a node are cut; None where they are not."""

    def session(
        self,
        committed: Callable[[], Committed],
        say: Callable[[str], None],
        keep_on_cluster: bool = False,
    ) -> Session:
        """Open a session for one run.

        ``committed`` tells the states that are committed, ``say`` tells the user a line of text.
        With ``keep_on_cluster`` the rows that nodes emit stay where they were made.
        """

    def check(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """Return what deserves a note about running these nodes here.

        Raises DeclarationError where one cannot run here, or would silently give wrong results.
        """

    def open_source(self, source: Any, field: str) -> Source | None:
        """Return the messages of data that lies where this backend runs; None for any other."""

    def lazy_frame(self, log: Log, name: str, node: Node | None) -> Any:
        """Return a node's emissions as a frame that is not here until somebody asks."""


def open_backend(name: str, *arguments: Any, home: str | None = None, **options: Any) -> Backend:
    """Return the backend of a name, opened; BackendError where it cannot be had.

    What the module ``home`` defines travels to it with the nodes.

    >>> open_backend("memory").name
    'memory'
    """
    if name not in HOMES:
        hint = did_you_mean(str(name), HOMES) or f" There are {' and '.join(HOMES)}."
        raise BackendError(f"no backend is named {name!r}.{hint}")
    if home is not None and name != "memory":
        send_whole(home)
    # Only here: a backend's library takes its time to load, and need not be installed.
    module = import_module(HOMES[name])
    return cast(Backend, module.open_backend(*arguments, **options))
