"""Evidence: tests of a module, made of the messages that its graph has recorded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout

from emitnb.export.checking import Proven
from emitnb.export.evidence.cases import cases_of
from emitnb.export.evidence.page import Page
from emitnb.export.evidence.sample import WholeRun, sample, whole_run
from emitnb.export.evidence.tested import Tested
from emitnb.export.evidence.writing import Writer
from emitnb.export.problems import problem, refusal
from emitnb.pushing import Pusher

__all__ = ["evidence"]


def evidence(
    router: Pusher,
    module: str,
    nodes: Sequence[str],
    classes: Mapping[str, type] | None = None,
    *,
    name: str = "router",
    run: Callable[[], Proven] | None = None,
) -> dict[str, bytes]:
    """Return the files of a pytest module that tests some nodes of a router, by their names.

    ``test_MODULE.py`` has a test for each node: of the messages that it received, the typical one
    (the median by the length of its JSON), the smallest and the largest, one that it drops, and
    all on which it failed before it was fixed; of many of one type the first stand in the code, and
    all others are stored and checked by one test. For a node with state each is a run of messages
    of one key: the first, or those before it. Another test runs the whole graph on some of the
    pushed messages, chosen so that each node emits, and compares the names of the nodes. What is
    too long for code is in ``test_MODULE.jsonl``, the frame of the whole graph in
    ``test_MODULE-frame.parquet`` (``.jsonl`` where Parquet cannot hold it).

    Each node of the module is called for that, here, with fresh states, and nothing is recorded.
    What does not give the same again is left out, and a comment says so. The same record makes the
    same bytes.

    Parameters
    ----------
    router : what has recorded messages
    module : the name of the module that has the graph
    nodes : full names of the nodes that the module has, in its order
    classes : classes that the module has, by their names there: enums, dataclasses, Structs and
        named tuples among them may be values of messages
    name : the name of the router in the module
    run : runs the module anew; None where the router is the module's own

    Raises ExportError where nothing was recorded.
    """
    ledger = router._store.ledger
    if not ledger.log.pushed:
        raise refusal(
            problem(
                "nothing was recorded that tests could be made of",
                ["push something before exporting", "export without tests"],
            )
        )
    writer = Writer(classes)
    page = Page(module, name, router.graph, writer)
    failing = {(one.node, one.parent_node, one.parent_row) for one in ledger.failures}
    with redirect_stdout(io.StringIO()):  # what nodes print now, they have printed before
        tested = _tested(router, writer, run)
        for node in nodes:
            page.add_node(cases_of(ledger, router.graph, failing, node, tested))
        # In a module of its own: what the calls before it have changed there, is as it was.
        pushes = sample(router, ledger, nodes, tested, failing)
        whole = whole_run(router, nodes, pushes, _tested(router, writer, run))
    page.add_graph(whole, nodes)
    files = {f"test_{module}.py": page.text().encode()}
    if page.stored:
        files[page.stored_name] = page.stored
    if isinstance(whole, WholeRun):
        files[page.frame_name(whole)] = whole.frame
    return files


def _tested(router: Pusher, writer: Writer, run: Callable[[], Proven] | None) -> Tested:
    if run is None:
        return Tested(router.graph, writer, writer, router.hop_limit)
    proven = run()
    return Tested(proven.graph, Writer(proven.own), writer, router.hop_limit)
