"""What the words of a ``%%emit_node`` line mean: fields and types, a predicate."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from emitnb.cells.node_line import field_pairs, predicate_text
from emitnb.errors import DeclarationError


def fields(texts: list[str], namespace: dict[str, Any]) -> tuple[str, ...] | dict[str, Any]:
    """Return the fields that ``name`` or ``name:type`` declare; types are read in ``namespace``.

    >>> fields(["word,", "count:int"], {})
    {'word': typing.Any, 'count': <class 'int'>}
    """
    pairs = field_pairs(texts)
    names = tuple(name for name, _ in pairs)
    if len(set(names)) < len(names) or all(kind is None for _, kind in pairs):
        return names
    return {name: Any if kind is None else _type(name, kind, namespace) for name, kind in pairs}


class Predicate:
    """The expression of ``--when``, in quotes or as several words.

    Its syntax is checked at once, its names when it is made.
    """

    def __init__(self, words: list[str]) -> None:
        self.text = predicate_text(words)
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
