"""What emitnb promises, as plain slow Python: one pushed message at a time, breadth first.

The tests compare the real router with this. It is written to be read, not to be fast, and shares
no code with the package. A message here is a ``SimpleNamespace``, an emission a record in one list.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pandas as pd

from emitnb import NoResult, Router

ENTRY = "__entry_point"
DTYPES = {int: "int64", str: "str", float: "float64", bool: "bool"}


class TooManyEmissions(Exception):
    """The graph makes more than the model's budget; the caller tries another one."""


class ResultError(Exception):
    """A node returned what does not fit its fields."""


@dataclass(frozen=True)
class ModelNode:
    """One declaration. ``fresh`` makes a new state; None for a node without state."""

    name: str
    fields: tuple[str, ...]
    function: Callable[..., Any]
    subscribe_to: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    entry_point: bool = False
    key: tuple[str, ...] | None = None
    when: Callable[[Any], bool] | None = None
    fresh: Callable[[], Any] | None = None
    types: tuple[type, ...] | None = None
    revision: int = 1

    def listens_to(self, origin: str) -> bool:
        """Whether the node receives what ``origin`` emits."""
        if any(_matches(text, origin) for text in self.ignore):
            return False
        if origin == ENTRY and self.entry_point:
            return True
        own = origin.removesuffix("!") == self.name
        texts = [text for text in self.subscribe_to if _is_name(text) or not own]
        return any(_matches(text, origin) for text in texts)


@dataclass(frozen=True)
class Emission:
    """One recorded message. ``parent`` is (node, row), None for a pushed message.

    ``arrival`` counts what ever entered: pushed messages, and failures that were retried.
    """

    node: str
    row: int
    values: dict[str, Any]
    parent: tuple[str, int] | None
    source: int
    revision: int = 1
    arrival: int = 0


@dataclass(frozen=True)
class Failure:
    """One message that a node raised on."""

    node: str
    error_type: str
    input: dict[str, Any]
    parent: tuple[str, int]
    source: int
    revision: int = 1
    arrival: int = 0
    attempts: int = 1


