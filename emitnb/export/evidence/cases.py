"""Cases of one node: messages that it received, chosen, and what it emits for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emitnb.emissions import Track
from emitnb.emissions.picking import picked_values
from emitnb.errors import error_words
from emitnb.export.evidence.past import Past
from emitnb.export.evidence.received import MOST, Failing, Input, inputs_of, size_of
from emitnb.export.evidence.tested import Tested
from emitnb.export.evidence.writing import UnwritableError, Writer
from emitnb.failures import Failure
from emitnb.figures import Totals
from emitnb.graph import Graph
from emitnb.ledger import Ledger
from emitnb.message import ENTRY_POINT, Message
from emitnb.node import Node
from emitnb.testing import same
from emitnb.text import counted, one_line

EASY_BYTES, EASY_ROWS = 20_000, 500
"""A message is no larger, and makes no more rows, if the node received any such."""

MOST_BYTES, MOST_ROWS = 2_000_000, 100_000
"""A message that is larger, or makes more rows, is no case."""

TRIES = 3
"""Messages that are tried for one case: some fail now, which did not when they were recorded."""

DROPPED, LAST_DROPPED = "dropped", "last-dropped"
"""Labels of cases that emit nothing, and in which the last message emits nothing."""

IN_CODE = 3
"""Fixed failures of one type that stand in the code; what more there are is stored."""

ALSO = "also-"
"""Begins the labels of cases that are stored, and not named one by one in the code."""

OF_KEY, RUN = 3, 5
"""Messages in a case of one key, and in one of the first messages, whatever their keys."""

BEFORE = 5
"""Messages of the same state that lead to the last of a case."""

OF_STATE = 100_000
"""Messages of a node with state that those before a fixed failure are looked for in."""


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
    fixed = [one for one in ledger.fixed.kept if one.node == name]
    most = OF_STATE if fixed and node.new_state is not None else MOST
    received = inputs_of(ledger, graph, name, failing, most)
    past = Past(node, received)
    found = _Finder(ledger, node, tested.ours, past, lambda run: tested.emitted(name, run))
    inputs = received[:MOST]
    usable = [one for one in inputs if one.size <= EASY_BYTES and one.count <= EASY_ROWS]
    if not usable:
        large = [one for one in inputs if one.size <= MOST_BYTES and one.count <= MOST_ROWS]
        usable = sorted(large, key=lambda one: (one.size, one.count))[:1]
    if inputs and not usable:
        found.leave_out("typical", "what it received is too large for a test")
    if usable:
        found.choose(usable)
    found.add_fixed(fixed)
    if ledger.figures.get(name, Totals()).received and not inputs and not found.cases.kept:
        reason = "all that it received failed, or is no longer kept; mend it, retry, or push again"
        found.leave_out("typical", reason)
    return found.cases


class _Finder:
    """Looks for the cases of one node."""

    def __init__(self, ledger: Ledger, node: Node, writer: Writer, past: Past, run: Run) -> None:
        self.cases = Cases(node.name)
        self._track = ledger.log.tracks.get(node.name, Track())
        self._node = node
        self._writer = writer
        self._run = run
        self._tried = set[tuple[Input, ...]]()
        self._past = past

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
        self._take("typical", _from_middle(chosen))
        self._take("smallest", chosen)
        self._take("largest", chosen[::-1])
        self._drop(_from_middle(dropped))
        if self._node.new_state is not None or self._node.batch:
            self._add("run", [inputs[:RUN]])

    def add_fixed(self, failures: list[Failure]) -> None:
        """Take what failed once, and passes now."""
        seen = set[tuple[tuple[str, str], ...]]()
        types = Counter[str]()
        for failure in failures:
            message = failure.input
            if not isinstance(message, Message):
                continue
            source = -1 if failure.source is None else failure.source
            one = Input(
                failure.parent_node or ENTRY_POINT, 0, source, message, 0, 0, 0, is_current=False
            )
            runs = self._runs_to(one)
            known = tuple((each.origin, repr(each.message)) for each in runs[0])
            if known in seen:
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
            self._add(label, runs, self._ends_emitting, is_new=True)

    def _run_of(self, one: Input) -> list[Input]:
        """What makes a case of a message: it alone, or the first messages of its key."""
        return self._past.first(one, OF_KEY) or [one] if self._node.key else [one]

    def _runs_to(self, one: Input) -> list[list[Input]]:
        """Runs that end with a message: behind the last before it of its state, behind the
        first, and alone."""
        before = self._past.before(one)
        runs = ([*before[-BEFORE:], one], [*before[:BEFORE], one], [one])
        return list(map(list, dict.fromkeys(map(tuple, runs))))

    def _take(self, label: str, inputs: Sequence[Input]) -> None:
        runs = [run for one in inputs[:TRIES] for run in (self._run_of(one), *self._runs_to(one))]
        emits = any(one.count for one in inputs)
        self._add(label, runs, lambda run, case: bool(case.expected) or not emits)

    def _drop(self, inputs: Sequence[Input]) -> None:
        """Add a case of a message that is dropped, rather alone: others with it may emit."""
        runs = [(DROPPED, [one]) for one in inputs]
        runs += [(LAST_DROPPED, run) for one in inputs for run in self._runs_to(one)[:-1]]
        problem = ""
        for label, run in runs:
            if self._has(run):
                continue
            made = self._case(label, run)
            if isinstance(made, str):
                problem = problem or made
            elif not (made.expected if label == DROPPED else self._ends_emitting(run, made)):
                self.cases.kept.append(made)
                return
        if problem:
            self.leave_out(DROPPED, problem)

    def _add(
        self,
        label: str,
        runs: Sequence[list[Input]],
        is_wanted: Callable[[list[Input], Case], bool] = lambda run, case: True,
        is_new: bool = False,
    ) -> None:
        """Add a case, unless there is one just like it.

        Of some runs that is the first that makes a wanted one, or else the first that makes one:
        where nothing is emitted, nobody knows how far the node came.
        """
        problem, other = "", None
        for run in runs:
            if not is_new and tuple(run) in self._tried:
                continue
            self._tried.add(tuple(run))
            if not is_new and self._has(run):
                return
            made = self._case(label, run)
            if isinstance(made, str):
                problem = problem or made
            elif len(runs) == 1 or is_wanted(run, made):
                self.cases.kept.append(made)
                return
            else:
                other = other or made
        if other is not None:
            self.cases.kept.append(other)
        elif problem:
            self.leave_out(label, problem)

    def _case(self, label: str, run: list[Input]) -> Case | str:
        """The case that a run makes, or why there is none."""
        made = self._run([one.message for one in run])
        if isinstance(made, BaseException):
            if label in (DROPPED, LAST_DROPPED):
                return ""  # it was a failure, and discarded
            name, text = error_words(made)
            return one_line(f"it fails with {name}: {text}", 200).rstrip(".")
        messages = [one.message.as_dict() for one in run]
        origins = tuple(one.origin for one in run)
        return self._problem(run, messages, made) or Case(label, origins, messages, made)

    def _ends_emitting(self, run: list[Input], case: Case) -> bool:
        before = self._run([one.message for one in run[:-1]])
        return isinstance(before, list) and len(case.expected) > len(before)

    def _has(self, run: list[Input]) -> bool:
        messages = [one.message.as_dict() for one in run]
        origins = tuple(one.origin for one in run)
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
