"""The cells that say what a module says: one for each node and helper, one for its imports."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, groupby
from typing import NamedTuple

from emitnb.export.scopes import changed_in_place, names_of
from emitnb.importing.chosen import as_in_notebook, data_name, file_name
from emitnb.importing.parts import DEFINITIONS, SEAL, Kind, Part, node_calls, run_command_call
from emitnb.importing.saying import magic_line
from emitnb.importing.written import is_as_written
from emitnb.ipynb import CODE, MARKDOWN

LOAD = "%load_ext emitnb"
LEFT_OUT = (Kind.DOCSTRING, Kind.ROUTER, Kind.MAIN)
"""What a notebook has without saying so, or has no use for."""

_OWN = ("Router", "run_command")
_OWN_WORDS = re.compile(r"(?:The graph of .+, exported|Exported from .+) by emitnb\b.*")
_HEADING = 72
"""A summary longer than so many letters does not head the cell of its node."""


class Piece(NamedTuple):
    """A part as it stands in a cell."""

    part: Part
    gap: int
    text: str


def cells(found: list[Part], text: str, name: str) -> Iterator[tuple[str, str]]:
    """Return ``(kind, text)`` of each cell, in the order of the module.

    ``text`` is the module's, from which ``found`` was cut, ``name`` its name. In a module that
    emitnb wrote, a decorator that an export would write in other words is the user's own: it came
    from an ordinary cell, and goes back into one.
    """
    yield MARKDOWN, _title(found[0], name)
    yield CODE, LOAD
    groups = [list(group) for _, group in groupby(_pieces(found, text), key=_together())]
    for pieces in _whole(groups):
        first_part = pieces[0].part
        heading = _heading(first_part) if first_part.kind is Kind.NODE else ""
        told = [*([heading] if heading else []), *filter(None, map(_data_note, pieces))]
        yield from ((MARKDOWN, text) for text in told)
        first, *rest = pieces
        yield CODE, first.text + "".join("\n" * (gap + 1) + more for _, gap, more in rest)


def parameters(found: list[Part]) -> dict[str, str]:
    """Return the names that are options of a module's command line, with what ``--help`` says."""
    call = run_command_call([one for part in found for one in part.statements])
    given = (
        next((one.value for one in call.keywords if one.arg == "parameters"), None)
        if call
        else None
    )
    try:
        said = {} if given is None else ast.literal_eval(given)
    except ValueError:
        return {}
    return {str(name): str(text) for name, text in said.items()} if isinstance(said, dict) else {}


def _together() -> Callable[[Piece], tuple[Kind, int]]:
    """Return a key that is the same for neighbours which go into one cell."""
    count = 0
    before: Piece | None = None

    def key(piece: Piece) -> tuple[Kind, int]:
        nonlocal count, before
        if before is None or not _goes_on(before, piece):
            count += 1
        before = piece
        return piece.part.kind, count

    return key


def _whole(groups: list[list[Piece]]) -> list[list[Piece]]:
    """Put what changes a thing in place into the cell that makes it, with all between the two.

    An export takes such statements along from the cell of the thing alone.
    """
    found: list[list[Piece]] = []
    made: dict[str, int] = {}
    for pieces in groups:
        trees = [tree for piece in pieces for tree in piece.part.statements]
        changed = {name for tree in trees for name in _changed(tree)}
        first = min((made[name] for name in changed if name in made), default=len(found))
        between = list(chain.from_iterable(found[first:]))
        if all(piece.part.kind in (Kind.HELPER, Kind.CODE) for piece in between):
            pieces = [*between, *pieces]
            del found[first:]
        found.append(pieces)
        statements = [tree for piece in pieces for tree in piece.part.statements]
        names = {name for tree in statements for name in names_of(ast.unparse(tree), tree).binds}
        made |= dict.fromkeys(names, len(found) - 1)
    return found


def _changed(tree: ast.stmt) -> frozenset[str]:
    return frozenset() if isinstance(tree, DEFINITIONS) else changed_in_place(tree)


def _goes_on(before: Piece, piece: Piece) -> bool:
    """Whether a piece stands in the cell of the one before it."""
    kind = piece.part.kind
    if kind is not before.part.kind:
        return False
    # Nodes that no `def` makes may stand line below line, as in a list.
    is_list = kind is Kind.NODE and piece.gap == 0 and not (_is_def(before) or _is_def(piece))
    return kind in (Kind.IMPORT, Kind.CODE) or is_list


def _is_def(piece: Piece) -> bool:
    return isinstance(piece.part.statement, DEFINITIONS)


