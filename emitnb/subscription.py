"""Which origins a node listens to: by name, or by a pattern that matches the whole name.

An origin is a node, what is pushed, or the failure port of a node: its name with ``!``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emitnb.errors import DeclarationError
from emitnb.message import ENTRY_POINT, PORT, is_port, node_of, port_of

_LOOKAROUND = re.compile(r"\(\?<?!")
"""Begins what a pattern must not match, as in ``(?!a).*``: that ``!`` stands for no port."""

Spec = str | re.Pattern[str] | Iterable[str | re.Pattern[str]] | None
"""What a user may give: one name or pattern, any iterable of them, or nothing."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One name or pattern.

    ``text`` is what the user wrote; ``pattern`` is None for a name.

    >>> Subscription("words").is_name, str(subscriptions("count_.*")[0])
    (True, '/count_.*/')
    """

    text: str
    pattern: re.Pattern[str] | None = None

    @property
    def is_name(self) -> bool:
        """Whether it stands for one node, or its port, by its name."""
        return self.pattern is None

    @property
    def takes_ports(self) -> bool:
        """Whether it may take in failure ports: a pattern must say ``!``."""
        return PORT in _LOOKAROUND.sub("", self.text)

    def matches(self, name: str) -> bool:
        """Whether it takes in the origin ``name``; a pattern must match the whole name."""
        if self.pattern is None:
            return self.text == name
        if is_port(name) and not self.takes_ports:
            return False
        return self.pattern.fullmatch(name) is not None

    def __str__(self) -> str:
        return self.text if self.pattern is None else f"/{self.text}/"


def is_name(text: str) -> bool:
    """Whether ``text`` could be a node's name: identifiers joined by dots.

    >>> is_name("tasks.words"), is_name("words|lines")
    (True, False)
    """
    return bool(text) and all(part.isidentifier() for part in text.split("."))


def subscriptions(spec: Spec, owner: str = "subscription") -> tuple[Subscription, ...]:
    """Return what ``spec`` subscribes to, in order, without repeats.

    ``owner`` names the node in the DeclarationError raised for an empty name, a bad regular
    expression or something that is neither a string nor a compiled pattern.

    >>> [str(s) for s in subscriptions(["words", "/count_.*/", "words"])]
    ['words', '/count_.*/']
    """
    if spec is None:
        return ()
    items = [spec] if isinstance(spec, str | re.Pattern) else _items(spec, owner)
    return tuple(dict.fromkeys(_subscription(item, owner) for item in items))


def _items(spec: Iterable[object], owner: str) -> list[object]:
    try:
        return list(spec)
    except TypeError:
        raise DeclarationError(
            f"{owner}: cannot subscribe to {spec!r}; give a node's name, a regular expression, "
            "or a list of them"
        ) from None


def _subscription(item: object, owner: str) -> Subscription:
    if isinstance(item, re.Pattern):
        return Subscription(item.pattern, item)
    if not isinstance(item, str):
        raise DeclarationError(
            f"{owner}: cannot subscribe to {item!r}; give a node's name or a regular expression"
        )
    text = item.removeprefix("__main__.")
    if text == port_of(ENTRY_POINT):
        raise DeclarationError(
            f"{owner}: {text} does not exist: what cannot be read never becomes a message. "
            f"See router.failures({ENTRY_POINT!r}), or %emit_failures {ENTRY_POINT}"
        )
    if is_name(node_of(text)):
        return Subscription(text)
    if not text.strip():
        raise DeclarationError(f"{owner}: an empty name; name a node or give a regular expression")
    if len(text) > 2 and text[0] == text[-1] == "/":
        text = text[1:-1]
    return Subscription(text, _compiled(text, owner))


def _compiled(text: str, owner: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise DeclarationError(
            f"{owner}: {text!r} is no regular expression: {error}. Mend it, or give a node's name"
        ) from error
