"""The imports of a module: only those that are used, grouped and sorted, as they were written."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

WIDTH = 88
"""Columns of a line, as ruff has it where nobody says otherwise."""


@dataclass(frozen=True, order=True)
class Import:
    """One imported name: ``from module import name as bound``; without ``name`` a whole module."""

    module: str
    name: str = ""
    bound: str = ""

    @classmethod
    def of(cls, tree: ast.Import | ast.ImportFrom) -> Import:
        """Return what a statement that imports one name imports.

        >>> Import.of(ast.parse("import pandas as pd").body[0])
        Import(module='pandas', name='', bound='pd')
        """
        alias = tree.names[0]
        if isinstance(tree, ast.Import):
            return cls(alias.name, "", alias.asname or "")
        return cls("." * tree.level + (tree.module or ""), alias.name, alias.asname or "")

    @property
    def text(self) -> str:
        """The name, with the one that it is bound to."""
        name = self.name or self.module
        return f"{name} as {self.bound}" if self.bound else name


def import_lines(imports: Iterable[Import], folder: Path) -> str:
    """Return imports as text: standard library, packages, modules beside the notebook.

    >>> found = {Import("os"), Import("typing", "Any"), Import("pandas", bound="pd")}
    >>> print(import_lines(found, Path()))
    import os
    from typing import Any
    <BLANKLINE>
    import pandas as pd
    """
    groups: dict[int, list[Import]] = {}
    for one in sorted(set(imports), key=_order):
        groups.setdefault(_group(one.module, folder), []).append(one)
    return "\n\n".join("\n".join(_lines(groups[number])) for number in sorted(groups))


def guarded_lines(imports: Iterable[Import], folder: Path) -> str:
    """Return imports that only a type checker sees, as one block; "" if there are none."""
    lines = import_lines(imports, folder).splitlines()
    if not lines:
        return ""
    return "\n".join(["if TYPE_CHECKING:", *(f"    {line}".rstrip() for line in lines)])


def _group(module: str, folder: Path) -> int:
    root = module.partition(".")[0]
    if root == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    is_beside = not root or (folder / f"{root}.py").is_file() or (folder / root).is_dir()
    return 3 if is_beside else 2


def _lines(imports: list[Import]) -> Iterator[str]:
    for one in imports:
        if not one.name:
            yield f"import {one.text}{_remark(one.module)}"
    members: dict[str, list[Import]] = {}
    for one in imports:
        if one.name:
            members.setdefault(one.module, []).append(one)
    for module, found in members.items():
        found = sorted(found, key=_member_order)
        plain = [one.text for one in found if not one.bound]
        # Sorted as ruff does it: each renamed one has a line of its own.
        lines = [(_member_order(one), [one.text]) for one in found if one.bound]
        if plain:
            lines.append((_member_order(Import(module, plain[0])), plain))
        for _, texts in sorted(lines):
            yield from _from(module, texts)


def _from(module: str, texts: list[str]) -> Iterator[str]:
    line = f"from {module} import {', '.join(texts)}"
    remark = _remark(module)
    if len(line) <= WIDTH:
        yield line + remark
    else:
        yield f"from {module} import ({remark}"
        yield from (f"    {text}," for text in texts)
        yield ")"


def _order(one: Import) -> tuple[list[tuple[int, str]], Import]:
    return _natural(one.module.lower()), one


def _member_order(one: Import) -> tuple[int, list[tuple[int, str]], str]:
    """Constants, classes, functions, as isort has it."""
    name = one.name
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, _natural(name), one.bound


def _natural(name: str) -> list[tuple[int, str]]:
    """What to sort a name by: a9 comes before a10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts if part]


@lru_cache(maxsize=1_000)
def _remark(module: str) -> str:
    """What a type checker must be told of a package without types."""
    root = module.partition(".")[0]
    if not root or root in sys.stdlib_module_names:
        return ""
    try:
        found = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        found = None
    if found is None:
        return "  # type: ignore[import-not-found]"
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    has_types = any((folder / "py.typed").is_file() for folder in folders)
    has_stubs = any((folder.parent / f"{root}-stubs").is_dir() for folder in folders)
    is_own = found.origin is not None and "site-packages" not in found.origin
    return "" if has_types or has_stubs or is_own else "  # type: ignore[import-untyped]"
