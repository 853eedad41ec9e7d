"""The words of a magic line.

IPython's own splitting would take ``\\d`` out of a regular expression and quotes out of an
expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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


def names(texts: Sequence[str] | None) -> list[str]:
    """Return names that stand with blanks or commas between them; patterns stay whole.

    >>> names(["word,lang", "/a{1,2}/"])
    ['word', 'lang', '/a{1,2}/']
    """
    found = [[text] if text.startswith("/") else parts(text) for text in texts or []]
    return [name.strip() for some in found for name in some]


def parts(text: str) -> list[str]:
    """Cut a word at commas outside of brackets; empty parts fall away.

    >>> parts("word,count:dict[str, int]")
    ['word', 'count:dict[str, int]']
    """
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [part for part in found if part.strip()]


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
