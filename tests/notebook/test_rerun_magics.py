"""Magics that run again what failed or became stale."""

from __future__ import annotations

import pytest
from looking import column, unchanged

from emitnb import DeclarationError, EmitError, UnknownNodeError
from emitnb.errors import UnknownRowError

PARSE = """\
%%emit_node n:int --entry {options}
def parse(msg):
    return int(msg.document{base})"""

CLEAN = """\
%%emit_node word --entry {options}
def clean(msg):
    return msg.document{how}"""


def parse(base: int = 10, options: str = "") -> str:
    return PARSE.format(options=options, base=f", {base}" if base != 10 else "")


def clean(how: str = ".strip()", options: str = "") -> str:
    return CLEAN.format(options=options, how=how)


@pytest.fixture
def failing(notebook):
    """A notebook in which x and y failed in ``parse``."""
    notebook.run(parse())
    notebook.run("%%emit_push --lines\n1\nx\n2\ny")
    return notebook


@pytest.fixture
def cleaned(notebook):
    """A notebook in which ``clean`` ran on three lines, and ``size`` behind it."""
    notebook.run(clean())
    notebook.run("%%emit_node size:int --on clean\ndef size(msg):\n    return len(msg.word)")
    notebook.run("%emit_push [' Rain', 'sun ', 'fog']")
    return notebook


# --- retry and discard ----------------------------------------------------------------------------


def test_a_changed_cell_says_what_failed_and_a_retry_runs_it(failing):
    assert "2 messages failed under revision 1; %emit_retry parse" in failing.shown(parse(36))
    shown = failing.shown("%emit_retry parse")
    assert "done: 2 messages" in shown
    assert column(failing.router, "parse") == [1, 2, 33, 34]
    assert "nothing failed that could be retried" in failing.shown("%emit_retry")


def test_a_cell_may_retry_at_once(failing):
    shown = failing.shown(parse(36, "--retry"))
    assert "revision 2" in shown
    assert "done: 2 messages" in shown
    assert column(failing.router, "parse") == [1, 2, 33, 34]


def test_a_retry_that_fails_again_is_declared_all_the_same(failing):
    shown = failing.shown(parse(34, "--retry"))
    assert "1 failed (%emit_failures)" in shown
    assert failing.router.failures()["attempts"].tolist() == [2]
    assert failing.router.nodes["parse"].revision == 2
    failing.router.max_failures = 1
    with pytest.raises(EmitError, match="failed 1 times in a row"):
        failing.run(parse(2, "--retry"))
    assert failing.router.nodes["parse"].revision == 3
    assert failing["parse"].name == "parse"


def test_a_step_retries_the_one_with_fewest_attempts(failing):
    failing.run("%emit_retry parse --step")
    assert failing.router.failures()["attempts"].tolist() == [2, 1]
    failing.run("%emit_retry --step")
    assert failing.router.failures()["attempts"].tolist() == [2, 2]
    failing.run("%emit_retry --step --rows 1")
    assert failing.router.failures()["attempts"].tolist() == [2, 3]
    failing.run("%emit_remove parse")
    assert "nothing failed that could be retried" in failing.shown("%emit_retry --step")


def test_rows_are_retried_and_discarded(failing):
    failing.run(parse(36))
    failing.run("%emit_retry --rows 1")
    assert column(failing.router, "parse") == [1, 2, 34]
    assert "discarded 1 failure" in failing.shown("%emit_discard parse --rows 0")
    assert "discarded 0 failures" in failing.shown("%emit_discard")
    assert failing.router.failures().empty


@pytest.mark.parametrize(
    ("line", "error", "text"),
    [
        ("%emit_retry prase", UnknownNodeError, "parse"),
        ("%emit_discard prase", UnknownNodeError, "parse"),
        ("%emit_replay prase", UnknownNodeError, "parse"),
        ("%emit_retry --rows 7", UnknownRowError, "no failure 7"),
        ("%emit_retry --step --rows 7", UnknownRowError, "no failure 7"),
        ("%emit_retry --step --rows 0 7", UnknownRowError, "no failure 7"),
        ("%emit_discard --rows 7", UnknownRowError, "no failure 7"),
        ("%emit_retry --rows x", EmitError, "--rows"),
        ("%emit_live maybe", EmitError, "on"),
        ("%emit_live on --budget soon", EmitError, "--budget"),
    ],
)
def test_bad_lines_are_refused_and_change_nothing(failing, line, error, text):
    with unchanged(failing.router), pytest.raises(error, match=text):
        failing.run(line)


def test_a_removed_node_cannot_be_retried(failing):
    failing.run("%emit_remove parse")
    with pytest.raises(EmitError, match="parse is no longer in the graph: declare it, or discard"):
        failing.run("%emit_retry parse")


# --- replay and live ------------------------------------------------------------------------------


