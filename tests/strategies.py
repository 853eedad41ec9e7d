"""Hypothesis strategies for graphs and messages, and the nodes they describe.

A node is drawn as a :class:`NodeSpec`, a small value that Hypothesis can shrink and print. The
model and the router both build their node from it, with the same function. Every function lowers
the number ``n`` and emits only while it is positive, so that every loop comes to its end.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pandas as pd
from hypothesis import strategies as st
from model import ENTRY, Model, ModelNode

from emitnb import NoResult, Router

SWEEP = os.environ.get("EMITNB_SWEEP") == "1"
"""Whether to try many more examples than in an ordinary run."""

NAMES = ("a", "b", "c", "ab", "abc", "n1", "n2", "m.d")
PATTERNS = (".*", "a|b", "[abc]", "a.?", "b+", "n[0-9]", "(?!a).*", "m[.].", "a|b|c|n1", "zz.*")
PLURAL = ("n", "tag", "mark")
TYPES: dict[str, type] = {"n": int, "tag": str, "mark": int, "extra": int}


class EndOfWork(Exception):
    """Raised inside; a plain function turns it into the StopIteration that ends careless loops."""


class Trap:
    """Raises KeyboardInterrupt inside a node, once, after as many steps as it was set for."""

    def __init__(self) -> None:
        self.steps = 0

    @contextmanager
    def after(self, steps: int) -> Iterator[Trap]:
        """Raise at the ``steps``-th step taken in this block."""
        self.steps = steps
        try:
            yield self
        finally:
            self.steps = 0

    def spring(self) -> None:
        """Pass by, from inside a node's function."""
        if self.steps:
            self.steps -= 1
            if not self.steps:
                raise KeyboardInterrupt


trap = Trap()
"""The trap that every node drawn here passes by: one step a call, and one an item."""


class Memory:
    """A state of a class of one's own, with something mutable inside."""

    def __init__(self) -> None:
        self.seen: list[int] = []


def _count_dict(state: dict[str, Any], n: int) -> int:
    state["count"] = state.get("count", 0) + 1
    state.setdefault("seen", []).append(n)
    return state["count"] + 2 * len(state["seen"]) + sum(state["seen"])


def _count_counter(state: Counter[int], n: int) -> int:
    state[n] += 1
    return state.total() + state[n]


def _count_list(state: list[int], n: int) -> int:
    state.append(n)
    return sum(state) + len(state)


def _count_memory(state: Memory, n: int) -> int:
    state.seen.append(n)
    return sum(state.seen) + len(state.seen)


STATES: dict[type, Callable[[Any, int], int]] = {
    dict: _count_dict,
    Counter: _count_counter,
    list: _count_list,
    Memory: _count_memory,
}


class Brief:
    """A dataclass shown without the fields that have their default, also by Hypothesis."""

    def __repr__(self) -> str:
        texts = []
        for part in fields(self):
            given = getattr(self, part.name)
            default = part.default_factory() if callable(part.default_factory) else part.default
            shown = given.__name__ if isinstance(given, type) else repr(given)
            if given != default:
                texts.append(f"{part.name}={shown}")
        return f"{type(self).__name__}({', '.join(texts)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True)
class Rule:
    """True for the numbers ``n`` with ``n % modulus == rest``."""

    modulus: int
    rest: int

    def __call__(self, message: Any) -> bool:
        return message.n % self.modulus == self.rest


@dataclass(frozen=True, repr=False)
class Work(Brief):
    """What a node does with a message: a pure function of message and state, as a value.

    ``style`` is the return convention, ``items`` how many a generator yields, ``trouble`` what goes
    wrong on the messages that ``fails_on`` names: before anything is yielded, or before item
    ``fails_at``, and always after the state was changed.
    """

    style: str = "tuple"
    halve: bool = False
    items: int = 1
    fails_on: Rule | None = None
    trouble: str = "ValueError"
    fails_at: int = 0
    drops_on: Rule | None = None
    nothing: Any = None


