"""Small values as Python text."""

from __future__ import annotations

import ast
from typing import Any

LONGEST = 1_000
"""Characters of the longest value that may stand in code as it is."""


def text_literal(text: str) -> str:
    """Return a string as Python text, in double quotes where that needs no escapes.

    >>> text_literal("it's"), text_literal('a "b"')
    ('"it\\'s"', '\\'a "b"\\'')
    """
    shown = repr(text)
    if shown[0] == "'" and '"' not in text:
        return '"' + shown[1:-1].replace("\\'", "'") + '"'
    return shown


def literal(value: Any) -> str | None:
    """Return a value as Python text that makes it again, the same each time; None if none does.

    >>> literal({"b": [1, 2.5], "a": {"y", "x"}})
    '{"b": [1, 2.5], "a": {"x", "y"}}'
    """
    try:
        text = _text(value)
        return text if text is not None and _is_same(_value(text), value) else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def is_small(value: Any) -> bool:
    """Whether a value may stand in code as it is.

    >>> is_small({"the", "a"}), is_small([0] * 10_000), is_small(len)
    (True, False, False)
    """
    sized = isinstance(value, str | bytes | list | tuple | dict | set | frozenset)
    if sized and len(value) > LONGEST:
        return False
    text = literal(value)
    return text is not None and len(text) <= LONGEST


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return text_literal(value)
    if value is None or kind in (bool, int, float, complex, bytes):
        return repr(value)
    if kind in (list, tuple, set, frozenset):
        return _items(value, kind)
    if kind is dict:
        pairs = [(_text(key), _text(held)) for key, held in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return "{" + ", ".join(f"{key}: {held}" for key, held in pairs) + "}"
    return None


def _items(value: Any, kind: type) -> str | None:
    texts = [_text(item) for item in value]
    found = [text for text in texts if text is not None]
    if len(found) < len(texts):
        return None
    if kind is list:
        return f"[{', '.join(found)}]"
    if kind is tuple:
        return f"({', '.join(found)}{',' if len(found) == 1 else ''})"
    inner = "{" + ", ".join(sorted(found)) + "}"  # the order of a set is another in each process
    if kind is set:
        return inner if found else "set()"
    return f"frozenset({inner if found else ''})"


def _value(text: str) -> Any:
    if text.startswith("frozenset("):
        inner = text[len("frozenset(") : -1]
        return frozenset(ast.literal_eval(inner)) if inner else frozenset()
    return set() if text == "set()" else ast.literal_eval(text)


def _is_same(made: Any, value: Any) -> bool:
    return type(made) is type(value) and (made == value or made != made)
