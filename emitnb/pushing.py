"""Pushing: the part of a router through which data goes in, and the choice of where nodes run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import pandas as pd

from emitnb.backends import Backend, open_backend
from emitnb.backends.memory import Memory
from emitnb.calling import one_message, results_of
from emitnb.errors import DeclarationError, EmitError
from emitnb.graph import Graph
from emitnb.halting import MAX_FAILURES, first_failure
from emitnb.message import ENTRY_POINT, Message
from emitnb.nodelogs import NodeLogs
from emitnb.plan import HOP_LIMIT, Entries, Plan, make_plan
from emitnb.process import Outcome
from emitnb.reading import Reader
from emitnb.run import OnError, Run
from emitnb.runs import Register, Runs, check_push
from emitnb.scaling import Report, scale
from emitnb.session import once
from emitnb.sources import open_source
from emitnb.table import Table


class Pusher(Reader):
    """Takes data in. ``run`` is the latest Run; ``bar``: what ``progress=None`` means."""

    def __init__(self, message_class: type[Message]) -> None:
        super().__init__()
        self.max_failures, self.hop_limit = MAX_FAILURES, HOP_LIMIT
        self.bar: bool | None = None
        self.run: Run | None = None
        self._graph = Graph(message_class=message_class)
        self._home: str | None = None
        self._backend: Backend = Memory()
        self._routing = True
        self._planned: dict[Any, tuple[Graph, int, Plan]] = {}
        self._register = Register()
        self._logs = NodeLogs()

    def resolve_node_modules(self) -> None:
        """Import the modules that declare nodes; see :class:`emitnb.Router`."""
        raise NotImplementedError

    # -- where nodes run --------------------------------------------------------------------

    def use(self, backend: str, *arguments: Any, **options: Any) -> Backend:
        """Choose where nodes run from now on, and return it.

        States move along: a count begun in memory goes on counting on a cluster, and back.

        ``use("memory")`` runs them here. ``use("dask", address_or_client=None, *, n_workers=None,
        threads=None, security=None, in_flight=None)`` runs them on a dask cluster:

        Parameters
        ----------
        address_or_client : address of a scheduler, as ``tcp://host:8786``, or a
            ``distributed.Client``; without it a cluster of local processes starts, which closes
            with this one
        n_workers, threads : worker processes of a local cluster (default: one a core), and
            threads in each (default: 1)
        security : a ``distributed.security.Security``, for ``tls://`` addresses
        in_flight : batches on their way at once (default: two for each worker thread)

        Raises BackendError where there is no such backend or cluster, and DeclarationError where
        a node cannot run there; then all stays as it was.

        >>> from emitnb import Router
        >>> Router().use("memory")
        memory: nodes run in this process
        """
        self.resolve_node_modules()
        opened = open_backend(backend, *arguments, home=self._home, **options)
        opened.notes = opened.check(self._graph.nodes.values())
        self._backend = opened
        return opened

    @property
    def backend(self) -> Backend:
        """Where nodes run."""
        return self._backend

    @property
    def _on_cluster(self) -> bool:
        return self._backend.name != Memory.name

    def scale(self, sample: int = 50) -> Report:
        """Say what a cluster would make of the graph, and compare it with memory on a sample.

        The sample are the ``sample`` messages pushed last; nothing that is run for it is recorded.
        Raises EmitError if ``sample`` is no number from 1 on.
        """
        graph = self.graph
        return scale(graph, self._backend, self._ledger.log.inputs, sample, self._scratch)

    def _scratch(self, graph: Graph, backend: Backend) -> Pusher:
        """A router for a trial, with a graph and nothing else."""
        made = type(self)(graph.message_class)
        made._graph, made._backend, made.hop_limit = graph, backend, self.hop_limit
        return made

    def frame(self, node: str | None = None, *, lineage: bool = False, lazy: bool = False) -> Any:
        """See :meth:`Reader.frame`; ``lazy`` gives a dask DataFrame of what stays on the cluster.

        A lazy frame is one of one node; its columns are the node's fields. What was pushed with
        ``keep_on_cluster`` is not brought here until it is computed.
        """
        if not lazy:
            return super().frame(node, lineage=lineage)
        if node is None or lineage:
            raise EmitError("a lazy frame holds the fields of one node: frame('name', lazy=True)")
        name = self._origin(node)
        return self._backend.lazy_frame(self._ledger.log, name, self._graph.nodes.get(name))

    # -- routing ----------------------------------------------------------------------------

    def disable_routing(self) -> None:
        """Let nodes that are called directly route and record nothing; for tests of functions."""
        self._routing = False

    def enable_routing(self) -> None:
        """Undo :meth:`disable_routing`."""
        self._routing = True

    @contextmanager
    def routing_disabled(self) -> Iterator[None]:
        """Disable routing in a ``with`` block."""
        before, self._routing = self._routing, False
        try:
            yield
        finally:
            self._routing = before

    # -- data in ----------------------------------------------------------------------------

    def __call__(self, **fields: Any) -> None:
        """Push one message to every entry point. What a node raises is raised here.

        >>> from emitnb import Router
        >>> router = Router()
        >>> double = router.node("n", entry_point=True, name="double")(lambda msg: 2 * msg.n)
        >>> router(n=21)
        >>> router.frame("double")["n"].tolist()
        [42]
        """
        __tracebackhide__ = True
        self.resolve_node_modules()
        if self._routing:
            self._push_one(one_message(ENTRY_POINT, fields, self._graph.message_class), None)

    def push(
        self,
        source: Any,
        *,
        to: str | None = None,
        limit: int | None = None,
        batch_size: int | Literal["auto"] = "auto",
        on_error: OnError = "collect",
        progress: bool | Callable[[Run], Any] | None = None,
        field: str = "document",
        lines: bool = False,
        keep_on_cluster: bool = False,
        background: bool = False,
    ) -> Run:
        """Push data through the graph, batch by batch, and return the finished run.

        Parameters
        ----------
        source : a dict; an iterable, generator or async iterator of dicts, messages or plain
            values; a DataFrame; a dask bag or dataframe; or a path or glob of .txt (one message
            a file), .csv, .jsonl or .parquet files, also .gz. Read as it is needed.
        to : the only node to push to, instead of all entry points
        limit : the largest number of messages to push
        batch_size : messages a batch; it never shows in the result
        on_error : ``"collect"`` keeps failing messages for :meth:`failures` and goes on;
            ``"stop"`` raises at the first, with its batch not committed
        progress : show a bar (None: after a second), or a function called with the run after
            each batch
        field : the field that plain values and lines of text fill
        lines : whether files are read as text, one message a line
        keep_on_cluster : leave what nodes emit on the dask cluster, for ``frame(node, lazy=True)``
        background : return at once; the run goes on in a thread of its own, without a bar. What
            nodes print goes to :meth:`log`; ``progress`` is called in that thread.

        Several runs may go on at a time: they take turns, and each commits its batches in order.
        A node may push into its own router, but not wait for a thread that does.

        >>> from emitnb import Router
        >>> router = Router()
        >>> double = router.node("n", entry_point=True, name="double")(lambda msg: 2 * msg.n)
        >>> run = router.push([1, 2, 3], field="n", background=True)
        >>> run.wait(), run.state, run.done
        (True, 'done', 3)

        Raises SourceError for data that cannot be read, RunStoppedError when the run stops before
        its end, and RunInterrupted (a KeyboardInterrupt). The last two carry ``run``, which is
        also ``router.run``: its ``resume()`` goes on where it stopped, also when others were
        pushed since (:meth:`resumable`). In the background :meth:`emitnb.Run.wait` raises them.
        """
        self.resolve_node_modules()
        target = None if to is None else self._graph.find(to)
        check_push(batch_size, on_error)
        self._checked_plan(target)
        # What is limited is read here: only reading tells where the limit is.
        lying = self._backend.open_source(source, field) if limit is None else None
        run = Run(
            lying or open_source(source, field=field, lines=lines, limit=limit),
            self._store,
            lambda committed, say: self._backend.session(committed, say, keep_on_cluster),
            lambda: self._checked_plan(target),
            batch_size=None if batch_size == "auto" else batch_size,
            on_error=on_error,
            max_failures=self.max_failures,
            progress=self.bar if progress is None else progress,
            background=background,
            logs=self._logs,
            number=self._register.next_number(),
            remind=self._register.reminder,
        )
        return self._begin(run)

    def _begin(self, run: Run) -> Run:
        """Let a new run begin, and know it among the others."""
        self.run = run
        self._register.add(run)
        return run.resume()

    # -- runs in the background -------------------------------------------------------------

    @property
    def runs(self) -> Runs:
        """The runs that are not over: those that go on, and those that are paused."""
        return self._register.unfinished()

    def find_runs(self, number: int | None = None) -> Runs:
        """Return the run of a number, which may be over; without one those that are not over.

        Raises EmitError where there is no such run.
        """
        return self.runs if number is None else self._register.find(number, self.run)

    def resumable(self, number: int | None = None) -> Runs:
        """Return the run of a number; without one those that are not over, if one is paused.

        If none is, the latest that did not come to its end: one in the foreground that was
        interrupted, for instance. Raises EmitError where there is no run of that number.
        """
        return self._register.resumable() if number is None else self.find_runs(number)

    def wait(self, timeout: float | None = None, number: int | None = None) -> Runs:
        """Wait until all runs are over, or one of them, for ``timeout`` seconds at most.

        Returns them as they are then, with those in the background that were over before and that
        nobody has waited for. Raises what :meth:`emitnb.Run.wait` does, and EmitError where only
        paused runs are left.

        >>> from emitnb import Router
        >>> router = Router()
        >>> double = router.node("n", entry_point=True, name="double")(lambda msg: 2 * msg.n)
        >>> run = router.push([1, 2, 3], field="n", background=True)
        >>> [run.state for run in router.wait(timeout=60)]
        ['done']
        """
        runs = self._register.unseen() if number is None else self.find_runs(number)
        runs.wait(timeout)
        return runs

    def log(self, node: str) -> str:
        """Return what a node printed in the background: its latest lines, 1,000 at the most.

        ``"__entry_point"`` gives what the runs themselves had to say. Raises UnknownNodeError.

        >>> from emitnb import Router
        >>> router = Router()
        >>> shout = router.node((), entry_point=True, name="shout")(lambda msg: print(msg.n))
        >>> router.push([1, 2], field="n", background=True).wait(), router.log("shout")
        (True, '1\\n2')
        """
        name = node if node in self._logs else self._recorded(node)
        return self._logs.text(name)

    def summary(self) -> pd.DataFrame:
        """See :meth:`Reader.summary`. Runs that were stopped unseen are among the remarks."""
        frame = super().summary()
        stopped = [run.headline for run in self._register.unseen() if run.error is not None]
        frame.attrs["remarks"] = [*stopped, *frame.attrs["remarks"]]
        return frame

    # -- inside -----------------------------------------------------------------------------

    def _plan(self, to: str | None, entries: Entries | None = None) -> Plan:
        graph, hops = self._graph, self.hop_limit
        where = to if entries is None else tuple(entries.items())
        planned = self._planned.get(where)
        if planned is None or planned[0] != graph or planned[1] != hops:
            planned = graph, hops, make_plan(graph, entries, hops, to)
            self._planned[where] = planned  # two runs may push to two nodes at the same time
        return planned[2]

    def _checked_plan(self, to: str | None) -> Plan:
        """The plan, unless nothing would receive what is pushed (any more)."""
        if not self._routing:
            raise EmitError("routing is disabled, so nothing would receive it: enable_routing()")
        if to is None and not self._graph.subscribers(ENTRY_POINT):
            raise DeclarationError(
                "no node receives pushed data; make one an entry point "
                "(entry_point=True, or --entry on its cell), or push to one (to=…, or --to)"
            )
        return self._plan(to)

    def _push_one(self, table: Table, to: str | None) -> Outcome:
        __tracebackhide__ = True
        with self._store.turns.taken():
            plan, started = self._checked_plan(to), self._ledger
            outcome = self._execute(self._backend, plan, table)
            self._store.change(
                lambda ledger: ledger.with_batch(table, outcome, started=started, to=plan.to)
            )
        return outcome

    def _execute(self, backend: Backend, plan: Plan, table: Table) -> Outcome:
        __tracebackhide__ = True
        processed = once(backend.session(lambda: self._ledger.states, print), plan, table)
        for printed in processed.printed:
            print(printed.text, end="")  # noqa: T201 - what nodes printed elsewhere
        failed = first_failure(processed.outcome)
        if failed is not None:
            raise failed[1]
        return processed.outcome

    def _call_node(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Call one node directly; return what it emits, routed on unless routing is disabled."""
        __tracebackhide__ = True
        self.resolve_node_modules()
        name = self._graph.find(name)
        table = one_message(name, fields, self._graph.message_class)
        if self._routing:
            outcome = self._push_one(table, name)
        else:
            alone = Graph({name: self._graph.nodes[name]}, {}, self._graph.message_class)
            plan = make_plan(alone, None, self.hop_limit, name)
            outcome = self._execute(Memory(), plan, table)
        return results_of(self._graph.nodes[name], outcome)
