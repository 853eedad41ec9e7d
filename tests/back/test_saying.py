"""What the line of a magic says of a decorator is read from it again, whatever was declared."""

from __future__ import annotations

import ast
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st

from emitnb import DeclarationError
from emitnb.cells.node_line import amounts, field_pairs, parse_node_line, predicate_text
from emitnb.cells.words import names
from emitnb.importing.saying import magic_line
from emitnb.subscription import subscriptions

NAMES = st.sampled_from(["word", "count", "wörter", "x1", "_n"])
TYPES = st.sampled_from(
    ["int", "int | None", "dict[str, list[int]]", "Literal['a b', \"c\"]", "Literal['[,']", "a.B"]
)


def can_be_subscribed_to(text: str) -> bool:
    try:
        return bool(subscriptions(text))
    except DeclarationError:
        return False


PATTERNS = st.text(st.sampled_from("ab.*'\"/ ,#(){}-\\$"), min_size=1, max_size=12)
PATTERNS = PATTERNS.filter(can_be_subscribed_to)
EXPRESSIONS = st.sampled_from(
    ["msg.x", "msg.x == 'it'", 'msg.x == "it"', "msg.x in {'a': \"b\"}", "f(msg.x, '#;')", "-msg.x"]
)
OPTIONS = st.fixed_dictionaries(
    {"fields": st.lists(NAMES, unique=True) | st.dictionaries(NAMES, TYPES, min_size=1)},
    optional={
        "subscribe_to": st.lists(PATTERNS | NAMES, min_size=1, max_size=3),
        "ignore": st.lists(PATTERNS | NAMES, min_size=1, max_size=2),
        "key": st.lists(NAMES, min_size=1, max_size=2),
        "when": EXPRESSIONS,
        "workers": st.lists(st.text("ab:/- .,'", min_size=1, max_size=6), min_size=1),
        "resources": st.dictionaries(st.sampled_from(["GPU", "a b", "M-1"]), st.just(2e9)),
        "priority": st.integers(-5, 5),
        "name": NAMES,
    },
)


def call_of(options: dict[str, Any]) -> tuple[ast.Call, str]:
    """Write the decorator that gives these options."""
    words = []
    for name, value in options.items():
        if name == "fields" and isinstance(value, dict):
            value = "{" + ", ".join(f"{field!r}: {kind}" for field, kind in value.items()) + "}"
        elif name == "when":
            value = f"lambda msg: {value}"
        else:
            value = repr(value)
        words.append(f"{name}={value}")
    text = f"router.node({', '.join(words)})"
    statement = ast.parse(text).body[0]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return statement.value, text


@given(OPTIONS)
def test_the_line_says_what_the_decorator_says(options):
    line = magic_line(*call_of(options))
    if line is None:
        return
    said = parse_node_line(line.removeprefix("%%emit_node"))
    fields = options["fields"]
    wanted = list(fields.items()) if isinstance(fields, dict) else [(name, None) for name in fields]
    assert field_pairs(said.fields) == wanted
    for found, name in ((said.on, "subscribe_to"), (said.ignore, "ignore")):
        assert subscriptions(names(found)) == subscriptions(options.get(name))
    assert names(said.key) == options.get("key", [])
    assert (said.when and predicate_text(said.when)) == options.get("when")
    assert names(said.workers) == options.get("workers", [])
    assert amounts(said.resources) == options.get("resources", {})
    assert (said.priority, said.name) == (options.get("priority", 0), options.get("name"))


def test_most_that_is_declared_can_be_said():
    kinds: list[Literal["said", "not"]] = []

    @given(OPTIONS)
    def look(options: dict[str, Any]) -> None:
        kinds.append("not" if magic_line(*call_of(options)) is None else "said")

    look()
    assert kinds.count("said") > 20
