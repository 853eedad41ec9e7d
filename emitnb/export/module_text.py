"""How a module looks: docstring, imports, pieces, ``main``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emitnb.export.imports import WIDTH, Import, guarded_lines, import_lines
from emitnb.export.items import Item, Kind, joined
from emitnb.export.literals import text_literal

MAIN = """\
def main(arguments: list[str] | None = None) -> int:
    \"""Push what the command line names through the graph; see --help.\"""
    return {call}


if __name__ == "__main__":
    raise SystemExit(main())
"""

MAIN_IN_ONE = """\
if __name__ == "__main__":
    raise SystemExit({call})
"""


@dataclass(frozen=True)
class ModuleText:
    """The parts of a module, in their order.

    ``imports`` are those that run, and those that only a type checker sees; ``parameters`` and
    ``data`` the names that are options of the command line, with their help.
    """

    docstring: str
    router: str
    is_lazy: bool
    imports: tuple[set[Import], set[Import]]
    items: Sequence[Item]
    parameters: Mapping[str, str]
    data: Mapping[str, str]

    def render(self, folder: Path) -> str:
        """Return the text of the module, which will stand in ``folder``."""
        return "\n\n".join(filter(None, self._parts(folder))) + f"\n\n\n{self._main()}"

    def _parts(self, folder: Path) -> Iterator[str]:
        imports, guarded = self.imports
        conditional = [one for one in self.items if one.kind is Kind.CONDITIONAL_IMPORT]
        yield self.docstring
        yield "from __future__ import annotations" if self.is_lazy else ""
        yield import_lines(imports, folder)
        yield guarded_lines(guarded, folder)
        yield joined(conditional)
        body = [one for one in self.items if one.kind is not Kind.CONDITIONAL_IMPORT]
        yield ("\n" if body[0].is_block else "") + joined(body)

    def _main(self) -> str:
        binds = {name for item in self.items for name in item.binds}
        if "main" in binds:
            return MAIN_IN_ONE.format(call=self._call([self.router, "globals()"], 4))
        return MAIN.format(call=self._call([self.router, "globals()", "arguments"], 4))

    def _call(self, arguments: list[str], indent: int) -> str:
        for name, told in (("parameters", self.parameters), ("data", self.data)):
            if told:
                pairs = (f"{text_literal(one)}: {text_literal(told[one])}" for one in told)
                arguments = [*arguments, f"{name}={{{', '.join(pairs)}}}"]
        call = f"run_command({', '.join(arguments)})"
        if len("    raise SystemExit()") + len(call) <= WIDTH:
            return call
        blanks = " " * indent
        inner = "".join(f"{blanks}    {one},\n" for one in arguments)
        return f"run_command(\n{inner}{blanks})"
