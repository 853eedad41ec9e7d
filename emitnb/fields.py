"""What a node says its emissions look like: field names and, if it likes, their types."""

from __future__ import annotations

import dataclasses
import dis
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Union

import msgspec
import numpy as np

from emitnb.errors import DeclarationError
from emitnb.message import Message, check_fields

Spec = str | Iterable[str] | Mapping[str, Any] | type
"""What a user may give: one name, names, ``{name: type}``, a dataclass or a Struct."""


@dataclasses.dataclass(frozen=True)
class Fields:
    """Field names in order, the types that were declared, and the record class if one was given.

    >>> parse_fields("count_word", {"word": str, "count": int}).names
    ('word', 'count')
    """

    names: tuple[str, ...]
    types: Mapping[str, Any]
    record: type | None = None


def parse_fields(owner: str, spec: Spec, base: type[Message] = Message) -> Fields:
    """Return what ``spec`` declares; ``owner`` names the node in a DeclarationError."""
    if isinstance(spec, type):
        return _record_fields(owner, spec, base)
    if isinstance(spec, str):
        spec = (spec,)
    try:
        names = check_fields(owner, spec, base)
    except TypeError:
        raise DeclarationError(
            f"{owner}: {spec!r} are no fields; give names, {{name: type}}, a dataclass or a Struct"
        ) from None
    declared = dict(spec) if isinstance(spec, Mapping) else {}
    for name, kind in declared.items():
        _check_type(owner, name, kind)
    return Fields(names, {name: kind for name, kind in declared.items() if kind is not Any})


@lru_cache(maxsize=4096)
def accepts(declared: Any, kind: type) -> bool:
    """Whether a value of type ``kind`` fits a field of the ``declared`` type.

    An int fits a float, as in Python's own rules; a bool fits neither, because the frame would
    show it as a number. NumPy's scalars count as what they hold.

    >>> accepts(float, int), accepts(int, bool), accepts(int | None, type(None))
    (True, False, True)
    """
    if declared in (Any, object):
        return True
    if declared is None:
        return kind is type(None)
    origin = typing.get_origin(declared)
    if origin in (Union, types.UnionType):
        return any(accepts(part, kind) for part in typing.get_args(declared))
    if origin is typing.Literal:
        return any(kind is type(value) for value in typing.get_args(declared))
    target = origin or declared
    if target is bool:
        return issubclass(kind, bool | np.bool_)
    if target in (int, float):
        return issubclass(kind, _NUMBERS[target]) and not issubclass(kind, bool)
    return issubclass(kind, target)


_NUMBERS: dict[type, tuple[type, ...]] = {
    int: (int, np.integer),
    float: (float, np.floating, int, np.integer),
}


def fields_read(function: Callable[[Message], Any]) -> frozenset[str]:
    """Return the attributes that a plain Python function reads from its first argument.

    >>> sorted(fields_read(lambda msg: msg.count > 3 and msg.word))
    ['count', 'word']
    """
    code = getattr(function, "__code__", None)
    if code is None or code.co_argcount == 0:
        return frozenset()
    argument = code.co_varnames[0]
    read = set()
    previous = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and previous == argument:
            read.add(step.argval)
        loads = step.opname.startswith("LOAD_FAST")
        value = step.argval[-1] if isinstance(step.argval, tuple) and step.argval else step.argval
        previous = value if loads else None
    return frozenset(read)


def type_name(declared: Any) -> str:
    """Return the declared type as a user would write it.

    >>> type_name(int), type_name(int | None)
    ('int', 'int | None')
    """
    return declared.__name__ if isinstance(declared, type) else str(declared)


def _record_fields(owner: str, record: type, base: type[Message]) -> Fields:
    if dataclasses.is_dataclass(record):
        names = [field.name for field in dataclasses.fields(record)]
    elif issubclass(record, msgspec.Struct):
        names = list(record.__struct_fields__)
    else:
        raise DeclarationError(
            f"{owner}: {record.__name__} is neither a dataclass nor a msgspec Struct; "
            "give field names instead"
        )
    hints = typing.get_type_hints(record)
    declared = {name: hints[name] for name in names if hints.get(name, Any) is not Any}
    for name, kind in declared.items():
        _check_type(owner, name, kind)
    return Fields(check_fields(owner, names, base), declared, record)


def _check_type(owner: str, name: str, declared: Any) -> None:
    try:
        accepts(declared, object)
    except TypeError:
        raise DeclarationError(
            f"{owner}: the type of field {name!r} is {declared!r}, which is no type; "
            "give a class such as int, or a union such as int | None"
        ) from None
