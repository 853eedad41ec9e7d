"""How patient a node is: how often a message is tried again, after which wait, and for how long."""

from __future__ import annotations

from typing import NamedTuple

from emitnb.errors import DeclarationError


class Patience(NamedTuple):
    """The node options ``retries``, ``backoff`` and ``timeout``, checked; seconds."""

    retries: int = 0
    backoff: float = 0.0
    timeout: float | None = None


def parse_patience(name: str, retries: int, backoff: float, timeout: float | None) -> Patience:
    """Return the options of the node ``name``, checked; DeclarationError for what cannot be.

    >>> parse_patience("ask", 2, 0.5, 10)
    Patience(retries=2, backoff=0.5, timeout=10.0)
    """
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise DeclarationError(f"{name}: retries={retries!r}; give a whole number from 0 on")
    if not _is_seconds(backoff):
        raise DeclarationError(f"{name}: backoff={backoff!r}; give seconds, for example 0.5")
    if backoff and not retries:
        raise DeclarationError(
            f"{name}: backoff={backoff!r} is the wait before a message is tried again, "
            "and it never is; say how often with retries, for example retries=3"
        )
    if timeout is None:
        return Patience(retries, float(backoff))
    if not _is_seconds(timeout) or not timeout:
        raise DeclarationError(f"{name}: timeout={timeout!r}; give seconds, for example 10")
    return Patience(retries, float(backoff), float(timeout))


def check_stoppable(name: str, batch: bool, awaits: bool) -> None:
    """Raise DeclarationError for a timeout of a node whose calls nothing can stop half-way.

    A plain function could be stopped by a signal, but only in the main thread of a process, and
    on a cluster nodes run in others: it would be kept here and not there.
    """
    if batch:
        raise DeclarationError(
            f"{name}: a batch node takes many messages in one call, and a timeout is for one "
            "message; use the timeout of the call inside it, or take one message at a time"
        )
    if not awaits:
        raise DeclarationError(
            f"{name}: a timeout could not be kept, since nothing can stop a plain function "
            f"wherever it runs. Make it `async def {name.rpartition('.')[2]}(msg): ...`, which is "
            "stopped where it awaits, or use the timeout of the call inside it, as in "
            "urlopen(url, timeout=10)"
        )


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
