"""What a command says on stderr: what failed, what stopped, how far it came."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from emitnb.message import ENTRY_POINT
from emitnb.text import counted, one_line, plural, short_repr

if TYPE_CHECKING:
    import pandas as pd

    from emitnb.run import Run

SHOWN = 100
"""Characters that are shown of a message."""


def known_characters(text: str, encoding: str) -> str:
    """Return a text with escapes for the characters that an encoding has not.

    >>> known_characters("für ☃", "latin-1")
    'für \\\\u2603'
    """
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Teller:
    """Writes lines that begin with the name of the command."""

    def __init__(self, program: str) -> None:
        self._program = program

    def __call__(self, text: str) -> None:
        """Say something."""
        # Not to a stderr that was closed, or that knows fewer characters.
        out = sys.stderr
        encoding = getattr(out, "encoding", None) or "utf-8"
        line = known_characters(f"{self._program}: {text}\n", encoding)
        try:
            out.write(line)
            out.flush()
        except (OSError, ValueError):
            return


def failures_text(failures: pd.DataFrame, kept_in: str | None) -> str:
    """Say how many messages failed, the first of them, and where all are."""
    first = failures.iloc[0]
    error = one_line(f"{first['error_type']}: {first['error']}", 300)
    where = f"all of them are in {kept_in}" if kept_in else "--failures PATH keeps all of them"
    count = counted(len(failures), "failure")
    return f"{count}; {where}. The first: {_what(first)}: {error}"


def _what(failure: pd.Series) -> str:
    given = failure["input"]
    if failure["node"] != ENTRY_POINT:
        return f"{failure['node']} on {short_repr(given, SHOWN)}"
    place = [str(given[name]) for name in ("path", "line") if name in given]
    if "item" in given:
        place.append(f"item {given['item']}")
    text = f" {short_repr(given['text'], SHOWN)}" if "text" in given else ""
    return f"{':'.join(place) or 'the source'}{text} could not be read"


def how_far(run: Run) -> str:
    """Say how much of what was pushed is committed."""
    total = "" if run.total is None else f" of {run.total:,}"
    return f"{run.done:,}{total} {plural('message', run.total or run.done)} committed"


def why_stopped(error: BaseException) -> str:
    """Return what an error says, without the advice that is for notebooks.

    >>> why_stopped(ValueError("a.csv: no name. To rename: push pd.read_csv('a.csv', sep=';')"))
    "a.csv: no name. Change it in the file; its separator is ';', which has to be a comma"
    """
    text = str(error).partition("; router.run.resume()")[0]
    told, _, way_out = text.partition(". To rename: push pd.")
    separator = re.search(r"sep=('.*?')", way_out)
    also = f"; its separator is {separator[1]}, which has to be a comma" if separator else ""
    return f"{told}. Change it in the file{also}" if way_out else text
