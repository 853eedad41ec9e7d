"""Tab in the magics of emitnb: names of nodes and of backends where they are asked for, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from IPython.core import completer
from IPython.core.completer import CompletionContext, SimpleCompletion
from IPython.core.magic_arguments import argument

from emitnb.message import node_of, port_of
from emitnb.router import Router

NODE_NAMES = ("NODE", "P", "A")
"""How magics call an argument that is the name of a node."""

CHOICES = {"BACKEND": ("memory", "dask")}
"""What there is to choose from, by how magics call the argument."""

_LINE = re.compile(r"\s*(?:[\w., ]+=\s*)?%(?P<cell>%?)(?P<name>emit\w*)\s(?P<rest>.*)", re.DOTALL)
_WORD = re.compile(r"[^\s,]*$")

Matcher = Callable[[CompletionContext], dict[str, Any]]


def matcher(magic: Callable[[str, str], Any], router: Callable[[], Router | None]) -> Matcher:
    """Return a completer for IPython. ``magic`` finds a magic by name and kind."""

    def complete(context: CompletionContext) -> dict[str, Any]:
        typed = _WORD.search(context.text_until_cursor)
        fragment = typed[0] if typed else ""
        offered = [
            SimpleCompletion(text=text, type="emitnb")
            for text in _offers(context, fragment, magic, router())
            if text.startswith(fragment)
        ]
        return {
            "completions": offered,
            "matched_fragment": fragment,
            "suppress": bool(offered),
            "ordered": True,
        }

    mark: Any = completer.context_matcher(identifier="emitnb")
    return cast(Matcher, mark(complete))


def _offers(
    context: CompletionContext,
    fragment: str,
    magic: Callable[[str, str], Any],
    router: Router | None,
) -> Sequence[str]:
    nodes = _names(router, fragment) if router else []
    line = _LINE.fullmatch(context.text_until_cursor)
    if line is None:
        in_routes = context.cursor_line and context.full_text.lstrip().startswith("%%emit_route")
        return nodes if in_routes else ()
    arguments = _arguments(magic(line["name"], "cell" if line["cell"] else "line"))
    if fragment.startswith("-"):
        return [flag for flags, _ in arguments for flag in flags if flag.startswith("--")]
    before = line["rest"].removesuffix(fragment).replace(",", " ").split()
    if before and before[-1] == "->":
        return nodes
    wanted = _wanted(arguments, before)
    return nodes if wanted in NODE_NAMES else CHOICES.get(wanted, ())


Arguments = list[tuple[tuple[str, ...], dict[str, Any]]]


def _arguments(magic: Any) -> Arguments:
    """The arguments of a magic in the order in which they were declared."""
    declared = getattr(magic, "decorators", [])[::-1]
    return [(one.args, one.kwds) for one in declared if isinstance(one, argument)]


def _wanted(arguments: Arguments, before: list[str]) -> str:
    """How the magic calls what the word after ``before`` is to be; empty if it says nothing."""
    options = [n for n, word in enumerate(before) if word.startswith("--")]
    if options:
        last = options[-1]
        taken = len(before) - 1 - last
        for flags, details in arguments:
            if before[last] in flags and "metavar" in details:
                many = details.get("nargs") == "+"
                if many or not taken:
                    return str(details["metavar"])
    positional = [word for word in before if not word.startswith("--")]
    first = next((details for flags, details in arguments if flags[0][0] != "-"), {})
    return "" if positional else str(first.get("metavar", ""))


def _names(router: Router, fragment: str) -> list[str]:
    """Names of nodes, and the short forms of those that have a module.

    Their ports are offered where a whole name stands: else there would be two of each.
    """
    names = list(dict.fromkeys(_each_name(router)))
    return names + [port_of(name) for name in names if name == node_of(fragment)]


def _each_name(router: Router) -> Iterator[str]:
    for name, node in router.nodes.items():
        yield name
        yield node.short_name
