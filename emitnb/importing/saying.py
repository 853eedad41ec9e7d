"""A ``@router.node(...)`` decorator said on the line of ``%%emit_node``, where it can be said.

What the line cannot say exactly (an option read from a variable, a record class, a compiled
pattern, quotes of both kinds in one word) stays a decorator.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable

from emitnb.cells.words import parts, unquoted, words
from emitnb.importing.declared import is_true, number, options, texts
from emitnb.message import node_of
from emitnb.subscription import is_name

_PLAIN = re.compile(r"[\w.:/@+*-]+")


class UnsayableError(Exception):
    """What the line of a magic cannot say."""


def magic_line(call: ast.Call, source: str) -> str | None:
    """Return the line of ``%%emit_node`` that says what a decorator does, None if none can.

    ``source`` is the text of the module that the call was parsed from.

    >>> text = "router.node('word', subscribe_to='words', when=lambda msg: msg.word != 'the')"
    >>> magic_line(ast.parse(text).body[0].value, text)
    '%%emit_node word --on words --when "msg.word != \\'the\\'"'
    """
    said = options(call)
    if said is None or not set(said) <= {"fields", *_WRITERS}:
        return None
    try:
        found = _fields(said["fields"], source) if "fields" in said else []
        for name, write in _WRITERS.items():
            if name in said:
                found += write(said[name], source)
    except UnsayableError:
        return None
    line = " ".join(found)
    # A quote without its partner changes how the whole line is cut.
    return f"%%emit_node {line}".rstrip() if words(line) == _pieces(found) else None


def _pieces(found: list[str]) -> list[str]:
    return [word for one in found for word in words(one)]


def _fields(value: ast.expr, source: str) -> list[str]:
    if not isinstance(value, ast.Dict):
        return _identifiers(value)
    names = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
    if len(set(names)) < len(names) or not names:
        raise UnsayableError
    return [_typed(name, kind, source) for name, kind in zip(names, value.values, strict=True)]


def _typed(name: object, kind: ast.expr, source: str) -> str:
    if not _is_identifier(name) or (isinstance(kind, ast.Constant) and kind.value is not None):
        raise UnsayableError
    word = f"{name}:{one_line_of(kind, source)}"
    if parts(word) != [word]:
        raise UnsayableError
    return _word(word)


def _identifiers(value: ast.expr) -> list[str]:
    names = texts(value)
    if names is None or len(set(names)) < len(names) or not all(map(_is_identifier, names)):
        raise UnsayableError
    return names


def _is_identifier(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _origins(value: ast.expr) -> list[str]:
    names = texts(value)
    if not names:
        raise UnsayableError
    return [_origin(name.removeprefix("__main__.")) for name in names]


def _origin(text: str) -> str:
    if is_name(node_of(text)):
        return text
    if not text.strip() or not text.isprintable():
        raise UnsayableError
    slashed = len(text) > 2 and text[0] == text[-1] == "/"
    word = text if slashed else f"/{text}/"
    return _word(word)


def _words(value: ast.expr) -> list[str]:
    names = texts(value)
    if not names or not all(_PLAIN.fullmatch(name) and name[0] not in "-/" for name in names):
        raise UnsayableError
    return names


def _amounts(value: ast.expr) -> list[str]:
    if not isinstance(value, ast.Dict) or not value.keys:
        raise UnsayableError
    found = []
    for key, amount in zip(value.keys, value.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.:-]*", name):
            raise UnsayableError
        found.append(f"{name}={_number(amount)}")
    return found


def _number(value: ast.expr) -> int | float:
    found = number(value)
    if found is None:
        raise UnsayableError
    return found


def _name(value: ast.expr) -> list[str]:
    names = texts(value)
    if isinstance(value, ast.Tuple | ast.List) or not names or not is_name(names[0]):
        raise UnsayableError
    return names


def _flag(value: ast.expr, _: str) -> list[str]:
    if not is_true(value):
        raise UnsayableError
    return []


def _when(value: ast.expr, source: str) -> list[str]:
    """Return the expression of ``lambda msg: …``; any other predicate is more than one."""
    if not isinstance(value, ast.Lambda) or ast.unparse(value.args) != "msg":
        raise UnsayableError
    text = one_line_of(value.body, source)
    return [_quoted(text)]


def _word(text: str) -> str:
    """Return a text as one word of a magic line: as it is, or in quotes."""
    is_plain = words(text) == [text] and unquoted(text) == text and text.isprintable()
    return text if is_plain else _quoted(text)


def _quoted(text: str) -> str:
    for quote in "\"'":
        word = f"{quote}{text}{quote}"
        if words(word) == [word] and unquoted(word) == text and text.isprintable():
            return word
    raise UnsayableError


def one_line_of(value: ast.expr, source: str) -> str:
    """Return the text of an expression in one line; raise UnsayableError where it needs several."""
    text = ast.get_source_segment(source, value) or ""
    line = _joined(text) if "\n" in text else text
    try:
        same = ast.dump(ast.parse(line, mode="eval").body) == ast.dump(value)
    except SyntaxError:
        same = False
    if not same or not line.isprintable():
        raise UnsayableError
    return line


def _joined(text: str) -> str:
    """Put the lines of an expression behind one another, where no string or comment forbids."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(f"({text})").readline))
    except (tokenize.TokenError, IndentationError):
        raise UnsayableError from None
    if any(t.type == tokenize.COMMENT or "\n" in t.string.strip("\n") for t in tokens):
        raise UnsayableError
    joined = " ".join(line.strip() for line in text.split("\n"))
    # As one would write it in a line. What stands in quotes is left alone.
    return (
        joined
        if '"' in joined or "'" in joined
        else re.sub(r"(?<=[(\[{]) | (?=[)\]}])", "", joined)
    )


def _option(flag: str, write: Callable[[ast.expr], list[str]]) -> Callable[..., list[str]]:
    return lambda value, _: [flag, *write(value)]


_WRITERS: dict[str, Callable[[ast.expr, str], list[str]]] = {
    "subscribe_to": _option("--on", _origins),
    "ignore": _option("--ignore", _origins),
    "entry_point": lambda value, source: ["--entry", *_flag(value, source)],
    "key": _option("--key", _identifiers),
    "when": lambda value, source: ["--when", *_when(value, source)],
    "batch": lambda value, source: ["--batch", *_flag(value, source)],
    "name": _option("--name", _name),
    "retries": _option("--retries", lambda value: [str(_number(value))]),
    "backoff": _option("--backoff", lambda value: [str(_number(value))]),
    "timeout": _option("--timeout", lambda value: [str(_number(value))]),
    "resources": _option("--resources", _amounts),
    "workers": _option("--workers", _words),
    "priority": _option("--priority", lambda value: [str(_number(value))]),
    "allow_shared": lambda value, source: ["--allow-shared", *_flag(value, source)],
}
"""How each option is said; the order is that of the line."""
