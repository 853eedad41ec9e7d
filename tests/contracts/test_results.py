"""The contract "What a node returns": how returned values fill fields, and what does not fit."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import msgspec
import pytest
from looking import column, figures, rows

from emitnb import NoResult, ResultError, Router


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Spot(msgspec.Struct):
    x: int
    y: str = ""


def returning(fields: Any, *values: Any) -> Router:
    """A router with a node that returns the values, one for each message, in order."""
    router = Router()
    router.node(fields, entry_point=True, name="giver")(lambda msg: values[msg.n])
    router.push([{"n": n} for n in range(len(values))])
    return router


def test_returns_a_tuple_fills_the_fields_in_order():
    assert rows(returning(("a", "b"), (1, 2), (3, 4)), "giver") == [(1, 2), (3, 4)]
    assert rows(returning("a", (1,), (2,)), "giver") == [(1,), (2,)]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {"x": 1}, "text", {1, 2}, 0, "", [], b"raw"])
def test_returns_with_one_field_any_other_value_fills_it(value):
    (given,) = column(returning("a", value), "giver")
    assert (given, type(given)) == (value, type(value))


def test_returns_with_several_fields_a_mapping_with_exactly_those_names_fills_them():
    router = returning(("a", "b"), {"b": 2, "a": 1}, (3, 4), {"a": 5, "b": None})
    assert [a for a, _ in rows(router, "giver")] == [1, 3, 5]
    assert [b for _, b in rows(router, "giver")][:2] == [2, 4]
    assert router.failures().empty


def test_returns_a_record_of_the_declared_class_fills_its_fields():
    assert rows(returning(Point, Point(1, 2), (3, 4)), "giver") == [(1, 2), (3, 4)]
    assert rows(returning(Spot, Spot(1, "a"), {"x": 2, "y": "b"}), "giver") == [(1, "a"), (2, "b")]


def test_returns_a_generator_emits_each_item():
    router = Router()

    @router.node(("a", "b"), entry_point=True, name="giver")
    def giver(msg: Any) -> Any:
        yield msg.n, 0
        yield {"a": msg.n, "b": 1}
        yield NoResult
        yield None

    router.push([{"n": 1}, {"n": 2}])
    assert rows(router, "giver") == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert figures(router, "giver") == (2, 4, 0, 0)


@pytest.mark.parametrize("bad", ["raise", "wrong"])
def test_returns_a_generator_emits_all_or_nothing(bad):
    router = Router()

    @router.node(("a", "b"), entry_point=True, name="giver")
    def giver(msg: Any) -> Any:
        yield msg.n, 1
        if msg.n == 2:
            if bad == "raise":
                raise ValueError("part-way")
            yield (1, 2, 3)
        yield msg.n, 2

    router.push([{"n": n} for n in (1, 2, 3)])
    assert rows(router, "giver") == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert router.failures()["input"].tolist() == [{"n": 2}]
    assert figures(router, "giver") == (3, 4, 0, 1)


def test_returns_a_generator_that_a_plain_function_returns_counts_like_one():
    router = Router()
    router.node("a", entry_point=True, name="giver")(lambda msg: (n for n in range(msg.n)))
    router.push([{"n": 2}, {"n": 0}, {"n": 1}])
    assert column(router, "giver") == [0, 1, 0]


def test_returns_no_result_or_none_emits_nothing_and_none_in_a_tuple_is_a_none():
    router = returning("a", NoResult, None, (None,), "x")
    assert router.frame("giver")["a"].isna().tolist() == [True, False]
    assert router.frame("giver")["a"][1] == "x"
    assert figures(router, "giver") == (4, 2, 2, 0)


def test_returns_a_node_without_fields_emits_empty_tuples_only():
    assert figures(returning((), None, (), NoResult, 1), "giver") == (4, 1, 2, 1)


@pytest.mark.parametrize(
    ("fields", "value", "parts"),
    [
        (("a", "b"), (1,), ["2 fields", "a, b", "(1,)"]),
        (("a", "b"), (1, 2, 3), ["2 fields", "a, b", "(1, 2, 3)"]),
        (("a", "b"), "xy", ["2 fields", "a, b", "'xy'"]),
        (("a", "b"), [1, 2], ["2 fields", "a, b", "[1, 2]"]),
        (("a", "b"), {"a": 1}, ["a, b", "mapping with a"]),
        (("a", "b"), {"a": 1, "b": 2, "c": 3}, ["a, b", "mapping with a, b, c"]),
        ("a", (1, 2), ["1 field ", "a", "(1, 2)"]),
        ({"a": int}, "7", ["field a", "int", "'7'", "str"]),
        ({"a": int}, 7.0, ["field a", "int", "7.0"]),
        ({"a": int}, True, ["field a", "int", "True"]),
        ({"a": str, "b": int}, ("x", None), ["field b", "int", "None"]),
        ({"a": list[int]}, (1,), ["field a", "list[int]"]),
        (Point, (1, "2"), ["field y", "int", "'2'"]),
    ],
)
@pytest.mark.parametrize("generates", [False, True])
def test_returns_what_does_not_fit_is_a_failure_that_names_node_fields_and_value(
    fields, value, parts, generates
):
    router = Router()

    @router.node(fields, entry_point=True, name="giver")
    def giver(msg: Any) -> Any:
        return value

    @router.node(fields, entry_point=True, name="generator")
    def generator(msg: Any) -> Any:
        yield value

    name = "generator" if generates else "giver"
    router.push([{}, {}], to=name)
    failures = router.failures(name)
    assert failures["error_type"].tolist() == ["ResultError"] * 2
    for part in [name, *parts]:
        assert part in failures["error"][0]
    assert router.frame(name).empty
    with pytest.raises(ResultError, match=re.escape(parts[0])):
        (generator if generates else giver)()


def test_returns_one_value_that_does_not_fit_leaves_the_others_alone():
    values: list[Any] = [(n, str(n)) for n in range(2_000)]
    values[700] = (1, 2)
    values[1_500] = "short"
    router = returning({"n": int, "text": str}, *values)
    kept = [value for n, value in enumerate(values) if n not in (700, 1_500)]
    assert rows(router, "giver") == kept
    assert [one["n"] for one in router.failures()["input"]] == [700, 1_500]


def test_returns_types_of_unions_and_numbers():
    assert column(returning({"a": float}, 1.5, 2), "giver") == [1.5, 2.0]
    optional = returning({"a": int | None}, 1, (None,))
    assert optional.frame("giver")["a"].isna().tolist() == [False, True]
    assert optional.failures().empty


def test_returns_async_nodes_are_awaited():
    router = Router()

    @router.node("a", entry_point=True, name="giver")
    async def giver(msg: Any) -> int:
        return msg.n + 1

    router.push([{"n": 1}, {"n": 2}])
    assert column(router, "giver") == [2, 3]
