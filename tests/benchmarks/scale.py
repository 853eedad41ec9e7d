"""Large graphs: long chains, wide fan-outs, and thousands of declarations."""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from emitnb import Router
from tests.benchmarks.harness import Goal, Options, Row, Sample, alone, in_turn, slower

LARGE, SMALL = 1_000, 10
DECLARED = 2_000


def step(msg: Any) -> Any:
    return msg.n


def measure(options: Options) -> Iterator[Row]:
    """Measure hops and declarations."""
    yield from _hops(1, options.size(20), options.runs)
    many = options.size(1_000)
    yield from _hops(many, many, options.runs)
    yield from _declarations(options)


def chain(length: int) -> Router:
    """Return a router with ``length`` nodes one after the other."""
    router = Router()
    router.node(("n",), entry_point=True, name="n0")(step)
    for number in range(1, length):
        router.node(("n",), subscribe_to=f"n{number - 1}", name=f"n{number}")(step)
    return router


def fan_out(width: int) -> Router:
    """Return a router with ``width`` nodes that all listen to one."""
    router = Router()
    router.node(("n",), entry_point=True, name="hub")(step)
    for number in range(width):
        router.node(("n",), subscribe_to="hub", name=f"n{number}")(step)
    return router


def _hops(batch: int, messages: int, runs: int) -> Iterator[Row]:
    """Push ``messages`` through the large graphs, and what makes as many hops through the small."""
    routers = {
        f"{name} of {size:,}": build(size)
        for name, build in {"chain": chain, "fan-out": fan_out}.items()
        for size in (LARGE, SMALL)
    }
    sources = [range(messages), range(messages * LARGE // SMALL)] * 2
    pushes: dict[str, Callable[[], object]] = {}
    for (name, router), source in zip(routers.items(), sources, strict=True):
        _check(router)
        pushes[name] = partial(_push, router, source, batch)

    def forget() -> None:
        for router in routers.values():
            router.clear()

    times = in_turn(pushes, runs, forget)
    hops = LARGE * messages
    large_chain, small_chain, large_fan, small_fan = routers
    pairs = ((large_chain, small_chain), (large_fan, small_fan), (large_fan, small_chain))
    for large, small in pairs:
        label = f"{large} / {small}, per hop, {batch:,} a batch"
        ours, theirs = times[large].per(hops), times[small].per(hops)
        yield slower(label, ours, theirs, Goal("≤", 1.5), f"{hops:,} hops each")


def _push(router: Router, source: range, batch: int) -> object:
    return router.push(source, field="n", batch_size=batch, progress=False)


def _check(router: Router) -> None:
    """Raise unless the last node gets what is pushed."""
    router.push(range(3), field="n")
    last = list(router.nodes)[-1]
    if router.frame(last)["n"].tolist() != [0, 1, 2]:
        raise RuntimeError(f"{last} did not emit what was pushed")


def _declarations(options: Options) -> Iterator[Row]:
    functions = _functions(options.size(DECLARED))
    apart: list[str | None] = [None] * len(functions)
    chained = [None, *(function.__name__ for function in functions[:-1])]
    orders: dict[str, Callable[[], Router]] = {
        "before": partial(_declare, functions, apart, first=True),
        "after": partial(_declare, functions, apart, first=False),
        "before a chain": partial(_declare, functions, chained, first=True),
    }
    times = in_turn(orders, options.runs)
    for order, declare in orders.items():
        graph = declare().graph
        routes = sum(len(graph.origins(name)) for name in graph.nodes)
        yield _route(f"{len(functions):,} nodes, `.*` declared {order}", times[order], routes)


def _route(name: str, taken: Sample, routes: int) -> Row:
    goal, note = Goal("<", 50e-6, "s"), f"{routes:,} routes"
    return alone(f"{name}, per route", taken.per(routes), goal, note)


def _declare(functions: list[Any], origins: list[str | None], first: bool) -> Router:
    """Declare a node for each function and one for all; ask what that one listens to."""
    router = Router()
    everything = router.node(("n",), subscribe_to=".*", name="everything")
    if first:
        everything(step)
    for function, origin in zip(functions, origins, strict=True):
        router.node(("n",), subscribe_to=origin, name=function.__name__)(function)
    if not first:
        everything(step)
    router.graph.origins("everything")
    return router


def _functions(count: int) -> list[Any]:
    """Return functions of a real module: each has code and source of its own."""
    source = "".join(f"def n{number}(msg):\n    return msg.n\n\n\n" for number in range(count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.py"
        path.write_text(source, encoding="utf-8")
        found = runpy.run_path(str(path))
    return [found[f"n{number}"] for number in range(count)]