@dataclass
class Model:
    """The graph, everything emitted so far in push order, the failures, counts and states."""

    nodes: dict[str, ModelNode] = field(default_factory=dict)
    removed: dict[str, ModelNode] = field(default_factory=dict)
    log: list[Emission] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    received: Counter[str] = field(default_factory=Counter)
    emitted: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    states: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    sources: int = 0
    arrivals: int = 0
    to: dict[int, str] = field(default_factory=dict)
    took: set[tuple[str, str]] = field(default_factory=set)
    budget: int = 600

    def declare(self, node: ModelNode) -> None:
        """Add the node, or replace the one of that name where it stands."""
        self.nodes[node.name] = node
        self.removed.pop(node.name, None)

    def remove(self, name: str) -> None:
        """Take a node away; what it emitted, and its state, stay."""
        self.removed[name] = self.nodes.pop(name)

    def rename(self, old: str, new: str) -> None:
        """Let a node and all that belongs to it have another name."""

        def follow(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new if text == old else text for text in texts)

        def named(place: tuple[str, int]) -> tuple[str, int]:
            return (new, place[1]) if place[0] == old else place

        self.nodes = {
            new if name == old else name: replace(
                node,
                name=new if name == old else name,
                subscribe_to=follow(node.subscribe_to),
                ignore=follow(node.ignore),
            )
            for name, node in self.nodes.items()
        }
        self.log = [
            replace(e, node=new if e.node == old else e.node, parent=e.parent and named(e.parent))
            for e in self.log
        ]
        self.failures = [
            replace(f, node=new if f.node == old else f.node, parent=named(f.parent))
            for f in self.failures
        ]
        self.took = {(named((name, 0))[0], named((origin, 0))[0]) for name, origin in self.took}
        self.to = {arrival: new if to == old else to for arrival, to in self.to.items()}
        for counter in (self.received, self.emitted, self.dropped):
            counter[new] = counter.pop(old, 0)
        self.states = {
            ((new, *place[1:]) if place[0] == old else place): state
            for place, state in self.states.items()
        }

    def forget_state(self, name: str) -> None:
        """Let a node begin with fresh states."""
        self.states = {place: s for place, s in self.states.items() if place[0] != name}

    def clear(self) -> None:
        """Forget all but the graph."""
        fresh = Model(nodes=self.nodes, removed=self.removed, budget=self.budget)
        self.__dict__.update(fresh.__dict__)

    def push(self, messages: Iterable[Mapping[str, Any]], to: str | None = None) -> None:
        """Push one message after the other."""
        order = self.components()
        for values in messages:
            self._push_one(dict(values), to, order)

    def emissions(self, name: str) -> list[Emission]:
        """Return what one node emitted, in its row order."""
        return [emission for emission in self.log if emission.node == name]

    def failures_of(self, name: str) -> list[Failure]:
        """Return the failures of one node, in push order."""
        return [failure for failure in self.failures if failure.node == name]

    def counts(self, name: str) -> dict[str, int]:
        """Return what ``summary`` says of one node."""
        return {
            "in": self.received[name],
            "emitted": self.emitted[name],
            "dropped": self.dropped[name],
            "failed": len(self.failures_of(name)),
        }

    def origins(self, name: str) -> list[str]:
        """Return the origins of a node: the entry point first, then in declaration order."""
        every = (ENTRY, *(origin for node in self.nodes for origin in (node, f"{node}!")))
        return [origin for origin in every if self.nodes[name].listens_to(origin)]

    def components(self) -> list[list[str]]:
        """Return the nodes in topological order, those of one loop together in declaration order.

        Of the components that are ready, the one with the earliest declared member comes first.
        """
        waiting = self._loops()
        ordered: list[list[str]] = []
        while waiting:
            held = [c for c in waiting if any(self._feeds(d, c) for d in waiting if d is not c)]
            chosen = next(c for c in waiting if c not in held)
            waiting.remove(chosen)
            ordered.append(chosen)
        return ordered

    def order(self) -> list[str]:
        """Return the nodes in topological order."""
        return [name for component in self.components() for name in component]

    def reachable(self, name: str) -> set[str]:
        """Return the nodes that what ``name`` emits can reach in one or more hops."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            origin = ahead.pop()
            fresh = [n for n in self.nodes if n not in found and self._hears(n, origin)]
            found.update(fresh)
            ahead.extend(fresh)
        return found

    def _loops(self) -> list[list[str]]:
        reach = {name: self.reachable(name) for name in self.nodes}
        found: list[list[str]] = []
        for name in self.nodes:
            if not any(name in component for component in found):
                mates = [n for n in reach[name] if name in reach[n]]
                found.append([n for n in self.nodes if n == name or n in mates])
        return found

    def columns(self, name: str) -> dict[str, list[Any]]:
        """Return the columns of ``Router.frame(name, lineage=True)``, but for ``time``."""
        made = self.emissions(name)
        columns = {f: [emission.values[f] for emission in made] for f in self.nodes[name].fields}
        return columns | self.lineage(name)

    def lineage(self, name: str) -> dict[str, list[Any]]:
        """Return where each emission of a node came from, as columns."""
        made = self.emissions(name)
        parents = [emission.parent or ("", -1) for emission in made]
        return {
            "parent_node": [node for node, _ in parents],
            "parent_row": [row for _, row in parents],
            "source": [emission.source for emission in made],
            "revision": [emission.revision for emission in made],
        }

    def _feeds(self, component: list[str], other: list[str]) -> bool:
        return any(self._hears(n, origin) for origin in component for n in other)

    def _hears(self, name: str, origin: str) -> bool:
        """Whether a node receives what another emits, or what fails in it."""
        return any(self.nodes[name].listens_to(one) for one in (origin, f"{origin}!"))

    def retry(self, node: str | None = None) -> None:
        """Let what failed enter once more, in push order, at the nodes that failed on it."""
        order = self.components()
        ranks = {name: rank for rank, component in enumerate(order) for name in component}
        waiting = [f for f in self.failures if f.node in self.nodes and node in (None, f.node)]
        for failure in sorted(waiting, key=lambda f: (f.source, ranks[f.node])):
            self._retry_one(failure, order)

    def _retry_one(self, failure: Failure, order: list[list[str]]) -> None:
        arrival = self.arrivals
        self.arrivals += 1
        self.received[failure.node] -= 1
        place = self.failures.index(failure)
        origin, row = failure.parent
        entering = Emission(origin, row, failure.input, None, failure.source, 1, arrival)
        earlier = len(self.failures)
        self._run(
            [entering],
            order,
            lambda name, emission: (
                name == failure.node if emission is entering else self._receives(name, emission)
            ),
        )
        again = [
            f
            for f in self.failures[earlier:]
            if (f.node, f.parent, f.input) == (failure.node, failure.parent, failure.input)
        ][:1]
        self.failures = [f for f in self.failures if not any(f is one for one in again)]
        self.failures[place : place + 1] = [
            replace(one, attempts=failure.attempts + 1) for one in again
        ]

    def replay(self, node: str) -> None:
        """Run a node and all behind it again, on what is recorded of the others."""
        again = self._closure({node})
        order = self.components()
        recorded = [
            replace(e, parent=None) if e.parent and _owner(e.parent[0]) in again else e
            for e in self.log
            if _owner(e.node) not in again
        ]
        self.log = list(recorded)
        self.failures = [
            replace(f, parent=("", -1)) if _owner(f.parent[0]) in again else f
            for f in self.failures
            if f.node not in again
        ]
        self.states = {place: s for place, s in self.states.items() if place[0] not in again}
        # Of a removed node that took something from them, nobody knows any more.
        self.took = {
            (name, origin)
            for name, origin in self.took
            if name not in again and _owner(origin) not in again
        }
        for counter in (self.received, self.emitted, self.dropped):
            for name in again:
                counter.pop(name, None)
                counter.pop(f"{name}!", None)
        for arrival in range(self.arrivals):
            entered = [emission for emission in recorded if emission.arrival == arrival]
            self._run(entered, order, self._receives, again)

    def _closure(self, names: set[str]) -> set[str]:
        """Return nodes with all that what they emit can reach, or did."""
        found = names.union(*(self.reachable(name) for name in names))
        reached = {name for name, origin in self.took if _owner(origin) in found}
        wider = found | (reached & set(self.nodes))
        return found if wider == found else self._closure(wider)

    def _push_one(self, values: dict[str, Any], to: str | None, order: list[list[str]]) -> None:
        if to is not None:
            self.to[self.arrivals] = to
        made = [self._record(ENTRY, values, None, self.sources, 1, self.arrivals)]
        self.sources += 1
        self.arrivals += 1
        self._run(made, order, self._receives)

    def _run(
        self,
        entered: list[Emission],
        order: list[list[str]],
        receives: Callable[[str, Emission], bool],
        only: Iterable[str] | None = None,
    ) -> None:
        """Take one message through the graph; of a replay, ``only`` some nodes run."""
        made = list(entered) if only is None else [e for e in entered if e.node == ENTRY]
        earlier = len(self.failures)
        for component in order:
            if only is not None and component[0] not in only:
                made += [e for e in entered if _owner(e.node) in component]
                continue
            wave = list(made)
            while wave:
                emitted: list[Emission] = []
                for name in component:
                    for emission in wave:
                        if receives(name, emission):
                            emitted += self._process(self.nodes[name], emission)
                made += emitted
                wave = emitted
        # Those of a loop are listed node by node.
        places = [name for component in order for name in component]
        self.failures[earlier:] = sorted(
            self.failures[earlier:], key=lambda failure: places.index(failure.node)
        )

    def _receives(self, name: str, emission: Emission) -> bool:
        if emission.node == ENTRY and emission.arrival in self.to:
            return name == self.to[emission.arrival]
        return self.nodes[name].listens_to(emission.node)

    def _record(
        self,
        node: str,
        values: dict[str, Any],
        parent: tuple[str, int] | None,
        source: int,
        revision: int,
        arrival: int,
    ) -> Emission:
        if len(self.log) >= self.budget:
            raise TooManyEmissions
        emission = Emission(node, self.emitted[node], values, parent, source, revision, arrival)
        self.log.append(emission)
        self.emitted[node] += 1
        return emission

    def _process(self, node: ModelNode, emission: Emission) -> list[Emission]:
        self.received[node.name] += 1
        self.took.add((node.name, emission.node))
        parent = (emission.node, emission.row)
        try:
            rows = self._call(node, SimpleNamespace(**emission.values))
        except (Exception, SystemExit) as error:
            # StopIteration would end the loop of whoever calls; it counts as a bad result.
            kind = "ResultError" if isinstance(error, StopIteration) else type(error).__name__
            self.failures.append(
                Failure(
                    node.name,
                    kind,
                    emission.values,
                    parent,
                    emission.source,
                    node.revision,
                    emission.arrival,
                )
            )
            return self._dead_letter(node, error, emission)
        if not rows:
            self.dropped[node.name] += 1
        return [
            self._record(
                node.name,
                dict(zip(node.fields, row, strict=True)),
                parent,
                emission.source,
                node.revision,
                emission.arrival,
            )
            for row in rows
        ]

    def _dead_letter(
        self, node: ModelNode, error: BaseException, emission: Emission
    ) -> list[Emission]:
        """Let the failure go out of the node's port, if somebody listens there."""
        port = f"{node.name}!"
        if not any(other.listens_to(port) for other in self.nodes.values()):
            return []
        words = {"node": node.name, "error_type": type(error).__name__, "error": str(error)}
        values = {**words, "input": emission.values}
        parent = (emission.node, emission.row)
        return [
            self._record(port, values, parent, emission.source, node.revision, emission.arrival)
        ]

    def _call(self, node: ModelNode, message: Any) -> list[tuple[Any, ...]]:
        if node.when is not None and not node.when(message):
            return []
        if node.fresh is None:
            return _rows(node, node.function(message))
        place = (node.name, *(getattr(message, name) for name in node.key or ()))
        # A copy, so that a message that fails leaves the state as it was.
        state = copy.deepcopy(self.states[place]) if place in self.states else node.fresh()
        rows = _rows(node, node.function(message, state))
        self.states[place] = state
        return rows


