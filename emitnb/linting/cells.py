"""What ruff is shown of a notebook, so that it knows what the cells define and read.

Ruff reads notebooks itself: cells, line magics, a value as the last line. What it cannot know is
that ``%%emit_node`` cells are Python. It is shown them with an empty line in place of the magic,
cell by cell and line by line where they are; what the magics' lines read is shown as expressions
in one more cell at the end, and what IPython and emitnb define in one more at the front.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import NamedTuple

from emitnb.cells.node_line import field_pairs, parse_node_line, predicate_text
from emitnb.errors import DeclarationError
from emitnb.ipynb import CODE, Cell

NODE = "%%emit_node"
PARAMETER = "%emit_param"
GIVEN = ("router", "In", "Out", "_", "__", "___", "_i", "_ii", "_iii", "exit", "quit")
"""What is defined in a notebook though no cell says so. Ruff knows ``display`` by itself."""

_NODES = re.compile(r"^\s*@\w+\.node\(|\brouter\.node\(", re.MULTILINE)
_MAGIC = re.compile(r"^\s*(?:[%!?]|[\w, ]+=\s*[%!])|\?\s*$")
_PARAMETER = re.compile(rf"^(\s*){PARAMETER}[ \t]+")
_IN_TEXT = re.compile(r"^([ \t]*)%%", re.MULTILINE)
"""In a cell without a magic it stands in a string; ruff would pass over the whole cell."""
_OUTPUTS = re.compile(r"\b_i?\d+\b")
_WORDS = re.compile(r"[^\W\d]\w*")
_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun", "%%debug")
_TAKING = re.compile(r"%%(?:capture|bash|sh|script|perl|ruby)\b(.*)")


class Place(NamedTuple):
    """A place in a cell, lines and columns from 1 on."""

    cell: Cell
    line: int
    column: int


@dataclass
class Shown:
    """The texts of the cells that ruff is shown, and where what was made up comes from.

    ``shifts`` are the columns that a line lost at its front, ``read`` the place that each line of
    the last cell comes from, None where nobody wrote it, with the columns before it.
    """

    texts: list[str]
    shifts: dict[tuple[int, int], int]
    read: list[tuple[Place, int] | None]
    problems: list[tuple[Place, str]] = field(default_factory=list)


def is_node_cell(cell: Cell) -> bool:
    """Whether a cell declares nodes, by magic or by decorator."""
    if cell.kind != CODE:
        return False
    magic = _magic_of(_head(cell.text))
    if magic == NODE:
        return True
    return magic in ("", *_PYTHON) and _NODES.search(cell.text) is not None


def shown(cells: Sequence[Cell]) -> Shown:
    """Return what ruff is shown of these cells; the first of them is its second."""
    made = Shown([], {}, [])
    read: list[str] = []
    words: set[str] = set()
    defined = set(GIVEN)
    for cell in cells:
        text, head = cell.text, _head(cell.text)
        if cell.kind != CODE:
            pass
        elif _magic_of(head) == NODE:
            read += _read_on_line(cell, text.split("\n").index(head) + 1, head, made)
            text = text.replace(head, "", 1)
        elif head.startswith("%%"):
            words |= set(_WORDS.findall(head))
            defined |= _defined_by(head)
        else:
            lines = [line for line in text.split("\n") if _MAGIC.search(line)]
            words |= set(_WORDS.findall("\n".join(lines)))
            text = _with_parameters(cell, made)
        defined |= set(_OUTPUTS.findall(text))
        if not _magic_of(_head(text)):
            text = _IN_TEXT.sub(r"\1##", text)
        made.texts.append(text)
    # Whether there are such names is no question here: they only count as used.
    used = sorted(word for word in words if not iskeyword(word))
    made.read.append(None)
    first = f"{' = '.join(sorted(defined))} = object()"
    last = "\n".join([*read, f"lambda: [{', '.join(used)}]"])
    made.texts = [first, *made.texts, last]
    return made


def _head(text: str) -> str:
    """The first line that is not empty."""
    return next((line for line in text.split("\n") if line.strip()), "")


def _magic_of(head: str) -> str:
    """The name of a cell magic with its ``%%``, "" for a line that is none."""
    return head.split(None, 1)[0] if head.startswith("%%") else ""


def _read_on_line(cell: Cell, line: int, head: str, made: Shown) -> Iterator[str]:
    """Yield, as expressions, what the line of a node cell reads: types and a predicate."""
    words = head.removeprefix(NODE)
    try:
        said = parse_node_line(words)
        kinds = [kind for _, kind in field_pairs(said.fields) if kind]
    except DeclarationError as error:
        made.problems.append((Place(cell, line, 1), str(error)))
        return
    pieces = [("lambda: (", kind) for kind in kinds]
    if said.when is not None:
        pieces.append(("lambda msg: (", predicate_text(said.when)))
    for before, text in pieces:
        place = Place(cell, line, head.find(text) + 1 if text in head else 1)
        try:
            ast.parse(text, mode="eval")
        except SyntaxError as error:
            column = place.column + (error.offset or 1) - 1
            what = f"`{text}` is not a Python expression: {error.msg}"
            made.problems.append((place._replace(column=column), what))
            continue
        made.read.append((place, len(before)))
        yield f"{before}{text})"


def _with_parameters(cell: Cell, made: Shown) -> str:
    """Return a cell in which ``%emit_param rate = 0.5`` is the assignment that it is."""
    lines = cell.text.split("\n")
    for number, line in enumerate(lines):
        if found := _PARAMETER.match(line):
            lines[number] = found[1] + line[found.end() :]
            made.shifts[cell.number, number + 1] = len(found[0]) - len(found[1])
    return "\n".join(lines)


def _defined_by(head: str) -> set[str]:
    """The names that a cell magic gives its cell's output to."""
    found = _TAKING.match(head)
    return set(re.findall(r"(?<![\w-])[^\W\d]\w*", found[1])) if found else set()