@dataclass(frozen=True, repr=False)
class NodeSpec(Brief):
    """One declaration, as a value."""

    name: str
    fields: tuple[str, ...] = PLURAL
    typed: bool = False
    subscribe_to: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    entry_point: bool = False
    key: tuple[str, ...] | None = None
    state: type | None = None
    when: Rule | None = None
    work: Work = field(default_factory=Work)
    revision: int = 1

    def for_model(self) -> ModelNode:
        """Return the declaration as the model takes it."""
        return ModelNode(
            name=self.name,
            fields=self.fields,
            function=self.function(),
            subscribe_to=self.subscribe_to,
            ignore=self.ignore,
            entry_point=self.entry_point,
            key=self.key,
            when=self.when,
            fresh=self.state,
            types=tuple(TYPES[name] for name in self.fields) if self.typed else None,
            revision=self.revision,
        )

    def declare(self, router: Router) -> Any:
        """Declare the node on a router."""
        decorate = router.node(
            {name: TYPES[name] for name in self.fields} if self.typed else self.fields,
            subscribe_to=self.subscribe_to or None,
            entry_point=self.entry_point,
            ignore=self.ignore or None,
            name=self.name,
            key=self.key[0] if self.key and len(self.key) == 1 else self.key,
            when=self.when,
            batch=self.work.style == "batch",
            fingerprint=self.code(),
        )
        return decorate(self.frames() if self.work.style == "batch" else self.function())

    def code(self) -> str:
        """Return what stands for the node's code: its text changes when the node's results do."""
        state = self.state.__name__ if self.state else None
        return repr((self.fields, self.typed, self.key, state, self.when, self.work))

    def function(self) -> Callable[..., Any]:
        """Return the node's function, of a message (and a state)."""
        return _function(self)

    def frames(self) -> Callable[[pd.DataFrame], pd.DataFrame]:
        """Return the function of a batch node that does row by row what :meth:`function` does."""
        return _frames(self)


def _function(spec: NodeSpec) -> Callable[..., Any]:
    """Return a function of the right form: plain, generator or coroutine, perhaps with state."""
    if spec.work.style == "generator":

        def produce(msg: Any) -> Any:
            yield from _items(spec, msg, None)

        def produce_with(msg: Any, state: Any) -> Any:
            yield from _items(spec, msg, state)

        return _with_state(spec, produce, produce_with)
    if spec.work.style == "async":

        async def fetch(msg: Any) -> Any:
            await asyncio.sleep(0)
            return _single(spec, msg, None)

        return fetch

    def work(msg: Any) -> Any:
        return _single(spec, msg, None)

    def work_with(msg: Any, state: Any) -> Any:
        return _single(spec, msg, state)

    return _with_state(spec, work, work_with)


def _with_state(
    spec: NodeSpec, plain: Callable[[Any], Any], stateful: Callable[[Any, Any], Any]
) -> Callable[..., Any]:
    if spec.state is None:
        return plain
    if spec.state is not dict:  # dict is what a parameter without an annotation gets
        stateful.__annotations__ = {"state": spec.state}
    else:
        stateful.__annotations__ = {}
    return stateful


def _single(spec: NodeSpec, msg: Any, state: Any) -> Any:
    if spec.work.style == "expression":
        return (item for item in _items(spec, msg, state))
    try:
        return next(_items(spec, msg, state))
    except EndOfWork:
        raise StopIteration from None


