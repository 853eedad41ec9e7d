"""The contract "Versions": every emission knows the revision of the node that made it."""

from __future__ import annotations

from typing import Any

import pytest
from looking import column

from emitnb import Router


def chain() -> Router:
    """first -> second -> third."""
    router = Router()
    router.node("n", entry_point=True, name="first")(lambda msg: msg.n)
    router.node("n", "first", name="second")(lambda msg: msg.n)
    router.node("n", "second", name="third")(lambda msg: msg.n)
    return router


def add_one(msg: Any) -> Any:
    return msg.n + 1


def add_two(msg: Any) -> Any:
    return msg.n + 2


def test_versions_a_revision_is_counted_from_1_each_time_the_code_changes():
    router = Router()
    revisions = []
    for function in (add_one, add_one, add_two, add_two, add_one):
        router.node("n", name="node")(function)
        revisions.append(router.nodes["node"].revision)
    assert revisions == [1, 1, 2, 2, 3]


def test_versions_the_same_code_written_again_is_the_same_revision():
    router = Router()
    code = "def node(msg):\n    return msg.n + 1\n"
    for text in (code, "\n\n# a comment\n" + code, code.replace("+ 1", "+ 2")):
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(text, space)
        router.node("n")(space["node"])
    assert router.nodes["node"].revision == 2


@pytest.mark.parametrize(
    "options",
    [
        {"fields": "m"},
        {"fields": {"n": int}},
        {"when": add_one},
        {"batch": True},
        {"fingerprint": "other"},
    ],
)
def test_versions_what_changes_what_a_node_computes_is_a_new_revision(options):
    router = Router()
    router.node("n", name="node")(add_one)
    router.node(**{"fields": "n", "name": "node", **options})(add_one)
    assert router.nodes["node"].revision == 2


@pytest.mark.parametrize("options", [{"subscribe_to": "other"}, {"entry_point": True}])
def test_versions_where_a_node_listens_is_no_new_revision(options):
    router = Router()
    router.node("n", name="node")(add_one)
    router.node("n", name="node", **options)(add_one)
    router.subscribe("node", "more")
    assert router.nodes["node"].revision == 1


def test_versions_a_removed_node_that_comes_back_goes_on_counting():
    router = Router()
    router.node("n", name="node")(add_one)
    router.remove("node")
    router.node("n", name="node")(add_two)
    assert router.nodes["node"].revision == 2


def test_versions_a_renamed_node_goes_on_counting():
    router = Router()
    router.node("n", name="node")(add_one)
    router.node("n", name="node")(add_two)
    router.rename("node", "other")
    router.node("n", name="other")(add_two)
    assert router.nodes["other"].revision == 2
    router.node("n", name="other")(add_one)
    assert router.nodes["other"].revision == 3


def test_versions_every_emission_and_failure_knows_its_revision():
    router = chain()
    router.push([{"n": 1}, {"n": 2}])
    router.node("n", "first", name="second")(lambda msg: 10 // (msg.n - 3))
    router.push([{"n": 3}, {"n": 4}])
    second = router.frame("second", lineage=True)
    assert second["revision"].tolist() == [1, 1, 2]
    assert router.failures()["revision"].tolist() == [2]
    assert router.frame("first", lineage=True)["revision"].tolist() == [1] * 4
    trace = router.trace("second", 2)
    assert trace["revision"].fillna(0).tolist() == [0, 1, 2, 1]


def test_versions_a_frame_says_how_many_rows_are_of_an_older_revision():
    router = chain()
    router.push([{"n": 1}, {"n": 2}])
    assert "stale" not in router.frame("second").attrs
    router.node("n", "first", name="second")(add_one)
    assert router.frame("second").attrs["stale"] == "second: 2 rows come from an older second"
    router.push([{"n": 3}])
    frame = router.frame("second", lineage=True)
    assert frame["n"].tolist() == [1, 2, 4]
    assert "2 rows" in frame.attrs["stale"]
    assert "stale" not in router.frame("first").attrs
    router.clear()
    router.push([{"n": 1}])
    assert "stale" not in router.frame("second").attrs


def test_versions_what_descendants_emitted_before_is_stale_too():
    router = chain()
    router.push([{"n": 1}, {"n": 2}])
    router.node("n", "first", name="second")(add_one)
    router.push([{"n": 3}])
    assert column(router, "third") == [1, 2, 4]
    assert "second" in router.frame("third").attrs["stale"]
    assert "2 rows" in router.frame("third").attrs["stale"]


def test_versions_the_frame_of_all_nodes_never_mixes_revisions_without_saying_so():
    router = chain()
    router.push([{"n": 1}])
    assert "stale" not in router.frame().attrs
    router.node("n", "first", name="second")(add_one)
    router.push([{"n": 2}])
    assert "second" in router.frame().attrs["stale"]


def test_versions_a_removed_node_is_stale_only_where_it_mixes_revisions():
    router = chain()
    router.push([{"n": 1}])
    router.node("n", "first", name="second")(add_one)
    router.push([{"n": 1}])
    router.remove("second")
    assert "1 row" in router.frame("second").attrs["stale"]
