"""The live widget: each button does on the router what it says, and errors come back as text."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pages import PATIENCE, Page

from emitnb import Router, RunStoppedError
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live.commands import COMMANDS
from emitnb.notebook.widget import GraphWidget

HOSTILE = '<img src=x onerror="alert(1)">\ud800\u202e\n'


class Held:
    """A router with a run in the background, each batch of which waits to be let through."""

    def __init__(self) -> None:
        self.router = Router()
        self._reached = threading.Semaphore(0)
        self._opened = threading.Semaphore(0)
        self.router.node("n", entry_point=True, name="hold")(self._hold)

    def _hold(self, msg: Any) -> Any:
        self._reached.release()
        assert self._opened.acquire(timeout=PATIENCE)
        return msg.n

    def push(self, count: int = 10) -> Any:
        """Push in the background; return when the first message is held."""
        run = self.router.push(range(count), field="n", batch_size=1, background=True)
        self.reached()
        return run

    def reached(self) -> None:
        """Wait until the next message is held."""
        assert self._reached.acquire(timeout=PATIENCE)

    def let(self, messages: int = 1_000) -> None:
        """Let so many through."""
        self._opened.release(messages)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.router.reset()
    held.let()
    for thread in threading.enumerate():
        if thread.name.startswith("emitnb-run"):
            thread.join(PATIENCE)


def halving() -> Router:
    router = Router()
    router.node("n", entry_point=True, name="halve")(lambda msg: 12 // msg.n)
    router.node("n", "halve", name="sink")(lambda msg: msg.n)
    router.push([0, 4, 0, 3], field="n")
    return router


def mend(router: Router) -> None:
    router.node("n", entry_point=True, name="halve")(lambda msg: 12 // msg.n if msg.n else 0)


def status(page: Page, widget: GraphWidget) -> dict[str, Any]:
    """What the page is told of the runs, after another look."""
    widget.refresh()
    return page.model(widget)["status"]


# -- runs ------------------------------------------------------------------------------------------


def test_pause_step_resume_and_stop(page: Page, held: Held) -> None:
    widget = GraphWidget(held.router)
    run = held.push()
    assert page.ask(widget, "pause")["ok"]
    assert status(page, widget)["run"]["state"] == "pausing"
    held.let(1)
    run.settle()
    assert status(page, widget)["run"] == {
        "number": run.number,
        "state": "paused",
        "done": 1,
        "total": 10,
        "error": "",
        "background": True,
        "doing": "running",
        "hint": "",
    }
    assert page.ask(widget, "step") == {"id": "ask-1", "ok": True, "result": "one more batch"}
    held.reached()
    held.let(1)
    run.settle()
    assert (run.state, run.done) == ("paused", 2)
    assert page.ask(widget, "resume")["result"] == "resumed"
    held.reached()
    assert status(page, widget)["run"]["state"] == "running"
    assert page.ask(widget, "stop")["ok"]
    held.let()
    assert run.wait(PATIENCE)
    shown = status(page, widget)
    assert (shown["run"]["state"], run.state) == ("cancelled", "cancelled")
    assert held.router.frame("hold")["n"].tolist() == [0, 1]


def test_what_can_be_done_is_told(page: Page, held: Held) -> None:
    widget = GraphWidget(held.router)

    def can() -> set[str]:
        return {name for name, found in status(page, widget)["can"].items() if found}

    assert can() == set()
    run = held.push()
    assert can() == {"pause", "step", "stop"}
    run.pause()
    held.let()
    run.settle()
    assert can() == {"resume", "step", "stop"}
    run.resume()
    assert run.wait(PATIENCE)
    assert can() == set()


def test_of_several_runs_the_last_that_goes_on_is_shown(page: Page, held: Held) -> None:
    widget = GraphWidget(held.router)
    first = held.push(1)
    second = held.router.push([1], field="n", background=True)
    shown = status(page, widget)
    assert (shown["run"]["number"], shown["others"]) == (second.number, 1)
    assert second.cancel().wait(PATIENCE)
    shown = status(page, widget)
    assert (shown["run"]["number"], shown["others"]) == (first.number, 0)
    held.let()
    first.wait(PATIENCE)


@pytest.mark.parametrize("do", ["pause", "resume", "step", "stop"])
def test_without_a_run_there_is_nothing_to_steer(page: Page, do: str) -> None:
    answer = page.ask(GraphWidget(halving()), do)
    assert not answer["ok"]
    assert answer["error"] == f"there is nothing to {do}: no run is going on"
    assert "result" not in answer


# -- failures and stale rows -----------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{}, {"node": "halve"}, {"node": None}])
def test_retry_sends_failures_through_again(page: Page, arguments: dict[str, Any]) -> None:
    router = halving()
    widget = GraphWidget(router)
    shown = status(page, widget)
    assert (shown["failing"], shown["can"]["retry"]) == (2, True)
    mend(router)
    answer = page.ask(widget, "retry", **arguments)
    assert answer["result"] == f"retrying in the background, run {router.run.number}"
    router.wait(PATIENCE)
    assert sorted(router.frame("halve")["n"]) == [0, 0, 3, 4]
    shown = status(page, widget)
    assert (shown["failing"], shown["can"]["retry"]) == (0, False)


def test_retry_of_one_node_leaves_the_others_alone(page: Page) -> None:
    router = halving()
    router.node("n", entry_point=True, name="other")(lambda msg: 1 // msg.n)
    router.push([0], field="n", to="other")
    mend(router)
    assert page.ask(GraphWidget(router), "retry", node="other")["ok"]
    router.wait(PATIENCE)
    assert router.failing() == {"halve": 2, "other": 1}


@pytest.mark.parametrize("arguments", [{}, {"node": "halve"}])
def test_replay_runs_again_what_is_stale(page: Page, arguments: dict[str, Any]) -> None:
    router = halving()
    widget = GraphWidget(router)
    mend(router)
    shown = status(page, widget)
    assert (shown["stale"], shown["can"]["replay"]) == (["halve", "sink"], True)
    answer = page.ask(widget, "replay", **arguments)
    assert answer["result"] == f"replaying in the background, run {router.run.number}"
    router.wait(PATIENCE)
    assert router.frame("sink")["n"].tolist() == [0, 3, 0, 4]
    shown = status(page, widget)
    assert (shown["stale"], shown["can"]["replay"]) == ([], False)


# -- looking ---------------------------------------------------------------------------------------


def test_peek_gives_the_latest_messages_of_an_edge(page: Page) -> None:
    widget = GraphWidget(halving())
    answer = page.ask(widget, "peek", edge="halve -> sink", n=1)
    assert answer["result"]["rows"] == [[1, "4"]]
    assert len(page.ask(widget, "peek", edge=f"{ENTRY_POINT} -> halve")["result"]["rows"]) == 4


def test_trace_gives_the_path_of_an_emission(page: Page) -> None:
    answer = page.ask(GraphWidget(halving()), "trace", node="halve", row=1)
    assert answer["result"]["nodes"] == [ENTRY_POINT, "halve", "sink"]


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "arguments", "says"),
    [
        ("dance", {}, "there is no command 'dance'; there are pause, resume, step, stop, retry"),
        (None, {}, "there is no command None"),
        (["pause"], {}, "there is no command ['pause']"),
        ("__class__", {}, "there is no command"),
        (HOSTILE.replace("\ud800", "") * 10_000, {}, "there is no command '<img"),
        ("peek", {}, "KeyError: 'edge'"),
        ("peek", {"edge": 7}, "is no edge"),
        ("peek", {"edge": "sink -> halve"}, "halve does not receive from `sink`"),
        ("peek", {"edge": "halve -> sink", "n": "many"}, "ValueError"),
        ("peek", {"edge": "halve -> sink", "n": -1}, "-1"),
        ("peek", {"edge": "halve -> sink", "n": None}, "TypeError"),
        ("peek", {"edge": "halve -> sink", "n": 1e400}, "OverflowError"),
        ("trace", {}, "KeyError: 'node'"),
        ("trace", {"node": "halve"}, "KeyError: 'row'"),
        ("trace", {"node": "halve", "row": 99}, "there is no row 99"),
        ("trace", {"node": "nobody", "row": 0}, "no node is named `nobody`"),
        ("trace", {"node": {"a": 1}, "row": 0}, "no node is named"),
        ("retry", {"node": "nobody"}, "no node is named `nobody`"),
        ("retry", {"node": ["halve"]}, ""),
        ("retry", {"node": {}}, ""),
        ("replay", {"node": "nobody"}, "no node is named `nobody`"),
        ("replay", {"node": 7}, "no node is named `7`"),
    ],
)
def test_an_error_is_a_text_with_the_id(
    page: Page, do: Any, arguments: dict[str, Any], says: str
) -> None:
    router = halving()
    answer = page.ask(GraphWidget(router), do, **arguments)
    assert set(answer) == {"id", "ok", "error"}
    assert answer["ok"] is False
    assert says in answer["error"]
    assert answer["error"].isprintable()
    assert len(answer["error"]) <= 1_000
    assert router.failing() == {"halve": 2}


@pytest.mark.parametrize("do", COMMANDS)
def test_a_name_with_half_a_surrogate_pair_comes_back_as_a_text(page: Page, do: str) -> None:
    """JSON can hold one, a comm cannot send it."""
    widget = GraphWidget(halving())
    answer = page.ask(widget, do, node=HOSTILE, edge=f"{HOSTILE} -> sink", row=0)
    assert not answer["ok"]
    assert answer["error"].isprintable()


@pytest.mark.parametrize("message", [None, 7, "pause", [], ["pause"], {}, {"do": "pause"}, True])
def test_whatever_is_sent_is_answered_and_nothing_is_raised(page: Page, message: Any) -> None:
    router = halving()
    widget = GraphWidget(router)
    page.send(widget, message)
    (answer,) = page.answers
    assert (answer["id"], answer["ok"]) == (None, False)
    assert answer["error"]


@pytest.mark.parametrize("do", [*COMMANDS, "dance"])
def test_a_router_that_is_gone_says_so(page: Page, do: str) -> None:
    widget = GraphWidget(halving())
    gc.collect()
    answer = page.ask(widget, do)
    assert answer["error"] == "this router is gone; %emit_graph draws the one there is now"


def test_hostile_errors_of_nodes_are_texts_on_the_page(page: Page) -> None:
    router = Router()

    @router.node("n", entry_point=True, name="fail")
    def fail(msg: Any) -> Any:
        raise ValueError(HOSTILE + "<b>" * 100_000)

    widget = GraphWidget(router)
    run = router.push([1], field="n", on_error="stop", background=True)
    with pytest.raises(RunStoppedError):
        run.wait(PATIENCE)
    shown = status(page, widget)["run"]
    assert shown["state"] == "stopped"
    assert "<img src=x" in shown["error"]
    assert len(shown["error"]) < 2_000
    assert page.model(widget)["trouble"] == ""


def test_a_button_means_the_runs_that_were_there_when_it_was_pressed(
    page: Page, held: Held
) -> None:
    """A busy kernel may hear of it when they are over, and others have begun."""
    widget = GraphWidget(held.router)
    run = held.push()
    assert status(page, widget)["runs"] == [run.number]
    told = page.ask(widget, "stop", runs=[run.number + 1])
    assert (told["ok"], run.state) == (False, "running")
    assert "nothing to" in told["error"]
    assert page.ask(widget, "stop", runs=[run.number])["ok"]
    held.let(1)
    run.wait()
    assert run.state == "cancelled"


def test_what_is_done_is_no_more_once_it_was_forgotten(page: Page) -> None:
    router = Router()
    router.node("n", entry_point=True, name="same")(lambda msg: msg.n)
    widget = GraphWidget(router)
    router.push([1, 2], field="n")
    assert status(page, widget)["run"]["state"] == "done"
    router.clear()
    assert status(page, widget)["run"] is None
