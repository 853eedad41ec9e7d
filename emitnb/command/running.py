"""The command itself: read the command line, push, write, and say how it went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

from emitnb.command.arguments import Asked, WrongUse, make_parser, parse, program
from emitnb.command.data import missing_data, read_data
from emitnb.command.output import check_writable, write_file, write_stdout
from emitnb.command.reading import open_sources
from emitnb.command.signals import Signals
from emitnb.command.tables import Target, write_frame
from emitnb.command.telling import Teller, failures_text, how_far, why_stopped
from emitnb.errors import EmitError, RunStoppedError, SourceError, UnknownNodeError
from emitnb.message import ENTRY_POINT, node_of
from emitnb.picture import picture, why_no_picture

if TYPE_CHECKING:
    import pandas as pd

    from emitnb.graph import Graph
    from emitnb.router import Router


def run_command(
    router: Router,
    namespace: MutableMapping[str, Any],
    arguments: Sequence[str] | None = None,
    parameters: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
) -> int:
    """Run a graph as a command line asks for it, and return the exit status.

    Parameters
    ----------
    router : whose graph it is; what is pushed and emitted goes into its record
    namespace : the ``globals()`` of the module. Its docstring is the first thing in ``--help``
    arguments : of the command line; None: those of this process
    parameters : names of globals that are options (``rate`` is ``--rate``, with the type and the
        default of its value), with a help text, or ""
    data : names of globals whose values are read from files (``lookup`` is ``--lookup PATH``,
        .parquet, .csv, .jsonl, .npy or .pkl), with a help text; one that is None must be given

    Status: 0 all went well; 1 messages failed, or it could not be done; 2 wrong use; 130 after
    Ctrl-C and 143 after SIGTERM. Files are written as a whole or not at all; after a failure or an
    interrupt with what was committed by then. What nodes print goes to stderr.

    >>> from emitnb import Router
    >>> router = Router()
    >>> size = router.node("size", entry_point=True, name="size")(lambda msg: len(msg.document))
    >>> run_command(router, {"__file__": "sizes.py"}, ["--graph"])
    __entry_point
    └─ size(size)
    0
    """
    tell = Teller(program(namespace))
    signals = Signals()
    try:
        parser = make_parser(router.graph, namespace, parameters or {}, data or {})
        try:
            asked = parse(parser, arguments)
        except SystemExit as end:  # of argparse: after --help, or wrong use
            return end.code if isinstance(end.code, int) else 0
        with signals.handled():
            return _Command(router, asked, signals, tell).run(namespace, data or {})
    except WrongUse as error:
        return _wrong_use(parser, str(error))
    except EmitError as error:
        tell(why_stopped(error))
        return 1
    except KeyboardInterrupt:
        tell(f"{signals.name}; nothing was written")
        return signals.status


def _wrong_use(parser: argparse.ArgumentParser, message: str) -> int:
    try:
        parser.error(message)
    except SystemExit:
        return 2


class _Command:
    """One command line, carried out."""

    def __init__(self, router: Router, asked: Asked, signals: Signals, tell: Teller) -> None:
        self._router = router
        self._asked = asked
        self._signals = signals
        self._tell = tell

    def run(self, namespace: MutableMapping[str, Any], data: Mapping[str, str]) -> int:
        """Do what is asked for; return the exit status."""
        namespace.update(self._asked.parameters)
        if self._asked.picture is not None:
            return self._show_graph(self._asked.picture)
        read_data(self._asked.data, namespace)
        if missing := missing_data(data, namespace):
            raise WrongUse(f"the module needs data: {', '.join(missing)} PATH")
        node = self._node()
        self._check()
        # Standard output is for the frame alone.
        with redirect_stdout(sys.stderr):
            status, news = self._push()
            frame, failures = self._router.frame(node), self._router.failures()
        if self._asked.failures is not None:
            self._write(failures, self._asked.failures, fallback=repr)
        self._write(frame, self._asked.output)
        if news:
            self._tell(f"{news}; what came of them is written")
        if len(failures):
            kept_in = None if self._asked.failures is None else self._asked.failures.name
            self._tell(failures_text(failures, kept_in))
        return status or int(len(failures) > 0)

    def _show_graph(self, kind: str) -> int:
        graph = self._router.graph
        if kind == "svg":
            problem = why_no_picture(graph)
            if problem:
                raise EmitError(problem)
            text = picture(graph, standalone=True)
        else:
            text = str(self._router) if kind == "graph" else self._router.dot()
        self._put(f"{text.rstrip()}\n".encode(), self._asked.output)
        return 0

    def _node(self) -> str | None:
        """The node whose frame is written; None: all."""
        graph, name = self._router.graph, self._asked.node
        if name is None:
            return result_node(graph)
        try:
            return name if name == ENTRY_POINT or graph.find(node_of(name)) else None
        except UnknownNodeError as error:
            raise WrongUse(f"--node: {error}") from error

    def _check(self) -> None:
        """Say what cannot work before time goes into it."""
        for target in (self._asked.output, self._asked.failures):
            if target is not None and target.path is not None:
                check_writable(target.path)
        output = self._asked.output
        if output.path is None and output.format == "parquet" and sys.stdout.isatty():
            raise WrongUse("Parquet is nothing to look at; name a file with -o")

    def _push(self) -> tuple[int, str]:
        """Push what is named; return the status, and what to tell where it did not come to its end.

        Raises what ended it where nothing is committed: then there is nothing to write.
        """
        asked, router = self._asked, self._router
        before = router.run
        try:
            source = open_sources(asked, self._signals)
            self._choose_backend()
            progress = None if sys.stderr.isatty() else False
            router.push(source, limit=asked.limit, field=asked.field, progress=progress)
        except (KeyboardInterrupt, RunStoppedError, SourceError) as error:
            run = router.run
            if run is None or run is before or not run.done:
                raise
            if isinstance(error, KeyboardInterrupt):
                return self._signals.status, f"{self._signals.name}: {how_far(run)}"
            return 1, why_stopped(error)
        return 0, ""

    def _choose_backend(self) -> None:
        asked = self._asked
        if asked.address is not None:
            self._router.use("dask", asked.address)
        elif asked.backend == "dask":
            self._router.use("dask", n_workers=asked.workers)
        elif asked.backend is not None:
            self._router.use(asked.backend)

    def _write(self, frame: pd.DataFrame, target: Target, fallback: Any = None) -> None:
        write = partial(write_frame, frame, target, fallback=fallback)
        if target.path is None:
            write_stdout(write, text=target.format != "parquet")
        else:
            write_file(target.path, write)

    def _put(self, content: bytes, target: Target) -> None:
        if target.path is None:
            write_stdout(lambda file: _write_all(file, content), text=True)
        else:
            check_writable(target.path)
            write_file(target.path, lambda file: _write_all(file, content))


def _write_all(file: Any, content: bytes) -> None:
    file.write(content)


def result_node(graph: Graph) -> str | None:
    """Return the one node that emits something and that no other node listens to; None if there
    are several.

    >>> from emitnb import Router
    >>> router = Router()
    >>> size = router.node("size", entry_point=True, name="size")(lambda msg: len(msg.document))
    >>> result_node(router.graph)
    'size'
    """
    leaves = [
        name
        for name, node in graph.nodes.items()
        if node.fields and set(graph.subscribers(name)) <= {name}
    ]
    return leaves[0] if len(leaves) == 1 else None
