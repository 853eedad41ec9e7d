"""What code holds while it runs, as far as it is known before: captured variables and their parts.

Nothing here runs code of the objects it looks at: attributes are looked up where they stand.
"""

from __future__ import annotations

import array
import inspect
import io
import sys
import types
from collections import deque
from collections.abc import Iterator, MutableMapping, MutableSequence, MutableSet
from dataclasses import dataclass, replace
from typing import Any

from emitnb.backends.pickling import by_value
from emitnb.backends.preflight.captured import ATTRIBUTE, GLOBAL, is_library, is_odd
from emitnb.text import cut

BUILTIN = "builtin"

UNKNOWN: Any = object()
"""The value of what can only be known when the node runs."""

LONGEST = 60
"""Characters of an expression; a longer one is cut, as a walk through a tree would never end."""


@dataclass(frozen=True, eq=False)
class Root:
    """A captured variable. Of modules, classes and ``self``, each attribute is a variable."""

    kind: str
    name: str
    value: Any

    @property
    def is_ours(self) -> bool:
        """Whether changing it is the user's doing: settings of libraries are left alone."""
        what = type(self.value)
        if self.kind == BUILTIN:
            return False
        if issubclass(what, types.ModuleType):
            return not is_library(vars(self.value).get("__file__") or "<frozen >")
        if issubclass(what, type | types.FunctionType):
            return by_value(self.value) or not is_library(_file_of(self.value))
        return True

    @property
    def has_variables(self) -> bool:
        """Whether its attributes are what counts."""
        parts = types.ModuleType | types.FunctionType | type
        return self.name == "self" or issubclass(type(self.value), parts)


@dataclass(frozen=True, eq=False)
class Ref:
    """A captured variable, or an attribute or item of one, as ``text`` says.

    ``owner`` is what it is an ``attribute`` of; ``part`` the first attribute after the root.
    ``above`` is set where it was asked of ``super()``.
    """

    root: Root
    text: str
    value: Any = UNKNOWN
    owner: Ref | None = None
    attribute: str = ""
    part: str = ""
    above: bool = False

    def __post_init__(self) -> None:
        if is_odd(type(self.value)) or (issubclass(type(self.value), type) and is_odd(self.value)):
            object.__setattr__(self, "value", UNKNOWN)

    @property
    def variable(self) -> tuple[str, str]:
        """The kind and name of the variable that changes if this does."""
        if self.part and self.root.has_variables:
            return ATTRIBUTE, f"{self.root.name}.{self.part}"
        return self.root.kind, self.root.name

    @property
    def variable_value(self) -> Any:
        """What that variable holds, if that is known."""
        if self.part and self.root.has_variables:
            return _attribute(self.root.value, self.part)
        return self.root.value

    def of_super(self) -> Ref:
        """Return what ``super()`` gives where this is ``self``."""
        return replace(self, above=True)

    def attr(self, name: str) -> Ref:
        """Return its attribute."""
        if name == "__class__" and self.value is not UNKNOWN:
            kind = type(self.value)
            return Ref(Root(GLOBAL, kind.__name__, kind), kind.__name__, kind)
        part = self.part or name
        value = _attribute(self.value, name)
        return Ref(
            self.root, cut(f"{self.text}.{name}", LONGEST), value, self, name, part, self.above
        )

    def item(self) -> Ref:
        """Return one of its items, whichever."""
        text = self.text if self.text.endswith("[...]") else f"{self.text}[...]"
        return Ref(self.root, cut(text, LONGEST), _item(self.value), part=self.part)


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


class Null:
    """Stands on the stack where a call has no ``self``."""


