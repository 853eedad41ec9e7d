"""What a node changes of the variables it captured, and where."""

from __future__ import annotations

import builtins
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emitnb.backends.pickling import is_cached_function
from emitnb.backends.preflight.captured import (
    ARGUMENT,
    ATTRIBUTE,
    CLOSURE,
    DEFAULT,
    GLOBAL,
    Captured,
    Place,
    closure_of,
    defaults_of,
    is_library,
    of_class,
    owner_of,
    peeled,
    target_of,
)
from emitnb.backends.preflight.reached import (
    BUILTIN,
    FIRST_ARGUMENT,
    HANDING_OUT,
    PASSING_ON,
    UNKNOWN,
    Inner,
    Ref,
    Root,
    is_changed_by,
    is_iterator,
)
from emitnb.backends.preflight.stepping import Call, Pass
from emitnb.node import Node


@dataclass(frozen=True)
class Change:
    """A line that changes a captured variable; ``how``, for instance ``seen.append(...)``.

    ``place`` is the code that the line is in, ``value`` what the variable holds now, if known.
    """

    kind: str
    name: str
    how: str
    line: int | None
    place: Place = field(compare=False)
    value: Any = field(compare=False)


def changes(node: Node, captured: Captured) -> tuple[Change, ...]:
    """Return what a node, and all functions of the user's it can reach, change."""
    search = _Search(captured)
    for called, given in ((node.function, 1 + (node.new_state is not None)), (node.when, 1)):
        search.start(called, given)
    for function in captured.functions:
        search.look_at(function, {})
    return tuple(search.found.values())


class _Search:
    """Follows calls, and keeps what the passes over the functions tell."""

    def __init__(self, captured: Captured) -> None:
        self.found: dict[Change, Change] = {}
        self._captured = captured
        self._seen: set[Any] = set()

    def start(self, called: Any, given: int) -> None:
        """Look at what emitnb calls with a message, or with a message and a state."""
        function, arguments = peeled(called)
        target = target_of(function)
        if not self._is_followed(target):
            return
        known = {name: _ref(ARGUMENT, name, value) for name, value in arguments.items()}
        names = list(target.__code__.co_varnames[: target.__code__.co_argcount])
        owner = owner_of(function)
        if owner is not None and names:
            known[names[0]] = _ref(ATTRIBUTE, "self", owner)
        unbound = [name for name in names if name not in known]
        self.look_at(target, dict.fromkeys(unbound[:given]) | known, True)

    def look_at(
        self, function: types.FunctionType, bound: Mapping[str, Any], is_called: bool = False
    ) -> None:
        """Go through a function whose parameters are ``bound`` to what is known.

        If it ``is_called``, the parameters that are not bound have their default values.
        """
        code = function.__code__
        outer = {name: Root(CLOSURE, name, value) for name, value in closure_of(function).items()}
        local: dict[str, Any] = {name: Ref(root, name, root.value) for name, root in outer.items()}
        if is_called:
            local |= {n: _ref(DEFAULT, n, value) for n, value in defaults_of(function).items()}
        local |= bound
        if self._is_new(id(function), local):
            missing = {name: Root(CLOSURE, name, UNKNOWN) for name in code.co_freevars}
            Pass(code, function.__globals__, local, missing | outer, self).run()

    def on_call(self, call: Call, within: Pass) -> Any:
        """See :class:`~emitnb.backends.preflight.stepping.Watcher`."""
        callee = call.callee
        if isinstance(callee, Inner):
            names = callee.code.co_varnames[: callee.code.co_argcount]
            arguments = dict(zip(names, call.arguments, strict=False))
            inner = within.inner(callee.code, arguments)
            if self._is_new(id(callee.code), inner.local):
                inner.run()
            return None
        if not isinstance(callee, Ref):
            return None
        function = _function_of(callee, within.code)
        if self._is_followed(function):
            self._follow(call, callee, function)
            return None
        self._library_call(call, callee, within)
        return _result(call, callee, within)

    def on_change(self, thing: Ref, how: str, line: int | None, within: Pass) -> None:
        """See :class:`~emitnb.backends.preflight.stepping.Watcher`."""
        if not thing.root.is_ours:
            return
        kind, name = thing.variable
        place = Place(within.code, within.namespace)
        change = Change(kind, name, how, line, place, thing.variable_value)
        self.found.setdefault(change, change)

    def find_global(self, name: str, namespace: Mapping[str, Any]) -> Ref | None:
        """See :class:`~emitnb.backends.preflight.stepping.Watcher`."""
        if name in namespace:
            return _ref(GLOBAL, name, namespace[name])
        if hasattr(builtins, name):
            return _ref(BUILTIN, name, getattr(builtins, name))
        return None

    def _library_call(self, call: Call, callee: Ref, within: Pass) -> None:
        """Take note of a call that changes an object, by what its name says."""

        def changed(thing: Ref, arguments: str) -> None:
            self.on_change(thing, f"{callee.text}({arguments})", call.line, within)

        thing = callee.owner
        if thing is not None:
            if is_changed_by(thing, callee.attribute, call.result_is_dropped):
                changed(thing, "...")
            elif "inplace" in call.named:
                changed(thing, "..., inplace=…")
        elif issubclass(type(callee.value), types.BuiltinMethodType):
            bound = Ref(callee.root, callee.text, callee.value.__self__)
            if is_changed_by(bound, callee.value.__name__, call.result_is_dropped):
                changed(callee, "...")
        out = call.named.get("out")
        if isinstance(out, Ref):
            changed(out, f"..., out={out.text}")
        first = call.arguments[0] if call.arguments else None
        if isinstance(first, Ref) and _changes_its_argument(callee, first):
            changed(first, first.text if len(call.arguments) == 1 else f"{first.text}, ...")

    def _follow(self, call: Call, callee: Ref, function: types.FunctionType) -> None:
        """Look at a function of the user's with the arguments it is given."""
        code = function.__code__
        positional = code.co_varnames[: code.co_argcount]
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        bound = dict(zip(positional, (*_own_argument(callee), *call.arguments), strict=False))
        bound |= {name: value for name, value in call.named.items() if name in names}
        self.look_at(function, bound, call.is_whole)

    def _is_followed(self, function: Any) -> bool:
        return (
            issubclass(type(function), types.FunctionType)
            and self._captured.follows(function)
            and not is_library(function.__code__.co_filename)
        )

    def _is_new(self, which: int, local: Mapping[str, Any]) -> bool:
        known = frozenset(
            (name, ref.root.kind, ref.root.name, ref.part)
            for name, ref in local.items()
            if isinstance(ref, Ref)
        )
        if (which, known) in self._seen:
            return False
        self._seen.add((which, known))
        return True


