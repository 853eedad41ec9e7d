"""Where nodes run. A backend is one method behind one small protocol; see :class:`Backend`."""

from __future__ import annotations

from typing import Protocol

from emitnb.plan import Plan
from emitnb.process import Committed, Outcome
from emitnb.table import Table


class Backend(Protocol):
    """Takes a batch through a plan, somewhere."""

    name: str

    def execute(self, plan: Plan, pushed: Table, states: Committed) -> Outcome:
        """Return what a batch made, by calling :func:`emitnb.process.process` for each stage."""
