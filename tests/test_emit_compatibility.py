"""What users of Emit 0.3.0 rely on: the same calls mean the same here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from looking import column, figures, rows, unchanged

from emitnb import Message, NoResult, Router
from emitnb.message import ENTRY_POINT

ROUTING = """
from emitnb import Message, Router

class Shout(Message, frozen=True):
    def shout(self):
        return self.word.upper()

router = Router(
    message_class=Shout, node_modules=[".tasks", "shop.counting"], node_package=__package__
)
"""
TASKS = """
from .routing import router

@router.node(("word",), entry_point=True)
def words(msg):
    for word in msg.document.strip().split(" "):
        yield word

@router.node(("word",), subscribe_to="shop.tasks.words")
def shout(msg):
    return msg.shout()
"""
COUNTING = """
from shop.routing import router

@router.node(("word", "count"), "shop.tasks.words", key="word")
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Router]:
    """The router of a real package."""
    package = tmp_path / "shop"
    package.mkdir()
    files = {"__init__": "", "routing": ROUTING, "tasks": TASKS, "counting": COUNTING}
    for name, code in files.items():
        (package / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("shop.routing").router
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


# --- Router(message_class, node_modules, node_package) --------------------------------------------


def test_node_modules_are_imported_on_first_use_relative_to_the_package(shop):
    assert "shop.tasks" not in sys.modules
    shop(document="the rain the")
    assert {"shop.tasks", "shop.counting"} <= set(sys.modules)
    assert list(shop.nodes) == ["shop.tasks.words", "shop.tasks.shout", "shop.counting.count_word"]
    assert rows(shop, "count_word") == [("the", 1), ("rain", 1), ("the", 2)]


FIRST_USES = {
    "resolve_node_modules": lambda router: router.resolve_node_modules(),
    "nodes": lambda router: router.nodes,
    "graph": lambda router: router.graph,
    "push": lambda router: router.push(["the rain"]),
    "push to": lambda router: router.push(["the rain"], to="words"),
    "frame": lambda router: router.frame(),
    "frame of a node": lambda router: router.frame("words"),
    "failures": lambda router: router.failures("words"),
    "summary": lambda router: router.summary(),
    "str": str,
    "dot": lambda router: router.dot(),
    "add_entry_point": lambda router: router.add_entry_point("count_word"),
    "subscribe": lambda router: router.subscribe("shout", "count_word"),
    "unsubscribe": lambda router: router.unsubscribe("shout", "words"),
    "rename": lambda router: router.rename("words", "parts"),
    "remove": lambda router: router.remove("shout"),
}


@pytest.mark.parametrize("use", FIRST_USES.values(), ids=FIRST_USES)
def test_any_first_use_imports_the_modules(shop, use):
    assert "shop.tasks" not in sys.modules
    use(shop)
    assert "shop.tasks" in sys.modules


def test_modules_are_imported_once_and_nodes_declared_once(shop):
    shop.resolve_node_modules()
    shop.resolve_node_modules()
    assert [node.revision for node in shop.nodes.values()] == [1, 1, 1]


def test_the_message_class_is_a_base_of_all_messages(shop):
    shop.push(["the rain"])
    assert column(shop, "shout") == ["THE", "RAIN"]


def test_one_module_may_be_given_as_a_string(shop):
    router = Router(node_modules="shop.tasks")
    router.resolve_node_modules()
    assert "shop.tasks" in sys.modules


def test_a_module_that_is_not_there_is_an_import_error():
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        Router(node_modules=["nowhere_to_be_found"]).resolve_node_modules()


def test_a_module_that_could_not_be_imported_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    router = Router(node_modules=["arrives_later"])
    with pytest.raises(ModuleNotFoundError):
        router.resolve_node_modules()
    (tmp_path / "arrives_later.py").write_text("")
    importlib.invalidate_caches()
    router.resolve_node_modules()
    assert sys.modules.pop("arrives_later")


# --- Calling --------------------------------------------------------------------------------------


def arithmetic() -> tuple[Router, dict[str, Any]]:
    """The nodes of Emit's manual, as router and functions."""
    router = Router()

    @router.node(["quotient", "remainder"], name="division")
    def division(msg: Any) -> Any:
        return msg.numer // msg.denom, msg.numer % msg.denom

    @router.node(["word"], name="parse")
    def parse(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node("word", "parse", name="not_the")
    def not_the(msg: Any) -> Any:
        return NoResult if msg.word == "the" else msg.word

    return router, {"division": division, "parse": parse, "not_the": not_the}


def test_a_node_called_with_fields_or_a_dict_returns_its_dict():
    _, nodes = arithmetic()
    expected = {"quotient": 2, "remainder": 1}
    assert nodes["division"](numer=5, denom=2) == expected
    assert nodes["division"]({"numer": 5, "denom": 2}) == expected


def test_a_generator_returns_a_tuple_of_dicts_which_are_passed_on_one_by_one():
    router, nodes = arithmetic()
    assert nodes["parse"](document="the rain") == ({"word": "the"}, {"word": "rain"})
    assert nodes["parse"](document="") == ()
    assert column(router, "parse") == ["the", "rain"]
    assert column(router, "not_the") == ["rain"]
    assert figures(router, "not_the") == (2, 1, 1, 0)


def test_no_result_is_returned_as_it_is_and_stops_the_message():
    router, nodes = arithmetic()
    assert nodes["not_the"](word="the") is NoResult
    assert nodes["not_the"](word="rain") == {"word": "rain"}
    assert column(router, "not_the") == ["rain"]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [((1,), {}), (({"a": 1}, {"b": 2}), {}), (({"a": 1},), {"b": 2}), (("text",), {})],
)
def test_any_other_call_is_a_type_error_that_says_what_is_accepted(arguments, fields):
    router, nodes = arithmetic()
    with unchanged(router), pytest.raises(TypeError) as raised:
        nodes["division"](*arguments, **fields)
    for part in ("division(x=1)", "division({'x': 1})", "__wrapped__"):
        assert part in str(raised.value)


def test_the_router_takes_fields_only():
    router, _ = arithmetic()
    router.add_entry_point("parse")
    with unchanged(router), pytest.raises(TypeError):
        router({"document": "the rain"})
    assert router(document="the rain") is None
    assert column(router, "parse") == ["the", "rain"]


def test_there_may_be_several_entry_points_and_one_can_be_added():
    router, _ = arithmetic()
    router.add_entry_point("parse")
    router.node("length", entry_point=True, name="measure")(lambda msg: len(msg.document))
    router(document="the rain")
    assert column(router, "measure") == [8]
    assert column(router, "parse") == ["the", "rain"]
    assert router.nodes["parse"].entry_point
    assert router.graph.subscribers(ENTRY_POINT) == ("parse", "measure")


def test_the_wrapped_function_is_the_one_that_was_written():
    _, nodes = arithmetic()
    assert nodes["parse"].__wrapped__.__name__ == "parse"
    assert nodes["parse"].__name__ == "parse"
    assert nodes["parse"].name == "parse"


# --- Routing on and off ---------------------------------------------------------------------------


def test_with_routing_disabled_functions_can_be_tested_alone():
    router, nodes = arithmetic()
    router.add_entry_point("parse")
    router.disable_routing()
    with unchanged(router):
        assert nodes["parse"](document="the rain") == ({"word": "the"}, {"word": "rain"})
        assert nodes["not_the"](word="the") is NoResult
        router(document="the rain")
    router.enable_routing()
    nodes["parse"](document="the rain")
    assert column(router, "not_the") == ["rain"]


def test_routing_is_disabled_within_a_with_block_and_as_before_after_it():
    router, nodes = arithmetic()
    with pytest.raises(ZeroDivisionError), router.routing_disabled():
        nodes["division"](numer=1, denom=0)
    nodes["parse"](document="a")
    router.disable_routing()
    with router.routing_disabled():
        pass
    nodes["parse"](document="b")
    assert column(router, "parse") == ["a"]


# --- Names, patterns and ignores ------------------------------------------------------------------


def test_get_name_is_module_and_function_or_class():
    router = Router()
    assert router.get_name(arithmetic) == f"{__name__}.arithmetic"
    assert router.get_name(Doubler) == f"{__name__}.Doubler"
    assert router.get_name(Doubler()) == f"{__name__}.Doubler"
    doubler = router.node("n")(Doubler)
    assert router.get_name(doubler) == doubler.name == f"{__name__}.Doubler"


def test_a_pattern_of_everything_receives_pushed_messages_too():
    """The example of regular expressions in Emit's manual: seven messages."""
    router = Router()
    published: list[tuple[str, str]] = []

    @router.node(("key", "value"), entry_point=True, name="parse_querystring")
    def parse_querystring(msg: Any) -> Any:
        for part in msg.querystring.strip().lstrip("?").split("&"):
            key, value = part.split("=")
            yield key, value

    @router.node(("key", "value", "count"), "parse_querystring", name="count_keyval")
    def count_keyval(msg: Any) -> Any:
        return msg.key, msg.value, 1

    @router.node((), ".+", name="notify_on_emit")
    def notify_on_emit(msg: Any) -> Any:
        published.append((msg._origin, msg.as_json()))
        return NoResult

    router(querystring="?a=1&b=2&c=3")
    assert [origin for origin, _ in published] == [
        "__entry_point",
        *["parse_querystring"] * 3,
        *["count_keyval"] * 3,
    ]
    assert published[1][1] == '{"key":"a","value":"1"}'
    assert figures(router, "notify_on_emit") == (7, 0, 7, 0)


def test_ignores_cut_a_broad_pattern_down():
    router = Router()
    for name in ("words", "lines", "private_words"):
        router.node("n", entry_point=True, name=name)(lambda msg: msg.n)
    router.node("n", ".+", False, ["private_.*", "lines"], name="listener")(lambda msg: msg._origin)
    router(n=1)
    assert column(router, "listener") == ["__entry_point", "words"]


# --- Callable classes and instances ---------------------------------------------------------------


class Doubler:
    """A node as a class."""

    factor = 2

    def __call__(self, msg: Any) -> Any:
        return msg.n * self.factor


class Repeater:
    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, msg: Any) -> Any:
        for _ in range(self.times):
            yield msg.n


