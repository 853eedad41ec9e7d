"""Finding the message that kills its process: a stage in a process of its own.

A batch whose tasks died with several workers is run here. Before each call the process notes which
one it is in a file that outlives it. When it dies, the call it died in fails, and the batch is
run again, in a new process, without that call: what a node does is a function of what it takes,
so all goes as before up to that call.
"""

from __future__ import annotations

import asyncio
import io
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from emitnb.backends.dask.portable import process_portable, with_functions
from emitnb.backends.dask.shipping import Freight, restored_stage
from emitnb.backends.dask.transport import loads, packed_failed, portable_states
from emitnb.backends.pickling import dumps
from emitnb.errors import BackendError, WorkerCrashError
from emitnb.node import Form, Node
from emitnb.plan import Stage
from emitnb.process import Outcome, States, Stream

NOTE = struct.Struct("qq")
"""Place of a node in its stage, counted from 1, and number of the call."""

Refused = dict[tuple[int, int], str]
"""Calls that are not made again, and why."""

POLL = 0.1
"""Seconds after which an interrupt is noticed."""


def process_sheltered(
    stage: Freight,
    large: Sequence[Freight],
    batch: Mapping[str, Stream],
    states: Mapping[str, Sequence[States]],
    memory_limit: int = 0,
) -> tuple[Outcome, str]:
    """Take a batch through a stage; return the outcome and what nodes printed.

    A message that kills the process, or makes a node take more than ``memory_limit`` bytes (0: any
    number), fails with WorkerCrashError.
    """
    refused: Refused = {}
    with tempfile.TemporaryDirectory(prefix="emitnb-") as folder:
        place = Path(folder)
        (place / "work").write_bytes(dumps((stage, tuple(large), dict(batch), states)))
        while True:
            (place / "refused").write_bytes(dumps((refused, memory_limit)))
            (place / "note").write_bytes(NOTE.pack(0, 0))
            status = _run_child(place)
            if status == 0:
                nodes, touched, text = loads((place / "made").read_bytes())
                return Outcome(nodes, {node: loads(blob) for node, blob in touched.items()}), text
            call = NOTE.unpack((place / "note").read_bytes())
            if call == (0, 0) or call in refused:
                words = (place / "stderr").read_text(errors="replace").strip().splitlines()
                raise BackendError(
                    f"a process for a stage died at its start ({_manner(status)}): "
                    f"{words[-1] if words else 'it said nothing'}"
                )
            refused[call] = _manner(status)


def _run_child(place: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__, str(place)]
    with (place / "stderr").open("wb") as said:
        child = subprocess.Popen(command, env=environment, stderr=said)
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(POLL)
    finally:
        child.kill()
        child.wait()


def _manner(status: int) -> str:
    if status < 0:
        return f"signal {-status}, {signal.strsignal(-status)}"
    return f"exit status {status}"


# -- in the child -------------------------------------------------------------------------------


def main(folder: str) -> None:
    """Run the work that lies in a folder, and leave there what it made."""
    place = Path(folder)
    refused, memory_limit = loads((place / "refused").read_bytes())
    packed_stage, large, batch, states = loads((place / "work").read_bytes())
    stage = restored_stage(packed_stage, large)
    printed = io.StringIO()
    with (place / "note").open("r+b") as file, redirect_stdout(printed):
        note = mmap.mmap(file.fileno(), NOTE.size)
        _limit_memory(memory_limit)
        outcome = process_portable(_noting(stage, note, refused), batch, states)
    nodes = tuple(
        replace(node, failures=tuple(map(packed_failed, node.failures))) for node in outcome.nodes
    )
    touched = {node: portable_states(node, part)[1] for node, part in outcome.states.items()}
    made = dumps((nodes, touched, printed.getvalue()))
    (place / "made").write_bytes(made)
    sys.stdout.flush()
    os._exit(0)  # what a node started must not keep the process


def _limit_memory(size: int) -> None:
    """Let the process take ``size`` bytes more than it has now; then it gets a MemoryError."""
    if not size or not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[5])
    most = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _noting(stage: Stage, note: mmap.mmap, refused: Refused) -> Stage:
    places = {node.name: number for number, node in enumerate(stage.nodes, 1)}

    def noting(node: Node) -> Callable[..., Any]:
        return _function(node, _Calls(node.name, places[node.name], note, refused))

    return with_functions(stage, set(places), noting)


class _Calls:
    """Notes each call of one node before it is made; refuses those that killed the process."""

    def __init__(self, node: str, place: int, note: mmap.mmap, refused: Refused) -> None:
        self._node = node
        self._place = place
        self._note = note
        self._refused = refused
        self._number = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Note the call that is made in the block."""
        self._number += 1
        manner = self._refused.get((self._place, self._number))
        if manner is not None:
            raise WorkerCrashError(f"{self._node} killed its process ({manner}) on this message")
        NOTE.pack_into(self._note, 0, self._place, self._number)
        try:
            yield
        except MemoryError:
            raise WorkerCrashError(
                f"{self._node} needs more memory for this message than a worker has"
            ) from None


def _function(node: Node, calls: _Calls) -> Callable[..., Any]:
    """The node's function, which notes each call. Coroutines go one at a time: else the call
    that was noted last need not be the one that killed the process."""
    function = node.function
    turn = cache(asyncio.Lock)  # made in the event loop that it is for

    def plain(*arguments: Any) -> Any:
        with calls.one():
            return function(*arguments)

    def generator(*arguments: Any) -> Any:
        with calls.one():
            yield from function(*arguments)

    async def coroutine(*arguments: Any) -> Any:
        async with turn():
            with calls.one():
                return await function(*arguments)

    async def async_generator(*arguments: Any) -> Any:
        async with turn():
            with calls.one():
                async for item in function(*arguments):
                    yield item

    forms: dict[Form, Callable[..., Any]] = {
        Form.PLAIN: plain,
        Form.GENERATOR: generator,
        Form.ASYNC: coroutine,
        Form.ASYNC_GENERATOR: async_generator,
    }
    return forms[node.form]


if __name__ == "__main__":
    main(sys.argv[1])
