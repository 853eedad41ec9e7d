"""Running a loop: to its end for one pushed message before the next, wave by wave.

Wave 0 is what comes from outside. In each wave the members take their inputs in declaration
order; what they emit inside the loop is the next wave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from emitnb.errors import LoopError
from emitnb.message import Message, node_of, port_of
from emitnb.node import Form, Node
from emitnb.plan import Input, Stage, Step
from emitnb.process.batches import emitted_frame
from emitnb.process.nodes import NodeRun
from emitnb.process.outcome import NodeOutcome, States
from emitnb.process.ports import port_messages
from emitnb.process.streams import Parents, Stream, gather
from emitnb.table import Positions

MESSAGE_LIMIT = 1_000_000
"""How many messages a loop may make for one pushed message: the hop limit alone would let a node
that emits two for each one fill the memory within some twenty waves."""

Arrival = tuple[int, int, Message]
"""A message on its way to a member: code of its origin, row in that origin, message."""

Wave = dict[str, list[Arrival]]


class LoopRun:
    """All members of one loop while one batch goes through it."""

    def __init__(
        self,
        step: Step,
        stage: Stage,
        streams: Mapping[str, Stream],
        states: Mapping[str, Sequence[States]],
        careful: bool,
    ) -> None:
        self._step = step
        self._stage = stage
        self._taken = 0
        self._members = {
            member.node.name: _Member(member, states.get(member.node.name, ()), careful)
            for member in step.members
        }
        self._read = {origin for member in step.members for origin in member.origins}
        self._outside = sorted(
            (arrival for one in step.members for arrival in self._arrivals(one, streams)),
            key=lambda arrival: arrival[0],
        )

    def run(self) -> list[NodeRun]:
        """Run every pushed message to its end; return the members' runs, with their states."""
        for source, arrivals in groupby(self._outside, key=lambda arrival: arrival[0]):
            wave: Wave = {}
            for _, name, arrival in arrivals:
                wave.setdefault(name, []).append(arrival)
            self._run_one(source, wave)
        return [member.run for member in self._members.values()]

    def outcomes(self) -> list[NodeOutcome]:
        """Return what each member did."""
        return [member.outcome(self._step.rank) for member in self._members.values()]

    def _arrivals(
        self, member: Input, streams: Mapping[str, Stream]
    ) -> Iterator[tuple[int, str, Arrival]]:
        inner = {one.node.name for one in self._step.members}
        outer = tuple(origin for origin in member.origins if node_of(origin) not in inner)
        if not outer:
            return
        inputs = gather(outer, streams, self._stage.message_class)
        parents = inputs.parents
        sources = inputs.sources.tolist()
        codes = [0] * len(sources) if parents.codes is None else parents.codes.tolist()
        rows = range(len(sources)) if parents.rows is None else parents.rows.tolist()
        places = [member.origins.index(origin) for origin in outer]
        messages = (message for part in inputs.slices(len(sources) or 1) for message in part)
        for source, code, row, message in zip(sources, codes, rows, messages, strict=True):
            yield source, member.node.name, (places[code], row, message)

    def _run_one(self, source: int, wave: Wave) -> None:
        hops = made = 0
        while wave:
            problem = self._limit(hops, made)
            following: Wave = {}
            for name, member in self._members.items():
                arrivals = wave.get(name)
                if not arrivals:
                    continue
                if problem:  # its port is not passed on either: it would go round for ever
                    member.refuse(source, arrivals, problem, self._taken)
                    self._taken += len(arrivals)
                    continue
                fed = member.feed(source, arrivals, self._taken)
                self._taken += len(arrivals)
                made += len(fed.rows) + (len(fed.failures) if port_of(name) in self._read else 0)
                self._pass_on(name, fed, following)
            wave = following
            hops += 1

    def _pass_on(self, name: str, fed: _Fed, following: Wave) -> None:
        """Send what a member emitted, and what failed in it, to those inside who read it."""
        made = self._arrivals_from(name, name, fed.rows)
        dead = self._arrivals_from(name, port_of(name), fed.failures)
        for reader in self._members.values():
            codes = reader.codes
            sent = [(codes[name], *one) for one in made] if name in codes else []
            if dead and port_of(name) in codes:
                sent += [(codes[port_of(name)], *one) for one in dead]
                if name in codes and made:
                    turns = self._members[name].turns(fed)
                    sent = [sent[place] for place in np.argsort(turns, kind="stable").tolist()]
            if sent:
                following.setdefault(reader.run.node.name, []).extend(sent)

    def _arrivals_from(self, name: str, origin: str, rows: range) -> list[tuple[int, Message]]:
        """These rows of a member, or of its port, with their messages, if somebody reads them."""
        if not rows or origin not in self._read:
            return []
        run, base = self._members[name].run, self._stage.message_class
        if origin == name:
            messages = run.collected.table().messages(name, base, rows.start, rows.stop)
        else:
            messages = port_messages(name, run.failures[rows.start : rows.stop], base)
        return list(zip(rows, messages, strict=True))

    def _limit(self, hops: int, made: int) -> str:
        names = list(self._members)
        way = " -> ".join([*names, names[0]])
        advice = "let a node of it stop (return NoResult), or raise router.hop_limit"
        if hops >= self._stage.hop_limit:
            return f"one pushed message went round {way} for {hops:,} waves; {advice}"
        if made >= MESSAGE_LIMIT:
            return f"one pushed message became {made:,} messages in {way}; {advice}"
        return ""


