"""``%emit_debug`` in a real kernel: the debugger asks, and somebody answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PARSE = """\
%%emit_node n --entry
def to_number(text):
    return int(text)

def parse(msg):
    doubled = msg.text * 2
    return to_number(doubled)"""

ASKING = """\
%%emit_node n --entry --timeout 0.01
import asyncio
async def ask(msg):
    patience = msg.n + 1
    await asyncio.Event().wait()"""


class Answering:
    """A kernel, and a user who answers what it asks."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.prompts: list[str] = []

    def run(self, cell: str, *answers: str) -> str:
        """Run a cell; return all that is shown, without colours."""
        shown: list[str] = []
        waiting = list(answers)

        def keep(message: dict[str, Any]) -> None:
            content = message["content"]
            kind = message["msg_type"]
            if kind == "stream":
                shown.append(content["text"])
            elif kind == "execute_result":
                shown.append(content["data"]["text/plain"])
            elif kind == "error":
                shown.append("\n".join(content["traceback"]))

        def answer(message: dict[str, Any]) -> None:
            self.prompts.append(message["content"]["prompt"])
            self._client.input(waiting.pop(0) if waiting else "q")

        self._client.execute_interactive(
            cell, timeout=60, output_hook=keep, allow_stdin=True, stdin_hook=answer
        )
        assert not waiting, f"the debugger did not ask for {waiting}"
        return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(shown))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    """A kernel with emitnb loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel()
        client: BlockingKernelClient = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            client.execute_interactive("%load_ext emitnb", timeout=60)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()


@pytest.fixture
def notebook(kernel: BlockingKernelClient) -> Answering:
    """That kernel with an empty router."""
    user = Answering(kernel)
    user.run("%emit_reset")
    return user


def test_the_debugger_opens_in_the_frame_that_raised(notebook):
    notebook.run(PARSE)
    notebook.run("%emit_push ['1', 'x'] --field text")
    shown = notebook.run("%emit_debug 0", "p text", "u", "p msg", "p doubled", "d", "p text", "q")
    assert notebook.prompts == ["ipdb> "] * 7
    assert "parse raises ValueError: invalid literal for int() with base 10: 'xx'" in shown
    assert re.search(r"^-+> 3     return int\(text\)$", shown, re.MULTILINE)
    assert re.search(r"^-+> 7     return to_number\(doubled\)$", shown, re.MULTILINE)
    assert "__entry_point(text='x')" in shown
    assert len(re.findall("^'xx'$", shown, re.MULTILINE)) == 3
    assert "emitnb/" not in shown


def test_after_it_nothing_has_changed_and_the_notebook_goes_on(notebook):
    notebook.run(PARSE)
    notebook.run("%emit_push ['1', 'x'] --field text")
    notebook.run("before = router.failures(), router.summary(), router.frame()")
    notebook.run("%emit_debug 0", "c")
    shown = notebook.run(
        "after = router.failures(), router.summary(), router.frame()\n"
        "all(one.equals(other) for one, other in zip(before, after))"
    )
    assert shown == "True"


def test_an_async_node_that_took_too_long_is_seen_where_it_waited(notebook):
    notebook.run(ASKING)
    notebook.run("%emit_push [41] --field n")
    shown = notebook.run("%emit_debug 0", "u", "u", "p patience", "u", "p patience", "q")
    assert "ask raises TimeoutError: ask took longer than its timeout of 0.01 s" in shown
    assert re.search(r"^42$", shown, re.MULTILINE)


def test_once_the_cell_is_mended_it_says_that_it_passes(notebook):
    notebook.run(PARSE)
    notebook.run("%emit_push ['1', 'x'] --field text")
    notebook.run(PARSE.replace("int(text)", "len(text)"))
    shown = notebook.run("%emit_debug 0")
    assert shown == "parse passes now; %emit_retry parse sends it through"
    assert notebook.prompts == []


def test_where_nobody_answers_it_raises_what_the_node_raised():
    sources = ["%load_ext emitnb", PARSE, "%emit_push ['x'] --field text", "%emit_debug 0"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError, match="ValueError: invalid literal"):
        NotebookClient(notebook).execute()
