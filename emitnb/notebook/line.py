"""What stands on a magic line: words, options, and where they are wrong.

IPython's own splitting would take ``\\d`` out of a regular expression and quotes out of an
expression, so the words are cut here, and then go through IPython's ``magic_arguments``.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

from IPython.core.error import UsageError

from emitnb.errors import EmitError

_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_WORD = re.compile(rf"(?:{_QUOTED}|[^\s\"'])+")
_QUOTED_WORD = re.compile(_QUOTED)
_OPEN, _CLOSE = "([{", ")]}"


def words(line: str) -> list[str]:
    """Cut a line into words, quotes kept: at blanks that are not in quotes or brackets.

    A word that begins with ``#`` begins a comment. Brackets in a pattern or path that begins with
    ``/`` are nobody's business.

    >>> words("word count:dict[str, int] --on '/a b/'  # counts")
    ['word', 'count:dict[str, int]', '--on', "'/a b/'"]
    """
    line = line.strip()
    pieces = list(_WORD.finditer(line))
    if _WORD.sub("", line).strip():
        # A quote without its partner is a letter like any other: don't.txt
        pieces = list(re.finditer(r"\S+", line))
    found = []
    while pieces and not pieces[0][0].startswith("#"):
        taken = _balanced(pieces)
        found.append(line[pieces[0].start() : pieces[taken - 1].end()])
        pieces = pieces[taken:]
    return found


def unquoted(word: str) -> str:
    """Return a word without the quotes around it; quotes and backslashes inside stay.

    >>> unquoted("'a b'"), unquoted('kind:Literal["a"]')
    ('a b', 'kind:Literal["a"]')
    """
    return word[1:-1] if _QUOTED_WORD.fullmatch(word) else word


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


def _balanced(pieces: list[re.Match[str]]) -> int:
    """How many pieces make the first word, so that its brackets are closed; 1 if they never are."""
    if pieces[0][0].startswith("/"):
        return 1
    depth = 0
    for taken, piece in enumerate(pieces, start=1):
        depth += sum(_depths(piece[0]))
        if depth <= 0:
            return taken
    return 1


def _depths(text: str) -> Iterator[int]:
    for character in _QUOTED_WORD.sub("", text):
        yield (character in _OPEN) - (character in _CLOSE)
