"""The memory backend: nodes run here, in the process of the notebook."""

from __future__ import annotations

from emitnb.plan import Plan
from emitnb.process import Committed, Outcome, process_plan
from emitnb.table import Table


class Memory:
    """Runs the stages one after the other in the calling thread."""

    name = "memory"

    def execute(self, plan: Plan, pushed: Table, states: Committed) -> Outcome:
        """See :class:`emitnb.backends.Backend`."""
        return process_plan(plan, pushed, states)
