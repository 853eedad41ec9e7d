"""What stands on a magic line: its words go through IPython's ``magic_arguments``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

from emitnb.cells.words import words
from emitnb.errors import EmitError


def parse(magic: Callable[..., Any], line: str) -> Namespace:
    """Return the arguments of a line for a magic made with ``magic_arguments``.

    Raises EmitError, naming the magic and its help.
    """
    parser: Any = magic.parser  # type: ignore[attr-defined]  # put there by magic_arguments
    try:
        arguments: Namespace = parser.parse_intermixed_args(words(line.rstrip().removesuffix(";")))
    except UsageError as error:
        name = f"%{parser.prog}"
        raise EmitError(f"{name}: {error}. See {name}? for what it takes") from None
    return arguments
