"""Messages: immutable records with a node's fields as attributes.

Each origin and set of fields has one frozen :class:`msgspec.Struct` type, made on first use and
cached, so that equal messages are equal after pickling too. The origin is on the class, which
keeps a message as small as its fields and out of the garbage collector's sight. There is no
``__getattr__``: on this kind of class it makes every field access seven times slower (104 ns
against 15), so :func:`explain_missing_field` enriches the AttributeError afterwards.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, cast

import msgspec

from emitnb.errors import DeclarationError, did_you_mean
from emitnb.text import plural

ENTRY_POINT = "__entry_point"
"""The origin of what is pushed into a router."""

PORT = "!"
"""What the name of a node's failure port ends in: the origin of its dead letters."""

PORT_FIELDS: Mapping[str, type] = {"node": str, "error_type": str, "error": str, "input": dict}
"""Fields of a message from a port, with their types."""


UNKNOWN = ""
"""The origin of rows whose parents are no longer recorded."""


def port_of(node: str) -> str:
    """Return the origin of what fails in a node.

    >>> port_of("parse"), is_port("parse!"), node_of("parse!"), node_of("parse")
    ('parse!', True, 'parse', 'parse')
    """
    return node + PORT


def is_port(origin: str) -> bool:
    """Whether an origin is the failure port of a node."""
    return origin.endswith(PORT)


def node_of(origin: str) -> str:
    """Return the node behind an origin: its own, or that of the port."""
    return origin.removesuffix(PORT)


def renamed_origin(origin: str, old: str, new: str) -> str:
    """Return an origin after a node was renamed; its port goes along."""
    return new + origin[len(old) :] if node_of(origin) == old else origin


class NoResultType:
    """The type of :data:`NoResult`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NoResult"

    def __reduce__(self) -> str:
        return "NoResult"

    def __bool__(self) -> bool:
        return False


NoResult = NoResultType()
"""Return or yield this from a node to emit nothing."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One immutable record with its node's fields as attributes.

    Nodes receive messages; they are not made by hand. Messages compare, hash (when their values
    do), copy and pickle. A subclass given as ``Router(message_class=…)`` adds methods to all
    messages of that router.

    >>> words = message_type("words", ("word",))
    >>> words("rain")
    words(word='rain')
    >>> words("rain").as_dict(), words("rain")._origin
    ({'word': 'rain'}, 'words')
    """

    _origin: ClassVar[str] = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and their values as a new dict, in declared order."""
        return msgspec.structs.asdict(self)

    def as_json(self) -> str:
        """Return the fields as a JSON object.

        Raises TypeError for a value that JSON has no form for.
        """
        return msgspec.json.encode(self.as_dict(), enc_hook=_json_value).decode()

    def __getitem__(self, name: object) -> Any:
        raise TypeError(f"read a field as an attribute, msg.{name}; msg.as_dict() gives a dict")

    def __reduce__(self) -> tuple[Any, ...]:
        kind = type(self)
        values = msgspec.structs.astuple(self)
        return _rebuild, (kind.__bases__[0], kind._origin, kind.__struct_fields__, values)


def message_type(
    origin: str, fields: tuple[str, ...], base: type[Message] = Message
) -> type[Message]:
    """Return the message type of an origin and its fields: the same one for the same arguments.

    Parameters
    ----------
    origin : the node that emits, or :data:`ENTRY_POINT`
    fields : names, in order, as :func:`check_fields` accepts them
    base : :class:`Message` or a subclass of it
    """
    return _message_type(origin, fields, base)


@cache
def _message_type(origin: str, fields: tuple[str, ...], base: type[Message]) -> type[Message]:
    made = msgspec.defstruct(
        origin,
        list(fields),
        bases=(base,),
        frozen=True,
        gc=False,
        module=__name__,
        namespace={"_origin": origin},
    )
    return cast(type[Message], made)


def check_fields(
    owner: str, fields: Iterable[str], base: type[Message] = Message
) -> tuple[str, ...]:
    """Return ``fields`` as a tuple; raise DeclarationError where one cannot be an attribute.

    ``owner`` names the node or source in the error.

    >>> check_fields("words", ["word", "count"])
    ('word', 'count')
    """
    names = tuple(fields)
    for position, name in enumerate(names):
        problem = _field_problem(name, names[:position], base)
        if problem:
            raise DeclarationError(f"{owner}: field {name!r} {problem}")
    return names


def explain_missing_field(error: BaseException) -> None:
    """Add to an AttributeError on a message which fields that message has (in place)."""
    message = getattr(error, "obj", None)
    if not (isinstance(error, AttributeError) and isinstance(message, Message)):
        return
    fields = message.__struct_fields__
    hint = did_you_mean(str(error.name), fields)
    note = f"a message from {message._origin} has {_listed(fields)}.{hint}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _listed(fields: tuple[str, ...]) -> str:
    if not fields:
        return "no fields"
    return f"the {plural('field', len(fields))} {', '.join(fields)}"


def _field_problem(name: object, earlier: tuple[str, ...], base: type[Message]) -> str:
    if not isinstance(name, str):
        return "is not a string; give field names as strings"
    if not name.isidentifier():
        return "is not a valid name; use letters, digits and _, not starting with a digit"
    if keyword.iskeyword(name):
        return f"is a Python keyword; call it {name}_ instead"
    if name in earlier:
        return "is named twice; give each field its own name"
    if hasattr(base, name):
        return f"is already an attribute of {base.__name__}; choose another name"
    return ""


def _json_value(value: Any) -> Any:
    for convert in ("isoformat", "item", "tolist"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"a {type(value).__name__} has no JSON form; emit a str, number, list or dict")


def _rebuild(
    base: type[Message], origin: str, fields: tuple[str, ...], values: tuple[Any, ...]
) -> Message:
    return message_type(origin, fields, base)(*values)
