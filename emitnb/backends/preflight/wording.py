"""What a preflight says: what is wrong, with which variable, and the form that would be right."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from emitnb.backends.preflight.captured import ARGUMENT, CLOSURE, DEFAULT, GLOBAL, owner_of, peeled
from emitnb.backends.preflight.findings import LARGE, Found, Variable
from emitnb.fields import fields_read
from emitnb.node import Node
from emitnb.text import listed, size_text

MOST_NAMED = 6
"""Small variables that a note names."""

_KINDS = {
    GLOBAL: "the global",
    CLOSURE: "the variable of the function around it,",
    DEFAULT: "the default value of its parameter",
    ARGUMENT: "the argument of its functools.partial,",
}


def cannot_be_sent(node: Node, found: Found) -> str:
    """Say that a variable cannot be pickled, and what to do instead."""
    variable = found.variable
    described = ", ".join(text for text in (variable.kind, variable.cell) if text)
    return (
        f"{node.name} cannot run on a cluster: {_named(found)} ({described}) cannot be sent: "
        f"{variable.problem}. {_instead(node, variable)}"
    )


def cannot_be_pickled(node: Node, error: BaseException) -> str:
    """Say that the node as a whole cannot be pickled, where no variable is the culprit."""
    return (
        f"{node.name} cannot run on a cluster, because it cannot be pickled: {reason(error)}. "
        "Put what it needs into a module that the workers can import, or run it in memory "
        "(%emit_backend memory)"
    )


def would_be_wrong(node: Node, found: Found) -> str:
    """Say that each worker would change a copy of its own, and the form that would be right."""
    variable = found.variable
    place = f" ({variable.cell})" if found.kind == GLOBAL and variable.cell else ""
    return (
        f"{node.name} changes {_named(found)}{place}: {variable.change}. Each worker would change "
        f"its own copy, and the result would silently be wrong. {_with_state(node)}; or say "
        "allow_shared=True (--allow-shared) if that is meant"
    )


def is_shared(found: Found) -> str:
    """Say that each worker changes a copy of its own."""
    return f"changes `{found.variable.name}` in each worker's own copy: {found.variable.change}"


def taken_along(variables: Sequence[Variable]) -> Iterator[str]:
    """Say what travels, with sizes: what is large in a line of its own."""
    sent = [(one, one.size) for one in variables if one.size is not None]
    for one, size in sent:
        if size >= LARGE:
            yield f"takes `{one.name}` along: {size_text(size)}, sent once to each worker"
    small = [f"`{one.name}` ({size_text(size)})" for one, size in sent if size < LARGE]
    if small:
        yield f"takes along {listed(small, MOST_NAMED)}"


def reason(error: BaseException) -> str:
    """Return what an exception says; never raises, whatever its class does."""
    try:
        text = str(error).rstrip(". ")
    except Exception:
        text = ""
    name = type(error).__name__
    if name in ("TypeError", "PicklingError") and text:
        return text
    return f"{name}: {text}" if text else name


def _named(found: Found) -> str:
    name = found.variable.name
    if name.startswith("self."):
        return f"its attribute {name}"
    return f"{_KINDS.get(found.kind, 'the attribute')} {name}" if name != "self" else "its object"


def _instead(node: Node, variable: Variable) -> str:
    if variable.kind in ("TextIOWrapper", "BufferedReader", "BufferedWriter", "FileIO"):
        return "Open the file by its path inside the node"
    if variable.kind in ("generator", "async_generator", "coroutine"):
        return "Push its items instead, or make it inside the node"
    if variable.kind == "Router":
        return "A node knows its message and its state alone; emit what other nodes need"
    return (
        "Make it inside the node, or in a state annotated with a class of your own that can be "
        f"pickled: {_form(node, 'state: Store')}"
    )


def _with_state(node: Node) -> str:
    if node.new_state is not None:
        return "Keep it in the state that the node has"
    fields = sorted(fields_read(peeled(node.function)[0]))
    key = fields[0] if len(fields) == 1 else "FIELD"
    less = ", without --batch" if node.batch else ""
    return f"Keep it in a state{less}: %%emit_node … --key {key} and {_form(node, 'state')}"


def _form(node: Node, state: str) -> str:
    function, _ = peeled(node.function)
    owner = owner_of(function)
    if owner is None:
        start = "async def" if inspect.iscoroutinefunction(function) else "def"
        return f"{start} {node.short_name}(msg, {state}): …"
    return f"def __call__(self, msg, {state}): …"