def _items(spec: NodeSpec, msg: Any, state: Any) -> Iterator[Any]:
    trap.spring()
    work = spec.work
    count = STATES[spec.state](state, msg.n) if spec.state else 0
    troubled = work.fails_on is not None and work.fails_on(msg)
    if troubled and work.fails_at == 0:
        yield _trouble(spec, msg)
    if work.drops_on is not None and work.drops_on(msg):
        yield work.nothing
        return
    items = work.items if work.style in ("generator", "expression") else 1
    for item in range(items):
        if troubled and work.fails_at == item + 1:
            yield _trouble(spec, msg)
        trap.spring()
        n = (msg.n // 2 if work.halve else msg.n - 1) - item - count % 2
        fits = 0 <= n < msg.n
        yield _shaped(spec, _values(spec, n, msg, count, item)) if fits else work.nothing


def _values(spec: NodeSpec, n: int, msg: Any, count: int, item: int) -> dict[str, Any]:
    tag = f"{getattr(msg, 'tag', '')[-1:]}{spec.name[0]}"
    values = {"n": n, "tag": tag, "mark": count * 10 + item, "extra": item}
    return {name: values[name] for name in spec.fields}


def _shaped(spec: NodeSpec, values: dict[str, Any]) -> Any:
    """Return the values by one of the conventions that a node may use."""
    if len(values) == 1 and spec.work.style in ("value", "generator", "async"):
        return next(iter(values.values()))
    if len(values) > 1 and spec.work.style in ("mapping", "expression"):
        return dict(reversed(values.items()))
    return tuple(values.values())


def _trouble(spec: NodeSpec, msg: Any) -> Any:
    """Raise, or return something that does not fit the fields."""
    kinds: dict[str, type[BaseException]] = {
        "ValueError": ValueError,
        "KeyError": KeyError,
        "SystemExit": SystemExit,
        "RecursionError": RecursionError,
        "EndOfWork": EndOfWork,
    }
    if spec.work.trouble in kinds:
        raise kinds[spec.work.trouble](f"n is {msg.n}")
    if spec.work.trouble == "division":
        return 1 // 0
    good = tuple(_values(spec, msg.n, msg, 0, 0).values())
    if spec.work.trouble == "long":
        return (*good, 1)
    if spec.work.trouble == "short":
        return good[:-1]
    if spec.work.trouble == "type" and spec.typed:
        return tuple([] for _ in good)
    return {"n": 1, "nonsense": 2} if len(good) > 1 else ()


def _frames(spec: NodeSpec) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Emit, for each row, what :func:`_items` does without trouble and state, ``items`` times."""

    def frames(frame: pd.DataFrame) -> pd.DataFrame:
        trap.spring()
        lowered = frame["n"] // 2 if spec.work.halve else frame["n"] - 1
        columns: dict[str, Any] = {"n": lowered}
        if "tag" in spec.fields:
            columns["tag"] = [f"{tag[-1:]}{spec.name[0]}" for tag in frame["tag"]]
            columns["mark"] = 0
        if "extra" in spec.fields:
            columns["extra"] = 0
        made = pd.DataFrame(columns, index=frame.index)
        kept = (lowered >= 0) & (lowered < frame["n"])
        if spec.work.drops_on is not None:
            kept &= frame["n"] % spec.work.drops_on.modulus != spec.work.drops_on.rest
        return made[kept][list(spec.fields)]

    return frames


# --- strategies -------------------------------------------------------------------------------

rules = st.builds(
    lambda modulus, rest: Rule(modulus, rest % modulus), st.integers(2, 5), st.integers(0, 4)
)
rarely_rules = st.integers(0, 3).flatmap(lambda roll: rules if roll == 3 else st.none())


@st.composite
def works(draw: st.DrawFn, stateful: bool, batches: bool = True) -> Work:
    """Draw what a node does."""
    styles = ["tuple", "value", "mapping", "generator", "expression"]
    if not stateful:
        styles += ["async", "batch"] if batches else ["async"]
    style = draw(st.sampled_from(styles))
    fails = style != "batch" and draw(st.sampled_from([False, False, True]))
    troubles = ["ValueError", "KeyError", "SystemExit", "RecursionError", "EndOfWork", "division"]
    troubles += ["long", "short", "type", "mapping"]
    return Work(
        style=style,
        halve=draw(st.sampled_from([False, False, True])),
        items=draw(st.sampled_from([1, 1, 2, 2, 0, 3])),
        fails_on=draw(rules) if fails else None,
        trouble=draw(st.sampled_from(troubles)) if fails else "ValueError",
        fails_at=draw(st.integers(0, 2)) if fails and style in ("generator", "expression") else 0,
        drops_on=draw(rarely_rules),
        nothing=draw(st.sampled_from([None, NoResult])),
    )


@st.composite
def node_specs(
    draw: st.DrawFn,
    name: str,
    origins: st.SearchStrategy[tuple[str, ...]],
    single: bool = False,
    batches: bool = True,
) -> NodeSpec:
    """Draw a declaration of ``name``; ``origins`` draws what it subscribes to."""
    state = draw(st.sampled_from([None, None, dict, Counter, list, Memory]))
    keys = [("n",)] if single else [("tag",), ("n",), ("tag", "n")]
    plural = draw(st.sampled_from([PLURAL, ("mark", "tag", "n"), (*PLURAL, "extra")]))
    return NodeSpec(
        name=name,
        fields=("n",) if single else plural,
        typed=draw(st.booleans()),
        subscribe_to=draw(origins),
        ignore=draw(st.sampled_from([(), (), (), ("a|b",), ("ab",), ("n[0-9]", "c"), ("zz.*",)])),
        entry_point=draw(st.sampled_from([False, False, True])),
        key=draw(st.none() | st.sampled_from(keys)) if state else None,
        state=state,
        when=draw(rarely_rules),
        work=draw(works(stateful=state is not None, batches=batches)),
    )


@st.composite
def graphs(
    draw: st.DrawFn, loops: bool | None = None, batches: bool = True, plural: bool = False
) -> list[NodeSpec]:
    """Draw the declarations of a graph, in the order in which they are made.

    Half of the graphs subscribe freely, which makes loops; in the others every node subscribes by
    name to nodes of a lower rank, whatever the order of their declaration.
    """
    size = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7]))
    names = draw(st.permutations(NAMES))[:size]
    single = not plural and draw(st.sampled_from([False, False, True]))
    free = draw(st.booleans()) if loops is None else loops
    ranked = draw(st.permutations(names))
    specs = []
    for name in names:
        lower = tuple(ranked[: ranked.index(name)])
        targets = (*names, "ghost", *PATTERNS, ENTRY) if free else lower
        origins = st.just(())
        if targets:
            several = st.lists(st.sampled_from(targets), min_size=1, max_size=2, unique=True)
            origins = several.map(tuple)
        specs.append(draw(node_specs(name, origins, single, batches)))
    model = model_of(specs)
    if not any(ENTRY in model.origins(name) for name in names) or not free:
        chosen = names.index(ranked[0])
        specs[chosen] = replace(specs[chosen], entry_point=True)
    return specs


def messages(specs: list[NodeSpec], max_size: int = 12) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw what is pushed into a graph: dicts with the fields its nodes read."""
    values: dict[str, st.SearchStrategy[Any]] = {"n": st.sampled_from([5, 4, 6, 3, 7, 8, 2, 1, 0])}
    if len(specs[0].fields) > 1:
        values |= {"tag": st.sampled_from("xyz"), "mark": st.just(0)}
    return st.lists(st.fixed_dictionaries(values), min_size=1, max_size=max_size)


def model_of(specs: list[NodeSpec]) -> Model:
    """Return a model with the nodes declared in order."""
    model = Model()
    for spec in specs:
        model.declare(spec.for_model())
    return model


def router_of(specs: list[NodeSpec]) -> Router:
    """Return a router with the nodes declared in order."""
    router = Router()
    for spec in specs:
        spec.declare(router)
    return router


def trial(model: Model) -> Model:
    """Return a copy of a model to try something on."""
    return copy.deepcopy(model)