def _pieces(found: list[Part], text: str) -> Iterator[Piece]:
    options = parameters(found)
    used = _names_read([part for part in found if part.kind not in LEFT_OUT])
    carried = ""  # comments of what is left out go to what follows
    for part in found:
        above = carried + part.above
        if part.kind in LEFT_OUT or not (code := _imports_left(part, used)):
            carried = above
            continue
        carried = ""
        yield Piece(part, part.gap, _piece(part, above, code, options, text))
    if carried.strip():
        yield Piece(found[-1], 0, carried.rstrip("\n"))


def _piece(part: Part, above: str, code: str, options: Mapping[str, str], text: str) -> str:
    if part.kind is Kind.NODE:
        return _node_cell(part, above, text) or above + code
    if part.kind is Kind.CODE:
        code = as_in_notebook(code)
    target = _assigned(part)
    if part.kind is Kind.CODE and target in options and "\n" not in code:
        return _parameter(above, code, " ".join(options[target].split()))
    return above + code


def _node_cell(part: Part, above: str, text: str) -> str | None:
    """Return the cell whose magic line says what the decorator says, None if no line can."""
    statement = part.statement
    if len(part.statements) > 1 or not isinstance(statement, DEFINITIONS):
        return None
    calls = node_calls(statement)
    if len(calls) > 1 or statement.decorator_list[0] is not calls[0]:
        return None
    lines = part.text.split("\n")
    taken = (calls[0].end_lineno or 0) - part.line + 1
    decorator = "\n".join([*lines[:taken], ""])
    if _has_comment(decorator) or calls[0].lineno != part.line:
        return None
    line = magic_line(calls[0], text)
    if line is None or (SEAL.search(text) and not is_as_written(calls[0], line, statement)):
        return None
    return "\n".join([line, *above.splitlines(), *lines[taken:]])


def _has_comment(text: str) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)


def _parameter(above: str, code: str, about: str) -> str:
    """Return ``%emit_param rate = 0.5  # about``; a comment that says something else goes above."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comment = next((token for token in tokens if token.type == tokenize.COMMENT), None)
    if comment is not None:
        code = code[: comment.start[1]].rstrip()
        if comment.string.lstrip("# ").strip() != about:
            above += f"{comment.string}\n"
    return f"{above}%emit_param {code}" + (f"  # {about}" if about else "")


def _assigned(part: Part) -> str:
    """Return the one name that a part assigns to, and nothing else."""
    if len(part.statements) != 1:
        return ""
    statement = part.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return ""
    return target.id if isinstance(target, ast.Name) else ""


def _imports_left(part: Part, used: set[str]) -> str:
    """Return the code of a part, without what it imports for the module's own router and main."""
    statement = part.statements[0] if part.statements else None
    if not (isinstance(statement, ast.ImportFrom) and statement.module == "emitnb"):
        return part.text
    own = [one for one in statement.names if one.name in _OWN]
    gone = [one for one in own if (one.asname or one.name) not in used]
    left = [ast.unparse(one) for one in statement.names if one not in gone]
    if not gone or len(part.statements) > 1:
        return part.text
    return f"from emitnb import {', '.join(left)}" if left else ""


def _names_read(found: list[Part]) -> set[str]:
    trees = [tree for part in found for tree in part.statements]
    return {one.id for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Name)}


def _data_note(piece: Piece) -> str:
    """Return what is to be done about a value that a module takes from elsewhere, or ""."""
    if name := file_name(piece.part):
        return (
            f"`{name}` is in a file beside the module; `%emit_export … --files {name}` puts it "
            "there again."
        )
    name = data_name(piece.part)
    return name and (
        f"`{name}` came with the command line. Give it a value here, before it is needed; "
        f"`%emit_export … --params {name}` makes it an option again."
    )


def _title(first: Part, name: str) -> str:
    """Return a heading with what the module's docstring says, but for emitnb's own words."""
    docstring = _docstring_of(first)
    summary, _, rest = docstring.partition("\n")
    if not summary or _OWN_WORDS.fullmatch(summary):
        return f"# {name}\n\n{rest.strip()}".rstrip()
    return f"# {summary.removesuffix('.')}\n\n{rest.strip()}".rstrip()


def _docstring_of(first: Part) -> str:
    if first.kind is not Kind.DOCSTRING:
        return ""
    return ast.get_docstring(ast.Module([first.statement], [])) or ""


def _heading(part: Part) -> str:
    """Return a heading from a node's docstring, if its first line is a short sentence."""
    if not isinstance(part.statement, DEFINITIONS):
        return ""
    lines = [*(ast.get_docstring(part.statement) or "").split("\n"), ""]
    is_short = 0 < len(lines[0]) <= _HEADING and not lines[1].strip()
    return f"## {lines[0].removesuffix('.')}" if is_short else ""
