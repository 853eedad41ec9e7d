"""Bad input: a clear error that names the node and the way out; graph and log stay as they were."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from looking import column, figures, unchanged

from emitnb import (
    DeclarationError,
    Message,
    Router,
    RunInterrupted,
    SourceError,
    UnknownNodeError,
)
from emitnb.message import ENTRY_POINT


def working() -> Router:
    """A graph in which something is recorded."""
    router = Router()
    router.node("word", entry_point=True, name="words")(lambda msg: iter_words(msg))
    router.node({"word": str, "n": int}, "words", name="count")(lambda msg: (msg.word, 1))
    router.node(("word", "n"), "words", name="longer")(lambda msg: (msg.word, 2))
    router.push(["the rain", {"other": 1}])
    assert len(router.failures()) == 1
    return router


def iter_words(msg: Any) -> Any:
    return (word for word in msg.document.split())


# --- Declarations ---------------------------------------------------------------------------------

BAD_DECLARATIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("bad regex", {"subscribe_to": "words("}, ["'words('", "no regular expression", "Mend it"]),
    ("bad regex to ignore", {"ignore": "[w"}, ["'[w'", "no regular expression"]),
    ("bad regex in a list", {"subscribe_to": ["words", "+"]}, ["'+'", "no regular expression"]),
    ("what is no pattern", {"subscribe_to": 7}, ["7", "name", "regular expression"]),
    ("what is no pattern in a list", {"subscribe_to": [None]}, ["None", "regular expression"]),
    ("empty subscription", {"subscribe_to": " "}, ["empty name", "name a node"]),
    ("_origin", {"fields": "_origin"}, ["'_origin'", "choose another name"]),
    ("a method", {"fields": ("word", "as_dict")}, ["'as_dict'", "choose another name"]),
    ("another method", {"fields": ("as_json",)}, ["'as_json'", "choose another name"]),
    ("a keyword", {"fields": ("class",)}, ["'class'", "keyword", "class_"]),
    ("twice", {"fields": ("a", "b", "a")}, ["'a'", "twice", "own name"]),
    ("no identifier", {"fields": ("two words",)}, ["'two words'", "letters, digits and _"]),
    ("empty field", {"fields": ("",)}, ["''", "not a valid name"]),
    ("no string", {"fields": (1,)}, ["1", "strings"]),
    ("no type", {"fields": {"a": "int"}}, ["'a'", "no type", "such as int"]),
    ("an unknown class", {"fields": int}, ["int", "dataclass", "field names"]),
    ("a key that is no field", {"key": 3}, ["key"]),
    ("an empty key", {"key": ()}, ["key", "field name"]),
    ("a batch node with state", {"batch": True}, ["batch node", "state", "drop"]),
    (
        "a key that an origin lacks",
        {"subscribe_to": "words", "key": "wrd"},
        ["key", "`wrd`", "words does not emit", "Did you mean `word`?", "words emits word"],
    ),
    (
        "a key that one of the origins lacks",
        {"subscribe_to": ["longer", "words"], "key": ("word", "n")},
        ["`n`", "words does not emit"],
    ),
    (
        "a predicate on a field that an origin lacks",
        {"subscribe_to": "words", "when": lambda msg: msg.count > 3},
        ["when", "`count`", "words does not emit", "words emits word"],
    ),
    ("a predicate that is none", {"when": "msg.count"}, ["cannot be called", "lambda msg"]),
]


@pytest.mark.parametrize(
    ("options", "parts"),
    [one[1:] for one in BAD_DECLARATIONS],
    ids=[one[0] for one in BAD_DECLARATIONS],
)
@pytest.mark.parametrize("name", ["new", "count"])
def test_a_declaration_that_cannot_be_names_the_node_and_the_way_out(options, parts, name):
    router = working()

    def function(msg: Any, state: dict[str, int]) -> Any:
        return msg.word

    with unchanged(router), pytest.raises(DeclarationError) as raised:
        router.node(**{"fields": "word", "name": name, **options})(function)
    text = str(raised.value)
    assert name in text
    for part in parts:
        assert part in text


@pytest.mark.parametrize("name", ["", " ", "two words", "1st", "a.", ".a", "a..b", ENTRY_POINT])
def test_a_name_that_cannot_be_is_refused(name):
    router = working()
    with unchanged(router), pytest.raises(DeclarationError, match=r"name"):
        router.node("word", name=name)(lambda msg: msg.word)


def test_a_lambda_without_a_name_is_refused():
    router = working()
    with unchanged(router), pytest.raises(DeclarationError, match="name=") as raised:
        router.node("word")(lambda msg: msg.word)
    assert "lambda" in str(raised.value)


class Silent:
    """Has no __call__."""


class Demanding:
    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, msg: Any) -> int:
        return self.size


def demands_keyword(msg: Any, *, size: int) -> int:
    return size


def takes_nothing() -> int:
    return 1


def takes_much(msg: Any, state: Any, more: Any) -> int:
    return 1


@pytest.mark.parametrize(
    ("function", "parts"),
    [
        (Silent, ["no __call__", "add one"]),
        (Demanding, ["without arguments", "Demanding(...)"]),
        (demands_keyword, ["size", "def name(msg)"]),
        (takes_nothing, ["0 parameters", "def name(msg)"]),
        (takes_much, ["3 parameters", "def name(msg, state)"]),
        (7, ["7", "cannot be called"]),
    ],
)
def test_a_function_that_cannot_be_a_node_is_refused_with_the_form_of_one(function, parts):
    router = working()
    with unchanged(router), pytest.raises(DeclarationError) as raised:
        router.node("word", name="new")(function)
    for part in ["new", *parts]:
        assert part in str(raised.value)


def test_a_key_without_a_state_to_keep_is_refused():
    router = working()
    with unchanged(router), pytest.raises(DeclarationError, match=r"count: .*def count\(msg, st"):
        router.node("word", "words", key="word", name="count")(lambda msg: msg.word)


def test_a_state_that_cannot_be_made_is_refused():
    router = working()

    def function(msg: Any, state: Demanding) -> int:
        return 1

    with unchanged(router), pytest.raises(DeclarationError, match=r"new.*without arguments"):
        router.node("word", name="new")(function)


def test_a_message_class_that_is_none_is_refused():
    with pytest.raises(DeclarationError, match=r"message_class is .*dict.*emitnb\.Message"):
        Router(dict)  # type: ignore[arg-type] # the point of the test


def test_a_field_like_a_method_of_the_message_class_is_refused():
    class Loud(Message, frozen=True):
        def shout(self) -> str:
            return ""

    with pytest.raises(DeclarationError, match="'shout' is already an attribute of Loud"):
        Router(Loud).node("shout", name="new")(lambda msg: msg)


# --- Editing and asking ---------------------------------------------------------------------------

UNKNOWN: dict[str, Callable[[Router], Any]] = {
    "push to": lambda router: router.push(["a"], to="cuont"),
    "frame": lambda router: router.frame("cuont"),
    "failures": lambda router: router.failures("cuont"),
    "trace": lambda router: router.trace("cuont", 0),
    "remove": lambda router: router.remove("cuont"),
    "rename": lambda router: router.rename("cuont", "new"),
    "subscribe": lambda router: router.subscribe("cuont", "words"),
    "unsubscribe": lambda router: router.unsubscribe("cuont", "words"),
    "add_entry_point": lambda router: router.add_entry_point("cuont"),
}


@pytest.mark.parametrize("ask", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_node_is_an_error_with_the_nearest_name(ask):
    router = working()
    with unchanged(router), pytest.raises(UnknownNodeError, match="no node is named `cuont`") as e:
        ask(router)
    assert "Did you mean `count`?" in str(e.value)
    with pytest.raises(LookupError):
        ask(router)


@pytest.mark.parametrize("ask", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_node_in_an_empty_router_says_that_there_are_none(ask):
    with pytest.raises(UnknownNodeError, match=r"`cuont`.*none yet"):
        ask(Router())


@pytest.mark.parametrize("pattern", ["(", "", ["words", "*"], 5])
@pytest.mark.parametrize("edit", ["subscribe", "unsubscribe"])
def test_an_edit_with_a_bad_pattern_is_refused(edit, pattern):
    router = working()
    with unchanged(router), pytest.raises(DeclarationError, match="count"):
        getattr(router, edit)("count", pattern)


def test_unsubscribing_from_what_does_not_come_says_what_does():
    router = working()
    with unchanged(router), pytest.raises(DeclarationError, match=r"count .*nobody.* words"):
        router.unsubscribe("count", "nobody")


def test_subscribing_a_keyed_node_to_one_without_the_field_is_refused():
    router = working()

    @router.node("n", "words", key="word", name="keyed")
    def keyed(msg: Any, state: dict[str, int]) -> int:
        return 1

    router.node("other", entry_point=True, name="other")(lambda msg: 1)
    with unchanged(router), pytest.raises(DeclarationError, match=r"keyed: key .*`word`.*other"):
        router.subscribe("keyed", "oth.*")


# --- Pushing --------------------------------------------------------------------------------------


def test_a_push_with_no_entry_point_says_how_to_make_one():
    router = Router()
    with unchanged(router), pytest.raises(DeclarationError, match="entry_point=True"):
        router.push(["a"])
    router.node("word", name="words")(lambda msg: msg.document)
    with unchanged(router), pytest.raises(DeclarationError, match="--entry"):
        router.push(["a"])
    with unchanged(router), pytest.raises(DeclarationError, match="entry_point=True"):
        router(document="a")
    router.push(["a"], to="words")
    assert column(router, "words") == ["a"]


def test_a_push_with_routing_disabled_says_so():
    router = working()
    with (
        router.routing_disabled(),
        unchanged(router),
        pytest.raises(Exception, match=r"routing is disabled.*enable_routing"),
    ):
        router.push(["a"])


def test_a_path_that_matches_nothing_is_an_error_that_names_it(tmp_path: Path):
    router = working()
    for path in (tmp_path / "no.txt", str(tmp_path / "*.csv")):
        with unchanged(router), pytest.raises(SourceError, match=re.escape(str(path))):
            router.push(path)


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        (7, {}, "of type int; push a dict"),
        (None, {}, "of type NoneType; push"),
        ({"a b": 1}, {}, "a b"),
        (["a"], {"batch_size": 0}, "batch_size is 0"),
        (["a"], {"batch_size": "big"}, "'big'.*'auto'"),
        (["a"], {"on_error": "ignore"}, "'ignore'.*'collect' or 'stop'"),
        (["a"], {"limit": -1}, "limit"),
        (["a"], {"field": "class"}, "class"),
    ],
)
def test_a_push_that_cannot_be_leaves_everything_as_it_was(source, options, problem):
    router = working()
    with unchanged(router), pytest.raises(ValueError, match=problem):
        router.push(source, **options)


@pytest.mark.parametrize(
    ("suffix", "content", "line"),
    [
        (".csv", "document,n\nthe,1\nrain,2,3\nin,3\n", 3),
        (".jsonl", '{"document": "the"}\n{"document": \n{"document": "in"}\n', 2),
    ],
)
def test_a_line_that_does_not_parse_is_a_failure_of_the_entry_point(
    tmp_path, suffix, content, line
):
    router = Router()
    router.node("word", entry_point=True, name="words")(lambda msg: msg.document)
    file = tmp_path / f"data{suffix}"
    file.write_text(content)
    run = router.push(file)
    assert (run.state, run.done) == ("done", 2)
    assert column(router, "words") == ["the", "in"]
    failures = router.failures(ENTRY_POINT)
    assert len(failures) == 1
    assert failures["input"][0]["path"] == str(file)
    assert failures["input"][0]["line"] == line
    assert figures(router, ENTRY_POINT)[3] == 1


# --- What nodes do --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "value", "parts"),
    [
        (("a", "b"), (1, 2, 3), ["giver", "a, b", "3 values", "(1, 2, 3)"]),
        ({"a": int}, "7", ["giver", "field a", "int", "'7'"]),
    ],
)
def test_a_wrong_number_or_type_of_values_is_a_failure_that_names_the_node(fields, value, parts):
    router = Router()
    router.node(fields, entry_point=True, name="giver")(lambda msg: value)
    assert router.push({"x": 1}).state == "done"
    (text,) = router.failures("giver")["error"]
    assert all(part in text for part in parts)
    assert router.frame("giver").empty


def test_a_value_of_any_length_is_shown_shortened():
    router = Router()
    router.node(("a", "b"), entry_point=True, name="giver")(lambda msg: "x" * 100_000)
    router.push({"x": 1})
    assert len(router.failures()["error"][0]) < 300


def test_an_endless_cycle_is_a_failure_that_names_it_and_the_way_out():
    router = Router()
    router.node("n", "pong", entry_point=True, name="ping")(lambda msg: msg.n)
    router.node("n", "ping", name="pong")(lambda msg: msg.n)
    assert router.push([{"n": 1}, {"n": 2}]).state == "done"
    failures = router.failures()
    assert failures["error_type"].tolist() == ["LoopError"] * 2
    for part in ("ping -> pong -> ping", "NoResult", "router.hop_limit"):
        assert part in failures["error"][0]


@pytest.mark.parametrize("size", [1, 2, "auto"])
def test_a_node_that_raises_keyboard_interrupt_interrupts_and_one_that_raises_system_exit_fails(
    size,
):
    router = Router()
    raised: list[type[BaseException]] = []

    @router.node("n", entry_point=True, name="node")
    def node(msg: Any) -> int:
        if msg.n == 1:
            raise SystemExit(3)
        if msg.n == 3 and not raised:
            raised.append(KeyboardInterrupt)
            raise KeyboardInterrupt
        return msg.n

    with pytest.raises(RunInterrupted) as interrupted:
        router.push([{"n": n} for n in range(5)], batch_size=size)
    interrupted.value.run.resume()
    assert column(router, "node") == [0, 2, 3, 4]
    assert router.failures()[["node", "error_type"]].to_numpy().tolist() == [["node", "SystemExit"]]


def test_a_node_that_prints_a_million_lines_is_bounded_and_named(capsys):
    router = Router()

    @router.node("n", entry_point=True, name="chatty")
    def chatty(msg: Any) -> int:
        for number in range(250_000):
            print("line", number)
        return msg.n

    assert router.push([{"n": n} for n in range(4)]).state == "done"
    printed = capsys.readouterr().out
    assert printed.startswith("line 0\nline 1\n")
    assert len(printed.splitlines()) < 2_000
    assert "chatty" in printed.splitlines()[-1]
    assert "999,000 more lines" in printed.splitlines()[-1]
    assert column(router, "chatty") == [0, 1, 2, 3]


def test_a_node_that_prints_without_end_of_line_is_bounded_too(capsys):
    router = Router()

    @router.node("n", entry_point=True, name="chatty")
    def chatty(msg: Any) -> int:
        for _ in range(1_000):
            print("x" * 1_000, end="")
        return msg.n

    router.push([{"n": n} for n in range(5)])
    assert len(capsys.readouterr().out) < 300_000


def test_what_a_node_prints_goes_where_prints_go_afterwards_too(capsys):
    router = Router()
    router.node("n", entry_point=True, name="node")(lambda msg: print("seen", msg.n))
    router.push([{"n": 1}])
    print("after")
    assert capsys.readouterr().out == "seen 1\nafter\n"


def test_two_subscribers_share_the_very_values_that_were_emitted():
    """So neither may change them; that is documented."""
    router = Router()
    seen = []
    router.node("part", entry_point=True, name="giver")(lambda msg: [1, 2])
    for name in ("left", "right"):
        router.node((), "giver", name=name)(lambda msg: seen.append(msg.part))
    router.push({"x": 1})
    assert seen == [[1, 2], [1, 2]]
    assert seen[0] is seen[1]
