"""Where on a cluster a node may run, and how early. A backend of one process ignores it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from emitnb.errors import DeclarationError


class Placement(NamedTuple):
    """What a node asks of a cluster.

    ``resources`` are amounts that a worker must offer, as ``("GPU", 1)``; ``workers`` are the
    addresses or names of the only workers it may run on; of tasks that wait, those with a higher
    ``priority`` go first.
    """

    resources: tuple[tuple[str, float], ...] = ()
    workers: tuple[str, ...] = ()
    priority: int = 0


ANYWHERE = Placement()
"""What a node asks that asks for nothing."""


def parse_placement(
    name: str,
    resources: Mapping[str, float] | None = None,
    workers: str | Iterable[str] | None = None,
    priority: int = 0,
) -> Placement:
    """Return the placement that a declaration asks for; DeclarationError, naming the node.

    >>> parse_placement("paint", {"GPU": 1}).resources
    (('GPU', 1),)
    """
    wanted = {} if resources is None else resources
    if not isinstance(wanted, Mapping) or not all(map(_is_amount, wanted.values())):
        raise DeclarationError(
            f"{name}: resources={resources!r} does not say how much of what; "
            "for example resources={'GPU': 1}"
        )
    named = (workers,) if isinstance(workers, str) else workers or ()
    if not isinstance(named, Iterable) or not all(
        isinstance(worker, str) and worker for worker in named
    ):
        raise DeclarationError(
            f"{name}: workers={workers!r} are not addresses or names of workers; "
            "for example workers=['tcp://10.0.0.7:40331']"
        )
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise DeclarationError(f"{name}: priority={priority!r} is not a whole number")
    return Placement(tuple(sorted(wanted.items())), tuple(named), priority)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
