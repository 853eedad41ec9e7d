"""Why a graph cannot leave the notebook: in words, with the ways out."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.errors import ExportError
from emitnb.export.cells import Cell, Statement, first_line
from emitnb.export.literals import is_small
from emitnb.export.outside import is_data, is_generator
from emitnb.text import one_line, short_repr

SHOWN = 60
"""Characters of a value or a line that a message shows."""

MOST = 10
"""Problems that one message tells."""

NOTHING_WRITTEN = "nothing was written. "
"""What the error of an export begins with."""

NO_VALUE: Any = object()
"""Stands for the value of a variable where nothing runs."""


@dataclass(frozen=True)
class Need:
    """Who needs a name: a node, and the function or constant between them, if there is one."""

    node: str
    via: str

    def through(self, statement: Statement) -> Need:
        """Return the need of what a statement reads, which itself is needed."""
        names = sorted(statement.names.binds)
        return Need(self.node, names[0] if names else self.via)

    def __str__(self) -> str:
        through = f" (through `{self.via}`)" if self.via not in ("", self.node) else ""
        return f"which {self.node} needs{through}"


class Problems:
    """Collects what is wrong, so that a user sees all of it at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def raise_if_any(self) -> None:
        """Raise ExportError with all problems, if there is one."""
        if self.texts:
            raise refusal(*self.texts)

    def add(self, what: str, ways: str | Sequence[str], *places: Statement | str) -> None:
        """Note one problem, once: what is wrong, ways out, and the lines of cells it is about."""
        text = problem(what, ways, *places)
        if text not in self.texts:
            self.texts.append(text)

    def no_statement(self, name: str, need: Need, reader: Statement, value: Any) -> None:
        """A value that is there, and that nothing in the notebook made."""
        self.add(
            f"`{name}`, {need}, was made by no statement of the notebook: a widget, a magic, "
            "globals() or a cell that failed set it",
            ways_out(name, value),
            _where(reader, name),
        )

    def own_name(self, what: str, need: Need, reader: Statement) -> None:
        """``__name__``, or what has that in it, which is another one in each module."""
        self.add(
            f"`{what}`, {need}, says '__main__' in the notebook, and another name in the module",
            ["say what you need as a literal", "say it by `__qualname__`"],
            reader,
        )

    def hashed(self, need: Need, reader: Statement) -> None:
        """The hash of a value, which is another one in each process."""
        self.add(
            f"`hash`, {need}, gives another number for a text in each process",
            "make it with zlib.crc32(text.encode()), and run the cell again",
            _where(reader, "hash"),
        )

    def order_of_set(self, names: list[str], need: Need, made: Statement) -> None:
        """A value that depends on the order of a set."""
        name = names[0] if names else "a value"
        self.add(
            f"`{name}`, {need}, takes the items of a set in turn, and their order is another in "
            "each process",
            [
                "make it of sorted(…), and run the cell again",
                *([f"freeze it: --freeze {name}"] if names else []),
            ],
            made,
        )

    def imported_from_ipython(self, name: str, need: Need, last: Statement) -> None:
        """A name that is imported from what only a notebook has."""
        self.add(
            f"`{name}`, {need}, is imported from IPython, and a module needs none",
            "take it out of the code",
            last,
        )

    def undefined(self, name: str, need: Need, reader: Statement, is_put: bool) -> None:
        """A name that nothing defines; ``is_put``: but it was put among the builtins."""
        why = "is defined nowhere: a call that comes to that line would fail"
        if is_put:
            why = "was put among Python's builtins, and importing a module changes no other"
        self.add(
            f"`{name}`, {need}, {why}", ["define it in a cell", "take it out"], _where(reader, name)
        )

    def deleted(self, name: str, need: Need, last: Statement) -> None:
        """A name that was deleted."""
        self.add(f"`{name}`, {need}, was deleted", "define it again in a cell", last)

    def provided(self, name: str, need: Need, reader: Statement) -> None:
        """A name that only IPython gives."""
        self.add(
            f"`{name}`, {need}, is IPython's, and a module has no IPython",
            ["take it out of the code", "import what you need in a cell"],
            _where(reader, name),
        )

    def ipython(self, need: Need, statement: Statement, line: int) -> None:
        """IPython's own syntax in code that is needed."""
        names = sorted(statement.names.binds)
        said = ", ".join(f"`{name}`" for name in names) or "a statement"
        what = need.node if said == f"`{need.node}`" else f"{said}, {need},"
        is_code = statement.is_definition or not names
        self.add(
            f"{what} uses IPython's own syntax, and a module has no IPython",
            "say it in Python" if is_code else ways_out(names[0]),
            _at(statement.cell, line),
        )

    def rebound(self, name: str, need: Need, reader: Statement, last: Statement) -> None:
        """A name that meant something else when it was read."""
        again = [f"run {reader.cell.place} again"] if last.cell is not reader.cell else []
        self.add(
            f"{_made(reader)}, needed by {need.node}, was made from `{name}`, which has been "
            "bound anew since",
            [*again, f"give the second `{name}` a name of its own"],
            reader,
            last,
        )

    def changed_module(self, what: str, need: Need, reader: Statement, by: Statement) -> None:
        """Something of an imported module that a statement changed for its effect."""
        self.add(
            f"`{what}`, {need}, was changed in {by.place}, and importing a module changes nothing",
            f"take it out of {by.cell.place}, say it in the function that needs it, if one does, "
            "and run the notebook anew",
            by,
            reader,
        )

    def added(self, name: str, need: Need, reader: Statement, by: Statement) -> None:
        """An attribute that a statement gave to an imported class."""
        self.add(
            f"`.{name}`, {need}, was added to an imported class, and importing a module changes "
            "no other",
            "define it as a plain function, and call that",
            by,
            reader,
        )

    def changed_in_place(
        self, name: str, need: Need, made: Statement, by: Statement, is_saved: bool
    ) -> None:
        """A value changed after a statement made it, which nobody knows, or nodes change, too."""
        if is_saved:
            why = "; no cell is run here, so its value is not known"
            ways = [
                "make it by one statement",
                f"run the notebook, %emit_export it with --freeze {name}, and run the module",
            ]
        else:
            why = ", and nodes change it too, so what it was at first cannot be told"
            ways = [f"put that line into {made.cell.place}, or take it out, and run both again"]
        self.add(
            f"`{name}`, {need}, is made in {made.place} and changed in {by.place}{why}",
            ways,
            made,
            by,
        )

    def found_by_path(self, name: str, need: Need, by: Statement) -> None:
        """A module that is found only since a statement changed where Python looks."""
        self.add(
            f"`{name}`, {need}, is imported from a folder that Python knows since {by.place}",
            "put the module beside the exported one, or install it, and run "
            f"{by.cell.place} again without that",
            by,
        )

    def left_behind(self, name: str, need: Need, here: Path, folder: Path) -> None:
        """A module beside the notebook, which one elsewhere does not find."""
        self.add(
            f"`{name}`, {need}, is imported from {here}, and a module in {folder} would not find "
            "it there",
            [f"export into {here}", "install what is imported"],
        )

    def made_from_itself(
        self, name: str, need: Need, reader: Statement, then: Statement, value: Any
    ) -> None:
        """A name made from what it was in another cell, or when its cell ran before."""
        ways = f"do it in the cell that defines `{name}`, and run that"
        self.add(
            f"`{name}`, {need}, was made from what it was before, so that running the cells again "
            "would not give it again",
            ways if callable(value) else ways_out(name, value),
            then,
            reader,
        )

    def made_from_parameter(self, name: str, need: Need, reader: Statement) -> None:
        """A value that is computed from a parameter once, when the module is imported."""
        names = sorted(reader.names.binds)
        can_be_chosen = names and not reader.is_definition
        instead = [f"choose that instead: --freeze or --params {names[0]}"] if can_be_chosen else []
        self.add(
            f"{_made(reader)}, needed by {need.node}, is made from the parameter `{name}` when "
            f"the module is imported, and would not follow --{name.replace('_', '-')}",
            ["compute it inside the function that needs it", *instead],
            reader,
        )

    def cell_is_gone(self, name: str, need: Need, last: Statement) -> None:
        """A value whose cell was deleted."""
        self.add(
            f"`{name}`, {need}, was made in a cell that has been deleted since",
            "put that line into a cell and run it",
            last,
        )

    def cell_ran_again(self, name: str, need: Need, last: Statement, now: Cell) -> None:
        """A value whose cell says something else by now."""
        self.add(
            f"`{name}`, {need}, was made in a cell that has run again since, as {now.place}, "
            "without making it",
            "put that line into a cell and run it",
            last,
        )

    def node_is_gone(self, node: str, statement: Statement, now: Cell | None) -> None:
        """A node whose cell was deleted, or says something else by now."""
        what = "has been deleted since"
        if now is not None:
            what = f"has run again since, as {now.place}, without declaring it"
        self.add(
            f"{node} was declared in {statement.cell.place}, and that cell {what}",
            [f"remove the node: %emit_remove {node}", "put it into a cell of its own and run it"],
        )

    def outside(
        self, name: str, need: Need, last: Statement, call: str, value: Any, instead: Any = NO_VALUE
    ) -> None:
        """A value that is read from somewhere; ``instead``: the value that was made of it."""
        is_better = instead is not NO_VALUE and not is_data(instead) and is_small(instead)
        freeze = [f"freeze what was made of it: --freeze {need.via}"] if is_better else []
        self.add(
            f"`{name}`, {need}, is read from outside the notebook by {call}, and importing a "
            "module reads nothing",
            [*ways_out(name, value), *freeze],
            last,
        )

    def from_router(self, name: str, need: Need, last: Statement, value: Any = NO_VALUE) -> None:
        """A value that was taken out of the router."""
        self.add(
            f"`{name}`, {need}, was taken out of the router, and the router of a module has "
            "recorded nothing",
            ways_out(name, value),
            last,
        )

    def data(self, name: str, need: Need, last: Statement, value: Any) -> None:
        """A frame, an array or a model."""
        self.add(
            f"`{name}`, {need}, is data ({type(value).__name__}), and data does not go into code",
            ways_out(name, value),
            last,
        )


