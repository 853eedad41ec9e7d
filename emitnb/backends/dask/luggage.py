"""What nodes take along to the workers: checked when they are declared, sent once a revision."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

from distributed import Client, Future

from emitnb.backends.dask.clusters import Workers
from emitnb.backends.dask.graphs import Cargo
from emitnb.backends.dask.shipping import Freight, freight, packed_stage
from emitnb.backends.pickling import by_value
from emitnb.backends.preflight import LARGE, Check, check, refuse
from emitnb.backends.preflight.captured import Captured, global_names
from emitnb.errors import DeclarationError
from emitnb.node import Node
from emitnb.placement import Placement
from emitnb.plan import Plan, Stage

Identity = tuple[Any, ...]
Seen = dict[str, tuple[dict[str, Any], Any]]
"""Globals by name: the namespace, and the value there."""

_STEADY = (types.ModuleType, types.FunctionType, type)
"""What is as a rule defined again with its cell, and then the same."""


INLINE = 32 * 1024
"""Bytes of a stage that travel with each of its tasks; more is sent once, to each worker."""


class Luggage:
    """Pickled nodes by name, and the futures of the stages that were sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._packed: dict[str, tuple[Identity, Check, Freight, Seen]] = {}
        self._sent: dict[str, Future[Any]] = {}

    def check(self, nodes: Iterable[Node], workers: Workers) -> tuple[str, ...]:
        """Return what deserves a note about these nodes; DeclarationError where one cannot run."""
        nodes = list(nodes)
        for node in nodes:
            _check_placement(node.name, node.placement, workers)
        checks = [check(node) for node in nodes]
        refuse(checks)
        for node, one in zip(nodes, checks, strict=True):
            self._pack(node, one)
        several = len(checks) > 1
        return tuple(
            f"{one.node} {note}" if several else note for one in checks for note in one.notes
        )

    def send(self, plan: Plan) -> list[Cargo]:
        """Return the stages of a plan as they are on the cluster; what is new is sent."""
        cargo = [self._cargo(stage) for stage in plan.stages]
        used = {digest for _, digests in cargo for digest in digests}
        self._sent = {digest: one for digest, one in self._sent.items() if digest in used}
        return [one for one, _ in cargo]

    def outdated(self) -> list[str]:
        """Say of each global that was bound anew since its node was pickled that it was; once."""
        notes = []
        for name, (_, _, _, seen) in list(self._packed.items()):
            for what, (namespace, value) in list(seen.items()):
                if namespace.get(what) is not value:
                    seen[what] = namespace, namespace.get(what)
                    notes.append(
                        f"{name} goes on with the `{what}` it had when it was declared; "
                        "run its cell again, or choose the backend again, to take the new one"
                    )
        return notes

    def forget_sent(self) -> None:
        """Send everything again the next time: what was sent is lost."""
        self._sent.clear()

    def _cargo(self, stage: Stage) -> tuple[Cargo, list[str]]:
        blobs = {node.name: self._blob(node) for node in stage.nodes}
        large = {name: blob for name, blob in blobs.items() if len(blob.blob) >= LARGE}
        packed = packed_stage(stage, blobs, frozenset(large))
        apart = {blob.digest: blob for blob in large.values()}
        cargo = Cargo(stage, self._send(packed), tuple(self._send(blob) for blob in apart.values()))
        return cargo, [packed.digest, *apart]

    def _send(self, blob: Freight) -> Freight | Future[Any]:
        """Return what a task takes: small freight itself, else its future on all workers.

        Were it the result of a task, tasks would queue where that result is: the second worker
        began 0.3 s late.
        """
        if len(blob.blob) <= INLINE:
            return blob
        future = self._sent.get(blob.digest)
        if future is None or future.status in ("cancelled", "lost", "error"):
            (future,) = self._client.scatter([blob], broadcast=True, hash=False)
            self._sent[blob.digest] = future
        return future

    def _blob(self, node: Node) -> Freight:
        known = self._packed.get(node.name)
        if known is None or not _same(known[0], _identity(node)):
            one = check(node)
            refuse([one])
            return self._pack(node, one)
        return known[2]

    def _pack(self, node: Node, one: Check) -> Freight:
        assert one.blob is not None
        blob = freight(one.blob)
        self._packed[node.name] = (_identity(node), one, blob, _globals_of(node))
        return blob


def _identity(node: Node) -> Identity:
    """What a node was when it was pickled: what it captured then stays, until it is declared
    again."""
    return (node.function, node.when, node.new_state, node.record)


def _globals_of(node: Node) -> Seen:
    """The globals that a node's functions read, and what travels with them, with their values."""
    functions = [one for one in Captured(node).functions if by_value(one)]
    return {
        name: (one.__globals__, one.__globals__[name])
        for one in functions
        for name in global_names(one.__code__)
        if name in one.__globals__ and not isinstance(one.__globals__[name], _STEADY)
    }


def _same(one: Identity, two: Identity) -> bool:
    return all(a is b for a, b in zip(one, two, strict=True))


def _check_placement(name: str, placement: Placement, workers: Workers) -> None:
    for what, amount in placement.resources:
        offers = [resources.get(what, 0) for resources in workers.resources]
        if offers and not any(offer >= amount for offer in offers):
            raise DeclarationError(
                f"{name}: no worker offers {what}={amount}, so it would wait for ever; start one "
                f'that does, with `dask worker … --resources "{what}={amount}"`'
            )
    missing = [worker for worker in placement.workers if worker not in workers.names]
    if workers.threads and missing and len(missing) == len(placement.workers):
        known = ", ".join(sorted(workers.threads)) or "none"
        raise DeclarationError(
            f"{name}: none of the workers {', '.join(missing)} is there; there are {known}"
        )
