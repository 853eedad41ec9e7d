"""Which messages of a slice a node takes, and under which keys."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from itertools import repeat
from typing import Any, NamedTuple

from emitnb.errors import ResultError
from emitnb.message import Message
from emitnb.node import Node
from emitnb.process.calls import FAILED, Errors, call_each


class Choice(NamedTuple):
    """The messages that a node takes, with their keys if it has one.

    ``places`` says which of the slice they are (None: all of it); ``errors`` which of the slice
    raised in the predicate, or have no key.
    """

    messages: list[Message]
    keys: list[Hashable]
    places: list[int] | None
    errors: Errors


def choose(node: Node, messages: list[Message]) -> Choice:
    """Apply the predicate and find the keys."""
    choice = Choice(messages, [], None, [])
    if node.when is not None:
        choice = _where(node.when, messages)
    return _keyed(node, choice) if node.key else choice


def _where(when: Callable[[Message], Any], messages: list[Message]) -> Choice:
    verdicts, errors = call_each(map(operator.truth, map(when, messages)), len(messages))
    places = [place for place, verdict in enumerate(verdicts) if verdict]
    return Choice([messages[place] for place in places], [], places, errors)


def _keyed(node: Node, choice: Choice) -> Choice:
    keys, unkeyed = keys_of(node, choice.messages)
    if not unkeyed:
        return choice._replace(keys=keys)
    places = list(range(len(keys))) if choice.places is None else choice.places
    good = [position for position, key in enumerate(keys) if key is not FAILED]
    return Choice(
        [choice.messages[position] for position in good],
        [keys[position] for position in good],
        [places[position] for position in good],
        choice.errors + [(places[position], error) for position, error in unkeyed],
    )


_PLAIN_KEYS = frozenset((str, int, bool, bytes, type(None)))


class _NaN:
    """The one key of all NaNs, also after it was pickled: states go to a cluster and back."""

    def __reduce__(self) -> str:
        return "NAN"

    def __repr__(self) -> str:
        return "nan"


NAN = _NaN()


def keys_of(node: Node, messages: list[Message]) -> tuple[list[Hashable], Errors]:
    """Return the key of each message; FAILED, with an error, where it has none that can be used."""
    keys, errors = call_each(map(operator.attrgetter(*node.key), messages), len(messages))
    if errors or not _PLAIN_KEYS.issuperset(map(type, keys)):
        usable, unusable = call_each(map(_usable_key, repeat(node), keys), len(keys))
        return usable, sorted(errors + unusable, key=operator.itemgetter(0))
    return keys, errors


def _usable_key(node: Node, key: Any) -> Hashable:
    try:
        hash(key)
    except TypeError:
        raise ResultError(
            f"{node.name}: the key {', '.join(node.key)} is {key!r}, a {type(key).__name__}, "
            "which cannot be a key; use a field that holds text, a number or a tuple"
        ) from None
    return FAILED if key is FAILED else _one_nan(key)


def _one_nan(key: Any) -> Hashable:
    """All NaNs are one key: two NaN objects are not equal, and would be two states."""
    if isinstance(key, tuple):
        return tuple(map(_one_nan, key))
    return NAN if key != key else key
