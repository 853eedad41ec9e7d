"""Expressions over as many lines as they need, as ruff and black lay them out."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Sequence

WIDTH = 88
INDENT = "    "


def laid_out(text: str, indent: int = 0, before: str = "", after: str = "") -> str:
    """Return an expression of literals and calls, in one line if it fits, else in several.

    Parameters
    ----------
    indent : levels of indentation, of 4 blanks each
    before, after : what stands on its first line before it, and on its last behind it

    >>> print(laid_out("[{'n': 1}, {'n': 2}]", before="expected = "))
    expected = [{"n": 1}, {"n": 2}]
    """
    return _laid_out(ast.parse(text, mode="eval").body, indent, before, after)


def quoted(text: str) -> str:
    """Return a literal of a text with the quotes that need the fewest escapes, double if any.

    >>> quoted("rain"), quoted('"rain"')
    ('"rain"', '\\'"rain"\\'')
    """
    quote = "'" if text.count('"') > text.count("'") else '"'
    # Without that quote a part has no need of escapes: its repr takes the quotes that suit it.
    return quote + f"\\{quote}".join(repr(part)[1:-1] for part in text.split(quote)) + quote


def _laid_out(node: ast.expr, indent: int, before: str, after: str) -> str:
    blanks = INDENT * indent
    line = f"{blanks}{before}{_flat(node)}{after}"
    items = _items(node)
    if _columns(line) <= WIDTH or not items:
        return line
    opening, closing = _ends(node)
    lines = [f"{blanks}{before}{opening}"]
    together = f"{blanks}{INDENT}{', '.join(f'{name}{_flat(value)}' for name, value in items)}"
    if isinstance(node, ast.Call) and _columns(together) <= WIDTH:
        return "\n".join([*lines, together, f"{blanks}{closing}{after}"])
    lines += [_laid_out(value, indent + 1, name, ",") for name, value in items]
    return "\n".join([*lines, f"{blanks}{closing}{after}"])


def _columns(line: str) -> int:
    """How wide a line is: some characters take two columns."""
    return len(line) + sum(unicodedata.east_asian_width(c) in "WF" for c in line)


def _flat(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.UnaryOp):
        return f"-{_flat(node.operand)}"
    if isinstance(node, ast.BinOp):
        return f"{_flat(node.left)} / {_flat(node.right)}"
    if isinstance(node, ast.Starred):
        return f"*{_flat(node.value)}"
    if isinstance(node, ast.Subscript):
        return f"{_flat(node.value)}[{_flat(node.slice)}]"
    opening, closing = _ends(node)
    if opening == closing == "":
        return ast.unparse(node)
    inside = ", ".join(f"{name}{_flat(value)}" for name, value in _items(node))
    alone = isinstance(node, ast.Tuple) and len(node.elts) == 1
    return f"{opening}{inside}{',' if alone else ''}{closing}"


def _constant(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    text = repr(value)
    if isinstance(value, float):
        return text.replace("e+", "e")
    if isinstance(value, bytes) and text.startswith("b'") and '"' not in text:
        return f'b"{text[2:-1]}"'
    return text


def _ends(node: ast.expr) -> tuple[str, str]:
    if isinstance(node, ast.List):
        return "[", "]"
    if isinstance(node, ast.Tuple):
        return "(", ")"
    if isinstance(node, ast.Dict | ast.Set):
        return "{", "}"
    if isinstance(node, ast.Call):
        return f"{_flat(node.func)}(", ")"
    return "", ""


def _items(node: ast.expr) -> Sequence[tuple[str, ast.expr]]:
    """What stands between the ends, each with what stands before it."""
    if isinstance(node, ast.Dict):
        return [(f"{_flat(k)}: ", v) for k, v in zip(node.keys, node.values, strict=True) if k]
    if isinstance(node, ast.Call):
        named = [(f"{keyword.arg}=", keyword.value) for keyword in node.keywords]
        return [*(("", value) for value in node.args), *named]
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [("", value) for value in node.elts]
    return []
