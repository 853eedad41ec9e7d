"""A cell changes what nodes read: what they emitted is stale, and the cell says so."""

from __future__ import annotations

import pytest

NODE = "%%emit_node word --entry{options}\ndef clean(msg{more}):\n    return {value}"
BEHIND = "%%emit_node size:int --on clean\ndef size(msg):\n    return len(str(msg.word))"


def node(value: str, options: str = "", more: str = "") -> str:
    return NODE.format(value=value, options=options, more=more)


def pushed(notebook, *cells: str):
    """The notebook after these cells, in which two messages went through ``clean`` and ``size``."""
    for cell in (*cells, BEHIND, "%emit_push ['Rain', 'sun']"):
        notebook.run(cell)
    assert notebook.router.failures().empty
    return notebook


CHANGES = {
    "a helper": (["def fold(x): return x.lower()"], "fold(msg.document)", "def fold(x): return x"),
    "a constant": (["mark = '!'"], "msg.document + mark", "mark = '?'"),
    "a helper's helper": (
        ["def low(x): return x.lower()", "def fold(x): return low(x)"],
        "fold(msg.document)",
        "def low(x): return x",
    ),
    "a constant in a method": (
        ["mark = '!'", "class Marker:\n    def put(self, x): return x + mark"],
        "Marker().put(msg.document)",
        "mark = '?'",
    ),
    "what a lambda reads": (
        ["mark = '!'\nput = lambda x: x + mark"],
        "put(msg.document)",
        "mark = ''",
    ),
    "what a decorator's function reads": (
        [
            "mark = '!'",
            "def marked(f):\n    def call(x): return f(x) + mark\n    return call",
            "@marked\ndef fold(x): return x.lower()",
        ],
        "fold(msg.document)",
        "mark = '?'",
    ),
    "what a partial calls": (
        [
            "mark = '!'",
            "def put(x, y): return x + y + mark",
            "import functools",
            "put1 = functools.partial(put, '1')",
        ],
        "put1(msg.document)",
        "mark = '?'",
    ),
    "a parameter": (["%emit_param mark = '!'"], "msg.document + mark", "%emit_param mark = '?'"),
    "an import": (["from math import floor as f"], "f(2.5)", "from math import ceil as f"),
    "a value that was changed in place": (
        ["stop = set()"],
        "msg.document in stop",
        "stop.add('sun')",
    ),
    "an item": (["sizes = {}"], "len(sizes)", "sizes['a'] = 1"),
    "what was deleted": (["mark = '!'"], "globals().get('mark', mark)", "del mark"),
    "a step": (["n = 1"], "n", "n += 1"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_made_with_another_one_is_stale(notebook, what):
    before, value, change = CHANGES[what]
    pushed(notebook, *before, node(value))
    shown = notebook.shown(change)
    assert notebook.router.stale() == {"clean": 2, "size": 2}
    assert "clean: 2 rows were made with another " in shown
    assert "; %emit_replay clean" in shown
    assert "\nsize: " not in shown  # what made them stale is enough


def test_the_name_is_said_and_a_replay_makes_the_frame_anew(notebook):
    pushed(notebook, "def fold(x): return x.lower()", node("fold(msg.document)"))
    assert notebook.shown("def fold(x): return x.upper()") == (
        "clean: 2 rows were made with another fold; %emit_replay clean\n"
    )
    frame = notebook.run("%emit_frame clean")
    assert frame.attrs["stale"] == "clean: 2 rows were made with another fold; %emit_replay clean"
    notebook.run("%emit_replay")
    assert notebook.router.stale() == {}
    assert notebook.router.frame("clean")["word"].tolist() == ["RAIN", "SUN"]


def test_all_that_changed_is_said(notebook):
    pushed(notebook, "low, mark = 1, '!'", node("msg.document[low:] + mark"))
    assert "another low, mark; " in notebook.shown("low, mark = 2, '?'")


def test_a_predicate_reads_too(notebook):
    pushed(notebook, "least = 0", node("msg.document", " --when 'len(msg.document) > least'"))
    notebook.run("least = 4")
    assert notebook.router.stale() == {"clean": 2, "size": 2}


def test_a_constant_made_anew_of_another_one_is_changed_too(notebook):
    pushed(notebook, "low = 1", "top = low * 10", node("top"))
    assert notebook.shown("low = 2") == ""  # `top` still is what it was
    assert "another top" in notebook.shown("top = low * 10")
    assert notebook.router.stale() == {"clean": 2, "size": 2}


UNCHANGED = {
    "a cell that runs again": (["mark = '!'"], "mark", "mark = '!'"),
    "other comments": (
        ["def fold(x): return x"],
        "fold(1)",
        "def fold(x):\n    # as it is\n    return x",
    ),
    "an equal value in other words": (
        ["stop = {'the': 1}", "stop.update(a=2)"],
        "msg.document in stop",
        "stop = {'the': 1, 'a': 2}",
    ),
    "a name that nobody reads": (["mark = '!'", "other = 1"], "mark", "other = 2"),
    "a local of that name": (["x = 1"], "[x for x in 'ab'][0]", "x = 2"),
    "what a constant was made of": (["low = 1", "top = low * 10"], "top", "low = 2"),
    "a helper of what a constant was made with": (
        ["def make(): return {}", "table = make()"],
        "len(table)",
        "def make(): return {1: 2}",
    ),
    "what a constant was made of by a helper": (
        ["base = [1]", "def make(): return list(base)", "table = make()"],
        "len(table)",
        "base = [1, 2]",
    ),
    "a new name": ([], "1", "mark = '?'"),
    "an import again": (["import math"], "math.pi", "import math"),
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_nothing_is_stale_where_nothing_changed_for_the_node(notebook, what):
    before, value, change = UNCHANGED[what]
    pushed(notebook, *before, node(value))
    assert notebook.shown(change) == ""
    assert notebook.router.stale() == {}


def test_a_step_that_runs_again_goes_further(notebook):
    pushed(notebook, "n = 1", "n += 1", node("n"))
    assert "another n" in notebook.shown("n += 1")


def test_a_node_that_changes_with_its_helper_is_told_once(notebook):
    cell = node("fold(msg.document)").replace("def clean", "def fold(x): return x{}\ndef clean")
    pushed(notebook, cell.format(".lower()"))
    shown = notebook.shown(cell.format(".upper()").replace("(msg.document)", "(msg.document + '')"))
    assert "2 rows come from an older clean" in shown
    assert "another" not in shown


def test_a_default_is_what_it_was_when_the_cell_ran(notebook):
    pushed(
        notebook,
        "mark = '!'",
        node("msg.document + mark", more=", mark=mark").replace(
            "(msg, mark=mark)", "(msg, *, mark=mark)"
        ),
    )
    assert notebook.shown("mark = '?'") == ""


@pytest.mark.parametrize("again", ["router.replay()", "router.clear(); router.push(['b', 'c'])"])
def test_what_the_cell_itself_made_anew_is_not_stale(notebook, again):
    pushed(notebook, "mark = '!'", node("msg.document + mark"))
    again = again.replace("()", "('clean')", 1) if "replay" in again else again
    assert "another" not in notebook.shown(f"mark = '?'\n{again}")
    assert notebook.router.stale() == {}


def test_only_the_rows_from_before_the_cell_are_stale(notebook):
    pushed(notebook, "mark = '!'", node("msg.document + mark"))
    assert "clean: 2 rows were" in notebook.shown("mark = '?'\nrouter.push(['b'])")
    assert notebook.router.stale() == {"clean": 2, "size": 2}


def test_what_nodes_change_themselves_may_be_emptied(notebook):
    pushed(notebook, "seen = []", "def once(x):\n    seen.append(x)\n    return x", node("once(1)"))
    assert notebook.shown("seen.clear()") == ""
    assert notebook.router.stale() == {}


def test_failures_can_be_retried_when_a_helper_is_mended(notebook):
    for cell in ("def number(x): return int(x)", node("number(msg.document)")):
        notebook.run(cell)
    notebook.run("%emit_push ['1', 'x']")
    assert notebook.shown("def number(x): return int(x, 36)") == (
        "clean: 1 message failed with another number; %emit_retry clean\n"
        "clean: 1 row was made with another number; %emit_replay clean\n"
    )
    notebook.run("%emit_retry clean")
    assert notebook.router.frame("clean")["word"].tolist() == [1, 33]


def test_a_live_change_is_replayed_at_once(notebook):
    pushed(notebook, "mark = '!'", node("msg.document + mark"), "%emit_live on")
    assert "another" not in notebook.shown("mark = '?'")
    assert notebook.router.stale() == {}
    assert notebook.router.frame("clean")["word"].tolist() == ["Rain?", "sun?"]


def test_a_renamed_node_keeps_what_is_said_of_it(notebook):
    pushed(notebook, "mark = '!'", node("msg.document + mark"))
    notebook.run("mark = '?'")
    notebook.run("%emit_rename clean tidy")
    assert notebook.router.frame("tidy").attrs["stale"] == (
        "tidy: 2 rows were made with another mark; %emit_replay tidy"
    )


def test_a_cell_that_fails_counts_as_far_as_it_ran(notebook):
    pushed(notebook, "mark = '!'\nend = ''", node("mark + end"))
    assert "another mark" in notebook.shown("mark = '?'\n1 / 0\nend = '.'")
    assert "end" not in notebook.router.frame("clean").attrs["stale"]
