"""Two modules compared node by node: what a node declares, does, and reads by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emitnb.comparing.side import Piece, Side

ALIKE = "same"
DIFFERS = "differs"
ONLY_NOTEBOOK = "only in the notebook"
ONLY_MODULE = "only in the module"


@dataclass(frozen=True)
class Change:
    """One thing that differs: what it is, and its text in the notebook and in the module."""

    what: str
    notebook: str
    module: str


@dataclass(frozen=True)
class Row:
    """What is to be said of one node; ``changes`` where it differs."""

    node: str
    state: str
    changes: tuple[Change, ...] = ()


def compare(
    notebook: str, module: str, names: tuple[str, str] = ("notebook", "module")
) -> list[Row]:
    """Return a row for each node of two modules' texts, those of the second one first.

    One more is for the router, where its settings differ. Comments, layout, docstrings and the
    order of things do not count. What a node needs is found by following names. ``names`` name the
    texts in an EmitError for one that is no module.

    >>> text = "@router.node('word')\\ndef words(msg):\\n    return msg.word{}"
    >>> (row,) = compare(text.format(""), text.format("  # as it is"))
    >>> row.state
    'same'
    >>> (row,) = compare(text.format(""), text.format(".lower()"))
    >>> row.state, row.changes[0].what
    ('differs', 'code')
    """
    ours, theirs = Side(notebook, names[0]), Side(module, names[1])
    rows = []
    for name in theirs.nodes:
        if name not in ours.nodes:
            rows.append(Row(name, ONLY_MODULE))
            continue
        changes = tuple(_changes(name, ours, theirs))
        rows.append(Row(name, DIFFERS if changes else ALIKE, changes))
    new = [name for name in ours.nodes if name not in theirs.nodes]
    rows += [Row(name, ONLY_NOTEBOOK) for name in new]
    if ours.settings != theirs.settings:
        settings = ("\n".join(side.settings.values()) for side in (ours, theirs))
        rows.append(Row("router", DIFFERS, (Change("settings", *settings),)))
    return rows


def _changes(name: str, ours: Side, theirs: Side) -> Iterable[Change]:
    one, two = ours.nodes[name], theirs.nodes[name]
    options = [
        option
        for option in dict.fromkeys((*one.options, *two.options))
        if one.options.get(option) != two.options.get(option)
    ]
    if options:
        yield Change(f"declaration ({', '.join(options)})", one.decorator, two.decorator)
    if one.code != two.code:
        yield Change("code", one.text, two.text)
    needed = {**dict.fromkeys(theirs.needed(name)), **dict.fromkeys(ours.needed(name))}
    for other in needed:
        old, new = ours.pieces.get(other, []), theirs.pieces.get(other, [])
        if [piece.code for piece in old] != [piece.code for piece in new]:
            yield Change(f"{(old or new)[0].kind} {other}", _text(old), _text(new))
        elif (other in ours.parameters) != (other in theirs.parameters):
            yield Change(f"parameter {other}", _parameter(other, ours), _parameter(other, theirs))


def _text(pieces: Iterable[Piece]) -> str:
    return "\n".join(piece.text for piece in pieces)


def _parameter(name: str, side: Side) -> str:
    if name not in side.parameters:
        return _text(side.pieces[name])
    return f"{_text(side.pieces[name])}  # a parameter: {side.parameters[name]}".rstrip(": ")
