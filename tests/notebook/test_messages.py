"""What magics say to somebody whose data is dirty: short, about a named thing, with a way on."""

from __future__ import annotations

import pytest

from emitnb import RunInterrupted, RunStoppedError, UnknownRowError

HALVE = """\
%%emit_node half --entry
def halve(msg):
    return 12 // msg.n"""

HALVE_ALL = HALVE.replace("12 // msg.n", "12 // msg.n if msg.n else 0")

SHOUT = """\
%%emit_node half --entry
def halve(msg):
    raise ValueError("no " * 100_000)"""

ONE_IS_BAD = "%emit_push [0, 4, 6] --field n"


def test_a_huge_error_is_cut_where_a_run_stops_and_kept_whole(notebook):
    notebook.run(SHOUT)
    notebook.router.max_failures = 3
    with pytest.raises(RunStoppedError, match=r"halve failed 3 times in a row") as caught:
        notebook.run(ONE_IS_BAD)
    assert len(str(caught.value)) < 500
    assert "no no…. 3 of 3 messages committed" in str(caught.value)
    assert len(notebook.router.failures()["error"][0]) == 300_000
    shown = notebook.shown(f"{ONE_IS_BAD} --stop-on-error")
    assert "halve failed on __entry_point(n=0): ValueError: no no" in shown
    assert len(shown) < 500


def test_a_run_that_stops_at_its_very_end_promises_no_next_message(notebook):
    notebook.run(SHOUT)
    notebook.router.max_failures = 3
    with pytest.raises(RunStoppedError, match=r"3 of 3 .* committed; .*resume\(\) finishes it"):
        notebook.run(ONE_IS_BAD)


@pytest.mark.parametrize("cell", ["%emit_push []", "%emit_replay halve"])
def test_a_run_that_did_nothing_shows_no_empty_table(notebook, cell):
    notebook.run(HALVE)
    assert "Empty DataFrame" not in notebook.shown(cell)
    run = notebook.run(cell)
    assert "<table" not in run._repr_html_()
    assert "done: 0 messages" in run._repr_html_()


def test_resume_takes_up_the_last_run_that_was_stopped(notebook):
    notebook.run(HALVE)
    with pytest.raises(RunStoppedError):
        notebook.run(f"{ONE_IS_BAD} --stop-on-error")
    notebook.run(HALVE_ALL)
    (run,) = notebook.run("%emit_resume")
    assert (run.state, run.done) == ("done", 3)
    assert "nothing to resume" in notebook.shown("%emit_resume")


def test_resume_takes_up_a_replay_that_was_interrupted(notebook):
    notebook.run(HALVE_ALL)
    notebook.run(ONE_IS_BAD)
    notebook.run("interrupt = [True]")
    notebook.run(
        "%%emit_node half --entry\n"
        "def halve(msg):\n"
        "    if interrupt:\n"
        "        interrupt.clear()\n"
        "        raise KeyboardInterrupt\n"
        "    return -msg.n"
    )
    with pytest.raises(RunInterrupted):
        notebook.run("%emit_replay")
    assert notebook.router.frame("halve")["half"].tolist() == [0, 3, 2]
    notebook.run("%emit_resume")
    assert notebook.router.frame("halve")["half"].tolist() == [0, -4, -6]


def test_a_live_replay_says_what_failed(notebook):
    notebook.run(HALVE_ALL)
    notebook.run(ONE_IS_BAD)
    notebook.run("%emit_live on")
    assert "replayed 3 messages, 1 failed (%emit_failures)" in notebook.shown(HALVE)


def test_a_live_replay_that_stops_leaves_the_new_node_and_the_old_frame(notebook):
    notebook.run(HALVE_ALL)
    notebook.run(ONE_IS_BAD)
    notebook.run("%emit_live on")
    notebook.router.max_failures = 3
    shown = notebook.shown(SHOUT)
    assert "halve(half) · revision 2" in shown
    assert "gave up replaying: halve failed 3 times in a row" in shown
    assert notebook.router.frame("halve")["half"].tolist() == [0, 3, 2]


