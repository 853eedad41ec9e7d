"""Whether two values are the same in all that a node could see of them.

The code of functions is compared, with all that it captured; objects by what ``pickle`` would keep
of them. What cannot be compared (a lock, a connection) counts as the same as another of its type.
"""

from __future__ import annotations

import builtins
import functools
import re
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from logging import Logger
from typing import Any

import numpy as np
import pandas as pd

from emitnb.calling import NodeFunction
from emitnb.export.bytecode import globals_read, same_code
from emitnb.reading import Reader

DEPTH = 60
"""Values within values that are looked at."""

Path = tuple[str, ...]

SIMPLE = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)


class Comparison:
    """Compares values of a notebook with those of its module.

    ``changed`` and ``attributes`` are names of globals and attributes that nodes change while
    they run: what they hold now is no matter of how they were made.
    """

    def __init__(self, changed: Collection[str], attributes: Collection[str]) -> None:
        self.changed = set(changed)
        self.attributes = set(attributes)
        self._seen: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._twins: dict[tuple[int, int], int] = {}

    def difference(self, one: Any, two: Any, path: Path = ()) -> tuple[Path, Any, Any] | None:
        """Return where two values differ first, and the two parts that do; None if they do not."""
        key = (id(one), id(two))
        if one is two or key in self._seen or len(path) > DEPTH:
            return None
        self._seen[key] = (one, two)  # kept, so that no other value gets the same id
        parts = self._parts(one, two) if self._are_twins(one, two) else None
        if parts is None:
            return path, one, two
        for name, a, b in parts:
            inner = (*path, name) if name else path
            found = self.difference(a, b, inner)
            if found is not None:
                return found
        return None

    def _are_twins(self, one: Any, two: Any) -> bool:
        """Whether what is one object here is one object there: a node may ask ``a is b``."""
        if not (_is_itself(one) and _is_itself(two)):
            return True
        there, here = id(two), id(one)
        return (
            self._twins.setdefault((0, here), there) == there
            and self._twins.setdefault((1, there), here) == here
        )

    def _parts(self, one: Any, two: Any) -> Iterator[tuple[str, Any, Any]] | None:
        """The pairs of parts to compare; None if the values themselves differ."""
        kind = type(one)
        if _is_the_modules_own(one, two):
            return iter(())
        if isinstance(one, NodeFunction) and isinstance(two, NodeFunction):
            return iter([("", one.name, two.name)])
        if isinstance(one, type) and isinstance(two, type):
            return self._classes(one, two)
        if _name(kind) != _name(type(two)):
            return None
        if isinstance(one, SIMPLE):
            return iter(()) if one == two or (one != one and two != two) else None
        if isinstance(one, types.FunctionType):
            return self._functions(one, two)
        if isinstance(one, types.BuiltinFunctionType):
            if isinstance(one.__self__, types.ModuleType):
                return iter(()) if one == two else None
            return iter([("", one.__name__, two.__name__), ("", one.__self__, two.__self__)])
        if isinstance(one, types.ModuleType):
            return iter(()) if one == two else None
        return self._objects(one, two)

    def _functions(
        self, one: types.FunctionType, two: types.FunctionType
    ) -> Iterator[tuple[str, Any, Any]] | None:
        if not same_code(one.__code__, two.__code__):
            return None
        return self._captured(one, two)

    def _captured(
        self, one: types.FunctionType, two: types.FunctionType
    ) -> Iterator[tuple[str, Any, Any]]:
        defaults = _defaults(one), _defaults(two)
        for name in sorted(defaults[0].keys() | defaults[1].keys()):
            if f"{name}=" not in self.changed:
                yield "", defaults[0].get(name, _ABSENT), defaults[1].get(name, _ABSENT)
        names = one.__code__.co_freevars
        cells = zip(names, one.__closure__ or (), two.__closure__ or (), strict=True)
        for name, a, b in cells:
            if name not in self.changed and not (name in _CACHES and _is_pythons(one)):
                yield name, _held(a), _held(b)
        for name in sorted(globals_read(one.__code__)):
            if name not in self.changed:
                yield name, _global(one, name), _global(two, name)
        for name in sorted(vars(one).keys() | vars(two).keys()):
            if name not in self.attributes:
                yield name, vars(one).get(name, _ABSENT), vars(two).get(name, _ABSENT)

    def _classes(self, one: type, two: type) -> Iterator[tuple[str, Any, Any]] | None:
        if one.__qualname__ != two.__qualname__ or len(one.__mro__) != len(two.__mro__):
            return None
        if _is_imported(one) or _is_imported(two):
            return None  # the same class would be the same object
        return self._members(one, two)

    def _members(self, one: type, two: type) -> Iterator[tuple[str, Any, Any]]:
        for a, b in zip(one.__mro__[1:], two.__mro__[1:], strict=True):
            yield one.__name__, a, b
        names = {name for name in (*vars(one), *vars(two)) if not _is_made_by_python(name)}
        for name in sorted(names - self.attributes):
            a, b = vars(one).get(name, _ABSENT), vars(two).get(name, _ABSENT)
            if not (_is_generated(a) and _is_generated(b)):
                yield f"{one.__name__}.{name}", _bare(a), _bare(b)

    def _objects(self, one: Any, two: Any) -> Iterator[tuple[str, Any, Any]] | None:
        compare = _COMPARED.get(type(one))
        if compare is not None:
            return iter(()) if compare(one, two) else None
        if isinstance(one, Mapping) and type(one) is dict:
            return self._mappings(one, two)
        if type(one) in (list, tuple):
            return None if len(one) != len(two) else iter(_numbered(one, two))
        if type(one) in (set, frozenset):
            return iter(()) if _as_texts(one) == _as_texts(two) else None
        if isinstance(one, functools.partial):
            return iter(
                [
                    ("", one.func, two.func),
                    ("", one.args, two.args),
                    ("", one.keywords, two.keywords),
                ]
            )
        if callable(one) and _wrapped(one) is not None:
            return iter([("", _wrapped(one), _wrapped(two))])
        if isinstance(one, staticmethod | classmethod | types.MethodType):
            return iter([("", one.__func__, two.__func__)])
        if isinstance(one, property):
            return iter([("", one.fget, two.fget), ("", one.fset, two.fset)])
        return self._kept(one, two)

    def _mappings(
        self, one: dict[Any, Any], two: dict[Any, Any]
    ) -> Iterator[tuple[str, Any, Any]] | None:
        if len(one) != len(two):
            return None
        return iter(
            [
                pair
                for a, b in zip(one.items(), two.items(), strict=True)
                for pair in (("", a[0], b[0]), ("", a[1], b[1]))
            ]
        )

    def _kept(self, one: Any, two: Any) -> Iterator[tuple[str, Any, Any]] | None:
        """Compare what pickling would keep of two objects."""
        try:
            a, b = one.__reduce_ex__(4), two.__reduce_ex__(4)
        except Exception:  # a lock, a connection, a generator: nothing to compare
            return iter([("", type(one), type(two))])
        if isinstance(a, str) or isinstance(b, str):
            return iter(()) if a == b else None
        return self._reduced(one, two, a, b)

    def _reduced(
        self, one: Any, two: Any, a: tuple[Any, ...], b: tuple[Any, ...]
    ) -> Iterator[tuple[str, Any, Any]]:
        yield "", type(one), type(two)
        yield "", a[1], b[1]
        yield "", self._state(a), self._state(b)
        for number in (3, 4):
            left, right = (part[number] if len(part) > number else None for part in (a, b))
            yield "", None if left is None else list(left), None if right is None else list(right)

    def _state(self, reduced: tuple[Any, ...]) -> Any:
        state = reduced[2] if len(reduced) > 2 else None
        if isinstance(state, dict):
            return {name: held for name, held in state.items() if name not in self.attributes}
        return state


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()

