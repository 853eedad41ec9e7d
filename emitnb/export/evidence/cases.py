"""Cases of one node: messages that it received, chosen, and what it emits for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emitnb.emissions import Track
from emitnb.emissions.picking import picked_values
from emitnb.errors import error_words
from emitnb.export.evidence.received import Failing, Input, inputs_of, size_of
from emitnb.export.evidence.tested import Tested
from emitnb.export.evidence.writing import UnwritableError, Writer
from emitnb.failures import Failure
from emitnb.figures import Totals
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, Message
from emitnb.node import Node
from emitnb.process import WHOLE_NODE
from emitnb.process.choosing import choose
from emitnb.testing import same
from emitnb.text import counted, one_line

EASY_BYTES, EASY_ROWS = 20_000, 500
"""A message is no larger, and makes no more rows, if the node received any such."""

MOST_BYTES, MOST_ROWS = 2_000_000, 100_000
"""A message that is larger, or makes more rows, is no case."""

TRIES = 3
"""Messages that are tried for one case: some fail now, which did not when they were recorded."""

DROPPED = "dropped"

IN_CODE = 3
"""Fixed failures of one type that stand in the code; what more there are is stored."""

ALSO = "also-"
"""Begins the labels of cases that are stored, and not named one by one in the code."""

OF_KEY, RUN = 3, 5
"""Messages in a case of one key, and in one of the first messages, whatever their keys."""


Run = Callable[[Sequence[Message]], "list[dict[str, Any]] | BaseException"]
"""Calls a node with messages: what it emits, or what it raised first."""


@dataclass(frozen=True)
class Case:
    """Messages for one node, and what it emits for them, from a fresh state on."""

    label: str
    origins: tuple[str, ...]
    messages: list[dict[str, Any]]
    expected: list[dict[str, Any]]


@dataclass
class Cases:
    """The cases of one node; ``left_out`` says by reason which there are not."""

    node: str
    kept: list[Case] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def notes(self) -> Iterator[str]:
        """Yield what a reader of the tests should know of this node."""
        if not self.kept and not self.left_out:
            yield f"{self.node}: nothing was recorded; push something before exporting."
        for reason, labels in self.left_out.items():
            names = ", ".join(labels[:RUN]) + (", …" if len(labels) > RUN else "")
            yield f"{self.node}: {counted(len(labels), 'case')} left out ({names}): {reason}."


def cases_of(ledger: Ledger, graph: Graph, failing: Failing, name: str, tested: Tested) -> Cases:
    """Return the cases of one node; it is called for that, and nothing is recorded."""
    node = graph.nodes[name]
    found = _Finder(ledger, node, tested.ours, lambda run: tested.emitted(name, run))
    inputs = inputs_of(ledger, graph, name, failing)
    usable = [one for one in inputs if one.size <= EASY_BYTES and one.count <= EASY_ROWS]
    if not usable:
        large = [one for one in inputs if one.size <= MOST_BYTES and one.count <= MOST_ROWS]
        usable = sorted(large, key=lambda one: (one.size, one.count))[:1]
    if inputs and not usable:
        found.leave_out("typical", "what it received is too large for a test")
    if usable:
        found.choose(usable)
    found.add_fixed([one for one in ledger.fixed.kept if one.node == name])
    received = ledger.figures.get(name, Totals()).received
    if received and not inputs and not found.cases.kept:
        reason = "all that it received failed, or is no longer kept; mend it, retry, or push again"
        found.leave_out("typical", reason)
    return found.cases


class _Finder:
    """Looks for the cases of one node."""

    def __init__(self, ledger: Ledger, node: Node, writer: Writer, run: Run) -> None:
        self.cases = Cases(node.name)
        self._track = ledger.log.tracks.get(node.name, Track())
        self._node = node
        self._writer = writer
        self._run = run
        self._tried = set[tuple[Input, ...]]()
        self._first = defaultdict[Hashable, list[Input]](list)

    def leave_out(self, label: str, reason: str) -> None:
        """Note that there is no such case."""
        labels = self.cases.left_out.setdefault(reason, [])
        if label not in labels:
            labels.append(label)

    def choose(self, inputs: list[Input]) -> None:
        """Take the typical, the smallest and the largest, and one that is dropped."""
        ordered = sorted(inputs, key=lambda one: one.size)
        emitting = [one for one in ordered if one.count]
        dropped = [one for one in ordered if not one.count] if emitting else []
        chosen = emitting or ordered
        if self._node.new_state is not None:
            self._know(inputs)
        self._take("typical", _from_middle(chosen))
        self._take("smallest", chosen)
        self._take("largest", chosen[::-1])
        self._take(DROPPED, _from_middle(dropped))
        if self._node.new_state is not None or self._node.batch:
            self._add("run", [inputs[:RUN]])

    def add_fixed(self, failures: list[Failure]) -> None:
        """Take what failed once, and passes now."""
        seen = set[tuple[str, str]]()
        types = Counter[str]()
        for failure in failures:
            message = failure.input
            known = message._origin if isinstance(message, Message) else "", repr(message)
            if not isinstance(message, Message) or known in seen:
                continue
            seen.add(known)
            types[failure.error_type] += 1
            number = types[failure.error_type]
            label = f"fixed-{failure.error_type}" + (f"-{number}" if number > 1 else "")
            if number > IN_CODE:
                label = ALSO + label
            if size_of(message) > MOST_BYTES:
                self.leave_out(label, "what it received is too large for a test")
                continue
            one = Input(failure.parent_node or ENTRY_POINT, message, 0, 0, 0, False)
            earlier = [b for b in self._before(one) if repr(b.message) != repr(message)]
            self._add(label, [[one], [*earlier, one]], is_new=True)

    def _run_of(self, one: Input) -> list[Input]:
        """What makes a case of a message: it alone, or the first messages of its key."""
        return self._before(one) or [one] if self._node.key else [one]

    def _before(self, one: Input) -> list[Input]:
        """The first messages of the state that a message belongs to."""
        if self._node.new_state is None:
            return []
        keys = self._keys([one])[0]
        return self._first[keys[0]] if keys else []

    def _know(self, inputs: list[Input]) -> None:
        """Note the first messages of each state."""
        keys, taken = self._keys(inputs)
        for key, place in zip(keys, taken, strict=True):
            self._first[key] += [inputs[place]][: OF_KEY - len(self._first[key])]

    def _keys(self, inputs: list[Input]) -> tuple[Sequence[Hashable], Sequence[int]]:
        """The keys of those messages that the node takes, and which they are."""
        _, keys, places, _ = choose(self._node, [one.message for one in inputs])
        taken = range(len(inputs)) if places is None else places
        return keys or [WHOLE_NODE] * len(taken), taken

    def _take(self, label: str, inputs: Sequence[Input]) -> None:
        self._add(label, [self._run_of(one) for one in inputs[:TRIES]])

    def _add(self, label: str, runs: Sequence[list[Input]], is_new: bool = False) -> None:
        """Add the first of some runs that makes a case, unless there is one just like it."""
        problem = ""
        for run in runs:
            if not is_new and tuple(run) in self._tried:
                continue
            self._tried.add(tuple(run))
            messages = [one.message.as_dict() for one in run]
            origins = tuple(one.origin for one in run)
            if not is_new and self._has(origins, messages):
                return
            made = self._run([one.message for one in run])
            if isinstance(made, BaseException):
                if label == DROPPED:
                    continue  # it was a failure, and discarded
                name, text = error_words(made)
                problem = problem or one_line(f"it fails with {name}: {text}", 200).rstrip(".")
                continue
            why = self._problem(run, messages, made)
            if not why:
                self.cases.kept.append(Case(label, origins, messages, made))
                return
            problem = problem or why
        if problem:
            self.leave_out(label, problem)

    def _has(self, origins: tuple[str, ...], messages: list[dict[str, Any]]) -> bool:
        known = (case.messages for case in self.cases.kept if case.origins == origins)
        return any(same(messages, others) for others in known)

    def _problem(
        self, run: list[Input], messages: list[dict[str, Any]], made: list[dict[str, Any]]
    ) -> str:
        """Say why what a node made is nothing to expect of it, or nothing."""
        try:
            self._writer.text(messages)
            self._writer.text(made)
        except UnwritableError as error:
            return f"values of the type {error} cannot be written down"
        if not alike(made, self._run([one.message for one in run])):
            return "it emits something else each time"
        if self._node.new_state is not None or not all(one.is_current for one in run):
            return ""
        rows = [np.arange(one.first, one.first + one.count) for one in run]
        was = picked_values(self._track, np.concatenate(rows))
        return "" if alike(made, was) else "it emits something else than was recorded; replay it"


def alike(one: Any, other: Any) -> bool:
    """Whether what was made is what was recorded: there numbers may be of another type."""
    try:
        if not same(one, other):
            np.testing.assert_equal(one, other)
    except Exception:  # a user's own class may raise anything
        return False
    return True


def _from_middle(inputs: Sequence[Input]) -> list[Input]:
    """Those in the middle first."""
    middle = len(inputs) // 2
    places = sorted(range(len(inputs)), key=lambda place: abs(place - middle))
    return [inputs[place] for place in places[:TRIES]]