def test_a_changed_cell_says_what_is_stale_and_a_replay_runs_it(cleaned):
    note = "3 rows come from an older clean; %emit_replay clean"
    assert note in cleaned.shown(clean(".strip().lower()"))
    assert f"size: {note}" in cleaned.shown("%emit_frame size")
    assert "done: 3 messages" in cleaned.shown("%emit_replay")
    assert column(cleaned.router, "clean") == ["rain", "sun", "fog"]
    assert "older" not in cleaned.shown("%emit_frame size")
    assert "nothing is stale; %emit_replay NODE" in cleaned.shown("%emit_replay")
    assert "done: 3 messages" in cleaned.shown("%emit_replay size")


def test_a_newcomer_reads_from_the_start(cleaned):
    cell = "%%emit_node shout --on clean --from-start\ndef shout(msg):\n    return msg.word + '!'"
    assert "done: 3 messages" in cleaned.shown(cell)
    assert column(cleaned.router, "shout") == ["Rain!", "sun!", "fog!"]


def test_a_cell_may_replay_and_retry(failing):
    shown = failing.shown(parse(36, "--from-start --retry"))
    assert "done: 4 messages" in shown
    assert column(failing.router, "parse") == [1, 33, 2, 34]


def test_live_replays_at_every_change_until_it_is_off(cleaned):
    assert "live: off" in cleaned.shown("%emit_live")
    assert "live: a changed node is replayed at once, for 5 s" in cleaned.shown("%emit_live on")
    assert "replayed 3 messages" in cleaned.shown(clean(".strip().upper()"))
    assert column(cleaned.router, "clean") == ["RAIN", "SUN", "FOG"]
    assert "for 60 s" in cleaned.shown("%emit_live on --budget 60")
    assert "for 60 s" in cleaned.shown("%emit_live")
    assert "live: off" in cleaned.shown("%emit_live off")
    cleaned.run(clean(".strip().lower()"))
    assert column(cleaned.router, "clean") == ["RAIN", "SUN", "FOG"]


def test_live_says_when_it_gives_up(cleaned):
    cleaned.run("%emit_live on --budget 0")
    shown = cleaned.shown(clean(".strip().upper()"))
    assert "gave up replaying after 0 s at 1 of 3 messages; %emit_replay clean" in shown
    assert column(cleaned.router, "clean") == ["Rain", "sun", "fog"]


# --- diff -----------------------------------------------------------------------------------------


def test_a_diff_shows_a_table_and_installs_nothing(cleaned):
    old = cleaned["clean"]
    with unchanged(cleaned.router):
        shown = cleaned.shown(clean(".strip().lower()", "--diff"))
    assert "clean: the last 3 messages: 2 same, 1 changed" in shown
    assert "word   'Rain' → 'rain'" in shown or "word  'Rain' → 'rain'" in shown
    assert cleaned["clean"] is old
    assert "the last 2 messages: 2 same" in cleaned.shown(
        clean(".strip().lower()", "--diff --last 2")
    )


SHOUT = """\
%%emit_node word --entry {options}
MARK = {mark!r}
def shout(text):
    return text + MARK
def clean(msg):
    return shout(msg.document)"""


def test_a_diff_leaves_all_names_of_the_notebook_as_they_were(cleaned):
    cleaned.run(SHOUT.format(options="", mark="!"))
    names = ("MARK", "shout", "clean")
    before = [cleaned[name] for name in names]
    cleaned.run(SHOUT.format(options="--diff", mark="?"))
    with pytest.raises(DeclarationError, match="nothing"):
        cleaned.run(SHOUT.format(options="--diff --key nothing", mark="?"))
    assert [cleaned[name] for name in names] == before


def test_a_diff_compares_with_the_helpers_and_constants_that_the_node_had(cleaned):
    cleaned.run(SHOUT.format(options="", mark="!"))
    shown = cleaned.shown(SHOUT.format(options="--diff", mark="?"))
    assert "the last 3 messages: 3 changed" in shown
    assert "'fog!' → 'fog?'" in shown
    cleaned.run("%emit_push ['dew']")
    assert column(cleaned.router, "clean")[-1] == "dew!"


def test_a_diff_that_is_applied_declares_the_node(cleaned):
    shown = cleaned.shown(clean(".strip().lower()", "--diff --apply"))
    assert "2 same, 1 changed" in shown
    assert "revision 2" in shown
    assert cleaned.router.nodes["clean"].revision == 2
    assert column(cleaned.router, "clean") == ["Rain", "sun", "fog"]


def test_a_diff_applied_and_replayed_is_all_in_one(cleaned):
    cleaned.run(clean(".strip().lower()", "--diff --apply --from-start"))
    assert column(cleaned.router, "clean") == ["rain", "sun", "fog"]


def test_a_diff_without_anything_to_compare_is_refused(notebook):
    with pytest.raises(EmitError, match="there is no clean yet to compare with"):
        notebook.run(clean(options="--diff"))
    assert "clean" not in notebook.shell.user_ns
    notebook.run(clean())
    with pytest.raises(EmitError, match="clean has received nothing yet"):
        notebook.run(clean(".lower()", "--diff"))
    notebook.run("%emit_push [' Rain']")
    with pytest.raises(EmitError, match="from 1 on"):
        notebook.run(clean(".lower()", "--diff --last 0"))
    assert notebook.router.nodes["clean"].revision == 1
