"""One pass over the bytecode of a function, keeping track of captured variables.

What is known on the stack and in the locals are captured variables and their parts. Names of
instructions differ between Python 3.11 and 3.13; each is known by those it has in any of them.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from emitnb.backends.preflight.captured import GLOBAL
from emitnb.backends.preflight.machine import Machine
from emitnb.backends.preflight.reached import (
    NULL,
    SLICE,
    Augmented,
    Constant,
    Inner,
    Ref,
    Root,
    is_changed_by_sign,
)


@dataclass(frozen=True)
class Call:
    """One call: positional arguments, named ones, and whether ``*`` or ``**`` hide more."""

    callee: Any
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    is_whole: bool
    line: int | None
    result_is_dropped: bool


class Watcher(Protocol):
    """What a pass tells."""

    def on_call(self, call: Call, within: Pass) -> Any:
        """Look at a call; return what is known of its result."""

    def on_change(self, thing: Ref, how: str, line: int | None, within: Pass) -> None:
        """Take note that a line changes something captured."""

    def find_global(self, name: str, namespace: Mapping[str, Any]) -> Ref | None:
        """Return what a global is bound to."""


class Pass(Machine):
    """One pass over ``code``. ``local`` holds what is known when it begins, by variable.

    ``outer`` are the variables of the functions around it that were captured with it.
    """

    def __init__(
        self,
        code: types.CodeType,
        namespace: dict[str, Any],
        local: Mapping[str, Any],
        outer: Mapping[str, Root],
        watcher: Watcher,
    ) -> None:
        super().__init__(code, local)
        self.namespace = namespace
        self.outer = outer
        self._watcher = watcher
        self._names: tuple[str, ...] = ()

    def run(self) -> None:
        """Go through the code, and through the functions that it makes."""
        super().run()
        for constant in self.code.co_consts:
            if isinstance(constant, types.CodeType):
                self.inner(constant, {}).run()

    def inner(self, code: types.CodeType, arguments: Mapping[str, Any]) -> Pass:
        """Return the pass over a function that this code makes."""
        free = {name: self.local.get(name) for name in code.co_freevars}
        outer = {name: root for name, root in self.outer.items() if name in code.co_freevars}
        return Pass(code, self.namespace, free | dict(arguments), outer, self._watcher)

    def _changed(self, thing: Any, form: str, step: dis.Instruction, value: Any = None) -> None:
        """Tell of ``form``, in which ``{}`` stands for the thing and ``=`` for how it is set."""
        if isinstance(thing, Ref):
            sign = value.sign if isinstance(value, Augmented) else "="
            how = form.replace("=", sign).replace("{}", thing.text)
            self._watcher.on_change(thing, how, _line(step), self)

    # -- variables

    def _on_load_const(self, step: dis.Instruction) -> None:
        is_slice = isinstance(step.argval, slice)
        self._push(SLICE if is_slice else Constant(step.argval))

    def _on_load_fast(self, step: dis.Instruction) -> None:
        self._push(*(self.local.get(name) for name in _names(step)))

    _on_load_fast_check = _on_load_fast_borrow = _on_load_fast_load_fast = _on_load_fast
    _on_load_fast_borrow_load_fast_borrow = _on_load_deref = _on_load_fast

    def _on_load_fast_and_clear(self, step: dis.Instruction) -> None:
        self._push(self.local.pop(step.argval, None))

    def _on_store_fast(self, step: dis.Instruction) -> None:
        for name in _names(step):
            self._store(name)

    _on_store_fast_store_fast = _on_store_fast

    def _on_store_fast_load_fast(self, step: dis.Instruction) -> None:
        stored, loaded = step.argval
        self._store(stored)
        self._push(self.local.get(loaded))

    def _store(self, name: str) -> None:
        (value,) = self._pop(1)
        self.local[name] = value.of if isinstance(value, Augmented) else value

    def _on_delete_fast(self, step: dis.Instruction) -> None:
        self.local.pop(step.argval, None)

    def _on_store_deref(self, step: dis.Instruction) -> None:
        root = self.outer.get(step.argval)
        if root is None:
            self._on_store_fast(step)
            return
        (value,) = self._pop(1)
        self._changed(Ref(root, root.name, root.value), "{} = …", step, value)

    def _on_delete_deref(self, step: dis.Instruction) -> None:
        root = self.outer.get(step.argval)
        if root is not None:
            self._changed(Ref(root, root.name, root.value), "del {}", step)

    def _on_load_global(self, step: dis.Instruction) -> None:
        found = self._watcher.find_global(step.argval, self.namespace)
        if step.arg is None or not step.arg & 1:
            self._push(found)
        elif sys.version_info >= (3, 13):
            self._push(found, NULL)
        else:
            self._push(NULL, found)

    def _on_store_global(self, step: dis.Instruction) -> None:
        (value,) = self._pop(1)
        self._changed(self._global(step.argval), "{} = …", step, value)

    def _on_delete_global(self, step: dis.Instruction) -> None:
        self._changed(self._global(step.argval), "del {}", step)

    def _global(self, name: str) -> Ref:
        return Ref(Root(GLOBAL, name, self.namespace.get(name)), name)

    # -- attributes and items

    def _on_load_attr(self, step: dis.Instruction) -> None:
        (thing,) = self._pop(1)
        self._push(thing.attr(step.argval) if isinstance(thing, Ref) else None)
        if sys.version_info >= (3, 12) and step.arg is not None and step.arg & 1:
            self._push(NULL)

    def _on_load_method(self, step: dis.Instruction) -> None:
        (thing,) = self._pop(1)
        self._push(thing.attr(step.argval) if isinstance(thing, Ref) else None, NULL)

    def _on_load_super_attr(self, step: dis.Instruction) -> None:
        _, _, thing = self._pop(3)
        self._push(thing.of_super().attr(step.argval) if isinstance(thing, Ref) else None)
        if step.arg is not None and step.arg & 1:
            self._push(NULL)

    def _on_store_attr(self, step: dis.Instruction) -> None:
        value, thing = self._pop(2)
        target = thing.attr(step.argval) if isinstance(thing, Ref) else None
        self._changed(target, "{} = …", step, value)

    def _on_delete_attr(self, step: dis.Instruction) -> None:
        (thing,) = self._pop(1)
        target = thing.attr(step.argval) if isinstance(thing, Ref) else None
        self._changed(target, "del {}", step)

    def _on_binary_subscr(self, step: dis.Instruction) -> None:
        thing, key = self._pop(2)
        self._push(thing.item() if isinstance(thing, Ref) and key is not SLICE else None)

    def _on_store_subscr(self, step: dis.Instruction) -> None:
        value, thing, _ = self._pop(3)
        self._changed(thing, "{}[...] = …", step, value)

    def _on_store_slice(self, step: dis.Instruction) -> None:
        value, thing, _, _ = self._pop(4)
        self._changed(thing, "{}[...] = …", step, value)

    def _on_delete_subscr(self, step: dis.Instruction) -> None:
        thing, _ = self._pop(2)
        self._changed(thing, "del {}[...]", step)

    def _on_build_slice(self, step: dis.Instruction) -> None:
        self._pop(step.arg or 2)
        self._push(SLICE)

    def _on_binary_op(self, step: dis.Instruction) -> None:
        if step.argrepr == "[]":
            self._on_binary_subscr(step)
            return
        left, _ = self._pop(2)
        if not step.argrepr.endswith("="):
            self._push(None)
            return
        same = left if isinstance(left, Ref) and is_changed_by_sign(left) else None
        self._changed(same, "{} = …", step, Augmented(step.argrepr, None))
        self._push(Augmented(step.argrepr, same))

    # -- the stack and loops

    def _on_push_null(self, step: dis.Instruction) -> None:
        self._push(NULL)

    def _on_copy(self, step: dis.Instruction) -> None:
        self._push(self._stack[-(step.arg or 1)] if len(self._stack) >= (step.arg or 1) else None)

    def _on_swap(self, step: dis.Instruction) -> None:
        *between, last = self._pop(step.arg or 2)
        self._push(last, *between[1:], between[0])

    def _on_get_iter(self, step: dis.Instruction) -> None:
        (thing,) = self._pop(1)
        self._push(thing.item() if isinstance(thing, Ref) else None)

    def _on_for_iter(self, step: dis.Instruction) -> None:
        self._push(self._stack[-1] if self._stack else None)

    def _on_unpack_sequence(self, step: dis.Instruction) -> None:
        (thing,) = self._pop(1)
        self._push(*[thing.item() if isinstance(thing, Ref) else None] * (step.arg or 0))

    # -- functions and calls

    def _on_make_function(self, step: dis.Instruction) -> None:
        made = self._pop(1 - dis.stack_effect(step.opcode, step.arg))[-1]
        code = made.value if isinstance(made, Constant) else None
        self._push(Inner(code) if isinstance(code, types.CodeType) else None)

    def _on_set_function_attribute(self, step: dis.Instruction) -> None:
        _, function = self._pop(2)
        self._push(function)

    def _on_kw_names(self, step: dis.Instruction) -> None:
        self._names = self.code.co_consts[step.arg or 0]

    def _on_call(self, step: dis.Instruction) -> None:
        given, self._names = self._names, ()
        self._call(step, given)

    def _on_call_kw(self, step: dis.Instruction) -> None:
        (given,) = self._pop(1)
        self._call(step, given.value if isinstance(given, Constant) else ())

    def _call(self, step: dis.Instruction, keywords: tuple[str, ...]) -> None:
        function, own, *given = self._pop((step.arg or 0) + 2)
        if function is NULL:
            function = own
        elif own is not NULL:
            given = [own, *given]
        positional = given[: len(given) - len(keywords)]
        named = dict(zip(keywords, given[len(positional) :], strict=True))
        self._push(self._result(step, function, tuple(positional), named, True))

    def _on_call_function_ex(self, step: dis.Instruction) -> None:
        taken = self._pop(1 - dis.stack_effect(step.opcode, step.arg))
        function = next((one for one in taken[:2] if one is not NULL), None)
        self._push(self._result(step, function, (), {}, False))

    def _result(
        self,
        step: dis.Instruction,
        function: Any,
        arguments: tuple[Any, ...],
        named: Mapping[str, Any],
        is_whole: bool,
    ) -> Any:
        dropped = self._next == "POP_TOP"
        call = Call(function, arguments, named, is_whole, _line(step), dropped)
        return self._watcher.on_call(call, self)


def _names(step: dis.Instruction) -> tuple[str, ...]:
    """The variables of an instruction: some work on two at once."""
    return step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _line(step: dis.Instruction) -> int | None:
    return step.positions.lineno if step.positions is not None else None