_COMPARED: dict[type, Callable[[Any, Any], Any]] = {
    np.ndarray: lambda a, b: (
        a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    ),
    pd.DataFrame: lambda a, b: a.equals(b) and a.dtypes.equals(b.dtypes),
    pd.Series: lambda a, b: a.equals(b) and a.name == b.name,
    ContextVar: lambda a, b: (a.name, a.get(None)) == (b.name, b.get(None)),
    re.Pattern: lambda a, b: (a.pattern, a.flags) == (b.pattern, b.flags),
}


def _as_texts(values: Collection[Any]) -> list[str]:
    return sorted(re.sub(r" at 0x[0-9a-f]+", "", repr(value)) for value in values)


def _numbered(one: Collection[Any], two: Collection[Any]) -> list[tuple[str, Any, Any]]:
    return [("", a, b) for a, b in zip(one, two, strict=True)]


_CACHES = ("dispatch_cache", "cache_token")


def _is_pythons(function: types.FunctionType) -> bool:
    """Whether it is one that ``functools`` made: what it remembers is what it would find again."""
    return function.__code__.co_filename == functools.__file__


def _defaults(function: types.FunctionType) -> dict[str, Any]:
    """The default values of a function's parameters, by name."""
    code, values = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
    return {**dict(zip(names, values, strict=True)), **(function.__kwdefaults__ or {})}


