"""Values that somebody chose a way for when a module was exported: they stand in it in that way."""

from __future__ import annotations

import re

from emitnb.importing.parts import Kind, Part

_FROZEN = re.compile(r"# frozen: its value when this was exported$")
_FILE = re.compile(r"\bPath\(__file__\)\.with_name\((\"[^\"]*\"|'[^']*')\)")
_DATA = re.compile(r": Any = None  # \w+: --[\w-]+ PATH$")
_HOME = re.compile(r",\s*home=__name__\b|\bhome=__name__,?\s*")


def chosen_name(part: Part) -> str:
    """Return the name that a frozen value, one in a file or an option for data has, or ""."""
    return _name(part, _FROZEN, _FILE, _DATA)


def data_name(part: Part) -> str:
    """Return the name of an option for data, or ""."""
    return _name(part, _DATA)


def file_name(part: Part) -> str:
    """Return the name of a value that is in a file beside the module, or ""."""
    return _name(part, _FILE)


def _name(part: Part, *patterns: re.Pattern[str]) -> str:
    is_one = part.kind is Kind.CODE and any(pattern.search(part.text) for pattern in patterns)
    if not is_one:
        return ""
    found = re.match(r"(\w+)\b", part.text)
    return "" if found is None else found[1]


def as_in_notebook(code: str) -> str:
    """Return a statement without what only a module has: a file of its own, and a name.

    >>> as_in_notebook('router = Router(Mine, home=__name__)')
    'router = Router(Mine)'
    >>> as_in_notebook('table = pd.read_parquet(Path(__file__).with_name("a.parquet"))')
    'table = pd.read_parquet(Path("a.parquet"))'
    """
    if re.match(r"router\b.*=", code):
        code = _HOME.sub("", code)
    return _FILE.sub(r"Path(\1)", code)
