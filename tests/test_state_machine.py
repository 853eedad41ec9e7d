"""A session at random: declare, redefine, rename, remove, subscribe, push, interrupt, resume.

After every step the router holds what the model holds. A step that is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model import ENTRY, Model, TooManyEmissions, assert_failures, assert_summary
from strategies import (
    NAMES,
    PATTERNS,
    PLURAL,
    SWEEP,
    NodeSpec,
    graphs,
    messages,
    node_specs,
    trap,
    trial,
)

from emitnb import DeclarationError, Router, RunInterrupted, UnknownNodeError

names = st.sampled_from(NAMES)
origins = st.lists(st.sampled_from((*NAMES, *PATTERNS, ENTRY)), max_size=2, unique=True).map(tuple)
pushed_messages = messages([NodeSpec("any", fields=PLURAL)], max_size=8)
sizes = st.sampled_from([1, 2, 3, 100, "auto"])


class Session(RuleBasedStateMachine):
    """A router and a model that are told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.router = Router()
        self.model = Model(budget=400)
        self.past: dict[str, tuple[int, str]] = {}

    @initialize(specs=graphs(plural=True))
    def begin(self, specs: list[NodeSpec]) -> None:
        """A graph to begin with."""
        for spec in specs:
            self.declare_in_router(spec)
            self.declare_in_model(spec)

    def node(self, data: st.DataObject) -> str:
        """Draw one of the nodes there are."""
        return data.draw(st.sampled_from(list(self.model.nodes)))

    def has_nodes(self) -> bool:
        return bool(self.model.nodes)

    # -- declaring --------------------------------------------------------------------------

    @rule(data=st.data(), name=names)
    def declare(self, data: st.DataObject, name: str) -> None:
        """A new node, or one in the place of its namesake."""
        spec = data.draw(node_specs(name, origins))
        self.declare_in_router(spec)
        self.declare_in_model(spec)

    def declare_in_router(self, spec: NodeSpec) -> None:
        spec.declare(self.router)

    def declare_in_model(self, spec: NodeSpec) -> None:
        revision, code = self.past.get(spec.name, (0, ""))
        if code != spec.code():
            revision += 1
        self.past[spec.name] = (revision, spec.code())
        before = self.model.nodes.get(spec.name) or self.model.removed.get(spec.name)
        node = replace(spec, revision=revision).for_model()
        if before and (before.key, before.fresh) != (node.key, node.fresh):
            self.model.forget_state(spec.name)
        self.model.declare(node)

    @rule(name=names, wrong=st.sampled_from(["regex", "field", "keyword", "twice", "key", "name"]))
    def declare_wrongly(self, name: str, wrong: str) -> None:
        """A declaration that is refused leaves the graph as it was."""
        before = self.router.graph
        fields = {"field": "_origin", "keyword": ("n", "class"), "twice": ("n", "n")}
        with pytest.raises(DeclarationError):
            self.router.node(
                fields.get(wrong, ("n",)),
                subscribe_to="a(" if wrong == "regex" else None,
                entry_point=True,
                key="n" if wrong == "key" else None,
                name="" if wrong == "name" else name,
            )(lambda msg: 1)
        assert self.router.graph is before

    @rule(memory=st.sampled_from([0, 2_000, "unlimited"]))
    def bound(self, memory: int | str) -> None:
        """What lies in files is read like anything else."""
        self.router.bound(memory)

    # -- editing ----------------------------------------------------------------------------

    @rule(name=st.sampled_from(["", "nobody", "zz.*", ENTRY]))
    def remove_nobody(self, name: str) -> None:
        """An unknown node is an error that changes nothing."""
        before = self.router.graph
        with pytest.raises(UnknownNodeError):
            self.router.remove(name)
        assert self.router.graph is before

    @precondition(has_nodes)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Emissions stay when a node goes."""
        name = self.node(data)
        self.router.remove(name)
        self.model.remove(name)

    @precondition(has_nodes)
    @rule(data=st.data(), new=st.sampled_from((*NAMES, "fresh", "other")))
    def rename(self, data: st.DataObject, new: str) -> None:
        """All that a node has follows its name."""
        old = self.node(data)
        if new in self.model.nodes:
            with pytest.raises(DeclarationError):
                self.router.rename(old, new)
        elif new not in self.model.removed:
            self.router.rename(old, new)
            self.model.rename(old, new)
            self.past[new] = self.past[old]

    @precondition(has_nodes)
    @rule(data=st.data(), origin=st.sampled_from((*NAMES, *PATTERNS)))
    def subscribe(self, data: st.DataObject, origin: str) -> None:
        """One more subscription."""
        name = self.node(data)
        self.router.subscribe(name, origin)
        node = self.model.nodes[name]
        self.model.nodes[name] = replace(
            node,
            subscribe_to=(*node.subscribe_to, origin),
            ignore=tuple(text for text in node.ignore if text != origin),
        )

    @precondition(has_nodes)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        """Afterwards that origin does not reach the node any more, however it came."""
        name = self.node(data)
        if not self.model.origins(name):
            return
        gone = data.draw(st.sampled_from(self.model.origins(name)))
        self.router.unsubscribe(name, gone)
        node = self.model.nodes[name]
        node = replace(
            node,
            subscribe_to=tuple(text for text in node.subscribe_to if text != gone),
            entry_point=node.entry_point and gone != ENTRY,
        )
        self.model.nodes[name] = node
        if gone in self.model.origins(name):
            self.model.nodes[name] = replace(node, ignore=(*node.ignore, gone))
        assert gone not in self.router.graph.origins(name)

    @precondition(has_nodes)
    @rule(data=st.data())
    def add_entry_point(self, data: st.DataObject) -> None:
        """One more node receives what is pushed."""
        name = self.node(data)
        if ENTRY not in self.model.nodes[name].ignore:
            self.router.add_entry_point(name)
            self.model.nodes[name] = replace(self.model.nodes[name], entry_point=True)

    @rule()
    def clear(self) -> None:
        """The graph stays; what came out and the states go."""
        self.router.clear()
        self.model.clear()

    # -- pushing ----------------------------------------------------------------------------

    def grows_too_large(self, pushed: list[Any]) -> bool:
        return self.outgrows(lambda model: model.push(pushed))

    def outgrows(self, act: Callable[[Model], None]) -> bool:
        """Whether the model would make too much of it."""
        try:
            act(trial(self.model))
        except TooManyEmissions:
            return True
        return False

    def has_entry(self) -> bool:
        return any(ENTRY in self.model.origins(name) for name in self.model.nodes)

    @rule(pushed=pushed_messages)
    def push_nowhere(self, pushed: list[Any]) -> None:
        """Without an entry point a push is refused."""
        if not self.has_entry():
            with pytest.raises(DeclarationError):
                self.router.push(pushed)

    @precondition(has_entry)
    @rule(pushed=pushed_messages, size=sizes)
    def push(self, pushed: list[Any], size: Any) -> None:
        """A push to its end."""
        if not self.grows_too_large(pushed):
            assert self.router.push(pushed, batch_size=size).state == "done"
            self.model.push(pushed)

    @precondition(has_entry)
    @rule(pushed=pushed_messages, size=sizes, steps=st.integers(1, 40), data=st.data())
    def push_interrupted(
        self, pushed: list[Any], size: Any, steps: int, data: st.DataObject
    ) -> None:
        """A push that is interrupted, perhaps a cell that changes meanwhile, and a resume."""
        if self.grows_too_large(pushed):
            return
        try:
            with trap.after(steps):
                self.router.push(pushed, batch_size=size)
        except RunInterrupted as error:
            run = error.run
            self.model.push(pushed[: run.done])
            self.holds_what_the_model_holds()
            if data.draw(st.booleans()):
                self.declare(data, self.node(data))
            rest = pushed[run.done :]
            if self.grows_too_large(rest) or not self.has_entry():
                return
            run.resume()
            assert run.state == "done"
            self.model.push(rest)
        else:
            self.model.push(pushed)

    @precondition(has_entry)
    @rule(pushed=pushed_messages, size=st.integers(1, 3), steps=st.integers(1, 2), data=st.data())
    def push_paused(self, pushed: list[Any], size: int, steps: int, data: st.DataObject) -> None:
        """A run in the background that pauses, perhaps a cell that changes, and goes on."""
        if self.grows_too_large(pushed):
            return
        changed = data.draw(st.none() | node_specs(self.node(data), origins))
        run = self.router.push(pushed, batch_size=size, background=True)
        run.pause()
        run.step(steps)
        rest = pushed[run.done :]
        self.model.push(pushed[: run.done])
        self.holds_what_the_model_holds()
        if changed is not None and rest:
            self.declare_in_router(changed)
            self.declare_in_model(changed)
        if self.grows_too_large(rest) or not self.has_entry():
            run.cancel()
            return
        run.resume()
        assert run.wait()
        assert run.state == "done"
        self.model.push(rest)

    # -- running again ----------------------------------------------------------------------

    @precondition(lambda self: self.model.failures)
    @rule(data=st.data(), size=sizes)
    def retry(self, data: st.DataObject, size: Any) -> None:
        """Failures go through their nodes again, behind all others."""
        failed = {
            failure.node for failure in self.model.failures if failure.node in self.model.nodes
        }
        if not failed:
            return
        node = data.draw(st.sampled_from([None, *sorted(failed)]))
        if self.outgrows(lambda model: model.retry(node)):
            return
        assert self.router.retry(node, batch_size=size).state == "done"
        self.model.retry(node)

    @precondition(has_nodes)
    @rule(data=st.data(), size=sizes)
    def replay(self, data: st.DataObject, size: Any) -> None:
        """A node and all behind it run again, from what is recorded."""
        node = self.node(data)
        if self.outgrows(lambda model: model.replay(node)):
            return
        assert self.router.replay(node, batch_size=size).state == "done"
        self.model.replay(node)

    @precondition(has_nodes)
    @rule(data=st.data(), size=sizes, steps=st.integers(1, 40))
    def replay_interrupted(self, data: st.DataObject, size: Any, steps: int) -> None:
        """Half a replay changes nothing; the other half ends it."""
        node = self.node(data)
        if self.outgrows(lambda model: model.replay(node)):
            return
        try:
            with trap.after(steps):
                self.router.replay(node, batch_size=size)
        except RunInterrupted as error:
            self.holds_what_the_model_holds()
            if data.draw(st.booleans()):
                error.run.resume()
                self.model.replay(node)
        else:
            self.model.replay(node)

    # -- what holds -------------------------------------------------------------------------

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Frames, lineage, failures, figures and routes are the model's."""
        for name in self.model.nodes:
            assert set(self.router.graph.origins(name)) == set(self.model.origins(name))
        for name in (*self.model.nodes, *self.model.removed):
            if name in self.model.nodes or self.model.emitted[name]:
                self.frame_is_the_models(name)
        assert_failures(self.router, self.model)
        assert_summary(self.router, self.model)

    def frame_is_the_models(self, name: str) -> None:
        frame = self.router.frame(name, lineage=True)
        made = self.model.emissions(name)
        assert len(frame) == len(made)
        for field in {field for emission in made for field in emission.values}:
            column = [None if pd.isna(value) else value for value in frame[field].tolist()]
            assert column == [emission.values.get(field) for emission in made]
        lineage = ["parent_node", "parent_row", "source", "revision"]
        for column, values in self.model.lineage(name).items():
            assert column in lineage
            assert frame[column].tolist() == values