def _owner(origin: str) -> str:
    """The node behind an origin, which may be its port."""
    return origin.removesuffix("!")


def _is_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.removesuffix("!").split("."))


def _matches(text: str, origin: str) -> bool:
    if _is_name(text):
        return text == origin
    if origin.endswith("!") and "!" not in text.replace("(?!", ""):
        return False
    return re.fullmatch(text, origin) is not None


def _rows(node: ModelNode, result: Any) -> list[tuple[Any, ...]]:
    if inspect.iscoroutine(result):
        result = _awaited(result)
    items: Iterator[Any] = result if inspect.isgenerator(result) else iter([result])
    return [_row(node, item) for item in items if item is not None and item is not NoResult]


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing but its turn."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


def _row(node: ModelNode, item: Any) -> tuple[Any, ...]:
    several = len(node.fields) > 1
    if isinstance(item, tuple):
        row = item
    elif several and isinstance(item, Mapping) and set(item) == set(node.fields):
        row = tuple(item[name] for name in node.fields)
    elif several:
        raise ResultError(f"{node.name}: {item!r} for {node.fields}")
    else:
        row = (item,)
    if len(row) != len(node.fields):
        raise ResultError(f"{node.name}: {len(row)} values for {node.fields}")
    for value, expected in zip(row, node.types or (), strict=False):
        if not isinstance(value, expected):
            raise ResultError(f"{node.name}: {value!r} is no {expected.__name__}")
    return row


