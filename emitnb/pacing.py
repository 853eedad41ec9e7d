"""How large the next batch of a run is, from how long the last one took."""

from __future__ import annotations

from emitnb.node import Form
from emitnb.plan import Plan
from emitnb.session import Pace, Processed

ASYNC_BATCH = 512
"""Messages a batch with async nodes has at least: they wait together, so a batch takes as long as
one message, and fewer would only wait more often."""


class BatchSize:
    """The size of a run's next batch: ``fixed``, or what a measured batch tells.

    ``is_known`` says whether it is one of the two, and no guess. A guess is ``first`` (0: what a
    session begins with).
    """

    def __init__(self, fixed: int | None, first: int = 0) -> None:
        self.messages = fixed or first
        self.is_known = fixed is not None
        self._fixed = fixed
        self._least = 1

    def begin(self, pace: Pace) -> None:
        """Begin with what a session begins with, unless a size is known from another one."""
        self.messages = self.messages or pace.first

    def plan(self, plan: Plan) -> None:
        """Let the next batches go through a plan."""
        waits = any(node.form in (Form.ASYNC, Form.ASYNC_GENERATOR) for node in plan.nodes)
        self._least = ASYNC_BATCH if waits else 1

    def learn(self, done: Processed, pace: Pace, left: int | None) -> None:
        """Learn from a batch; ``left`` is how many messages there are to read, None if unknown."""
        messages = len(done.pushed)
        if self._fixed is not None or not messages:
            return
        factor = min(max(pace.seconds / max(done.seconds, 1e-9), 0.25), pace.growth)
        size = min(max(messages * factor, self._least), pace.largest)
        if left is not None:
            size = min(size, max(left / pace.spread, size * 0.4, self._least))
        self.messages = max(int(size), 1)
        self.is_known = True
