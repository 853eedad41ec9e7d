"""The ``@router.node(…)`` line of a node that was declared in a ``%%emit_node`` cell."""

from __future__ import annotations

import ast
import re
from argparse import Namespace
from collections.abc import Sequence

from emitnb.cells.node_line import field_pairs, predicate_text
from emitnb.export.imports import WIDTH
from emitnb.export.literals import literal, text_literal
from emitnb.graph import Graph
from emitnb.node import Node
from emitnb.subscription import Subscription, is_name


def decorator(router: str, node: Node, line: Namespace, function: str) -> str:
    """Return the decorator of a node.

    Types and the predicate are taken from the ``line`` of the cell, as they were written; all
    else is as the node is now: routes and its name may have been changed since.

    Parameters
    ----------
    router : the name of the router in the module
    node : the node as it is now
    line : the line of its cell; see :func:`emitnb.cells.node_line.parse_node_line`
    function : the name of its function in the module
    """
    arguments = [_fields(line.fields), *_routes(node)]
    if node.name != function:
        arguments.append(f"name={text_literal(node.name)}")
    if node.key:
        arguments.append(f"key={_one_or_all([text_literal(name) for name in node.key])}")
    if line.when is not None:
        arguments.append(f"when=lambda msg: {predicate_text(line.when)}")
    arguments += _amounts(node)
    whole = f"@{router}.node({', '.join(arguments)})"
    if len(whole) <= WIDTH:
        return whole
    return "\n".join([f"@{router}.node(", *(f"    {one}," for one in arguments), ")"])


def names_in(line: Namespace) -> tuple[list[str], str]:
    """Return the texts of the types that a line declares, and of its predicate ("" if none)."""
    kinds = [_type_text(kind) for _, kind in field_pairs(line.fields) if kind is not None]
    return kinds, "" if line.when is None else predicate_text(line.when)


def needs_any(line: Namespace) -> bool:
    """Whether some fields have types and others do not."""
    kinds = [kind for _, kind in field_pairs(line.fields)]
    return None in kinds and kinds != [None] * len(kinds)


def _fields(texts: list[str]) -> str:
    pairs = field_pairs(texts)
    if all(kind is None for _, kind in pairs):
        return _one_or_all([text_literal(name) for name, _ in pairs])
    inner = ", ".join(f"{text_literal(name)}: {_type_text(kind or 'Any')}" for name, kind in pairs)
    return "{" + inner + "}"


def _type_text(kind: str) -> str:
    """The text of a type; one in quotes, as ``n:"int | None"``, without them."""
    tree = ast.parse(kind, mode="eval").body
    is_quoted = isinstance(tree, ast.Constant) and isinstance(tree.value, str)
    return str(ast.literal_eval(kind)) if is_quoted else kind


def _routes(node: Node) -> list[str]:
    found = []
    if node.subscriptions:
        found.append(f"subscribe_to={_patterns(node.subscriptions)}")
    if node.entry_point:
        found.append("entry_point=True")
    if node.ignores:
        found.append(f"ignore={_patterns(node.ignores)}")
    return found


def _amounts(node: Node) -> list[str]:
    place = node.placement
    found = {
        "batch": node.batch,
        "retries": node.retries,
        "backoff": node.backoff,
        "timeout": node.timeout or 0,
        "resources": dict(place.resources),
        "workers": list(place.workers),
        "priority": place.priority,
        "allow_shared": node.allow_shared,
    }
    return [f"{name}={literal(value)}" for name, value in found.items() if value]


def _patterns(wanted: Sequence[Subscription]) -> str:
    texts = [pattern_text(one) for one in wanted]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def pattern_text(wanted: Subscription) -> str:
    r"""Return a name or pattern as Python text that means the same.

    >>> pattern_text(Subscription("words")), pattern_text(Subscription("a", re.compile("a")))
    ('"words"', '"/a/"')
    """
    text = wanted.text
    bare = text.removesuffix("!")
    if not wanted.is_name and (is_name(bare) or (len(text) > 2 and text[0] == text[-1] == "/")):
        text = f"/{text}/"
    if "\\" in text and '"' not in text and not text.endswith("\\"):
        return f'r"{text}"'
    return text_literal(text)


def _one_or_all(texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return f"({', '.join(texts)})"


def in_order(graph: Graph) -> list[str]:
    """Return the names of the nodes in topological order, as results are."""
    return [name for part in graph.order for name in part.members]


def renamed_function(text: str, old: str, new: str) -> str:
    """Return the text of a function or class under another name."""
    head = re.compile(rf"^((?:async\s+)?(?:def|class)\s+){re.escape(old)}\b", re.MULTILINE)
    return head.sub(rf"\g<1>{new}", text, count=1)
