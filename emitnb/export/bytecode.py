"""Whether two functions do the same: their instructions are compared, not the bytes."""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Any


def same_code(one: types.CodeType, two: types.CodeType) -> bool:
    """Whether two pieces of code do the same; where they stand does not matter."""
    if (one.co_varnames, one.co_freevars) != (two.co_varnames, two.co_freevars):
        return False
    steps = list(_steps(one)), list(_steps(two))
    return len(steps[0]) == len(steps[1]) and all(map(_same_step, *steps))


def _steps(code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """Yield what code does.

    A method of a module that the same file imports is called by other instructions than one of a
    module that was imported before: the compiler knows more. Both count as one.
    """
    found = [one for one in dis.get_instructions(code) if one.opname not in _NO_STEPS]
    # A class body says at which line it stands.
    lines = {n - 1 for n, one in enumerate(found) if one.argval == "__firstlineno__"}
    found = [one for number, one in enumerate(found) if number not in lines]
    places = {one.offset: number for number, one in enumerate(found)}
    for one in found:
        is_jump = one.opcode in dis.hasjrel or one.opcode in dis.hasjabs
        name = "LOAD_ATTR" if one.opname == "LOAD_METHOD" else one.opname
        argument = places.get(one.argval, one.argval) if is_jump else one.argval
        yield name, argument


_NO_STEPS = {"CACHE", "PUSH_NULL", "PRECALL", "NOP", "RESUME", "EXTENDED_ARG", "COPY_FREE_VARS"}


def _same_step(one: tuple[str, Any], two: tuple[str, Any]) -> bool:
    return one[0] == two[0] and _same_constant(one[1], two[1])


def globals_read(code: types.CodeType) -> set[str]:
    """Return the names that code looks up in its module, nested functions included."""
    steps = [*dis.get_instructions(code), None]
    found = {
        step.argval
        for step, after in pairwise(steps)
        if step is not None
        and step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF")
        # A class body begins with `__module__ = __name__`.
        and not (step.argval == "__name__" and getattr(after, "argval", "") == "__module__")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= globals_read(constant)
    return found


def _same_constant(one: Any, two: Any) -> bool:
    if isinstance(one, types.CodeType) and isinstance(two, types.CodeType):
        return same_code(one, two)
    return repr(_sorted(one)) == repr(_sorted(two))


def _sorted(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
