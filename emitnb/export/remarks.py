"""What is worth knowing of an export that went well."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from emitnb.export.cells import History
from emitnb.export.writing import MARK
from emitnb.graph import Graph
from emitnb.message import ENTRY_POINT
from emitnb.text import counted, plural


def remarks(
    history: History,
    graph: Graph,
    nodes: Collection[str],
    parameters: Collection[str],
    stale: Iterable[str],
) -> Iterator[str]:
    """Say what the user may not expect of a module with these ``nodes`` and ``parameters``."""
    if not any(ENTRY_POINT in graph.origins(name) for name in nodes):
        yield f"no entry point: nothing can be pushed to {counted(len(nodes), 'node')}"
    unread = sorted(_made(history).difference(parameters))
    if unread:
        names = ", ".join(f"`{name}`" for name in unread)
        yield f"no {plural('option', len(unread))} for {names}: no exported node reads that"
    older = [name for name in stale if name in nodes]
    if older:
        yield f"stale here: {', '.join(older)}; %emit_replay brings them up to date"


def left_over(path: Path, written: Mapping[Path, bytes]) -> Iterator[str]:
    """Say what tests of a module do not test, and which of an earlier export lie beside it."""
    tests = path.with_name(f"test_{path.name}")
    if tests not in written:
        if tests.is_file() and MARK in tests.read_text("utf-8", "replace"):
            yield f"{tests.name} is of an earlier export; --tests makes it anew"
        return
    if b"emitted(" not in written[tests]:
        yield f"{tests.name} has no case of any node; its comments say why"
    for ending in (".jsonl", "-frame.parquet", "-frame.jsonl"):
        beside = tests.with_name(f"{tests.stem}{ending}")
        if beside not in written and beside.is_file():
            yield f"{beside.name} is of an earlier export, and no test reads it; delete it"


def _made(history: History) -> set[str]:
    """The names of the parameters of a notebook, as they are in the end."""
    found: dict[str, bool] = {}
    for statement in history.statements:
        for name in statement.names.binds | statement.names.unbinds:
            found[name] = statement.parameter is not None
    return {name for name, is_parameter in found.items() if is_parameter}
