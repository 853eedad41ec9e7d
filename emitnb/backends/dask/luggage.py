"""What nodes take along to the workers: checked when they are declared, pickled for each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distributed import Client, Future

from emitnb.backends.dask.clusters import Workers
from emitnb.backends.dask.graphs import Cargo
from emitnb.backends.dask.shipping import Freight, freight, packed_stage
from emitnb.backends.preflight import LARGE, Check, check, pickled, refuse
from emitnb.errors import DeclarationError
from emitnb.node import Node
from emitnb.placement import Placement
from emitnb.plan import Plan, Stage

Identity = tuple[Any, ...]

INLINE = 32 * 1024
"""Bytes of a stage that travel with each of its tasks; more is sent once, to each worker."""


class Luggage:
    """Pickled nodes by name, and the futures of the stages that were sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._packed: dict[str, tuple[Identity, Freight]] = {}
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

    def for_run(self) -> Trunk:
        """Return what a run takes along: nodes as they are when it first needs them."""
        return Trunk(self)

    def send(self, plan: Plan, blobs: Mapping[str, Freight]) -> list[Cargo]:
        """Return the stages of a plan as they are on the cluster; what is new is sent."""
        cargo = [self._cargo(stage, blobs) for stage in plan.stages]
        used = {digest for _, digests in cargo for digest in digests}
        self._sent = {digest: one for digest, one in self._sent.items() if digest in used}
        return [one for one, _ in cargo]

    def forget_sent(self) -> None:
        """Send everything again the next time: what was sent is lost."""
        self._sent.clear()

    def _cargo(self, stage: Stage, blobs: Mapping[str, Freight]) -> tuple[Cargo, list[str]]:
        mine = {node.name: blobs[node.name] for node in stage.nodes}
        large = {name: blob for name, blob in mine.items() if len(blob.blob) >= LARGE}
        packed = packed_stage(stage, mine, frozenset(large))
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

    def blob(self, node: Node) -> Freight:
        """Return a node as it is now; DeclarationError where it can no longer run there.

        What it reads may have changed since it was declared: bound anew, or in place.
        """
        known = self._packed.get(node.name)
        if known is not None and _same(known[0], _identity(node)):
            now = pickled(node)
            if now is not None and freight(now).digest == known[1].digest:
                return known[1]
        one = check(node)
        refuse([one])
        return self._pack(node, one)

    def _pack(self, node: Node, one: Check) -> Freight:
        assert one.blob is not None
        blob = freight(one.blob)
        self._packed[node.name] = (_identity(node), blob)
        return blob


class Trunk:
    """What one run takes along; a node stays as it was, until it is declared again."""

    def __init__(self, luggage: Luggage) -> None:
        self._luggage = luggage
        self._blobs: dict[str, tuple[Identity, Freight]] = {}

    def send(self, plan: Plan) -> list[Cargo]:
        """Return the stages of a plan as they are on the cluster; what is new is sent."""
        nodes = (node for stage in plan.stages for node in stage.nodes)
        return self._luggage.send(plan, {node.name: self._blob(node) for node in nodes})

    def forget_sent(self) -> None:
        """Send everything again the next time: what was sent is lost."""
        self._luggage.forget_sent()

    def _blob(self, node: Node) -> Freight:
        known = self._blobs.get(node.name)
        if known is None or not _same(known[0], _identity(node)):
            known = self._blobs[node.name] = (_identity(node), self._luggage.blob(node))
        return known[1]


def _identity(node: Node) -> Identity:
    """What a node is made of: when it is declared again it is another one."""
    return (node.function, node.when, node.new_state, node.record)


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
