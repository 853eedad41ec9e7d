"""Growing a sequence of parts by small appends, without copying what is long settled.

The parts are merged as in a log-structured merge tree (O'Neil et al., 1996): a part takes in its
left neighbour when that is no larger, until it is full. So a million appends of one row each
leave about as many parts as ten large ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

FULL = 16_000
"""Rows at which a part is sealed."""


class Part(Protocol):
    """Something of a size that may be merged."""

    @property
    def size(self) -> int:
        """How much it holds."""


P = TypeVar("P", bound=Part)


def grown(parts: tuple[P, ...], new: P, merge: Callable[[P, P], P | None]) -> tuple[P, ...]:
    """Return ``parts`` with ``new`` at the end; ``merge`` returns None where two cannot be one."""
    kept = len(parts)
    while kept and parts[kept - 1].size <= new.size and parts[kept - 1].size < FULL:
        merged = merge(parts[kept - 1], new)
        if merged is None:
            break
        new = merged
        kept -= 1
    return (*parts[:kept], new)
