"""What is slow, in words: sentences from real runs, each with the figures that were measured."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest

from emitnb import Router
from emitnb.message import ENTRY_POINT

PAUSE = 0.006
"""Seconds: with a hundred messages, more than the half second from which a node is worth advice."""


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


def slow(msg: Any) -> Any:
    time.sleep(PAUSE)
    return msg.n


def test_nothing_is_said_where_nothing_ran() -> None:
    router = Router()
    assert router.advice() == ""
    router.node("n", entry_point=True, name="slow")(slow)
    assert router.advice() == ""
    summary = router.summary()
    assert summary.attrs["advice"] == ""
    assert summary.attrs["remarks"] == [summary.attrs["kept"]]
    router.push(numbers(1))
    assert router.advice() != ""
    router.clear()
    assert router.advice() == ""


def test_the_slowest_node_is_named_with_its_share_and_its_rate() -> None:
    router = Router()
    router.node("n", entry_point=True, name="quick")(lambda msg: msg.n)
    router.node("n", "quick", name="slow")(slow)
    router.push(numbers(100))
    summary = router.summary()
    taken = summary["ms"] * summary["in"]
    share = 100 * taken["slow"] / taken.sum()
    text = router.advice()
    measured = re.match(r"slow takes (over )?(\d+) % of the time in nodes: 100 messages in", text)
    assert measured is not None
    assert int(measured[2]) == min(round(share), 99)
    rate = re.search(r", ([\d,]+) messages/s\.", text)
    assert rate is not None
    assert int(rate[1].replace(",", "")) == round(1e3 / summary.loc["slow", "ms"])
    assert summary.attrs["advice"] == text
    assert summary.attrs["remarks"] == [summary.attrs["kept"], text]


def test_an_expensive_node_would_be_helped_by_dask() -> None:
    router = Router()
    router.node("n", entry_point=True, name="slow")(slow)
    router.push(numbers(100))
    ms = router.summary().loc["slow", "ms"]
    assert f"At {ms:,.1f} ms a message, dask would help (%emit_backend dask)." in router.advice()
    assert "slow takes all of the time" in router.advice()


def test_what_is_fast_enough_needs_nothing() -> None:
    router = Router()
    router.node("n", entry_point=True, name="quick")(lambda msg: msg.n)
    router.node("n", name="slow")(slow)
    router.push(numbers(10))
    router.push(numbers(1), to="slow")
    assert "slow takes" in router.advice()
    assert "help" not in router.advice()
    router.clear()
    router.push(numbers(10))
    assert re.fullmatch(
        r"quick takes all of the time: 10 messages in [\d.]+ ms, [\d,]+ messages/s\.",
        router.advice(),
    )


def burn(msg: Any) -> Any:
    return msg.n + sum((1, 2, 3, 4, 5, 6))


def burn_text(msg: Any) -> Any:
    return len(msg.text * 3)


def pushed_until_slow(router: Router, node: str, data: Any) -> None:
    """Push until a node has taken half a second, however fast the machine is."""
    seconds = 0.0
    while seconds < 0.51:
        router.push(data, progress=False)
        done = router.summary().loc[node]
        seconds = done["ms"] * done["in"] / 1e3


def test_a_cheap_node_over_numbers_that_is_called_very_often_would_be_helped_by_batch() -> None:
    router = Router()
    router.node("n", entry_point=True, name="cheap")(burn)
    pushed_until_slow(router, "cheap", numbers(200_000))
    micro = 1e3 * router.summary().loc["cheap", "ms"]
    assert f"called for every message, {micro:,.1f} µs each" in router.advice()
    assert "batch=True" in router.advice()
    router.node("n", entry_point=True, name="cheap", batch=True)(lambda frame: frame[["n"]])
    assert "batch=True" not in router.advice()


def test_batch_is_no_advice_for_a_cheap_node_over_text() -> None:
    router = Router()
    router.node("n", entry_point=True, name="cheap")(burn_text)
    pushed_until_slow(router, "cheap", [{"text": "rain"}] * 200_000)
    assert "batch" not in router.advice()


def test_a_stateful_node_without_a_key_would_be_helped_by_one() -> None:
    router = Router()

    @router.node("n", entry_point=True, name="total")
    def total(msg: Any, state: Any) -> Any:
        time.sleep(PAUSE)
        state["n"] = state.get("n", 0) + msg.n
        return state["n"]

    router.push(numbers(100))
    assert "It keeps one state for all messages" in router.advice()
    assert "key= would let those of different keys" in router.advice()
    assert "dask would help" not in router.advice()


def test_an_async_node_waits_for_many_already() -> None:
    router = Router()

    @router.node("n", entry_point=True, name="fetch")
    async def fetch(msg: Any) -> Any:
        await asyncio.sleep(0.55)
        return msg.n

    router.push(numbers(20))
    assert router.advice().startswith("fetch takes all of the time: 20 messages in")
    assert router.advice().endswith("what it awaits takes the time.")


def keyed() -> Router:
    router = Router()

    @router.node("word", entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node("n", "words", key="word", name="count")
    def count(msg: Any, state: Any) -> Any:
        state["n"] = state.get("n", 0) + 1
        return state["n"]

    return router


def test_a_key_that_has_far_more_than_its_part_is_named_with_its_share() -> None:
    router = keyed()
    router.push([" ".join(["the"] * 90 + ["rain", "in", "Spain"] * 20)])
    assert "Keys of count are skewed: 60 % of its latest 150 messages have the key 'the'." in (
        router.advice()
    )


def test_keys_of_which_each_has_its_part_are_not_skewed() -> None:
    router = keyed()
    router.push([" ".join(["the", "rain"] * 60)])
    assert "skewed" not in router.advice()


def test_too_few_messages_say_nothing_about_keys() -> None:
    router = keyed()
    router.push([" ".join(["the"] * 99)])
    assert "skewed" not in router.advice()
    router.push(["the"])
    assert "100 % of its latest 100 messages have the key 'the'" in router.advice()


def test_skewed_keys_bound_what_a_cluster_makes_of_an_expensive_node() -> None:
    router = Router()

    @router.node("n", entry_point=True, key=("a", "b"), name="count")
    def count(msg: Any, state: Any) -> Any:
        time.sleep(PAUSE)
        return 1

    router.push([{"a": 1, "b": "x" if n % 2 else str(n)} for n in range(100)])
    assert (
        "dask would help (%emit_backend dask); its keys let it be 2.0 times as fast at most."
        in (router.advice())
    )
    assert "50 % of its latest 100 messages have the key (1, 'x')" in router.advice()


def test_inputs_of_several_origins_and_of_other_fields_count_too() -> None:
    router = keyed()
    router.node("word", ENTRY_POINT, name="twin")(lambda msg: "rain")
    router.subscribe("count", "twin")
    router.push(["the the the the"] * 60)
    router.push([{"document": 1}, {"wrong": 2}])
    assert "79 % of its latest 302 messages have the key 'the'" in router.advice()


def test_a_removed_node_is_named_and_nothing_is_advised() -> None:
    router = Router()
    router.node("n", entry_point=True, name="slow")(slow)
    router.push(numbers(100))
    router.remove("slow")
    assert router.advice().startswith("slow takes all of the time")
    assert "dask" not in router.advice()


@pytest.mark.parametrize("state", [False, True])
def test_a_node_in_a_loop_is_told_nothing_that_a_loop_would_not_allow(state: bool) -> None:
    router = Router()

    def around(msg: Any) -> Any:
        time.sleep(PAUSE)
        return msg.n - 1 or None

    def counted(msg: Any, state: Any) -> Any:
        return around(msg)

    options = {"entry_point": True, "subscribe_to": "around", "name": "around"}
    router.node("n", **options)(counted if state else around)
    router.push([{"n": 100}])
    assert ("dask would help" in router.advice()) == (not state)
    assert "key=" not in router.advice()