# --- The router compared with the model -----------------------------------------------------------


def assert_frames(router: Router, model: Model) -> None:
    """Every node's frame has the model's rows, order, dtypes and lineage."""
    for name in model.nodes:
        frame = router.frame(name, lineage=True)
        expected = model.columns(name)
        assert list(frame.columns) == [*expected, "time"]
        assert isinstance(frame.index, pd.RangeIndex)
        for column, values in expected.items():
            assert frame[column].tolist() == values, (name, column)
            if values:
                assert str(frame[column].dtype) == DTYPES[type(values[0])], (name, column)


def assert_failures(router: Router, model: Model) -> None:
    """The recorded failures are the model's, in push order."""
    columns = ["node", "error_type", "input", "parent_node", "parent_row", "source", "revision"]
    columns.append("attempts")
    found = router.failures()[columns].values.tolist()
    expected = [
        [f.node, f.error_type, f.input, *f.parent, f.source, f.revision, f.attempts]
        for f in model.failures
    ]
    assert found == expected


def assert_summary(router: Router, model: Model) -> None:
    """The counts of each node are the model's."""
    summary = router.summary()
    shown = [name for name in summary.index if name != ENTRY and name not in model.removed]
    assert shown == model.order()
    if model.sources:
        assert summary.index[0] == ENTRY
    for name in model.nodes:
        counts = {column: int(summary.loc[name, column]) for column in model.counts(name)}
        assert counts == model.counts(name), name


def assert_same(router: Router, model: Model) -> None:
    """The router holds what the model holds."""
    assert_failures(router, model)
    assert_frames(router, model)
    assert_summary(router, model)
