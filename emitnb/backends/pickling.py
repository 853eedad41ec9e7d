"""Pickling what a notebook defines: by cloudpickle's rules, with what those leave out.

Two things that are everyday in a notebook do not survive cloudpickle. A function with
``functools.lru_cache`` is pickled by name, which only fails on the worker; and a msgspec Struct
class arrives without its fields. Both travel by value here. And a text file that is open would be
read to its end and sent as a copy of its text; it is refused like every other open file.
"""

from __future__ import annotations

import functools
import inspect
import io
import pickle
import pickletools
import sys
import types
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PROTOCOL = 5

_NAME_ONLY = {"PROTO", "FRAME", "SHORT_BINUNICODE", "MEMOIZE", "STACK_GLOBAL", "STOP"}
_NAME_ENDS_BEFORE = 512
"""Bytes of a pickle in which nothing but a name can be looked for."""


def dumps(value: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
    """Return ``value`` pickled; ``pickle.loads`` makes it again, in any process.

    ``buffer_callback`` takes large buffers (arrays, Arrow data), which then are not in it.

    >>> pickle.loads(dumps(lambda msg: msg + 1))(1)
    2
    """
    file = io.BytesIO()
    _pickler()(file, protocol=PROTOCOL, buffer_callback=buffer_callback).dump(value)
    return file.getvalue()


def measure(value: Any) -> tuple[int, str]:
    """Return the bytes that ``value`` pickles to, and the module whose name it is pickled as.

    Nothing is kept of the pickle, and large buffers (arrays, frames) are counted where they lie.
    The module is an empty string where more travels than a name.

    >>> measure(b"12345678")[0] > 8, measure(len)[1]
    (True, 'builtins')
    """
    count = _Count()
    _pickler()(count, protocol=PROTOCOL, buffer_callback=count.out_of_band).dump(value)
    return count.size, _module_named(bytes(count.head)) if count.size < _NAME_ENDS_BEFORE else ""


def by_value(thing: Any) -> bool:
    """Whether a function or class travels itself: a worker could not import it.

    >>> by_value(pickle.dumps), by_value(lambda: None)
    (False, True)
    """
    try:
        module = thing.__module__
        if module == "__main__" or module not in sys.modules or _registered(module):
            return True
        found: Any = sys.modules[module]
        for part in thing.__qualname__.split("."):
            found = getattr(found, part)
    except Exception:  # a module, or a class of classes, may have attributes that raise anything
        return True
    return found is not thing


def send_whole(module: str) -> None:
    """Let what a module defines travel itself, as what ``__main__`` defines does.

    A worker could import the module, if it has it; but not with the values that its globals have
    here by now.
    """
    found = sys.modules.get(module)
    if found is not None and module != "__main__":
        from cloudpickle import register_pickle_by_value

        register_pickle_by_value(found)


def is_cached_function(thing: Any) -> bool:
    """Whether it is a function with ``functools.cache`` or ``lru_cache``."""
    return type(thing) is _CACHED_FUNCTION


class _Count:
    """A file that forgets what is written into it, except the first bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.head = bytearray()

    def write(self, data: ReadableBuffer) -> int:
        length = memoryview(data).nbytes
        if self.size < _NAME_ENDS_BEFORE:
            self.head += memoryview(data).cast("B")[:_NAME_ENDS_BEFORE]
        self.size += length
        return length

    def out_of_band(self, buffer: pickle.PickleBuffer) -> None:
        """Count a buffer; returning nothing tells the pickler to leave it out."""
        self.size += memoryview(buffer).nbytes


def _module_named(pickled: bytes) -> str:
    """The first part of the one name that a pickle consists of."""
    steps = list(pickletools.genops(pickled))
    names = {step.name for step, _, _ in steps}
    if "STACK_GLOBAL" not in names or not names <= _NAME_ONLY:
        return ""
    return next((str(text) for step, text, _ in steps if step.name == "SHORT_BINUNICODE"), "")


def _registered(module: str) -> bool:
    from cloudpickle import list_registry_pickle_by_value

    registered = list_registry_pickle_by_value()
    parts = module.split(".")
    return any(".".join(parts[:end]) in registered for end in range(1, len(parts) + 1))


@functools.cache
def _pickler() -> type[pickle.Pickler]:
    """The pickler, made when first needed: a notebook that stays in memory needs no cloudpickle."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        def reducer_override(self, thing: Any) -> Any:
            kind = type(thing)
            if issubclass(kind, type):
                if issubclass(kind, _STRUCT_META) and by_value(thing):
                    return _reduced_struct(thing)
            elif kind is _CACHED_FUNCTION:
                if by_value(thing):
                    return _cached, (thing.cache_parameters(), thing.__wrapped__)
            elif kind is io.TextIOWrapper and thing not in (sys.stdout, sys.stderr):
                raise pickle.PicklingError("an open file cannot be sent")
            return super().reducer_override(thing)

    return Pickler


_CACHED_FUNCTION = type(functools.lru_cache(lambda: None))


def _cached(parameters: Mapping[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    wrapper: Callable[..., Any] = functools.lru_cache(**parameters)(function)
    return wrapper


# A class that is loaded again must be the same class, or isinstance() of two nodes would differ.
# cloudpickle remembers the classes it sent and loaded in the same way.
_STRUCT_META: Any = type(msgspec.Struct)
_TOKENS: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_STRUCTS: WeakValueDictionary[str, type] = WeakValueDictionary()

_MADE_BY_STRUCT = {"__annotations__", "__dict__", "__slots__", "__weakref__"}


def _reduced_struct(kind: type) -> tuple[Any, ...]:
    """Reduce a Struct class to its fields first, and then what may refer to the class itself."""
    token = _TOKENS.setdefault(kind, uuid.uuid4().hex)
    _STRUCTS[token] = kind
    annotations = inspect.get_annotations(kind)
    own = {field.name: field for field in msgspec.structs.fields(kind) if field.name in annotations}
    rest = {n: v for n, v in kind.__dict__.items() if n not in own and n not in _MADE_BY_STRUCT}
    # msgspec looks for __post_init__ once, when the class is made.
    namespace: dict[str, Any] = {
        n: rest.pop(n) for n in ("__post_init__", "__module__", "__doc__") if n in rest
    }
    namespace |= {"__annotations__": annotations, "__qualname__": kind.__qualname__}
    special = {name: _options(field) for name, field in own.items()}
    config: Any = kind.__struct_config__  # type: ignore[attr-defined]  # that of a Struct
    options = {name: getattr(config, name) for name in dir(config) if not name.startswith("_")}
    positional: tuple[str, ...] = kind.__match_args__  # type: ignore[attr-defined]  # likewise
    options["kw_only"] = any(name not in positional for name in own)
    arguments = (token, type(kind), kind.__name__, kind.__bases__, namespace, special, options)
    return _struct, arguments, rest, None, None, _complete_struct


def _options(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """What ``msgspec.field`` was told; nothing for a field without default and other name."""
    options: dict[str, Any] = {}
    if field.encode_name != field.name:
        options["name"] = field.encode_name
    if field.default_factory is not msgspec.NODEFAULT:
        options["default_factory"] = field.default_factory
    elif field.default is not msgspec.NODEFAULT:
        options["default"] = field.default
    return options


def _struct(
    token: str,
    meta: Callable[..., type],
    name: str,
    bases: tuple[type, ...],
    namespace: dict[str, Any],
    special: dict[str, dict[str, Any]],
    options: dict[str, Any],
) -> type:
    known = _STRUCTS.get(token)
    if known is None:
        namespace |= {field: msgspec.field(**given) for field, given in special.items() if given}
        known = _STRUCTS[token] = meta(name, bases, namespace, **options)
        _TOKENS[known] = token
    return known


def _complete_struct(kind: type, rest: Mapping[str, Any]) -> None:
    for name, value in rest.items():
        if not isinstance(value, types.MemberDescriptorType):
            setattr(kind, name, value)
