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
    assert router.frame("second").attrs["stale"] == (
        "second: 2 rows come from an older second; %emit_replay second"
    )
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


CELL = """\
def node(msg):
    try:
        kinds = {"a", "b", "c", "d"}
        if msg.n in kinds and msg.n != "x":
            return [str(part) for part in msg.n]
    except ValueError:
        pass
    return lambda other: other
"""

COMMENTED = """\
# What it does


def node(msg):  # one message

    try:
        # these
        kinds = {"a", "b", "c", "d"}

        if msg.n in kinds and msg.n != "x":  # or not

            return [str(part) for part in msg.n]
    except ValueError:

        pass

    return lambda other: other  # end
# after
"""


def defined(text: str, **names: Any) -> Any:
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(text, space)
    return space["node"]


def test_versions_comments_and_blank_lines_are_no_new_revision():
    router = Router()
    for text in (CELL, COMMENTED, CELL):
        router.node("n", when=lambda msg: msg.n > 3)(defined(text))
        router.node("n", when=lambda msg: msg.n > 3)(  # the same, elsewhere
            defined("\n\n" + text)
        )
    assert router.nodes["node"].revision == 1


@pytest.mark.parametrize("form", ["async", "generator", "class", "state"])
def test_versions_nor_are_they_for_other_forms_of_nodes(form):
    text = {
        "async": "async def node(msg):\n    async with msg.n as n:\n        return n\n",
        "generator": "def node(msg):\n    while msg.n:\n        yield msg.n\n",
        "class": "class node:\n    def __call__(self, msg):\n        return msg.n\n",
        "state": "def node(msg, state: dict):\n    state[msg.n] = 1\n    return msg.n\n",
    }[form]
    router = Router()
    for code in (text, text.replace("\n", "\n\n    # more\n", 1), f"# top\n\n{text}\n# end"):
        router.node("n", name="node")(defined(code))
    assert router.nodes["node"].revision == 1


@pytest.mark.parametrize(
    "options",
    [
        {"retries": 3},
        {"retries": 3, "backoff": 1.5},
        {"timeout": 5},
        {"priority": 2, "workers": "one", "resources": {"GPU": 1}, "allow_shared": True},
    ],
)
def test_versions_how_patient_a_node_is_and_where_it_runs_is_no_new_revision(options):
    async def function(msg: Any) -> Any:
        return msg.n

    router = Router()
    router.node("n", name="node")(function)
    router.push([{"n": 1}], to="node")
    router.node("n", name="node", **options)(function)
    assert router.nodes["node"].revision == 1
    assert "stale" not in router.frame("node").attrs


def test_versions_a_default_that_is_made_anew_is_no_new_revision():
    router = Router()
    for _ in range(2):
        router.node("n", name="node")(defined("def node(msg, client=object()):\n    return client"))
    assert router.nodes["node"].revision == 1


CLOSURES = "def make(low, high):\n    def node(msg, *, step=1):\n        return msg.n > low\n" + (
    "    return low, high, node\nnode = make(1, 2)[-1]\n"
)


@pytest.mark.parametrize(("old", "new"), [("> low", "> high"), ("step=1", "step=2")])
def test_versions_code_that_reads_another_variable_is_a_new_revision(old, new):
    router = Router()
    router.node("n", name="node")(defined(CLOSURES))
    router.node("n", name="node")(defined(CLOSURES))
    assert router.nodes["node"].revision == 1
    router.node("n", name="node")(defined(CLOSURES.replace(old, new)))
    assert router.nodes["node"].revision == 2
