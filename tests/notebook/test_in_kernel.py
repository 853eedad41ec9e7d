"""The magics in a real ipykernel: as JupyterLab sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

WORDS = """\
%%emit_node word --entry

def words(msg):
    return 1 / msg.n"""

BLOCKING = """\
%%emit_node n --entry
import threading
gate = threading.Event()
def wait(msg):
    if msg.n == 2 and not gate.is_set():
        print("waiting")
        gate.wait()
    return msg.n"""


class Kernel:
    """A running kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, cell: str, on_print: Any = None) -> dict[str, Any]:
        """Run a cell; return its last output. ``on_print`` is called when it prints."""
        shown: list[dict[str, Any]] = [{}]

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and on_print is not None:
                on_print()
            if message["msg_type"] in ("execute_result", "error", "stream"):
                shown.append(message["content"])

        self.client.execute_interactive(cell, timeout=60, output_hook=keep)
        return shown[-1]

    def completed(self, cell: str) -> tuple[str, list[str]]:
        """Complete at the cell's end; return what is replaced, and by what."""
        self.client.complete(cell, len(cell))
        reply = self.client.get_shell_msg(timeout=60)["content"]
        return cell[reply["cursor_start"] : reply["cursor_end"]], reply["matches"]


@pytest.fixture(scope="module", autouse=True)
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep kernels away from the profile of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        yield


@pytest.fixture(scope="module")
def kernel(profile: None) -> Iterator[Kernel]:
    """A kernel with emitnb loaded."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        started = Kernel(manager, client)
        started.run("%load_ext emitnb")
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.fixture(autouse=True)
def reset(kernel: Kernel) -> None:
    """Give each test an empty router."""
    kernel.run("%emit_reset")


def test_an_interrupt_shows_one_line_and_the_run_can_be_resumed(kernel):
    kernel.run(BLOCKING)
    cell = "%emit_push [1, 2, 3] --field n --batch-size 1"
    shown = kernel.run(cell, on_print=kernel.manager.interrupt_kernel)
    assert shown["ename"] == "RunInterrupted"
    (line,) = shown["traceback"]
    assert line.startswith("Interrupted: 1 of 3 messages committed")
    shown = kernel.run("gate.set()\nrouter.run.resume()\nrouter.frame('wait')['n'].tolist()")
    assert shown["data"]["text/plain"] == "[1, 2, 3]"


def test_an_interrupt_of_a_wait_leaves_the_run_alone_and_prints_go_to_no_cell(kernel):
    kernel.run(BLOCKING)
    kernel.run("%emit_push [1, 2, 3] --field n --batch-size 1 --background")
    printed: list[bool] = []
    cell = "print('waits')\n%emit_wait"
    shown = kernel.run(cell, on_print=kernel.manager.interrupt_kernel)
    assert shown["ename"] in ("WaitInterrupted", "KeyboardInterrupt")
    shown = kernel.run("router.run.state, len(router.runs)")
    assert shown["data"]["text/plain"] == "('running', 1)"
    shown = kernel.run("gate.set()\n%emit_wait", on_print=lambda: printed.append(True))
    assert ", done: 3 messages" in shown["data"]["text/plain"]
    assert printed == []
    shown = kernel.run("%emit_log wait")
    assert shown["data"]["text/plain"] == "waiting"


def test_an_error_is_one_line(kernel):
    shown = kernel.run("%emit_frame nothing")
    assert shown["ename"] == "UnknownNodeError"
    assert shown["traceback"] == [f"UnknownNodeError: {shown['evalue']}"]


def test_a_traceback_shows_cell_and_line(kernel):
    kernel.run(WORDS)
    shown = kernel.run("router(n=0)")
    plain = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(shown["traceback"]))
    assert "line 4, in words(msg)" in plain
    assert "----> 4     return 1 / msg.n" in plain


def test_the_debugger_knows_the_file_of_the_cell(kernel):
    """The front end asks for breakpoints in the file named after the text of the cell."""
    kernel.run(WORDS)
    shown = kernel.run(
        "from ipykernel.compiler import get_file_name\n"
        f"code = words.__wrapped__.__code__\n"
        f"code.co_filename == get_file_name({WORDS!r}), code.co_firstlineno"
    )
    assert shown["data"]["text/plain"] == "(True, 3)"


def test_a_graph_is_sent_as_text_html_and_svg(kernel):
    kernel.run(WORDS)
    shown = kernel.run("%emit_graph")["data"]
    assert set(shown) == {"text/plain", "text/html", "image/svg+xml"}
    assert shown["text/html"].startswith("<svg")


@pytest.mark.parametrize(
    ("cell", "replaced", "matches"),
    [
        ("%%emit_node x --on wo", "wo", ["words"]),
        ("%emit_frame wo", "wo", ["words"]),
        ("%%emit_route\nwords -> wo", "wo", ["words"]),
        ("%%emit_node x --on words --en", "--en", ["--entry"]),
    ],
)
def test_tab_completes_in_cells(kernel, cell, replaced, matches):
    kernel.run(WORDS)
    assert kernel.completed(cell) == (replaced, matches)


def cells(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])


def test_a_notebook_runs_from_top_to_end(tmp_path: Path):
    (tmp_path / "rain.txt").write_text("the rain in the rain")
    notebook = cells(
        "%load_ext emitnb",
        "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()",
        "%%emit_node word count --on words --key word\ndef count_word(msg, state):\n"
        "    state['n'] = state.get('n', 0) + 1\n    return msg.word, state['n']",
        "%emit_push *.txt",
        "f = %emit_frame count_word",
        "f.to_dict('list')",
    )
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[5].outputs[0]["data"]["text/plain"] == (
        "{'word': ['the', 'rain', 'in', 'the', 'rain'], 'count': [1, 1, 1, 2, 2]}"
    )
    shown = notebook.cells[3].outputs[0]["data"]
    assert "done: 1 message" in shown["text/plain"]
    assert "<table" in shown["text/html"]


@pytest.mark.parametrize("magic", ["%emit_frame nothing", "%emit_push [1] --nope", "%emit_graph x"])
def test_a_magic_that_fails_stops_run_all(magic):
    notebook = cells("%load_ext emitnb", magic, "after = 1")
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook).execute()
    assert notebook.cells[1].outputs[0]["output_type"] == "error"
    assert notebook.cells[2].execution_count is None


def test_a_program_that_runs_notebooks_gets_no_bar_and_no_widget(kernel):
    comms = "from ipywidgets import Widget\nlen(Widget.widgets)"
    kernel.run("%reload_ext emitnb")
    kernel.run(WORDS)
    slow = "(time.sleep(0.6) or n for n in range(3))"
    kernel.run(f"import time\nrouter.push({slow}, field='n', batch_size=1)")
    kernel.run("%emit_graph")
    assert kernel.run(comms)["data"]["text/plain"] == "0"
