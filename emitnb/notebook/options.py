"""What the words of a ``%%emit_node`` line mean: fields and types, names, amounts, a predicate."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from typing import Any

from emitnb.errors import DeclarationError
from emitnb.notebook.line import unquoted


def fields(texts: Sequence[str], namespace: dict[str, Any]) -> tuple[str, ...] | dict[str, Any]:
    """Return the fields that ``name`` or ``name:type`` declare; types are read in ``namespace``.

    >>> fields(["word,", "count:int"], {})
    {'word': typing.Any, 'count': <class 'int'>}
    """
    pairs = [
        (name.strip(), kind.strip() if colon else None)
        for text in texts
        for name, colon, kind in (part.partition(":") for part in _parts(text))
    ]
    names = tuple(name for name, _ in pairs)
    if len(set(names)) < len(names) or all(kind is None for _, kind in pairs):
        return names
    return {name: Any if kind is None else _type(name, kind, namespace) for name, kind in pairs}


def names(texts: Sequence[str] | None) -> list[str]:
    """Return names that stand with blanks or commas between them; patterns stay whole.

    >>> names(["word,lang", "/a{1,2}/"])
    ['word', 'lang', '/a{1,2}/']
    """
    found = [[text] if text.startswith("/") else _parts(text) for text in texts or []]
    return [name.strip() for some in found for name in some]


def amounts(texts: Sequence[str] | None) -> dict[str, float]:
    """Return what ``GPU=1 MEMORY=2e9`` asks for.

    >>> amounts(["GPU=1,MEMORY=2e9"])
    {'GPU': 1.0, 'MEMORY': 2000000000.0}
    """
    pairs = [text.partition("=") for text in names(texts)]
    try:
        found = {name.strip(): float(number) for name, _, number in pairs}
    except ValueError:
        found = {"": 0.0}
    if "" in found:
        raise DeclarationError(
            f"%%emit_node: --resources {' '.join(texts or ())} does not say how much of what; "
            "write NAME=NUMBER, for example --resources GPU=1"
        )
    return found


class Predicate:
    """The expression of ``--when``, in quotes or as several words.

    Its syntax is checked at once, its names when it is made.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.text = (unquoted(words[0]) if len(words) == 1 else " ".join(words)).strip()
        try:
            self.tree = ast.parse(self.text, mode="eval")
        except SyntaxError as error:
            raise self._problem(f"is not a Python expression ({error.msg})") from None

    def function(self, namespace: dict[str, Any], file: str) -> Callable[[Any], Any]:
        """Return it as a function of ``msg`` that sees ``namespace`` and has the text as name."""
        known = {"msg", *namespace, *vars(builtins)}
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        known |= {node.id for node in found if not isinstance(node.ctx, ast.Load)}
        for node in found:
            if node.id not in known:
                raise self._problem(
                    f"reads `{node.id}`, which is not defined; a field is `msg.{node.id}`"
                )
        taking_msg = ast.arguments([], [ast.arg("msg")], None, [], [], None, [])
        whole = ast.Expression(ast.Lambda(taking_msg, self.tree.body))
        code = compile(ast.fix_missing_locations(whole), file, "eval")
        predicate: Callable[[Any], Any] = eval(code, namespace)
        predicate.__name__ = self.text
        return predicate

    def _problem(self, what: str) -> DeclarationError:
        return DeclarationError(
            f'%%emit_node: --when "{self.text}" {what}. '
            'Write an expression of `msg`, for example --when "msg.count > 3"'
        )


def _type(field: str, text: str, namespace: dict[str, Any]) -> Any:
    try:
        kind = eval(text, namespace)
        return eval(kind, namespace) if isinstance(kind, str) else kind
    except Exception as error:
        raise DeclarationError(
            f"%%emit_node: the type of field `{field}` cannot be read from {text!r}: {error}. "
            "Write a type such as int or list[str]; import it in the cell or before"
        ) from None


def _parts(text: str) -> list[str]:
    """Cut at commas outside of brackets; empty parts fall away."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]
