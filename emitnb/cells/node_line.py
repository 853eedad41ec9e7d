"""What the line of a ``%%emit_node`` cell may say, in one table for whoever reads such lines."""

from __future__ import annotations

import argparse
from functools import lru_cache
from typing import Any, NoReturn

from emitnb.cells.words import names, parts, unquoted, words
from emitnb.errors import DeclarationError

MANY = {"action": "extend", "nargs": "+"}
"""Details of an option that takes several values, at once or one after the other."""

NODE_ARGUMENTS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("fields",), {"nargs": "*", "metavar": "FIELD[:TYPE]", "help": "what the node emits"}),
    (
        ("--on",),
        {**MANY, "metavar": "P", "help": "subscribe to nodes: names or /patterns/"},
    ),
    (("--ignore",), {**MANY, "metavar": "P", "help": "names or /patterns/ to leave out"}),
    (("--entry",), {"action": "store_true", "help": "receive what is pushed into the router"}),
    (
        ("--key",),
        {**MANY, "metavar": "F", "help": "keep a state for each value of these fields"},
    ),
    (
        ("--when",),
        {
            **MANY,
            "type": str,
            "metavar": "EXPR",
            "help": "take only messages for which this expression of msg is true",
        },
    ),
    (("--batch",), {"action": "store_true", "help": "take and return DataFrames"}),
    (("--name",), {"metavar": "N", "help": "name of the node, instead of the function's"}),
    (
        ("--retries",),
        {"type": int, "default": 0, "metavar": "N", "help": "try what fails N times more"},
    ),
    (
        ("--backoff",),
        {"type": float, "default": 0.0, "metavar": "S", "help": "seconds before a second try"},
    ),
    (("--timeout",), {"type": float, "metavar": "S", "help": "async: seconds a message may take"}),
    (
        ("--resources",),
        {**MANY, "metavar": "NAME=N", "help": "cluster: what a worker must offer"},
    ),
    (
        ("--workers",),
        {**MANY, "metavar": "W", "help": "cluster: the only workers it may run on"},
    ),
    (
        ("--priority",),
        {"type": int, "default": 0, "metavar": "N", "help": "cluster: the highest go first"},
    ),
    (
        ("--allow-shared",),
        {
            "action": "store_true",
            "help": "cluster: let it change what it captured, each worker its own copy",
        },
    ),
    (("--retry",), {"action": "store_true", "help": "then retry what failed in it before"}),
    (("--from-start",), {"action": "store_true", "help": "then replay all that it reads"}),
    (("--diff",), {"action": "store_true", "help": "only try it, and show what would change"}),
    (("--last",), {"type": int, "metavar": "N", "help": "--diff: try it on N messages"}),
    (("--apply",), {"action": "store_true", "help": "--diff: declare it, too"}),
)
"""Flags and details of each argument, as argparse takes them."""


def with_type(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details of an argument; quotes around what it is given go away, unless it says.

    >>> with_type({"action": "store_true"}), with_type({"type": int})
    ({'action': 'store_true'}, {'type': <class 'int'>})
    """
    takes_values = details.get("action", "extend") == "extend"
    return {"type": unquoted, **details} if takes_values else details


def parse_node_line(line: str) -> argparse.Namespace:
    """Return what the line of a ``%%emit_node`` cell says, as argparse gives it.

    Raises DeclarationError for a line that cannot be read.

    >>> parse_node_line("word count:int --on words").fields
    ['word', 'count:int']
    """
    return _parser().parse_intermixed_args(words(line.rstrip().removesuffix(";")))


def field_pairs(texts: list[str]) -> list[tuple[str, str | None]]:
    """Return the names of fields, each with the text of its type, or None.

    >>> field_pairs(["word,", "counts:dict[str, int]"])
    [('word', None), ('counts', 'dict[str, int]')]
    """
    return [
        (name.strip(), kind.strip() if colon else None)
        for text in texts
        for name, colon, kind in (part.partition(":") for part in parts(text))
    ]


def predicate_text(found: list[str]) -> str:
    """Return the expression of ``--when``, given in quotes or as several words.

    >>> predicate_text(['"msg.count > 3"']), predicate_text(["msg.count", ">", "3"])
    ('msg.count > 3', 'msg.count > 3')
    """
    return (unquoted(found[0]) if len(found) == 1 else " ".join(found)).strip()


def amounts(texts: list[str] | None) -> dict[str, float]:
    """Return what ``GPU=1 MEMORY=2e9`` asks for.

    >>> amounts(["GPU=1,MEMORY=2e9"])
    {'GPU': 1.0, 'MEMORY': 2000000000.0}
    """
    pairs = [text.partition("=") for text in names(texts)]
    try:
        found = {name.strip(): float(number) for name, _, number in pairs}
    except ValueError:
        found = {"": 0.0}
    if "" in found:
        raise DeclarationError(
            f"%%emit_node: --resources {' '.join(texts or ())} does not say how much of what; "
            "write NAME=NUMBER, for example --resources GPU=1"
        )
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DeclarationError(f"%%emit_node: {message}. See %%emit_node? for what it takes")


@lru_cache(maxsize=1)
def _parser() -> _Parser:
    parser = _Parser(prog="%%emit_node", add_help=False, allow_abbrev=False)
    for flags, details in NODE_ARGUMENTS:
        parser.add_argument(*flags, **with_type(details))
    return parser
