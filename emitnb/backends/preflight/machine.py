"""The machine that code runs on, as far as that is known before it runs.

From top to bottom, once, with the stack and the locals; what is not known is None. Code behind a
jump goes on with what was known at the jump. An exception handler begins with an empty stack, and
taking from an empty stack gives None. An instruction without a method of its own loses what it
touches, by the number that ``dis.stack_effect`` gives; so a new version of Python can make findings
fewer, never wrong.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Mapping
from typing import Any

from emitnb.backends.preflight.reached import names

_END = names(
    "RETURN_VALUE RETURN_CONST RAISE_VARARGS RERAISE JUMP_FORWARD JUMP_BACKWARD "
    "JUMP_BACKWARD_NO_INTERRUPT"
)
"""Nothing falls through from these to the next instruction."""

_ONLY_POP = ("POP_", "END_", "JUMP_IF_", "LIST_APPEND", "SET_ADD", "MAP_ADD", "RETURN_", "RAISE_")
_NOTHING = names(
    "RESUME NOP CACHE PRECALL MAKE_CELL COPY_FREE_VARS SETUP_ANNOTATIONS EXTENDED_ARG "
    "JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT GEN_START NOT_TAKEN"
)


class Machine:
    """Goes through ``code``. A subclass has a method ``_on_…`` for each instruction it knows."""

    def __init__(self, code: types.CodeType, local: Mapping[str, Any]) -> None:
        self.code = code
        self.local = dict(local)
        self._stack: list[Any] = []
        self._next = ""

    def run(self) -> None:
        """Go through the code."""
        steps = list(dis.get_instructions(self.code))
        waiting: dict[int, tuple[list[Any], dict[str, Any]]] = {}
        falls_through = True
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            if not falls_through:
                self._stack = []
            if step.offset in waiting:
                self._join(*waiting.pop(step.offset), falls_through)
            self._next = after.opname if after is not None else ""
            before = list(self._stack)
            self._take(step)
            if step.opcode in _JUMPS and step.argval > step.offset:
                stack = _shifted(before, dis.stack_effect(step.opcode, step.arg, jump=True))
                waiting.setdefault(step.argval, (stack, dict(self.local)))
            falls_through = step.opname not in _END

    def _take(self, step: dis.Instruction) -> None:
        method = getattr(self, f"_on_{step.opname.lower()}", None)
        if method is not None:
            method(step)
        elif step.opname not in _NOTHING:
            self._other(step)

    def _other(self, step: dis.Instruction) -> None:
        effect = dis.stack_effect(step.opcode, step.arg, jump=False)
        self._stack = _shifted(self._stack, effect)
        if effect <= 0 and self._stack and not step.opname.startswith(_ONLY_POP):
            self._stack[-1] = None

    def _join(self, stack: list[Any], local: dict[str, Any], falls_through: bool) -> None:
        if not falls_through:
            self._stack, self.local = stack, local
            return
        if len(stack) == len(self._stack):
            pairs = zip(self._stack, stack, strict=True)
            self._stack = [b if a is None else a for a, b in pairs]
        for name, value in local.items():
            if self.local.get(name) is None:
                self.local[name] = value

    def _pop(self, count: int) -> list[Any]:
        """Take the uppermost ``count``, the lowest of them first."""
        taken = [self._stack.pop() if self._stack else None for _ in range(count)]
        return taken[::-1]

    def _push(self, *values: Any) -> None:
        self._stack.extend(values)


_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])


def _shifted(stack: list[Any], effect: int) -> list[Any]:
    if effect < 0:
        return stack[:effect]
    return [*stack, *[None] * effect]
