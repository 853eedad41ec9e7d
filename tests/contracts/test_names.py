"""The contract "Names": what a node is called, and what declaring a name again does."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest
from looking import column, rows, unchanged

from emitnb import DeclarationError, Router, UnknownNodeError

WORDS = """
@router.node("word", entry_point=True)
def words(msg):
    yield from msg.document.split()
"""
SHOUT = """
@router.node("word", subscribe_to={to!r})
def {name}(msg):
    return msg.word.upper()
"""


def run_module(router: Router, name: str, code: str) -> ModuleType:
    """Run code as a module of that name would."""
    module = ModuleType(name)
    module.__dict__["router"] = router
    exec(code, module.__dict__)
    return module


def test_names_a_node_of_a_script_or_notebook_is_named_after_its_function():
    router = Router()
    module = run_module(router, "__main__", WORDS + SHOUT.format(to="words", name="shout"))
    assert list(router.nodes) == ["words", "shout"]
    assert module.words.name == "words"
    assert router.get_name(module.words) == "words"


def test_names_a_node_of_an_imported_module_is_named_module_dot_function():
    router = Router()
    module = run_module(router, "shop.tasks", WORDS)
    assert list(router.nodes) == ["shop.tasks.words"]
    assert module.words.name == "shop.tasks.words"


@pytest.mark.parametrize("to", ["words", "tasks.words", "shop.tasks.words"])
def test_names_a_subscription_may_use_either_form(to):
    router = Router()
    run_module(router, "shop.tasks", WORDS)
    run_module(router, "__main__", SHOUT.format(to=to, name="shout"))
    assert router.graph.origins("shout") == ("shop.tasks.words",)
    router.push(["the rain"])
    assert column(router, "shout") == ["THE", "RAIN"]


def test_names_main_may_be_written_before_a_name():
    router = Router()
    run_module(router, "__main__", WORDS + SHOUT.format(to="__main__.words", name="shout"))
    assert router.graph.origins("shout") == ("words",)


def test_names_the_short_form_works_wherever_a_node_is_named():
    router = Router()
    run_module(router, "shop.tasks", WORDS)
    router.push(["the rain"], to="words")
    assert column(router, "words") == column(router, "shop.tasks.words") == ["the", "rain"]
    assert len(router.trace("words", 0)) == 2
    assert router.failures("words").empty
    router.rename("words", "parts")
    assert list(router.nodes) == ["parts"]


def test_names_a_short_form_that_is_ambiguous_is_refused_and_its_meanings_are_listed():
    router = Router()
    run_module(router, "shop.tasks", WORDS)
    run_module(router, "shop.other", WORDS)
    with pytest.raises(UnknownNodeError, match=r"shop\.tasks\.words or shop\.other\.words"):
        router.frame("words")
    shout = run_module(router, "__main__", SHOUT.format(to="words", name="shout")).shout
    assert router.graph.origins("shout") == ()
    assert "shop.tasks.words or shop.other.words" in str(shout.declaration)


def test_names_an_exact_name_goes_before_the_short_form_of_another():
    router = Router()
    run_module(router, "shop.tasks", WORDS)
    run_module(router, "__main__", WORDS + SHOUT.format(to="words", name="shout"))
    assert router.graph.origins("shout") == ("words",)


def test_names_a_name_can_be_given():
    router = Router()
    router.node("word", entry_point=True, name="clean_words")(lambda msg: msg.document)
    assert list(router.nodes) == ["clean_words"]


def grown() -> Router:
    """A router in which ``count`` has every option set and something is recorded."""
    router = Router()

    @router.node("word", entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node("word", subscribe_to="words", name="shout")
    def shout(msg: Any) -> str:
        if msg.word == "rain":
            raise ValueError("wet")
        return msg.word.upper()

    @router.node(
        {"word": str, "n": int},
        subscribe_to=["words", "sh.*"],
        entry_point=True,
        ignore="__entry_point",
        key="word",
        when=lambda msg: msg.word,
        name="count",
    )
    def count(msg: Any, state: dict[str, int]) -> tuple[str, int]:
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    router.push(["the rain in the plain"])
    return router


def test_names_declaring_a_name_again_replaces_the_node_whole():
    router = grown()
    assert router.graph.origins("count") == ("words", "shout")
    place = list(router.nodes).index("count")

    @router.node("length", name="count")
    def count(msg: Any) -> int:
        return len(msg.word)

    node = router.nodes["count"]
    assert node.fields == ("length",)
    assert (node.types, node.key, node.when, node.batch) == ({}, (), None, False)
    assert (node.subscriptions, node.ignores, node.entry_point) == ((), (), False)
    assert router.graph.origins("count") == ()
    assert router.graph.subscribers("words") == ("shout",)
    assert list(router.nodes).index("count") == place
    assert count(word="rain") == {"length": 4}


@pytest.mark.parametrize(
    ("fields", "options", "problem"),
    [
        ("word", {"subscribe_to": "(words"}, "no regular expression"),
        ("word", {"ignore": ["words", "*"]}, "no regular expression"),
        (("word", "word"), {}, "twice"),
        ("_origin", {}, "attribute of Message"),
        ({"word": "str"}, {}, "no type"),
        ("word", {"subscribe_to": "words", "key": "wrd"}, "Did you mean `word`"),
        ("word", {"subscribe_to": "words", "when": lambda msg: msg.wrd}, "Did you mean `word`"),
        ("word", {"when": "msg.word"}, "cannot be called"),
        ("word", {"batch": True}, "batch node"),
        (7, {}, "no fields"),
    ],
)
def test_names_a_declaration_that_fails_leaves_the_graph_exactly_as_it_was(
    fields, options, problem
):
    router = grown()

    def count(msg: Any, state: dict[str, int]) -> str:
        return msg.word

    with (
        unchanged(router),
        pytest.raises(DeclarationError, match=f"(?s)count.*{re.escape(problem)}"),
    ):
        router.node(fields, name="count", **options)(count)
    router.push(["the"])
    assert rows(router, "count")[-2:] == [("the", 3), ("THE", 3)]
