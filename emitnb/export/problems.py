"""Why a graph cannot leave the notebook: in words, with the ways out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.errors import ExportError
from emitnb.export.cells import Cell, Statement
from emitnb.export.literals import is_small
from emitnb.export.outside import is_data, is_generator
from emitnb.text import one_line, short_repr

SHOWN = 60
"""Characters of a value or a line that a message shows."""

MOST = 10
"""Problems that one message tells."""

_ABSENT = object()


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
        if not self.texts:
            return
        more = len(self.texts) - MOST
        texts = self.texts[:MOST] + ([f"… and {more} more like these"] if more > 0 else [])
        count = "" if len(self.texts) == 1 else f"{len(self.texts)} problems:\n"
        raise ExportError(f"nothing was written. {count}" + "\n".join(texts))

    def add(self, text: str) -> None:
        """Note one problem, once."""
        if text not in self.texts:
            self.texts.append(text)

    def no_statement(self, name: str, need: Need, reader: Statement, value: Any) -> None:
        """A value that is there, and that nothing in the notebook made."""
        self.add(
            f"`{name}`, {need} ({reader.place}), was made by no statement of the notebook: a "
            "widget, a magic, globals() or a cell that failed set it. "
            f"{ways_out(name, value)}"
        )

    def own_name(self, what: str, need: Need, reader: Statement) -> None:
        """``__name__``, or what has that in it, which is another one in each module."""
        self.add(
            f"`{what}`, {need} ({reader.place}), says '__main__' in the notebook, and would say "
            "another name in the module. Say what you need as a literal, or by `__qualname__`"
        )

    def hashed(self, need: Need, reader: Statement) -> None:
        """The hash of a value, which is another one in each process."""
        self.add(
            f"`hash`, {need} ({reader.place}), gives another number for a text in each process. "
            "Make it with zlib.crc32(text.encode()), and run the cell again"
        )

    def order_of_set(self, names: list[str], need: Need, made: Statement) -> None:
        """A value that depends on the order of a set."""
        name = names[0] if names else "a value"
        freeze = f", or freeze it: --freeze {name}" if names else ""
        self.add(
            f"`{name}`, {need}, takes the items of a set in turn ({made.place}: {_line(made)}), "
            "and their order is another in each process. Make it of sorted(…), and run the cell "
            f"again{freeze}"
        )

    def imported_from_ipython(self, name: str, need: Need, last: Statement) -> None:
        """A name that is imported from what only a notebook has."""
        self.add(
            f"`{name}`, {need}, is imported from IPython ({last.place}: {_line(last)}), and a "
            "module needs none. Take it out of the code"
        )

    def undefined(self, name: str, need: Need, reader: Statement, is_put: bool) -> None:
        """A name that nothing defines; ``is_put``: but it was put among the builtins."""
        why = "is defined nowhere: a call that comes to that line would fail"
        if is_put:
            why = "was put among Python's builtins, and importing a module changes no other"
        self.add(f"`{name}`, {need} ({reader.place}), {why}. Define it in a cell, or take it out")

    def deleted(self, name: str, need: Need, last: Statement) -> None:
        """A name that was deleted."""
        self.add(
            f"`{name}`, {need}, was deleted ({last.place}: {_line(last)}). "
            "Define it again in a cell"
        )

    def provided(self, name: str, need: Need, reader: Statement) -> None:
        """A name that only IPython gives."""
        self.add(
            f"`{name}`, {need} ({reader.place}), is IPython's, and a module has no IPython. "
            "Take it out of the code, or import what you need in a cell"
        )

    def ipython(self, need: Need, statement: Statement, line: int) -> None:
        """IPython's own syntax in code that is needed."""
        names = ", ".join(f"`{name}`" for name in sorted(statement.names.binds)) or "a statement"
        what = need.node if names == f"`{need.node}`" else f"{names}, {need},"
        ways = [ways_out(name) for name in sorted(statement.names.binds)[:1]]
        out = "Say it in Python" if statement.is_definition or not ways else ways[0]
        self.add(
            f"{what} uses IPython's own syntax ({statement.cell.place}, line {line}: "
            f"{one_line(statement.cell.line(line), SHOWN)}), and a module has no IPython. {out}"
        )

    def rebound(self, name: str, need: Need, reader: Statement, last: Statement) -> None:
        """A name that meant something else when it was read."""
        made = ", ".join(f"`{one}`" for one in sorted(reader.names.binds)) or "a statement"
        self.add(
            f"{made} ({reader.place}), needed by {need.node}, was made from `{name}`, which has "
            f"been bound anew since ({last.place}: {_line(last)}). "
            + (
                f"Run {reader.cell.place} again, or give"
                if last.cell is not reader.cell
                else "Give"
            )
            + f" the second `{name}` a name of its own"
        )

    def changed_module(self, what: str, need: Need, reader: Statement, by: Statement) -> None:
        """Something of an imported module that a statement changed for its effect."""
        self.add(
            f"`{what}`, {need} ({reader.place}), was changed in {by.place}: {_line(by)}. "
            f"Importing a module changes nothing. Take it out of {by.cell.place}, say it in the "
            "function that needs it, if one does, and run the notebook anew"
        )

    def added(self, name: str, need: Need, reader: Statement, by: Statement) -> None:
        """An attribute that a statement gave to an imported class."""
        self.add(
            f"`.{name}`, {need} ({reader.place}), was added to an imported class in {by.place}: "
            f"{_line(by)}. Importing a module changes no other. Define it as a plain function, and "
            "call that"
        )

    def changed_in_place(
        self, name: str, need: Need, made: Statement, by: Statement, is_saved: bool
    ) -> None:
        """A value changed after a statement made it, which nobody knows, or nodes change, too."""
        self.add(
            f"`{name}`, {need}, is made in {made.place} and changed in {by.place}: {_line(by)}. "
            + (
                "No cell is run here, so its value is not known. Make it by one statement, or run "
                f"the notebook, %emit_export it with --freeze {name}, and run the module"
                if is_saved
                else "Nodes change it, too, so what it was at first cannot be told. Put that line "
                f"into {made.cell.place}, or take it out, and run both cells again"
            )
        )

    def found_by_path(self, name: str, need: Need, by: Statement) -> None:
        """A module that is found only since a statement changed where Python looks."""
        self.add(
            f"`{name}`, {need}, is imported from a folder that Python knows since {by.place}: "
            f"{_line(by)}. Put the module beside the exported one, or install it, "
            f"and run {by.cell.place} again without that"
        )

    def left_behind(self, name: str, need: Need, here: Path, folder: Path) -> None:
        """A module beside the notebook, which one elsewhere does not find."""
        self.add(
            f"`{name}`, {need}, is imported from {here}, and a module in {folder} would not find "
            f"it there. Export into {here}, or install what is imported"
        )

    def made_from_itself(
        self, name: str, need: Need, reader: Statement, then: Statement, value: Any
    ) -> None:
        """A name made from what it was in another cell, or when its cell ran before."""
        is_definition = callable(value)
        ways = f"Do it in the cell that defines `{name}`, and run that"
        self.add(
            f"`{name}`, {need}, was made from what it was before ({reader.place}: "
            f"{_line(reader)}; before that {then.place}: {_line(then)}), so that running the cells "
            f"again would not give it again. {ways if is_definition else ways_out(name, value)}"
        )

    def made_from_parameter(self, name: str, need: Need, reader: Statement) -> None:
        """A value that is computed from a parameter once, when the module is imported."""
        names = sorted(reader.names.binds)
        made = ", ".join(f"`{one}`" for one in names) or "a statement"
        instead = f", or choose that instead: --freeze or --params {(names or [''])[0]}"
        can_be_chosen = names and not reader.is_definition
        self.add(
            f"{made} ({reader.place}), needed by {need.node}, is made from the parameter "
            f"`{name}` when the module is imported, and would not follow --{name}. "
            f"Compute it inside the function that needs it{instead if can_be_chosen else ''}"
        )

    def cell_is_gone(self, name: str, need: Need, last: Statement) -> None:
        """A value whose cell was deleted."""
        self.add(
            f"`{name}`, {need}, was made in {last.place}, and that cell has been deleted since. "
            f"Put `{_line(last)}` into a cell and run it"
        )

    def cell_ran_again(self, name: str, need: Need, last: Statement, now: Cell) -> None:
        """A value whose cell says something else by now."""
        self.add(
            f"`{name}`, {need}, was made in {last.place}, and that cell has run again since, as "
            f"{now.place}, without making it. Put `{_line(last)}` into a cell and run it"
        )

    def node_is_gone(self, node: str, statement: Statement, now: Cell | None) -> None:
        """A node whose cell was deleted, or says something else by now."""
        what = "has been deleted since"
        if now is not None:
            what = f"has run again since, as {now.place}, without declaring it"
        self.add(
            f"{node} was declared in {statement.cell.place}, and that cell {what}. Remove the node "
            f"(%emit_remove {node}), or put it into a cell of its own and run it"
        )

    def outside(
        self, name: str, need: Need, last: Statement, call: str, value: Any, instead: Any = _ABSENT
    ) -> None:
        """A value that is read from somewhere; ``instead``: the value that was made of it."""
        is_better = instead is not _ABSENT and not is_data(instead) and is_small(instead)
        freeze = f"; or freeze what was made of it: --freeze {need.via}" if is_better else ""
        self.add(
            f"`{name}`, {need}, is read from outside the notebook by {call} ({last.place}: "
            f"{_line(last)}), and importing a module reads nothing. {ways_out(name, value)}{freeze}"
        )

    def from_router(self, name: str, need: Need, last: Statement, value: Any = _ABSENT) -> None:
        """A value that was taken out of the router."""
        self.add(
            f"`{name}`, {need}, was taken out of the router ({last.place}: {_line(last)}), and "
            f"the router of a module has recorded nothing. {ways_out(name, value)}"
        )

    def data(self, name: str, need: Need, last: Statement, value: Any) -> None:
        """A frame, an array or a model."""
        self.add(
            f"`{name}`, {need}, is data ({type(value).__name__}, made in {last.place}), and data "
            f"does not go into code. {ways_out(name, value)}"
        )


def ways_out(name: str, value: Any = _ABSENT) -> str:
    """Say what a user can do about a value that no code makes."""
    if is_generator(value):
        where = "in the function that draws from it, or keep it in the state of a node"
        return f"Make `{name}` {where}, and run the cell again"
    option = name.replace("_", "-")
    ways = []
    if value is not _ABSENT and not is_data(value) and is_small(value):
        shown = short_repr(value, SHOWN)
        # Half a literal is nothing to copy.
        shown = "…" if "…" in shown else shown
        ways.append(f"make it in a cell ({name} = {shown}), or freeze it: --freeze {name}")
    elif value is _ABSENT or not is_data(value):
        ways.append(f"make it in a cell with a literal ({name} = …)")
    ways.append(f"make it an option --{option} of the module: --params {name}")
    if value is not _ABSENT and not is_small(value):
        ways.append(f"put it into a file beside the module: --files {name}")
    text = "; or ".join(ways)
    return text[:1].upper() + text[1:]


def _line(statement: Statement) -> str:
    return one_line(statement.cell.line(statement.line), SHOWN)
