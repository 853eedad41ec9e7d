"""Stages on their way to the workers: sent once, restored once a worker.

A stage travels as a skeleton, in which nodes lack their functions, and a blob for each node,
which was pickled when the run began: what it captured then is what it computes with, on all
workers and in all batches.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from emitnb.backends.dask.transport import loads
from emitnb.backends.pickling import dumps
from emitnb.node import Node
from emitnb.plan import Input, Stage, Step

KEPT = 32
"""Stages that a worker keeps restored."""


class Freight:
    """Bytes with a name of their own: what is known by it need not be unpickled again."""

    __slots__ = ("blob", "digest")

    def __init__(self, digest: str, blob: bytes) -> None:
        self.digest = digest
        self.blob = blob

    def __reduce__(self) -> tuple[Any, ...]:
        return Freight, (self.digest, self.blob)

    def __sizeof__(self) -> int:
        return len(self.blob) + 100

    def __dask_tokenize__(self) -> object:
        return self.digest


def freight(blob: bytes) -> Freight:
    """Return a blob with its digest."""
    return Freight(hashlib.sha256(blob).hexdigest()[:32], blob)


def packed_stage(stage: Stage, blobs: Mapping[str, Freight], large: frozenset[str]) -> Freight:
    """Return a stage as it travels. The nodes in ``large`` travel apart, known by their digest."""
    nodes = {
        node.name: blobs[node.name].digest if node.name in large else blobs[node.name].blob
        for node in stage.nodes
    }
    return freight(dumps((_mapped(stage, _bare), nodes)))


_restored: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


def restored_stage(packed: Freight, large: tuple[Freight, ...]) -> Stage:
    """Return the stage that was packed; from this worker's memory if it has been here."""

    def restore() -> Stage:
        skeleton, nodes = loads(packed.blob)
        apart = {one.digest: one for one in large}
        parts = {
            name: _apart(apart[blob]) if isinstance(blob, str) else loads(blob)
            for name, blob in nodes.items()
        }
        return _mapped(skeleton, lambda node: _dressed(node, parts[node.name]))

    stage: Stage = _remembered(packed.digest, restore)
    return stage


def _apart(one: Freight) -> Any:
    return _remembered(one.digest, lambda: loads(one.blob))


def _remembered(digest: str, make: Callable[[], Any]) -> Any:
    with _lock:
        if digest in _restored:
            _restored.move_to_end(digest)
            return _restored[digest]
    made = make()
    with _lock:
        _restored[digest] = made
        while len(_restored) > KEPT:
            _restored.popitem(last=False)
    return made


def _bare(node: Node) -> Node:
    nothing: Any = None
    return replace(node, function=nothing, when=None, new_state=None, record=None, types={})


def _dressed(node: Node, parts: tuple[Any, ...]) -> Node:
    function, when, new_state, record, types = parts
    return replace(
        node, function=function, when=when, new_state=new_state, record=record, types=types
    )


def _mapped(stage: Stage, change: Callable[[Node], Node]) -> Stage:
    steps = tuple(
        Step(
            tuple(Input(change(member.node), member.origins) for member in step.members),
            step.is_loop,
            step.rank,
        )
        for step in stage.steps
    )
    return replace(stage, steps=steps)
