"""What travels to a cluster together with a node: the variables that its code captured.

The rules are those of cloudpickle, which pickles the node: functions and classes that a worker can
import travel as a name; those of a notebook travel as code, with the globals they read, their
closures and defaults, and whatever those need in turn.
"""

from __future__ import annotations

import dis
import functools
import sysconfig
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import EnumMeta
from pathlib import Path
from typing import Any

from emitnb.backends.pickling import by_value, is_cached_function
from emitnb.node import Node

GLOBAL = "global"
CLOSURE = "closure"
DEFAULT = "default"
ARGUMENT = "argument"
ATTRIBUTE = "attribute"

MOST_ITEMS = 100
"""Items of a container that are looked through for functions: a table of handlers is small."""


@dataclass(frozen=True, eq=False)
class Place:
    """Code, and the globals it runs in; enough to say where something stands."""

    code: types.CodeType | None
    namespace: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Capture:
    """One captured variable. ``travels`` says whether its value is sent along."""

    name: str
    kind: str
    value: Any
    place: Place
    travels: bool = True


class Captured:
    """The variables that a node captured, and the ``functions`` of the user's that it can reach."""

    def __init__(self, node: Node) -> None:
        self._captures: dict[tuple[str, str, int], Capture] = {}
        self._functions: dict[int, types.FunctionType] = {}
        self._seen: dict[int, Any] = {}
        self._modules: set[str] = set()
        self._root(node.function)
        self._root(node.when)
        for one in (node.new_state, node.record, *node.types.values()):
            self._take(one, "", "", Place(None, {}))

    @property
    def captures(self) -> tuple[Capture, ...]:
        """The variables, in the order in which they were found."""
        return tuple(self._captures.values())

    @property
    def functions(self) -> tuple[types.FunctionType, ...]:
        """The functions of the user's that can run with the node; no library code."""
        return tuple(self._functions.values())

    def follows(self, thing: Any) -> bool:
        """Whether a function or class is the user's and goes along, or is of the node's module."""
        return by_value(thing) or thing.__module__ in self._modules

    def _root(self, function: Callable[..., Any] | None) -> None:
        """Take in what emitnb calls: its own parts are named one by one."""
        function, arguments = peeled(function)
        if function is None:
            return
        code = code_of(function)
        place = Place(code, getattr(target_of(function), "__globals__", {}))
        if code is not None and not is_library(code.co_filename):
            module = getattr(target_of(function), "__module__", None)
            if isinstance(module, str) and module != "__main__":
                self._modules.add(module)
        for name, value in arguments.items():
            self._take(value, name, ARGUMENT, place)
        owner = owner_of(function)
        if owner is None:
            self._take(function, "", GLOBAL, place)
            return
        self._class(type(owner), place)
        attributes = attributes_of(owner)
        if _pickles_its_own_way(type(owner)):
            self._keep("self", ATTRIBUTE, owner, place)
        else:
            for name, value in attributes.items():
                self._take(value, f"self.{name}", ATTRIBUTE, place)

    def _take(self, value: Any, name: str, kind: str, place: Place, travels: bool = True) -> None:
        """Follow functions and classes; keep anything else as a variable."""
        parts = _parts(value)
        if parts is not None:
            for part in parts:
                self._take(part, name, kind, place, travels)
            return
        what = type(value)
        if issubclass(what, types.FunctionType):
            self._function(value)
            # What a library put around a function is one thing to the user, whatever is in it.
            if name and by_value(value) and is_library(value.__code__.co_filename):
                self._keep(name, kind, value, place, travels)
        elif issubclass(what, type) and not is_odd(value):
            self._class(value, place)
        elif name and not _is_known_everywhere(value):
            self._keep(name, kind, value, place, travels)

    def _keep(self, name: str, kind: str, value: Any, place: Place, travels: bool = True) -> None:
        if (kind, name, id(value)) in self._captures:
            return
        self._captures[kind, name, id(value)] = Capture(name, kind, value, place, travels)
        if is_odd(type(value)):
            return
        self._class(type(value), place)
        for item in _code_in(value):
            self._take(item, "", "", place)

    def _function(self, function: types.FunctionType) -> None:
        if id(function) in self._seen or not self.follows(function):
            return
        self._seen[id(function)] = function
        code, namespace = function.__code__, function.__globals__
        place, travels = Place(code, namespace), by_value(function)
        is_ours = not is_library(code.co_filename)
        if is_ours:
            self._functions[id(function)] = function
        names = {name: namespace[name] for name in global_names(code) if name in namespace}
        attributes = {f"{function.__name__}.{n}": value for n, value in vars(function).items()}
        parts = {
            GLOBAL: names,
            CLOSURE: closure_of(function),
            DEFAULT: defaults_of(function),
            ATTRIBUTE: attributes,
        }
        for kind, values in parts.items():
            for name, value in values.items():
                self._take(value, name if is_ours else "", kind, place, travels)

    def _class(self, kind: type, place: Place) -> None:
        if id(kind) in self._seen or not self.follows(kind) or issubclass(type(kind), EnumMeta):
            return
        self._seen[id(kind)] = kind
        methods = (one for one in vars(kind).values() if type(one) is types.FunctionType)
        place = next((Place(one.__code__, one.__globals__) for one in methods), place)
        for base in kind.__bases__:
            self._class(base, place)
        for name, value in vars(kind).items():
            what = type(value)
            if issubclass(what, types.FunctionType) or _parts(value) is not None:
                self._take(value, "", ATTRIBUTE, place)
            elif not (name.startswith("__") or name == "_abc_impl" or hasattr(what, "__get__")):
                self._take(value, f"{kind.__name__}.{name}", ATTRIBUTE, place, by_value(kind))