def _wrapped(value: Any) -> Any:
    try:
        return value.__wrapped__
    except Exception:  # whatever a __getattr__ of the user's raises
        return None


def _global(function: types.FunctionType, name: str) -> Any:
    """What a function finds under a name; IPython's own ``open`` counts as Python's."""
    pythons = getattr(builtins, name, _ABSENT)
    found = function.__globals__.get(name, pythons)
    wraps = pythons is not _ABSENT and _wrapped(found) is pythons
    return pythons if wraps else found


def _held(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT


def _is_itself(value: Any) -> bool:
    """Whether it matters that a value is this object, and not another one like it."""
    if isinstance(value, type):
        return not _is_imported(value)
    return type(value) in (object, list, dict, set) or not _is_imported(type(value))


def _name(kind: type) -> tuple[str, str]:
    return ("" if not _is_imported(kind) else kind.__module__, kind.__qualname__)


def _is_imported(kind: type) -> bool:
    """Whether a class is of a module that the notebook imports, and not of its own."""
    if kind.__module__ in ("__main__", CHECKED):
        return False
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):  # a class that a call made is said to be the caller's
        found = getattr(found, name, None)
    return found is kind


CHECKED = "emitnb_checked_module"  # the name of a module while it is compared


def _is_the_modules_own(one: Any, two: Any) -> bool:
    """Whether it is the router, or ``logging.getLogger(__name__)``."""
    if isinstance(one, Logger):
        return (one.name, getattr(two, "name", "")) == ("__main__", CHECKED)
    return isinstance(one, Reader) and isinstance(two, Reader)


def _is_made_by_python(name: str) -> bool:
    return name in _MADE_BY_PYTHON or name.startswith("__dataclass_")


_MADE_BY_PYTHON = {
    "__slotnames__",  # copying and pickling put it there
    "__module__",
    "__qualname__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__annotations__",
    "__annotate__",
    "__annotations_cache__",
    "__firstlineno__",
    "__static_attributes__",
    "__orig_bases__",
    "__parameters__",
    "__abstractmethods__",
    "_abc_impl",
}


def _bare(member: Any) -> Any:
    return getattr(member, "__func__", member)


def _is_generated(member: Any) -> bool:
    """Whether a member of a class was made by a class decorator such as dataclass."""
    code = getattr(_bare(member), "__code__", None)
    return code is not None and code.co_filename.startswith("<string>")
