"""Magics for runs in the background."""

from __future__ import annotations

import threading

import pytest

from emitnb import EmitError, RunInterrupted, RunStoppedError

GATED = """\
%%emit_node n --entry
def first(msg):
    if msg.n % 3 == 0:
        reached.release()
        gate.acquire(timeout=60)
    print("saw", msg.n)
    return msg.n"""


@pytest.fixture
def gated(notebook):
    """A notebook whose node waits at ``gate`` at multiples of 3."""
    notebook.shell.user_ns["gate"] = threading.Semaphore(0)
    notebook.shell.user_ns["reached"] = threading.Semaphore(0)
    notebook.run(GATED)
    yield notebook
    notebook["gate"].release(1_000)
    notebook.run("%emit_reset")


PUSH = "%emit_push range(9) --field n --batch-size 3 --background"


def test_a_push_in_the_background_shows_a_run_that_goes_on(gated):
    run = gated.run(PUSH)
    assert gated["reached"].acquire(timeout=60)
    assert gated.shown("router.run").startswith("Out")
    assert "run 1, running: 0 of 9 messages" in gated.shown("router.run")
    gated["gate"].release(1_000)
    (waited,) = gated.run("%emit_wait")
    assert waited is run
    assert run.done == 9
    assert gated.run("%emit_frame first")["n"].tolist() == list(range(9))


def test_a_cell_is_pushed_in_the_background_too(counting):
    run = counting.run("%%emit_push --background\nrain and rain")
    shown = counting.shown("%emit_wait")
    assert "run 1, done: 1 message" in shown
    assert "count_word" in shown
    assert run.state == "done"
    assert "no run is going on" in counting.shown("%emit_wait")


def test_runs_are_paused_stepped_resumed_and_stopped(gated):
    one = gated.run(PUSH)
    two = gated.run(PUSH)
    assert gated["reached"].acquire(timeout=60)
    assert gated.run("%emit_pause") == (one, two)
    gated["gate"].release(1_000)
    one.settle()
    two.settle()
    before = one.done
    (stepped,) = gated.run("%emit_step --run 1")
    assert stepped is one
    assert one.done == before + 3
    gated.run("%emit_step 2")
    assert one.done == 9
    assert gated.run("%emit_stop 2") == (two,)
    assert two.state == "cancelled"
    three = gated.run(PUSH)
    gated.run("%emit_pause 3")
    three.settle()
    if three.state == "paused":
        with pytest.raises(EmitError, match="run 3 is paused"):
            gated.run("%emit_wait")
    gated.run("%emit_resume 3")
    gated.run("%emit_wait")
    assert three.state == "done"


def test_waiting_may_be_limited(gated):
    run = gated.run(PUSH)
    assert gated["reached"].acquire(timeout=60)
    assert "run 1, running" in gated.shown("%emit_wait 0")
    assert gated.run("%emit_wait 0.0 --run 1") == (run,)


def test_an_interrupted_push_is_resumed_after_another_push(notebook):
    notebook.run("interrupt = [True]")
    notebook.run(
        "%%emit_node n --entry\n"
        "def first(msg):\n"
        "    if msg.n == 13 and interrupt and interrupt.pop():\n"
        "        raise KeyboardInterrupt\n"
        "    return msg.n"
    )
    with pytest.raises(RunInterrupted, match="12 of 30 messages committed"):
        notebook.run("%emit_push range(30) --field n --batch-size 4")
    shown = notebook.shown("%emit_push [100] --field n")
    assert "run 1 is not over; %emit_resume 1 goes on, %emit_stop 1 ends it" in shown
    assert "no run is going on" in notebook.shown("%emit_wait")
    assert "done: 30 messages" in notebook.shown("%emit_resume")
    assert notebook.router.frame("first")["n"].tolist() == [*range(12), 100, *range(12, 30)]
    assert "not over" not in notebook.shown("%emit_push [101] --field n")
    assert "nothing to resume" in notebook.shown("%emit_resume")


def test_what_stopped_a_run_is_shown_by_the_summary_and_raised_by_wait(notebook):
    notebook.run("%%emit_node n --entry\ndef first(msg):\n    return 1 / msg.n")
    run = notebook.run("%emit_push [1, 0] --field n --batch-size 1 --stop-on-error --background")
    run.settle_until(None)
    shown = notebook.shown("%emit_summary")
    assert "run 1, stopped: 1 of 2 message" in shown
    assert "ZeroDivisionError" in shown
    with pytest.raises(RunStoppedError, match="%emit_resume 1"):
        notebook.run("%emit_wait")
    assert "stopped" not in notebook.shown("%emit_summary")
    notebook.run("%%emit_node n --entry\ndef first(msg):\n    return msg.n")
    notebook.run("%emit_resume 1")
    notebook.run("%emit_wait")
    assert notebook.run("%emit_frame first")["n"].tolist() == [1, 0]


def test_prints_go_to_the_log(gated):
    gated["gate"].release(1_000)
    assert "saw" not in gated.shown(f"{PUSH};\nrouter.wait();")
    assert gated.shown("%emit_log first").splitlines()[-1] == "saw 8"
    assert "saw 4" in gated.shown("%emit_push [4] --field n")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%emit_pause", "nothing to pause: no run is going on"),
        ("%emit_resume", "nothing to resume: no run is going on"),
        ("%emit_step", "nothing to step: no run is going on"),
        ("%emit_stop", "nothing to stop: no run is going on"),
        ("%emit_stop 3", "there is no run 3"),
        ("%emit_wait --run 3", "there is no run 3"),
        ("%emit_wait soon", "%emit_wait: .*soon"),
        ("%emit_step 1.5", "%emit_step: .*1.5"),
        ("%emit_pause all", "%emit_pause: .*all"),
        ("%emit_log", "%emit_log: .*NODE"),
        ("%emit_log wrods", "Did you mean `words`"),
    ],
)
def test_bad_input(counting, line, says):
    with pytest.raises(EmitError, match=says):
        counting.run(line)


def test_a_reset_says_which_runs_it_cancelled_and_nothing_of_them_later(gated):
    gated.run(PUSH)
    assert gated["reached"].acquire(timeout=60)
    assert "forgot 1 node and all they emitted; cancelled 1 run" in gated.shown("%emit_reset")
    assert gated.router.runs == ()
    assert "no run is going on" in gated.shown("%emit_wait")