TestSession = Session.TestCase
TestSession.settings = settings(
    max_examples=600 if SWEEP else 20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


# --- Sessions in short, that a random one rarely plays -------------------------------------------


def counting(router: Router, kind: type) -> None:
    """Declare a node that counts in a state of a kind of its own."""

    def count(msg: Any, state: Any) -> int:
        if kind is list:
            state.append(msg.n)
            return len(state)
        state["count"] = state.get("count", 0) + 1
        return int(state["count"])

    count.__annotations__ = {"state": kind}
    router.node("n", entry_point=True, name="count")(count)


@pytest.mark.parametrize("between", ["redefined", "removed"])
def test_a_node_with_another_kind_of_state_begins_afresh(between: str) -> None:
    router = Router()
    counting(router, dict)
    router.push([1, 2], field="n")
    if between == "removed":
        router.remove("count")
    counting(router, list)
    router.push([1, 2], field="n")
    assert router.frame("count")["n"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("between", ["redefined", "removed"])
def test_a_node_with_the_same_kind_of_state_goes_on(between: str) -> None:
    router = Router()
    counting(router, dict)
    router.push([1, 2], field="n")
    if between == "removed":
        router.remove("count")
    counting(router, dict)
    router.push([1, 2], field="n")
    assert router.frame("count")["n"].tolist() == [1, 2, 3, 4]


def test_a_name_that_still_has_emissions_is_taken() -> None:
    router = Router()
    router.node("n", entry_point=True, name="a")(lambda msg: msg.n)
    router.node("n", subscribe_to="a", name="b")(lambda msg: msg.n * 10)
    router.push([1, 2], field="n")
    router.remove("a")
    with pytest.raises(DeclarationError):
        router.rename("b", "a")
    assert router.frame("a")["n"].tolist() == [1, 2]
    assert router.frame("b")["n"].tolist() == [10, 20]
