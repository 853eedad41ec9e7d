"""The live widget in a real kernel: what a cell shows, to pages and to programs."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from pages import PATIENCE, Page

from emitnb import UnknownNodeError

REFRESHED = "update_display_data"
VIEW = "application/vnd.jupyter.widget-view+json"
COUNT = "%%emit_node n --entry\ndef count(msg):\n    return msg.n"
HOLD = """\
%%emit_node n --entry
import threading
gate = threading.Semaphore(0)
def hold(msg):
    gate.acquire()
    return msg.n"""


class Wire:
    """The channels of a kernel, used as a page uses them, and by a Python program."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.page = Page()
        self.seen: list[dict[str, Any]] = []
        self._cells = itertools.count()

    def read(self) -> dict[str, Any]:
        """Take in the next message that all clients get."""
        message = self.client.get_iopub_msg(timeout=PATIENCE)
        self.seen.append(message)
        content = message["content"]
        if message["msg_type"] in ("comm_open", "comm_msg"):
            talk = Talk(self, content["comm_id"])
            self.page.take(talk, message["msg_type"], content["data"], message["buffers"])
        return message

    def until(self, reached: Callable[[], bool]) -> None:
        """Take in messages until something is so."""
        ends = monotonic() + PATIENCE
        while not reached():
            assert monotonic() < ends, "it never came"
            self.read()

    def ask(self, kind: str, content: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a request with an id as pages make them; return what it shows, when it is over."""
        message = self.client.session.msg(kind, content)
        message["header"]["msg_id"] = message["msg_id"] = f"page-{next(self._cells)}"
        self.client.shell_channel.send(message)
        return self._shown(message["msg_id"])

    def run(self, cell: str) -> list[dict[str, Any]]:
        """Run a cell from a page."""
        return self.ask("execute_request", {"code": cell, "silent": False, "store_history": True})

    def run_by_program(self, cell: str) -> list[dict[str, Any]]:
        """Run a cell from Python."""
        return self._shown(self.client.execute(cell))

    def text(self, expression: str) -> str:
        """The value of an expression, as text."""
        (shown,) = self.run(expression)
        return str(shown["content"]["data"]["text/plain"])

    def pictures(self, of: Shown, start: int) -> list[str]:
        """The pictures of a graph that were refreshed since a message."""
        found = [one["content"] for one in self.seen[start:] if one["msg_type"] == REFRESHED]
        mine = [one for one in found if one["transient"]["display_id"] == of.still_id]
        return [one["data"]["text/html"] for one in mine]

    def _shown(self, request: str) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        while True:
            message = self.read()
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return shown
            if message["msg_type"] in ("display_data", "execute_result", "error", "stream"):
                shown.append(message)


class Talk:
    """A page's end of a comm."""

    def __init__(self, wire: Wire, comm_id: str) -> None:
        self.comm_id = comm_id
        self._wire = wire

    def handle_msg(self, message: dict[str, Any]) -> None:
        self._wire.ask("comm_msg", {"comm_id": self.comm_id, "data": message["content"]["data"]})


class Shown:
    """The two outputs of a cell that shows a graph."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        assert [one["msg_type"] for one in messages] == ["display_data"] * 2
        live, still = (one["content"] for one in messages)
        self.live: dict[str, str] = live["data"]
        self.still: dict[str, str] = still["data"]
        self.still_id: str = still["transient"]["display_id"]
        self.model_id: str = live["data"][VIEW]["model_id"]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    manager = KernelManager(kernel_name="python3")
    folder = str(tmp_path_factory.mktemp("ipython"))
    extra = {"IPYTHONDIR": folder, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    manager.start_kernel(env={**os.environ, **extra})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Wire(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.fixture
def wire(started: Wire) -> Wire:
    """A kernel with a new router that has one node."""
    started.run("router = None")
    started.run("%reload_ext emitnb")
    started.run(COUNT)
    return started


@pytest.mark.parametrize("cell", ["%emit_graph", "router", "%emit_graph --around count"])
def test_a_page_gets_a_widget_with_the_tree_and_a_picture_without_a_script(
    wire: Wire, cell: str
) -> None:
    shown = Shown(wire.run(cell))
    assert set(shown.live) == {"text/plain", VIEW}
    assert shown.live["text/plain"] == "__entry_point\n└─ count(n)"
    assert set(shown.still) == {"text/html"}
    assert shown.still["text/html"].count("<svg") == 1
    assert "count" in shown.still["text/html"]
    assert "<script" not in shown.still["text/html"]
    assert f'data-emitnb-still="{shown.still_id}"' in shown.still["text/html"]
    model = wire.page.models[shown.model_id]
    assert [node["name"] for node in model["graph"]["nodes"]] == ["__entry_point", "count"]
    assert model["still"] == shown.still_id
    assert model["around"] == ("count" if "around" in cell else "")
    assert len(wire.page.models[model["engine"]]["source"]) > 500_000


def test_shown_twice_a_router_has_one_widget_and_the_engine_is_sent_once(wire: Wire) -> None:
    first, second = Shown(wire.run("%emit_graph")), Shown(wire.run("router"))
    assert (first.model_id, first.still_id) == (second.model_id, second.still_id)
    wire.run("other = __import__('emitnb').Router()")
    third = Shown(wire.run("other"))
    assert third.model_id != first.model_id
    opened = [one for one in wire.seen if one["msg_type"] == "comm_open"]
    sources = [one for one in opened if "source" in one["content"]["data"]["state"]]
    assert len(sources) == 1


def test_an_empty_graph_says_how_to_declare_a_node(wire: Wire) -> None:
    wire.run("%emit_reset")
    shown = Shown(wire.run("%emit_graph"))
    assert "%%emit_node word --entry" in shown.live["text/plain"]
    assert "%%emit_node word --entry" in shown.still["text/html"]


def test_the_widget_moves_while_a_cell_runs(wire: Wire) -> None:
    """Nothing but the publisher's thread can tell of it: the cell waits to be seen."""
    model_id = Shown(wire.run("%emit_graph")).model_id
    widget = Known(model_id)
    wire.run(HOLD)
    message = wire.client.session.msg(
        "execute_request", {"code": "%emit_push [1, 2] --field n --batch-size 1 --to hold"}
    )
    wire.client.shell_channel.send(message)
    wire.until(lambda: (wire.page.models[model_id]["status"]["run"] or {}).get("total") == 2)
    assert wire.page.models[model_id]["status"]["run"]["state"] == "running"
    wire.client.control_channel.send(wire.client.session.msg("interrupt_request", {}))
    wire.until(lambda: wire.page.models[model_id]["status"]["run"]["state"] == "interrupted")
    wire.run("gate.release(9)\nrouter.run.resume()")
    wire.until(lambda: wire.page.numbers(widget).nodes["hold"]["emitted"] == 2)


def test_a_button_works_over_the_wire(wire: Wire) -> None:
    widget = Known(Shown(wire.run("%emit_graph")).model_id)
    wire.run("router.push([1, 'x'], field='n')")
    wire.run("%%emit_node n:int --entry\ndef count(msg):\n    return 1 + msg.n")
    answer = wire.page.ask(widget, "replay")
    assert answer["ok"], answer
    wire.run("%emit_wait")
    assert wire.text("router.frame('count')['n'].tolist()") == "[2]"
    wire.until(lambda: wire.page.numbers(widget).nodes["count"]["kept"] == 1)


class Known:
    """A widget of which a page knows the id."""

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id


def test_a_router_that_was_shown_and_dropped_goes_with_all_it_recorded(wire: Wire) -> None:
    wire.run("import gc, time, weakref\nfrom IPython.display import display")
    wire.run("done = router.push([1, 'x'], field='n')\ndel done")  # the shell keeps what it shows
    wire.run("gone = [weakref.ref(one) for one in (router, router.moment, router.graph)]")
    Shown(wire.run("display(router)"))
    wire.run("del router, count")
    wire.run(
        "for _ in range(200):\n"
        "    gc.collect()\n"
        "    if not any(one() for one in gone): break\n"
        "    time.sleep(0.01)  # somebody may look right now"
    )
    assert wire.text("[one() for one in gone]") == "[None, None, None]"


# -- the picture below it --------------------------------------------------------------------------


def test_the_picture_is_refreshed_after_a_declaration_and_after_a_run(wire: Wire) -> None:
    shown = Shown(wire.run("%emit_graph"))
    start = len(wire.seen)
    wire.run("%%emit_node n --on count\ndef later(msg):\n    return msg.n")
    wire.until(lambda: bool(wire.pictures(shown, start)))
    (picture,) = wire.pictures(shown, start)
    assert "later" in picture
    start = len(wire.seen)
    wire.run("%emit_push [1, 2, 3] --field n")
    wire.until(lambda: bool(wire.pictures(shown, start)))
    (refreshed,) = wire.pictures(shown, start)
    assert refreshed != picture
    for one in (picture, refreshed):
        assert f'data-emitnb-still="{shown.still_id}"' in one
        assert "<script" not in one


def test_the_picture_is_left_alone_while_a_run_goes_on(wire: Wire) -> None:
    wire.run(HOLD)
    shown = Shown(wire.run("%emit_graph"))
    widget, start = Known(shown.model_id), len(wire.seen)
    wire.run("%emit_push [1, 2, 3, 4] --field n --batch-size 1 --background")
    for emitted in (1, 2, 3):  # what a look tells, the next has told whole
        wire.run("gate.release()")
        wire.until(lambda n=emitted: wire.page.numbers(widget).nodes["hold"]["emitted"] == n)
    assert wire.pictures(shown, start) == []
    wire.run("gate.release()\nrouter.wait()")
    wire.until(lambda: bool(wire.pictures(shown, start)))


def test_the_picture_holds_hostile_texts_as_texts(wire: Wire) -> None:
    wire.run("Kind = type('<img src=x onerror=\"alert(1)\">', (), {})")
    wire.run("router.node({'n': Kind}, '/<script>|\"];}/', name='odd')(lambda msg: 1)")
    shown = Shown(wire.run("router"))
    html = shown.still["text/html"]
    assert "&lt;img src=x" in html
    for tag in ("<img", "<script"):
        assert tag not in html
    assert not re.search(r"<[^>]* on\w+=", html)
    assert set(shown.live) == {"text/plain", VIEW}
    (box,) = [
        node for node in wire.page.models[shown.model_id]["graph"]["nodes"] if node["name"] == "odd"
    ]
    assert box["fields"] == ['n: <img src=x onerror="alert(1)">']


# -- programs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["%emit_graph", "router"])
def test_a_program_gets_picture_and_text_and_no_comm(wire: Wire, cell: str) -> None:
    start = len(wire.seen)
    (shown,) = wire.run_by_program(cell)
    data = shown["content"]["data"]
    assert set(data) == {"text/plain", "text/html", "image/svg+xml"}
    assert data["text/plain"] == "__entry_point\n└─ count(n)"
    comms = [one for one in wire.seen[start:] if one["msg_type"] == "comm_open"]
    assert comms == []


def test_voila_is_a_program_with_a_page(wire: Wire) -> None:
    wire.run("import os; os.environ['SERVER_SOFTWARE'] = 'voila/0.5.8'")
    try:
        assert VIEW in Shown(wire.run_by_program("%emit_graph")).live
    finally:
        wire.run("del os.environ['SERVER_SOFTWARE']")


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook that a program has run."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    NotebookClient(made).execute()
    return made


def test_a_notebook_that_a_program_ran_has_the_graph_once_and_no_script_for_it() -> None:
    plain = notebook("%load_ext emitnb", COUNT, "%emit_push [1] --field n", "1")
    shown = notebook("%load_ext emitnb", COUNT, "%emit_push [1] --field n", "%emit_graph")
    assert "widgets" not in shown.metadata
    assert set(shown.cells[3].outputs[0]["data"]) == {
        "text/plain",
        "text/html",
        "image/svg+xml",
    }
    before, after = (HTMLExporter().from_notebook_node(one)[0] for one in (plain, shown))
    for tag, more in (("<svg", 1), ("<script", 0), ("src=", 0), ("<link", 0)):
        assert after.count(tag) - before.count(tag) == more, tag
    assert "widget-state" not in after


# -- wrong input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"), [("count_wrd", "Did you mean `count_word`"), ("zzz", "Nodes: words, count_w")]
)
def test_around_an_unknown_node_is_an_error_with_a_hint(
    counting: Any, name: str, hint: str
) -> None:
    with pytest.raises(UnknownNodeError, match=hint):
        counting.run(f"%emit_graph --around {name}")


def test_around_takes_a_short_name(wire: Wire) -> None:
    wire.run("router.node('n', name='tasks.clean')(lambda msg: 1)")
    shown = Shown(wire.run("%emit_graph --around clean"))
    assert wire.page.models[shown.model_id]["around"] == "tasks.clean"
