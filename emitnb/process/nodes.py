"""Running one node over the messages of one batch, a slice at a time."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable, Hashable, Sequence
from time import perf_counter_ns, time_ns
from typing import Any, Protocol

from emitnb.errors import ResultError
from emitnb.message import Message, explain_missing_field
from emitnb.node import Form, Node
from emitnb.process.calls import FAILED, Errors, await_each, call_each, is_cancelled
from emitnb.process.choosing import choose
from emitnb.process.outcome import WHOLE_NODE, Failed, NodeOutcome, Slice, States
from emitnb.process.results import Collected, NeedsCare, checked, rows_of
from emitnb.process.retrying import Retrying, retried
from emitnb.process.states import History, WorkingStates, copy_state
from emitnb.process.streams import Parents
from emitnb.process.waiting import awaited, waits
from emitnb.table import Positions

SLICE = 512
"""Messages made and read at a time. They fit the processor's cache (4,096 measured 10 to 15 %
slower), and stay below the 700 new objects at which Python's garbage collector starts: with 1,000
it ran 185 times for 200,000 words and took 8 % of the time, with 500 three times."""


class NodeRun:
    """One node while a batch goes through it; :meth:`feed` it slices, then ask :meth:`outcome`."""

    def __init__(self, node: Node, committed: Sequence[States], careful: bool = False) -> None:
        self.node = node
        self.collected = Collected(node)
        self.failures: list[Failed] = []
        self.received = 0
        self.times: list[Slice] = []
        self._careful = careful and node.new_state is not None
        self._many = self._careful or node.form in (Form.GENERATOR, Form.ASYNC_GENERATOR)
        self._caller = _caller(node, committed, self._careful)

    def feed(self, messages: list[Message]) -> None:
        """Run the node on the next messages."""
        began, now = perf_counter_ns(), time_ns()
        before = self.collected.rows
        results, errors = self._results(messages)
        add: Callable[[list[Any]], Errors]
        add = self.collected.add_many if self._many else self.collected.add
        misfits = add(results)
        if misfits and self.node.new_state is not None:
            raise NeedsCare
        for position, error in sorted([*errors, *misfits], key=operator.itemgetter(0)):
            self.failures.append(Failed(self.received + position, messages[position], error))
        self.received += len(messages)
        took = perf_counter_ns() - began
        self.times.append(Slice(self.collected.rows - before, now, len(messages), took))

    def refuse(self, messages: list[Message], error: BaseException) -> None:
        """Let the next messages fail without running them."""
        self.collected.add_many([[] for _ in messages])
        for position, message in enumerate(messages):
            self.failures.append(Failed(self.received + position, message, error))
        self.received += len(messages)
        self.times.append(Slice(0, time_ns(), len(messages), 0))

    def states(self) -> States:
        """The states the node touched."""
        return self._caller.states

    def outcome(
        self, rank: int, parents: Parents, sources: Positions, input_waves: Positions | None = None
    ) -> NodeOutcome:
        """Return what the node did, given where its inputs came from."""
        counts = self.collected.counts()
        emitting = self.received if counts is None else int((counts > 0).sum())
        return NodeOutcome(
            node=self.node.name,
            revision=self.node.revision,
            rank=rank,
            parents=parents,
            sources=sources,
            table=self.collected.table(),
            counts=counts,
            input_waves=input_waves,
            failures=tuple(self.failures),
            received=self.received,
            dropped=self.received - emitting - len(self.failures),
            seconds=sum(one.ns for one in self.times) / 1e9,
            times=tuple(self.times),
        )

    def _results(self, messages: list[Message]) -> tuple[list[Any], Errors]:
        """One result for each message: dropped and failing ones make an empty one."""
        nothing: Any = [] if self._many else None
        if self.node.when is None and not self.node.key:
            return self._caller.call(messages, [])
        chosen, keys, places, errors = choose(self.node, messages)
        made, more = self._caller.call(chosen, keys)
        if places is None:
            return made, more
        results = [nothing] * len(messages)
        for place, result in zip(places, made, strict=True):
            results[place] = result
        return results, errors + [(places[position], error) for position, error in more]


class _Caller(Protocol):
    @property
    def states(self) -> States: ...

    def call(
        self, messages: list[Message], keys: Sequence[Hashable]
    ) -> tuple[list[Any], Errors]: ...


def _caller(node: Node, committed: Sequence[States], careful: bool) -> _Caller:
    if node.form in (Form.ASYNC, Form.ASYNC_GENERATOR):
        return _Awaited(node, committed, careful)
    if node.new_state is None:
        return _Plain(node)
    if node.retries:
        function = checked(node, node.function) if careful else node.function
        lists = node.form is Form.GENERATOR and not careful
        return Retrying(function, lists, node, WorkingStates(committed, node.new_state))
    return _Stateful(node, committed, careful)


class _Plain:
    def __init__(self, node: Node) -> None:
        self.states: States = {}
        self._function = node.function
        self._generates = node.form is Form.GENERATOR
        if node.retries:
            self._function = retried(node.function, self._generates, node.retries, node.backoff)
            self._generates = False

    def call(self, messages: list[Message], keys: Sequence[Hashable]) -> tuple[list[Any], Errors]:
        calls = map(self._function, messages)
        return call_each(map(list, calls) if self._generates else calls, len(messages))


class _Stateful:
    def __init__(self, node: Node, committed: Sequence[States], careful: bool) -> None:
        assert node.new_state is not None
        self.states = WorkingStates(committed, node.new_state)
        self._function = checked(node, node.function) if careful else node.function
        self._lists = node.form is Form.GENERATOR and not careful
        run = (lambda m, s: list(node.function(m, s))) if self._lists else self._function
        self._history = History(self.states, run)

    def call(self, messages: list[Message], keys: Sequence[Hashable]) -> tuple[list[Any], Errors]:
        keys = keys or [WHOLE_NODE] * len(messages)
        start = len(self._history.messages)
        self._history.extend(messages, keys)
        calls: Any = map(self._function, messages, map(self.states.__getitem__, keys))
        return call_each(
            map(list, calls) if self._lists else calls,
            len(messages),
            lambda position: self._history.bring_back(start + position),
        )


class _Awaited:
    """Async nodes: many messages at a time; those of one key one after the other."""

    def __init__(self, node: Node, committed: Sequence[States], careful: bool) -> None:
        self._node = node
        self._careful = careful
        self.states: States = {}
        if node.new_state is not None:
            self.states = self._working = WorkingStates(committed, node.new_state)

    def call(self, messages: list[Message], keys: Sequence[Hashable]) -> tuple[list[Any], Errors]:
        if self._node.new_state is None:
            return await_each(self._try(message) for message in messages)
        places: dict[Hashable, list[int]] = {}
        for place, key in enumerate(keys or [WHOLE_NODE] * len(messages)):
            places.setdefault(key, []).append(place)
        results: list[Any] = [FAILED] * len(messages)
        errors: Errors = []
        chains = (self._chain(key, p, messages, results, errors) for key, p in places.items())
        _, broken = await_each(chains)
        for _, error in broken:  # pragma: no cover - a chain catches what its messages raise
            raise error
        return results, sorted(errors, key=operator.itemgetter(0))

    async def _chain(
        self,
        key: Hashable,
        places: list[int],
        messages: list[Message],
        results: list[Any],
        errors: Errors,
    ) -> None:
        for place in places:
            try:
                results[place] = await self._try(messages[place], key)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) or is_cancelled(error):
                    raise
                explain_missing_field(error)
                errors.append((place, error))

    async def _try(self, message: Message, *key: Hashable) -> Any:
        for seconds in waits(self._node.retries, self._node.backoff):
            try:
                return await self._one(message, *key)
            except ResultError:
                raise
            except Exception:
                await asyncio.sleep(seconds)  # others go on
        return await self._one(message, *key)

    async def _one(self, message: Message, *key: Hashable) -> Any:
        # Waiting costs more than copying here, so each message works on a copy: one that fails
        # leaves the state as it was.
        states = [copy_state(self._working[k]) for k in key]
        result = await awaited(self._node, message, states)
        if not self._careful:
            self._keep(key, states)
            return result
        many = self._node.form is Form.ASYNC_GENERATOR
        rows = rows_of(self._node, result if many else [result])
        self._keep(key, states)
        return rows

    def _keep(self, key: Sequence[Hashable], states: list[Any]) -> None:
        if states:
            self._working[key[0]] = states[0]