class _Fed(NamedTuple):
    """What came of a member's inputs from ``first`` on: rows it emitted, failures it had."""

    first: int
    rows: range
    failures: range


class _Member:
    """One node of the loop, with where its inputs came from."""

    def __init__(self, member: Input, committed: Sequence[States], careful: bool) -> None:
        node = _row_by_row(member.node) if member.node.batch else member.node
        self.run = NodeRun(node, committed, careful)
        self.origins = member.origins
        self.codes = {origin: code for code, origin in enumerate(member.origins)}
        self._codes: list[int] = []
        self._rows: list[int] = []
        self._sources: list[int] = []
        self._waves: list[int] = []

    def feed(self, source: int, arrivals: list[Arrival], taken: int) -> _Fed:
        """Run the arrivals, before which the loop took in ``taken``; return what came of them."""
        run = self.run
        first, row, failure = run.received, run.collected.rows, len(run.failures)
        self._note(source, arrivals, taken)
        run.feed([message for _, _, message in arrivals])
        return _Fed(first, range(row, run.collected.rows), range(failure, len(run.failures)))

    def turns(self, fed: _Fed) -> Positions:
        """The input behind each row of ``fed``, then behind each failure."""
        failed = self.run.failures[fed.failures.start : fed.failures.stop]
        counts = self.run.collected.counts(fed.first)
        assert counts is not None  # a message that fails makes no rows
        makers = np.repeat(np.arange(fed.first, self.run.received), counts)
        return np.concatenate([makers, [one.position for one in failed]])

    def refuse(self, source: int, arrivals: list[Arrival], problem: str, taken: int) -> None:
        """Let the arrivals fail without running them."""
        self._note(source, arrivals, taken)
        error = LoopError(f"{self.run.node.name}: {problem}")
        self.run.refuse([message for _, _, message in arrivals], error)

    def outcome(self, rank: int) -> NodeOutcome:
        """Return what the node did in all waves."""
        parents = Parents(self.origins, np.array(self._codes, int), np.array(self._rows, int))
        sources = np.array(self._sources, dtype=np.int64)
        return self.run.outcome(rank, parents, sources, np.array(self._waves, dtype=np.int64))

    def _note(self, source: int, arrivals: list[Arrival], taken: int) -> None:
        self._waves += range(taken, taken + len(arrivals))
        self._codes += [code for code, _, _ in arrivals]
        self._rows += [row for _, row, _ in arrivals]
        self._sources += [source] * len(arrivals)


def _row_by_row(node: Node) -> Node:
    """A batch node treats rows independently, so in a loop it takes one at a time."""

    def function(message: Message) -> Iterator[tuple[Any, ...]]:
        frame = emitted_frame(node, pd.DataFrame([message.as_dict()]))
        yield from zip(*(frame[name].tolist() for name in node.fields), strict=True)

    return replace(node, function=function, batch=False, form=Form.GENERATOR)