class Remembering:
    def __call__(self, msg: Any, state: list[int]) -> int:
        state.append(msg.n)
        return len(state)


def test_classes_and_instances_with_a_call_method_are_nodes():
    router = Router()
    doubler = router.node(("n",), entry_point=True)(Doubler)
    repeater = router.node(("n",), "Doubler", name="repeater")(Repeater(2))
    router.node("n", "repeater", key="n")(Remembering())
    router(n=3)
    assert doubler(n=4) == {"n": 8}
    assert repeater(n=5) == ({"n": 5}, {"n": 5})
    assert column(router, "Doubler") == [6, 8]
    assert column(router, "repeater") == [6, 6, 8, 8, 5, 5]
    assert column(router, "Remembering") == [1, 2] * 3


def test_methods_and_partials_are_nodes_too():
    class Holder:
        def half(self, msg: Any) -> float:
            return msg.n / 2

    router = Router()
    router.node("n", entry_point=True, name="half")(Holder().half)
    router(n=3)
    assert column(router, "half") == [1.5]


def test_messages_of_emit_have_as_dict_as_json_and_origin():
    router = Router()
    seen: list[Message] = []
    router.node((), entry_point=True, name="listener")(lambda msg: seen.append(msg))
    router(x=1, y="a")
    (message,) = seen
    assert message.as_dict() == {"x": 1, "y": "a"}
    assert message.as_json() == '{"x":1,"y":"a"}'
    assert message._origin == "__entry_point"
