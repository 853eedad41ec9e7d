"""Async nodes: awaited many at a time, with the results in the order of their inputs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from looking import column, figures, lineage, rows

from emitnb import NoResult, Router
from emitnb.message import ENTRY_POINT

PATIENCE = 20
"""Seconds after which a test fails rather than hangs."""


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


def test_async_functions_run_many_at_a_time():
    """Each waits for all the others: one after another they would never end."""
    router = Router()
    barrier = asyncio.Barrier(50)

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any) -> int:
        async with asyncio.timeout(PATIENCE):
            await barrier.wait()
        return msg.n

    router.push(numbers(50), batch_size=50)
    assert router.failures().empty
    assert column(router, "node") == list(range(50))


def test_async_generators_run_many_at_a_time():
    router = Router()
    barrier = asyncio.Barrier(20)

    @router.node(("n", "part"), entry_point=True, name="node")
    async def node(msg: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            await barrier.wait()
        yield msg.n, 1
        async with asyncio.timeout(PATIENCE):
            await barrier.wait()
        yield msg.n, 2

    router.push(numbers(20), batch_size=20)
    assert rows(router, "node") == [(n, part) for n in range(20) for part in (1, 2)]
    assert lineage(router, "node") == [(ENTRY_POINT, n, n) for n in range(20) for _ in (1, 2)]


@pytest.mark.parametrize("size", [3, 10, "auto"])
def test_the_order_of_the_results_is_that_of_the_inputs_not_of_the_endings(size):
    router = Router()
    ended: list[int] = []
    events: dict[int, asyncio.Event] = {}

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any) -> int:
        # The second of each three ends before the first of them may.
        event = events.setdefault(msg.n // 3, asyncio.Event())
        if msg.n % 3 == 1:
            event.set()
        elif msg.n % 3 == 0:
            async with asyncio.timeout(PATIENCE):
                await event.wait()
        ended.append(msg.n)
        return msg.n

    router.push(numbers(12), batch_size=12 if size == "auto" else 3 * (size // 3))
    assert column(router, "node") == list(range(12))
    assert ended != sorted(ended)
    assert ended.index(1) < ended.index(0)


def test_a_callable_object_may_be_async():
    class Node:
        async def __call__(self, msg: Any) -> int:
            return msg.n + 1

    class Generator:
        async def __call__(self, msg: Any) -> Any:
            yield msg.n
            yield -msg.n

    router = Router()
    router.node("n", entry_point=True, name="plain")(Node)
    router.node("n", entry_point=True, name="many")(Generator())
    router.push(numbers(2))
    assert column(router, "plain") == [1, 2]
    assert column(router, "many") == [0, 0, 1, -1]


def test_state_with_a_key_goes_in_order_and_other_keys_do_not_wait():
    """``a`` waits for ``b``, which comes later; each key takes its own messages in order."""
    router = Router()
    passed = asyncio.Event()

    @router.node(("tag", "n", "before"), entry_point=True, key="tag", name="node")
    async def node(msg: Any, state: dict[str, Any]) -> Any:
        before = state.get("last")
        if msg.tag == "a" and msg.n == 0:
            async with asyncio.timeout(PATIENCE):
                await passed.wait()
        if msg.tag == "b" and msg.n == 2:
            passed.set()
        await asyncio.sleep(0)
        state["last"] = msg.n
        return msg.tag, msg.n, before

    router.push([{"tag": tag, "n": n} for n in range(3) for tag in "ab"], batch_size=6)
    assert router.failures().empty
    frame = router.frame("node")
    assert frame["tag"].tolist() == list("ababab")
    assert frame["n"].tolist() == [0, 0, 1, 1, 2, 2]
    assert frame["before"].fillna(-1).tolist() == [-1, -1, 0, 0, 1, 1]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_state_of_the_whole_node_goes_in_order(size):
    router = Router()

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any, state: list[int]) -> Any:
        had = list(state)
        for _ in range(msg.n % 3):
            await asyncio.sleep(0)
        assert state == had
        state.append(msg.n)
        yield len(state)

    router.push(numbers(30), batch_size=size)
    assert column(router, "node") == list(range(1, 31))


@pytest.mark.parametrize("generates", [False, True])
def test_what_it_raises_is_a_failure_of_that_message_alone_and_its_state_as_it_was(generates):
    router = Router()

    async def work(msg: Any, state: Counter[str]) -> int:
        state["n"] += 1
        await asyncio.sleep(0)
        if msg.n in (1, 4):
            raise ValueError(f"not {msg.n}")
        return state["n"]

    async def generator(msg: Any, state: Counter) -> Any:
        yield state["n"] + 1
        await work(msg, state)

    async def plain(msg: Any, state: Counter) -> int:
        return await work(msg, state)

    router.node("n", entry_point=True, name="node")(generator if generates else plain)
    router.push(numbers(6))
    assert column(router, "node") == [1, 2, 3, 4]
    failures = router.failures()
    assert failures["error"].tolist() == ["not 1", "not 4"]
    assert "raise ValueError" in failures["traceback"][0]
    assert lineage(router, "node") == [(ENTRY_POINT, n, n) for n in (0, 2, 3, 5)]


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, TimeoutError, StopIteration])
def test_no_exception_ends_the_run(error):
    router = Router()

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any) -> int:
        await asyncio.sleep(0)
        if msg.n == 1:
            raise error
        return msg.n

    assert router.push(numbers(3)).state == "done"
    assert column(router, "node") == [0, 2]
    assert len(router.failures()) == 1


def test_a_result_that_does_not_fit_is_a_failure():
    router = Router()

    @router.node(("a", "b"), entry_point=True, name="node")
    async def node(msg: Any) -> Any:
        return (msg.n, 1) if msg.n != 1 else (1, 2, 3)

    router.push(numbers(3))
    assert rows(router, "node") == [(0, 1), (2, 1)]
    assert "node has 2 fields (a, b)" in router.failures()["error"][0]


def test_no_result_and_none_emit_nothing_and_a_predicate_drops():
    router = Router()

    @router.node("n", entry_point=True, when=lambda msg: msg.n < 3, name="node")
    async def node(msg: Any) -> Any:
        return [NoResult, None, msg.n][msg.n]

    router.push(numbers(5))
    assert column(router, "node") == [2]
    assert figures(router, "node") == (5, 1, 4, 0)


def test_inside_a_running_event_loop_it_works_as_in_a_notebook():
    router = Router()

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any) -> int:
        await asyncio.sleep(0)
        return msg.n * 2

    async def cell() -> Any:
        router.push(numbers(3))
        return node(n=5)

    assert asyncio.run(cell()) == {"n": 10}
    assert column(router, "node") == [0, 2, 4, 10]


def test_it_can_be_called_directly_and_raises():
    router = Router()

    @router.node("n", name="node")
    async def node(msg: Any) -> Any:
        return 1 // msg.n

    @router.node("n", name="many")
    async def many(msg: Any) -> Any:
        yield msg.n
        yield msg.n

    assert node(n=1) == {"n": 1}
    assert many({"n": 2}) == ({"n": 2}, {"n": 2})
    with pytest.raises(ZeroDivisionError):
        node(n=0)


def test_what_it_keeps_open_stays_in_one_event_loop():
    router = Router()
    loops = set()

    @router.node("n", entry_point=True, name="node")
    async def node(msg: Any) -> int:
        loops.add(asyncio.get_running_loop())
        return msg.n

    router.push(numbers(4), batch_size=1)
    router.push(numbers(4))
    assert len(loops) == 1


def test_in_a_loop_of_the_graph_async_nodes_take_their_waves():
    router = Router()

    @router.node("n", "node", entry_point=True, name="node")
    async def node(msg: Any) -> Any:
        return msg.n - 1 if msg.n else None

    router.push([{"n": 3}, {"n": 1}])
    assert column(router, "node") == [2, 1, 0, 0]
