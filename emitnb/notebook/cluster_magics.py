"""Magics that say where nodes run, and what a cluster would make of them. They call the router."""

from __future__ import annotations

import re
from typing import Any

from emitnb.errors import EmitError
from emitnb.notebook.base import RouterMagics, argument, line_magic, magics_class
from emitnb.notebook.line import parse
from emitnb.scaling import Report

_ADDRESS = re.compile(r"[a-z]+://")


@magics_class
class ClusterMagics(RouterMagics):
    """Memory or a cluster."""

    @line_magic(
        argument(
            "backend", nargs="?", metavar="BACKEND", help="memory or dask; without it, say which"
        ),
        argument(
            "address",
            nargs="*",
            type=str,  # quotes tell an address from an expression
            metavar="ADDRESS",
            help="of a dask scheduler, or an expression that gives a Client",
        ),
        argument("--workers", type=int, metavar="N", help="worker processes to start here"),
        argument("--threads", type=int, metavar="N", help="threads of each of them"),
        argument(
            "--in-flight", type=int, metavar="N", help="batches on their way at once, at the most"
        ),
    )
    def emit_backend(self, line: str) -> Any:
        """Say where nodes run: here in memory, or on a dask cluster. Frames stay the same.

        Without ADDRESS a cluster starts on this machine, is used again the next time, and ends
        with the notebook. What was pushed so far stays, and states go on from where they are.
        Examples:

            %emit_backend dask
            %emit_backend dask --workers 4
            %emit_backend dask tcp://scheduler:8786
            %emit_backend dask client
            %emit_backend memory
        """
        __tracebackhide__ = True
        router = self.router
        arguments = parse(ClusterMagics.emit_backend, line)
        numbers = {
            "n_workers": arguments.workers,
            "threads": arguments.threads,
            "in_flight": arguments.in_flight,
        }
        given = {name: number for name, number in numbers.items() if number is not None}
        if arguments.backend is None:
            if given:
                raise EmitError(
                    "%emit_backend: options need a backend; for example %emit_backend dask"
                )
            return router.backend
        where = scheduler(" ".join(arguments.address), self.namespace)
        return router.use(arguments.backend, where, **given)

    @line_magic(
        argument("--sample", type=int, default=50, metavar="N", help="messages to compare with"),
    )
    def emit_scale(self, line: str) -> Report:
        """Say what a cluster would make of the graph; compare it with memory on a sample.

        A row for each node: ms for a message, what it captured and how large that is, the
        partition that each key of the sample goes to, and what would not work. The sample is what
        was pushed last; nothing that is run for it is recorded. Examples:

            %emit_scale
            %emit_scale --sample 500
        """
        arguments = parse(ClusterMagics.emit_scale, line)
        return self.router.scale(sample=arguments.sample)


def scheduler(text: str, namespace: dict[str, Any]) -> Any:
    """Return what ``text`` means: an address, or the value of an expression in ``namespace``.

    >>> scheduler("tcp://scheduler:8786", {}), scheduler("found[0]", {"found": ["a:1"]})
    ('tcp://scheduler:8786', 'a:1')
    """
    __tracebackhide__ = True  # what fails is the user's expression
    if not text:
        return None
    if _ADDRESS.match(text):
        return text
    try:
        code = compile(text, "<%emit_backend>", "eval")
    except SyntaxError:
        return text  # scheduler:8786
    try:
        return eval(code, namespace)
    except NameError as error:
        raise EmitError(
            f"%emit_backend: {text!r} is neither an address nor an expression ({error}). "
            "Give an address with its port, such as tcp://scheduler:8786, or a Client"
        ) from None