def problem(what: str, ways: str | Sequence[str], *places: Statement | str) -> str:
    """Return one problem in lines: what is wrong, where it stands, and the ways out."""
    at = (one if isinstance(one, str) else _at(one.cell, one.line) for one in places)
    told = [ways] if isinstance(ways, str) else ways
    return "\n".join([what, *(f"    {one}" for one in at), *(f"  → {way}" for way in told)])


def refusal(*problems: str) -> ExportError:
    """Return the error that tells problems, each in lines of its own."""
    told = list(problems[:MOST])
    if len(problems) > MOST:
        told.append(f"… and {len(problems) - MOST} more like these")
    count = "" if len(problems) == 1 else f"{len(problems)} problems:\n\n"
    return ExportError(f"{NOTHING_WRITTEN}{count}" + "\n\n".join(told))


def ways_out(name: str, value: Any = NO_VALUE) -> list[str]:
    """Say what a user can do about a value that no code makes."""
    if is_generator(value):
        where = "in the function that draws from it, or keep it in the state of a node"
        return [f"make `{name}` {where}, and run the cell again"]
    ways = []
    if value is not NO_VALUE and not is_data(value) and is_small(value):
        shown = short_repr(value, SHOWN)
        # Half a literal is nothing to copy.
        shown = "…" if "…" in shown else shown
        ways += [f"make it in a cell: {name} = {shown}", f"freeze it: --freeze {name}"]
    elif value is NO_VALUE or not is_data(value):
        ways.append(f"make it in a cell with a literal: {name} = …")
    ways.append(f"make it an option of the module: --params {name}")
    if value is not NO_VALUE and not is_small(value):
        ways.append(f"put it into a file beside the module: --files {name}")
    return ways


def _at(cell: Cell, line: int) -> str:
    return f"{cell.place}, line {line}: {one_line(cell.line(line), SHOWN)}"


def _where(statement: Statement, name: str) -> str:
    """The line of a statement that reads a name."""
    read = [one for one in ast.walk(statement.tree) if getattr(one, "id", "") == name]
    lines = [one.lineno for one in read if isinstance(one, ast.Name)]
    above = statement.line - first_line(statement.tree)
    return _at(statement.cell, min(lines) + above if lines else statement.line)


def _made(statement: Statement) -> str:
    return ", ".join(f"`{one}`" for one in sorted(statement.names.binds)) or "a statement"
