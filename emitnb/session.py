"""What a run asks of a backend: a session, through which its batches go in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from emitnb.message import Message
from emitnb.plan import Plan
from emitnb.prints import Printed
from emitnb.process import Committed, Outcome
from emitnb.table import Table


@dataclass(frozen=True)
class Pace:
    """How large batches are: ``first`` messages, then as many as take some ``seconds``.

    A batch is at most ``growth`` times as large as one that was measured, and never has more
    than ``largest`` messages. Where it is known how many messages are left, they make ``spread``
    batches at least, as in guided self-scheduling (Polychronopoulos and Kuck, 1987), so that
    nobody waits for the last one; those are not smaller than two fifths of the size measured.
    """

    first: int
    seconds: float
    growth: int
    largest: int
    spread: int = 1


class Refused(NamedTuple):
    """A pushed message that could not be taken in; ``before`` it came so many of its batch."""

    before: int
    message: Message
    error: BaseException


@dataclass(frozen=True)
class Processed:
    """A batch that went through: what came of it, and ``pushed``, the messages taken in.

    ``seconds`` is how long the longest of its tasks took, ``printed`` what its nodes printed
    elsewhere than here.
    """

    outcome: Outcome
    pushed: Table
    seconds: float
    refused: tuple[Refused, ...] = ()
    printed: tuple[Printed, ...] = ()


class Session(Protocol):
    """Takes the batches of one run and gives them back in the same order, processed."""

    pace: Pace

    def has_room(self) -> bool:
        """Whether one more batch may be submitted now, before the next is collected."""

    def restart(self) -> None:
        """Start from the states that are committed: the plan or the states are other ones now.

        Called before the first batch, and later only when no batch is on its way.
        """

    def submit(self, plan: Plan, pushed: Table) -> None:
        """Take in one batch. All that are on their way have the same plan."""

    def collect(self, check: Callable[[], object] = lambda: None) -> Processed:
        """Wait for the batch submitted first and give it back.

        ``check`` is called now and then while it waits for others, and may raise. What the batch
        made has been committed when this is called again, or when the next is submitted.
        """

    def close(self) -> None:
        """Forget the batches that are on their way."""


class Open(Protocol):
    """How a backend opens a session; see :meth:`emitnb.backends.Backend.session`."""

    def __call__(self, committed: Callable[[], Committed], say: Callable[[str], None]) -> Session:
        """Open one; ``committed`` tells the states there are, ``say`` tells the user a line."""


def once(session: Session, plan: Plan, pushed: Table) -> Processed:
    """Take one batch through a session of its own; raise what a message was refused for."""
    try:
        session.restart()
        session.submit(plan, pushed)
        processed = session.collect()
    finally:
        session.close()
    for refused in processed.refused:
        raise refused.error
    return processed
