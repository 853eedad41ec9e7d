"""Numbers that are at hand while a run goes on, for whoever looks many times a second."""

from __future__ import annotations

from collections.abc import Mapping

from emitnb.figures import Totals
from emitnb.graph import Graph
from emitnb.grouping import KeptFailures
from emitnb.ledger import Ledger, Store
from emitnb.message import is_port
from emitnb.peeking import traffic


class Watched:
    """The part of a router that can be watched: none of it waits for a run, or builds a frame."""

    def __init__(self) -> None:
        self._store = Store()
        self._kept = KeptFailures()

    @property
    def graph(self) -> Graph:
        """The graph as it is now: an immutable value."""
        raise NotImplementedError

    @property
    def moment(self) -> object:
        """All that is committed: the same object until something more is, and another one then."""
        return self._ledger

    @property
    def figures(self) -> Mapping[str, Totals]:
        """What :meth:`summary` is made of: the totals of each node that did something, by name.

        Each has ``received``, ``emitted``, ``dropped`` and ``failed`` (messages) and ``seconds``
        (in the node's function). They are at hand, for whoever looks often.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.figures["halve"].received
        2
        """
        return self._ledger.figures

    def failing(self) -> dict[str, int]:
        """Return how many failures of each node are kept for a retry; none where there are none.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.failing()
        {'halve': 1}
        """
        return dict(self._kept.by_node(self._ledger.failures))

    def traffic(self) -> dict[tuple[str, str], int]:
        """Return how many messages went over each edge (origin, node) that had any.

        One that was sent again, by a retry, counts once.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.traffic()
        {('__entry_point', 'halve'): 2}
        """
        return traffic(self._ledger.log)

    def stale(self) -> dict[str, int]:
        """Return how many rows of each node are older than a change, of its own or another's code.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: msg.n / 2)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: msg.n // 2)
        >>> router.stale()
        {'halve': 2}
        """
        stale = self._ledger.changes.stale
        return {name: one.rows for name, one in stale.items() if one.rows and not is_port(name)}

    @property
    def _ledger(self) -> Ledger:
        return self._store.ledger