NULL = Null()


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of the code."""

    value: Any


@dataclass(frozen=True, eq=False)
class Inner:
    """A function made by the code that runs."""

    code: types.CodeType


@dataclass(frozen=True, eq=False)
class Augmented:
    """The result of ``+=`` and the like; ``of`` is what stays the same object, if it is known."""

    sign: str
    of: Ref | None


class Slice:
    """A slice: what it takes out of a list is a copy."""


SLICE = Slice()


# -- what changes a thing ------------------------------------------------------------------------

ALWAYS = names(
    "append appendleft clear discard extend extendleft insert pop popitem popleft remove reverse "
    "rotate setdefault sort subtract add update move_to_end difference_update "
    "intersection_update symmetric_difference_update frombytes fromlist __setitem__ __delitem__ "
    "__iadd__ __ior__"
)
"""Methods that change a container of Python's."""

_TELLING = names("appendleft move_to_end popitem popleft setdefault")
"""Methods that change what they are called on, whatever that is."""

_FILES = names("write writelines truncate")
_ARRAYS = names("fill itemset partition put resize sort")
_FRAMES = names("insert pop update")

FIRST_ARGUMENT = names(
    "setattr delattr setitem delitem heappush heappop heapify heapreplace heappushpop "
    "heappushpop_max insort insort_left insort_right shuffle"
)
"""Functions of the library that change their first argument."""

PASSING_ON = names("enumerate filter iter reversed zip")
"""Built-in functions that hand out the items of their argument."""

HANDING_OUT = names("get pop popleft setdefault __getitem__")
"""Methods of containers that return an item."""

_CONTAINERS = (MutableMapping, MutableSequence, MutableSet, dict, list, set, deque, array.array)
_IMMUTABLE = (str, bytes, int, float, complex, bool, tuple, frozenset, type(None), range)


def is_changed_by(thing: Ref, method: str, result_is_dropped: bool) -> bool:
    """Whether calling a method changes the object, as far as its name and its type tell."""
    if thing.value is UNKNOWN:
        return method in _TELLING or (method in ALWAYS and result_is_dropped)
    what = type(thing.value)
    if issubclass(what, _IMMUTABLE) or issubclass(what, type | types.ModuleType):
        return False
    if issubclass(what, _CONTAINERS):
        return method in ALWAYS
    if issubclass(what, io.StringIO | io.BytesIO):
        return method in _FILES
    library = str(what.__module__).partition(".")[0]
    if library == "numpy":
        return method in _ARRAYS and what.__name__ in ("ndarray", "memmap", "recarray")
    if library == "pandas":
        return method in _FRAMES and what.__name__ in ("DataFrame", "Series")
    return method in ALWAYS and result_is_dropped


def is_changed_by_sign(thing: Ref) -> bool:
    """Whether ``+=`` and the like change the object itself, and not only the name."""
    what = type(thing.value)
    if thing.value is UNKNOWN:
        return False
    return any("__iadd__" in vars(base) or "__ior__" in vars(base) for base in what.__mro__)


def is_iterator(thing: Ref) -> bool:
    """Whether ``next`` takes something out of it."""
    return thing.value is not UNKNOWN and issubclass(type(thing.value), Iterator)


def _attribute(value: Any, name: str) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    if issubclass(type(value), types.ModuleType):
        return vars(value).get(name, UNKNOWN)
    try:
        found = inspect.getattr_static(value, name, UNKNOWN)
    except Exception:  # an object may have any kind of __dict__
        return UNKNOWN
    if issubclass(type(found), types.MemberDescriptorType):
        try:
            return found.__get__(value)
        except AttributeError:
            return UNKNOWN
    return found


def _item(value: Any) -> Any:
    """One item of a container of Python's, standing for all."""
    what = type(value)
    factory = getattr(value, "default_factory", None) if _is_default_dict(what) else None
    if what in (dict, list, tuple) or _is_default_dict(what):
        items = value.values() if issubclass(what, dict) else value
        first = next(iter(items), UNKNOWN)
        return factory() if first is UNKNOWN and factory in (list, dict, set, int) else first
    return UNKNOWN


def _is_default_dict(what: type) -> bool:
    return what.__name__ == "defaultdict" and what.__module__ == "collections"


def _file_of(thing: Any) -> str:
    home = sys.modules.get(thing.__module__ or "")
    return getattr(home, "__file__", None) or "<frozen >"