_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    type,
)


def peeled(function: Any) -> tuple[Any, dict[str, Any]]:
    """Return what a partial calls in the end, and the arguments it gives, by parameter.

    >>> peeled(functools.partial(pow, 2))
    (<built-in function pow>, {'argument 1': 2})
    """
    arguments: dict[str, Any] = {}
    while issubclass(type(function), functools.partial):
        code = code_of(peeled(function.func)[0])
        names = code.co_varnames[: code.co_argcount] if code is not None else ()
        for position, value in enumerate(function.args):
            named = names[position] if position < len(names) else f"argument {position + 1}"
            arguments.setdefault(named, value)
        arguments.update(function.keywords)
        function = function.func
    return function, arguments


def target_of(function: Any) -> Any:
    """Return the Python function that runs in the end: that of a method, a cache, an object."""
    if is_cached_function(function):
        return target_of(function.__wrapped__)
    if issubclass(type(function), types.MethodType):
        return target_of(function.__func__)
    if issubclass(type(function), _FUNCTIONS):
        return function
    return of_class(type(function), "__call__", function)


def code_of(function: Any) -> types.CodeType | None:
    """Return the code of what runs in the end; None where it is not Python."""
    target = target_of(function)
    return target.__code__ if issubclass(type(target), types.FunctionType) else None


def owner_of(function: Any) -> Any:
    """Return the object whose method or ``__call__`` a node is; None for a function."""
    if issubclass(type(function), types.MethodType):
        owner = function.__self__
        return None if issubclass(type(owner), type | types.ModuleType) else owner
    if issubclass(type(function), _FUNCTIONS) or is_cached_function(function):
        return None
    return function


def is_odd(kind: type) -> bool:
    """Whether asking a class for an attribute would run code of the user's."""
    return type(kind).__getattribute__ is not type.__getattribute__


def class_name(value: Any) -> str:
    """Return the name of the class of an object, whatever that class does when it is asked."""
    name: str = type.__getattribute__(type(value), "__name__")
    return name


def of_class(kind: type, name: str, otherwise: Any = None) -> Any:
    """Return what a class or its bases define under a name, as it stands there."""
    homes = (vars(base) for base in kind.__mro__)
    return next((home[name] for home in homes if name in home), otherwise)


def attributes_of(thing: Any) -> dict[str, Any]:
    """Return an object's attributes without running code of its class."""
    try:
        found = dict(object.__getattribute__(thing, "__dict__"))
    except (AttributeError, TypeError):
        found = {}
    for kind in type(thing).__mro__:
        for name, slot in vars(kind).items():
            if issubclass(type(slot), types.MemberDescriptorType) and name not in found:
                try:
                    found[name] = slot.__get__(thing)
                except AttributeError:  # an empty slot
                    continue
    return found


def closure_of(function: types.FunctionType) -> dict[str, Any]:
    """Return the variables of the functions around it that a function uses."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet, or no longer
            continue
    return found


def defaults_of(function: types.FunctionType) -> dict[str, Any]:
    """Return the default values of a function's parameters."""
    code = function.__code__
    values = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    found = dict(zip(names[len(names) - len(values) :], values, strict=False))
    return found | (function.__kwdefaults__ or {})


@functools.lru_cache(maxsize=4096)
def global_names(code: types.CodeType) -> tuple[str, ...]:
    """Return the globals that code uses, with the functions inside it, as cloudpickle does."""
    names = [step.argval for step in dis.get_instructions(code) if step.opname in _GLOBAL_STEPS]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names += global_names(constant)
    return tuple(dict.fromkeys(names))


_GLOBAL_STEPS = ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")


@functools.cache
def is_library(file: str) -> bool:
    """Whether a source file is Python's, an installed package's or emitnb's own.

    >>> is_library(functools.__file__), is_library("/home/me/tasks.py")
    (True, False)
    """
    parts = Path(file).parts
    if file.startswith("<frozen ") or "site-packages" in parts or "dist-packages" in parts:
        return True
    return any(folder in Path(file).parents for folder in _library_folders())


@functools.cache
def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return (Path(paths["stdlib"]), Path(paths["platstdlib"]), Path(__file__).parents[2])


def _parts(value: Any) -> Iterable[Any] | None:
    """The functions that something is only a wrapper of; None if it is not."""
    what = type(value)
    if is_cached_function(value):
        return (value.__wrapped__,) if by_value(value) else ()
    if issubclass(what, staticmethod | classmethod):
        return (value.__func__,)
    if issubclass(what, property):
        return [one for one in (value.fget, value.fset, value.fdel) if one is not None]
    if issubclass(what, functools.cached_property):
        return (value.func,)
    return None


def _is_known_everywhere(value: Any) -> bool:
    """Modules and built-in functions, which travel as a name."""
    what = type(value)
    if issubclass(what, types.BuiltinFunctionType):
        return value.__self__ is None or issubclass(type(value.__self__), types.ModuleType)
    return issubclass(what, types.ModuleType)


def _code_in(value: Any) -> Iterator[Any]:
    """The functions and classes in a method, a partial or a small built-in container."""
    what = type(value)
    if what is types.MethodType:
        yield value.__func__
        yield type(value.__self__)
    elif issubclass(what, functools.partial):
        yield value.func
    elif what in (dict, list, tuple, set, frozenset) and len(value) <= MOST_ITEMS:
        items = value.values() if what is dict else value
        yield from (one for one in items if issubclass(type(one), types.FunctionType | type))


def _pickles_its_own_way(kind: type) -> bool:
    """Whether a class says itself what of its objects is pickled."""
    names = ("__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")
    return any(name in vars(base) for base in kind.__mro__ if base is not object for name in names)