def _ref(kind: str, name: str, value: Any) -> Ref:
    return Ref(Root(kind, name, value), name, value)


def _function_of(callee: Ref, within: types.CodeType) -> Any:
    """What runs when something is called, as far as that is known."""
    value = callee.value
    if callee.above and callee.owner is not None:
        value = _inherited(type(callee.owner.value), callee.attribute, within)
    if is_cached_function(value):
        value = value.__wrapped__
    what = type(value)
    if issubclass(what, staticmethod | classmethod | types.MethodType):
        return value.__func__
    if issubclass(what, type):
        return of_class(value, "__init__")
    if value is UNKNOWN or issubclass(what, types.FunctionType | types.BuiltinFunctionType):
        return value
    return of_class(what, "__call__")


def _inherited(kind: type, name: str, within: types.CodeType) -> Any:
    """What ``super()`` finds under a name, from a method with the code ``within``."""
    homes = [vars(base) for base in kind.__mro__]
    for position, home in enumerate(homes):
        methods = (one for one in home.values() if type(one) is types.FunctionType)
        if any(method.__code__ is within for method in methods):
            return next((later[name] for later in homes[position + 1 :] if name in later), UNKNOWN)
    return UNKNOWN


def _own_argument(callee: Ref) -> tuple[Any, ...]:
    """What a function is given before its arguments: the object a method belongs to."""
    value, owner = callee.value, callee.owner
    what = type(value)
    if issubclass(what, types.MethodType):
        return (Ref(callee.root, callee.text, value.__self__, part=callee.part),)
    if issubclass(what, type):
        return (None,)
    if issubclass(what, staticmethod):
        return ()
    if issubclass(what, classmethod):
        return (owner,)
    if issubclass(what, types.FunctionType) or is_cached_function(value):
        is_method = owner is not None and (
            callee.above or of_class(type(owner.value), callee.attribute) is value
        )
        return (owner,) if is_method else ()
    return (callee,)


def _changes_its_argument(callee: Ref, first: Ref) -> bool:
    named = types.FunctionType | types.BuiltinFunctionType | type
    is_named = issubclass(type(callee.value), named)
    name = callee.value.__name__ if is_named else callee.attribute
    if name == "next":
        return callee.root.kind == BUILTIN and is_iterator(first)
    return name in FIRST_ARGUMENT


def _result(call: Call, callee: Ref, within: Pass) -> Any:
    """What is known of the result of a library's function."""
    first = next((one for one in call.arguments if isinstance(one, Ref)), None)
    if callee.owner is not None:
        return _handed_out(callee.owner, callee.attribute)
    if callee.root.kind != BUILTIN:
        return None
    name = callee.root.name
    if name == "super":
        own = within.local.get(next(iter(within.code.co_varnames), ""))
        return own.of_super() if isinstance(own, Ref) else None
    if name == "globals":
        return _ref(GLOBAL, "globals()", within.namespace)
    if first is None:
        return None
    if name == "type":
        return first.attr("__class__")
    if name == "next":
        return first.item()
    return Ref(first.root, first.text, part=first.part) if name in PASSING_ON else None


def _handed_out(thing: Ref, method: str) -> Ref | None:
    if method == "values":
        return thing
    if method == "items":
        return Ref(thing.root, thing.text, part=thing.part)
    return thing.item() if method in HANDING_OUT else None