def test_a_replay_of_a_misspelt_cell_says_where_and_what_to_do(notebook):
    notebook.run(HALVE_ALL)
    notebook.run(ONE_IS_BAD)
    notebook.run(HALVE.replace("msg.n", "msg.m"))
    notebook.router.max_failures = 3
    shown = notebook.shown("%emit_replay")
    assert "halve failed 3 times in a row, first in line 3 (return 12 // msg.m) on " in shown
    assert "on __entry_point(n=0): AttributeError: " in shown
    assert "has the field n. Nothing has changed; mend the cell, then %emit_replay again" in shown
    assert notebook.router.frame("halve")["half"].tolist() == [0, 3, 2]
    assert "nothing to resume" in notebook.shown("%emit_resume")
    notebook.run(HALVE_ALL.replace("12", "24"))
    notebook.run("%emit_replay")
    assert notebook.router.frame("halve")["half"].tolist() == [0, 6, 4]


def test_a_step_of_a_retry_passes_over_what_has_no_node(notebook, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text('{"n": \n{"n": 0}\n')
    notebook.run(HALVE)
    notebook.run(f"%emit_push {path}")
    notebook.run(HALVE_ALL)
    run = notebook.run("%emit_retry --step")
    assert (run.done, run.summary["failed"].sum()) == (1, 0)
    for retry in ("%emit_retry --step", "%emit_retry"):
        left = "nothing failed that could be retried; 1 that failed have no node"
        assert left in notebook.shown(retry)


def test_a_step_of_a_retry_refuses_rows_that_are_no_failures(notebook):
    notebook.run(HALVE)
    notebook.run(ONE_IS_BAD)
    with pytest.raises(UnknownRowError, match="there is no failure 7"):
        notebook.run("%emit_retry --rows 7 --step")


def test_a_run_on_its_way_to_a_pause_or_an_end_says_so(notebook):
    notebook.run("import threading; reached, gate = threading.Event(), threading.Event()")
    notebook.run(
        "%%emit_node n --entry\n"
        "def slow(msg):\n"
        "    reached.set()\n"
        "    gate.wait(60)\n"
        "    return msg.n"
    )
    notebook.run("%emit_push range(9) --field n --batch-size 3 --background")
    assert notebook["reached"].wait(60)
    assert "run 1, pausing: 0 of 9 messages" in notebook.shown("%emit_pause")
    assert "run 1, stopping: 0 of 9 messages" in notebook.shown("%emit_stop")
    notebook["gate"].set()
    assert "run 1, cancelled: 0 of 9 messages" in notebook.shown("%emit_wait")


def test_no_budget_is_said_in_words(notebook):
    shown = notebook.shown("%emit_budget unlimited")
    assert "kept: 0 B in memory (0 rows), as much as there is" in shown
    assert "kept: 0 B of 1 MB in memory" in notebook.shown("%emit_budget 1MB")


def test_a_debugged_error_is_cut_too(notebook):
    notebook.run(SHOUT)
    notebook.run("%emit_push [4] --field n")
    shown = notebook.shown("%emit_debug 0")
    said = next(line for line in shown.splitlines() if line.startswith("halve raises"))
    assert len(said) < 500


def test_a_diff_says_in_a_notebook_too_that_it_does_not_show_all(notebook):
    notebook.run(HALVE)
    notebook.run("%emit_push [0] * 25 + [3] --field n")
    shown = notebook.run(HALVE_ALL.replace("--entry", "--entry --diff"))._repr_html_()
    assert "the last 26 messages: 1 same, 25 now fixed" in shown
    assert "… 15 more; .frame has all" in shown


def test_texts_in_the_table_of_failures_begin_on_the_left_and_are_escaped(notebook):
    notebook.run(HALVE.replace("12 // msg.n", "float(msg.n)"))
    notebook.run("%emit_push ['<td>1</td>'] --field n")
    shown = notebook.run("%emit_failures")._repr_html_()
    assert '<td style="text-align: left">halve</td>' in shown
    assert '<td style="text-align: right">1</td>' in shown  # the count
    assert "<td>1</td>" not in shown
    assert "&lt;td&gt;1&lt;/td&gt;" in shown


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('%%emit_push\n{"n": 1}\n{"n":\n', '{"n":'),
        ("%%emit_push --format csv\na,n\n1,2\n3", "3"),
    ],
)
def test_what_of_a_cell_could_not_be_read_is_shown_as_it_stands(notebook, cell, text):
    notebook.run(HALVE.replace("12 // msg.n", "msg.n"))
    assert "done: 1 of 2 messages, 1 failed" in notebook.shown(cell)
    assert notebook.router.failures()["input"].tolist() == [{"item": 1, "text": text}]


def test_a_folder_is_told_from_what_is_not_there(notebook, tmp_path):
    shown = notebook.shown(f"%emit_push {tmp_path}")
    assert f"'{tmp_path}' is a folder; push the files in it: {tmp_path}/*" in shown
