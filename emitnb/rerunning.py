"""Running again: the part of a router that sends failures, and what is stale, through its nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from operator import methodcaller
from time import monotonic
from typing import Any, Literal, SupportsIndex

from emitnb.errors import EmitError, RunStoppedError, UnknownRowError
from emitnb.failures import Failure
from emitnb.ledger import Mark, Store
from emitnb.message import ENTRY_POINT, Message, node_of
from emitnb.node import Options, declare
from emitnb.plan import Entries, Plan
from emitnb.pushing import Pusher
from emitnb.reruns import LAST, Difference, Replay, RetrySource, behind, difference
from emitnb.run import Run
from emitnb.runs import check_push
from emitnb.sources import Source
from emitnb.steering import REPLAYING, RETRYING
from emitnb.text import counted

Progress = bool | Callable[[Run], Any] | None


class OutOfTimeError(Exception):
    """A replay after a change took longer than it may."""


class Rerunner(Pusher):
    """Retries, discards and replays.

    ``live`` is how many seconds a changed node may be replayed at once; None replays nothing.
    """

    def __init__(self, message_class: type[Message]) -> None:
        super().__init__(message_class)
        self.live: float | None = None

    def retry(
        self,
        node: str | None = None,
        rows: Iterable[int] | int | None = None,
        *,
        batch_size: int | Literal["auto"] = "auto",
        progress: Progress = None,
        background: bool = False,
    ) -> Run:
        """Send failures through their nodes again, as they are declared now; return the run.

        What passes leaves the failures and joins the frames, under its original parents. What
        fails again stays, with the new error and one attempt more. Messages that are retried
        arrive last: states and frames are as if they had been pushed behind all others.

        Parameters
        ----------
        node : the node whose failures to retry; None for all nodes
        rows : of the failures, those in these rows of :meth:`failures`; None for all
        batch_size, progress, background : as for :meth:`push`

        Raises UnknownNodeError; UnknownRowError for rows that are no failures; EmitError for data
        that could not be read, and where a node is no longer in the graph; and what :meth:`push`
        raises while it runs.

        >>> from emitnb import Router
        >>> router = Router()
        >>> def halve(msg): return 12 // msg.n
        >>> halve = router.node("half", entry_point=True, name="halve")(halve)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> def halve(msg): return 12 // msg.n if msg.n else 0
        >>> halve = router.node("half", entry_point=True, name="halve")(halve)
        >>> router.retry().done
        1
        >>> router.frame("halve")["half"].tolist()
        [3, 0]
        """
        failures = self._failures_of(node, rows)
        if node is None and rows is None:
            failures = [one for one in failures if one.node in self.graph.nodes]
        self._check_retry(failures)
        source = RetrySource(lambda: self._ledger, failures, self.graph.ranks)
        return self._rerun(
            source,
            source.entries,
            self._store,
            batch_size,
            progress=progress,
            doing=RETRYING,
            background=background,
            due=source.due,
        )

    def discard(self, node: str | None = None, rows: Iterable[int] | int | None = None) -> int:
        """Forget failures: of a node, in some rows of :meth:`failures`, or all; return how many.

        That they failed stays in the summary. Raises UnknownNodeError and UnknownRowError.

        >>> from emitnb import Router
        >>> router = Router()
        >>> halve = router.node("half", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
        >>> run = router.push([{"n": 0}, {"n": 4}])
        >>> router.discard("halve"), len(router.failures())
        (1, 0)
        """
        numbers = [failure.number for failure in self._failures_of(node, rows)]
        self._store.change(lambda ledger: ledger.discarded(numbers))
        return len(numbers)

    def replay(
        self,
        node: str | None = None,
        *,
        batch_size: int | Literal["auto"] = "auto",
        progress: Progress = None,
        background: bool = False,
    ) -> Run:
        """Run a node and all behind it again, from what is recorded; return the run.

        They start with fresh states from what they received, and what they emitted before makes
        room for what they emit now; the nodes before them stay as they are. Until the replay is
        through, nothing changes: one that is interrupted goes on with ``router.run.resume()``. One
        that stops because a node fails on everything is given up: mend the node, and replay again.

        Parameters
        ----------
        node : the node to begin with; None for all whose rows are stale (with none that are, the
            run is over at once)
        batch_size, progress, background : as for :meth:`push`

        Raises UnknownNodeError; EmitError where pushed messages are no longer kept, and, at the
        end, where the graph changed or the router was cleared meanwhile; and what :meth:`push`
        raises while it runs.

        >>> from emitnb import Router
        >>> router = Router()
        >>> def clean(msg): return msg.document.strip()
        >>> clean = router.node("text", entry_point=True, name="clean")(clean)
        >>> run = router.push([" Rain "])
        >>> def clean(msg): return msg.document.strip().lower()
        >>> clean = router.node("text", entry_point=True, name="clean")(clean)
        >>> router.replay().state, router.frame("clean")["text"].tolist()
        ('done', ['rain'])
        """
        return self._replay(node, batch_size, progress=progress, background=background)

    def _replay(
        self, node: str | None, batch_size: int | Literal["auto"] = "auto", **options: Any
    ) -> Run:
        graph = self.graph
        stale = [name for name, one in self._ledger.changes.stale.items() if one.rows]
        names = [*map(node_of, stale)] if node is None else [graph.find(node)]
        nodes = behind(graph, self._ledger, names)
        replay = Replay(self._store, graph, nodes)
        return self._rerun(
            replay.source,
            replay.entries,
            replay.store,
            batch_size,
            doing=REPLAYING,
            finish=lambda: replay.finish(self.graph),
            **options,
        )

    def outdate(self, nodes: Mapping[str, str], since: Mark) -> list[str]:
        """Take note that nodes read something that has changed; return what to say about it.

        ``nodes`` has their names, in topological order, and the names of what they read. What
        they and their descendants emitted by then, ``since``, is stale; where changes are live, it
        is replayed.
        """
        for name, reads in nodes.items():
            behind = self.graph.descendants(name)
            self._store.change(methodcaller("outdated", name, reads, behind, since))
        failing = self._ledger.failed_before(since)
        notes = []
        for name, reads in nodes.items():
            if failing[name]:
                count = counted(failing[name], "message")
                notes.append(f"{name}: {count} failed with another {reads}; %emit_retry {name}")
            notes += [f"{name}: {note}" for note in self._left_stale(name)]
        return notes

    def _after_change(self, name: str) -> tuple[str, ...]:
        """Say what a changed node leaves to be done, or do it where changes are live."""
        return (*self._failed_before(name), *self._left_stale(name))

    def _left_stale(self, name: str) -> list[str]:
        stale = self._ledger.changes.note(name)
        if self.live is not None and stale:
            stale = self._replay_live(name, self.live)
        return [stale] if stale else []

    def _failed_before(self, name: str) -> list[str]:
        """What failed under older revisions of a node, and how to go on."""
        revision = self._graph.nodes[name].revision
        failures = self._ledger.failures
        old = Counter(f.revision for f in failures if f.node == name and f.revision != revision)
        return [
            f"{counted(count, 'message')} failed under revision {before}; %emit_retry {name}"
            for before, count in sorted(old.items(), key=lambda pair: pair[0] or 0)
        ]

    def _replay_live(self, name: str, seconds: float) -> str:
        """Replay a node, but not for longer than some seconds; return what to say about it."""
        ends = monotonic() + seconds
        before = self.run

        def check(running: Run) -> None:
            if monotonic() > ends and running.done != running.total:
                raise OutOfTimeError

        try:
            # From one message on: nobody knows yet how long it takes.
            run = self._replay(name, progress=check, first=1)
        except OutOfTimeError:
            assert self.run is not None
            how_far = f"at {self.run.done:,} of {self.run.total:,} messages"
            self._back_to(before)
            return f"gave up replaying after {seconds:g} s {how_far}; %emit_replay {name}"
        except RunStoppedError as error:
            why = str(error).rpartition("; ")[0]  # it cannot be resumed
            self._back_to(before)
            return f"gave up replaying: {why}; mend it, or %emit_replay {name}"
        except EmitError as error:
            self._back_to(before)
            return f"gave up replaying: {error}"
        self.run = before
        failed = int(run.summary["failed"].sum())
        failures = f", {failed:,} failed (%emit_failures)" if failed else ""
        return f"replayed {counted(run.done, 'message')}{failures}"

    def _back_to(self, run: Run | None) -> None:
        """End a replay that is not wanted any more; the latest run is what it was before."""
        gone, self.run = self.run, run
        if gone is not None and gone is not run:
            gone.cancel()

    def diff(
        self, *arguments: Any, last: int = LAST, **options: Any
    ) -> Callable[[Callable[..., Any]], Difference]:
        """Decorate a function as :meth:`Router.node` does, but only try it; nothing is declared.

        It and the node that stands in the graph both run on the ``last`` messages that are
        recorded of what the node receives. What they make of them is compared, and nothing is
        routed or recorded. Nodes with state begin with fresh ones, both of them.

        Parameters
        ----------
        arguments, options : as for :meth:`Router.node`
        last : the largest number of messages to try it on

        The decorator returns a Difference: shown, it is a table; ``counts`` says how many messages
        are the same, changed, newly failing, now fixed, still failing, dropped or added; ``frame``
        has a row for each. It raises EmitError where there is nothing to compare, and
        DeclarationError as ``node`` does.

        >>> from emitnb import Router
        >>> router = Router()
        >>> def clean(msg): return msg.document.strip()
        >>> clean = router.node("text", entry_point=True, name="clean")(clean)
        >>> run = router.push([" Rain ", "sun"])
        >>> def clean(msg): return msg.document.strip().lower()
        >>> router.diff("text", entry_point=True, name="clean")(clean).counts
        {'same': 1, 'changed': 1}
        """
        if isinstance(last, bool) or not isinstance(last, int) or last < 1:
            raise EmitError(f"last={last!r}; give the number of messages to try it on, from 1 on")
        declared = Options(*arguments, **options)

        def compare(function: Callable[..., Any]) -> Difference:
            new = declare(function, declared, self.graph.message_class)
            old = self.graph.nodes.get(new.name)
            if old is None:
                raise EmitError(
                    f"there is no {new.name} yet to compare with; run the cell without --diff"
                )
            graph = self.graph.with_node(new)
            log = self._ledger.log
            return difference(log, graph, old, graph.nodes[new.name], last, self.hop_limit)

        return compare

    def _rerun(
        self,
        source: Source,
        entries: Entries,
        store: Store,
        batch_size: int | Literal["auto"],
        doing: str,
        **options: Any,
    ) -> Run:
        check_push(batch_size)
        if options.get("progress") is None:
            options["progress"] = self.bar
        run = Run(
            source,
            store,
            lambda committed, say: self._backend.session(committed, say),
            lambda: self._entering(entries),
            batch_size=None if batch_size == "auto" else batch_size,
            max_failures=self.max_failures,
            logs=self._logs,
            number=self._register.next_number(),
            **options,
        )
        run.doing = doing
        return self._begin(run)

    def _entering(self, entries: Entries) -> Plan:
        """The plan of messages that enter at some nodes, as they are declared now."""
        for node in entries:
            if node not in self.graph.nodes:
                raise EmitError(f"{node} is no longer in the graph; nothing of it was lost")
        return self._plan(None, entries)

    def _failures_of(self, node: str | None, rows: Iterable[int] | int | None) -> list[Failure]:
        kept = self._ledger.failures
        name = node if node in (None, ENTRY_POINT) else self._recorded(str(node))
        if rows is None:
            return [failure for failure in kept if name in (None, failure.node)]
        wanted = [int(rows)] if isinstance(rows, SupportsIndex) else list(rows)
        found = {failure.number: failure for failure in kept.chosen(wanted)}
        for row in wanted:
            if row not in found or name not in (None, found[row].node):
                where = f"failures({node!r})" if node else "failures()"
                raise UnknownRowError(
                    f"there is no failure {row} in router.{where}; its index has the rows there are"
                )
        return list(found.values())

    def _check_retry(self, failures: list[Failure]) -> None:
        for failure in failures:
            if failure.node == ENTRY_POINT:
                raise EmitError(
                    "data that could not be read has no node to go through; mend it and push it"
                )
            if failure.node not in self.graph.nodes:
                raise EmitError(
                    f"{failure.node} is no longer in the graph: declare it, or discard its failures"
                )
