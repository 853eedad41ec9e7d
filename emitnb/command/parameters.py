"""Parameters of a module as options: ``rate = 0.5`` is ``--rate``."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emitnb.errors import DeclarationError

PREFIX = "parameter "
"""Begins the names under which the parser keeps parameters: no option of ours has a blank."""

_PLAIN: dict[type, tuple[Callable[[str], Any], str]] = {
    int: (int, "INT"),
    float: (float, "FLOAT"),
    str: (str, "TEXT"),
    type(None): (str, "TEXT"),
}
_ANNOTATED = {kind.__name__: kind for kind in (bool, int, float, str, Path)}
"""Types by the names that annotations give them: of a module, these may be texts."""

_LITERALS: dict[type, str] = {
    list: "['a', 'b']",
    tuple: "('a', 'b')",
    set: "{'a', 'b'}",
    frozenset: "{'a', 'b'}",
    dict: "{'a': 1}",
}
"""Types whose values are given as Python literals, each with one."""


def add_parameters(
    parser: argparse.ArgumentParser, namespace: Mapping[str, Any], parameters: Mapping[str, str]
) -> None:
    """Add an option for each parameter: a name in ``namespace``, with its help text.

    Raises DeclarationError, naming it, for one that is not there, whose value no option can give,
    or whose option there is already.
    """
    group = parser.add_argument_group("parameters of the module")
    annotations = namespace.get("__annotations__", {})
    for name, text in parameters.items():
        if name not in namespace:
            raise DeclarationError(f"the parameter {name} is no name of the module")
        flag = option_of(name)
        try:
            group.add_argument(flag, **_option(name, namespace[name], text, annotations.get(name)))
        except argparse.ArgumentError as error:
            raise DeclarationError(
                f"the parameter {name} would be the option {flag}, which there is already "
                f"({error.message}); give it another name"
            ) from error


def given_parameters(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the command line gave, by name."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in parsed.items()
        if name.startswith(PREFIX)
    }


def option_of(name: str) -> str:
    """Return the option for a parameter.

    >>> option_of("least_count")
    '--least-count'
    """
    return f"--{name.strip('_').replace('_', '-')}"


def _option(name: str, value: Any, text: str, annotation: Any) -> dict[str, Any]:
    """Return what ``add_argument`` is told of a parameter."""
    shown = f"{text} (default: {_shown(value)})" if text else f"default: {_shown(value)}"
    # Only what is given is set: the module may have worked out the rest of itself from it.
    option: dict[str, Any] = {
        "dest": f"{PREFIX}{name}",
        "default": argparse.SUPPRESS,
        "help": shown.replace("%", "%%"),
    }
    kind = _kind(value, annotation)
    if kind is bool:
        return option | {"action": argparse.BooleanOptionalAction}
    if kind in _PLAIN:
        read, metavar = _PLAIN[kind]
    elif issubclass(kind, Path):
        read, metavar = Path, "PATH"
    elif kind in _LITERALS:
        read, metavar = _literal(kind), kind.__name__.upper()
    else:
        raise DeclarationError(
            f"the parameter {name} is a {kind.__name__}, which no option can give; a parameter is "
            "a bool, int, float, str, Path, None, list, tuple, set or dict"
        )
    return option | {"type": read, "metavar": metavar}


def _kind(value: Any, annotation: Any) -> type:
    """The type of a parameter: of its value, but for what an annotation says of 4 and None.

    >>> _kind(4, float), _kind(4, "float"), _kind(None, "int | None"), _kind(None, None)
    (<class 'float'>, <class 'float'>, <class 'int'>, <class 'NoneType'>)
    """
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    said = text.removeprefix("typing.").removeprefix("Optional[").removesuffix(" | None")
    kind = _ANNOTATED.get(said.rstrip("]"))
    is_whole = kind is float and type(value) is int
    return kind if kind is not None and (value is None or is_whole) else type(value)


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, Path) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _literal(kind: type) -> Callable[[str], Any]:
    """Return what reads a Python literal of one type."""
    wanted = set if kind is frozenset else kind

    def read(text: str) -> Any:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no Python literal; give a {kind.__name__} as Python writes it, "
                f'in the quotes of a shell: "{_LITERALS[kind]}"'
            ) from error
        if type(value) is not wanted:
            raise argparse.ArgumentTypeError(
                f"{text!r} is a {type(value).__name__}; give a {kind.__name__}"
            )
        return kind(value)

    return read
