"""The kernel behind a notebook, asked from outside the page: a connection of the test's own."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

PATIENCE = 60.0
AS_JSON = "__import__('json').dumps({}, default=lambda it: getattr(it, 'item', it.__str__)())"
"""Numbers of numpy become numbers, anything else that JSON does not know becomes its text."""


class Kernel:
    """Asks the kernel whose connection file this is, while any page may be open or none.

    It answers between cells: a question waits for the cell that runs.
    """

    def __init__(self, connection: Path) -> None:
        self.connection = connection

    def evaluate(self, expression: str) -> Any:
        """Return what the expression is, by way of JSON; raise what it raises, as an error."""
        asked = {"it": AS_JSON.format(f"({expression})")}
        answer = self._ask("", user_expressions=asked)["user_expressions"]["it"]
        _raise_for(answer, expression)
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def execute(self, code: str) -> None:
        """Run code that no cell shows; what it prints is lost."""
        _raise_for(self._ask(code), code)

    def _ask(self, code: str, **options: Any) -> dict[str, Any]:
        with self._connected() as client:
            asked = client.execute(code, silent=True, allow_stdin=False, **options)
            until = time.monotonic() + PATIENCE
            while True:
                answer = client.get_shell_msg(timeout=max(0.0, until - time.monotonic()))
                if answer["parent_header"].get("msg_id") == asked:
                    content: dict[str, Any] = answer["content"]
                    _raise_for(content, code)
                    return content

    @contextmanager
    def _connected(self) -> Iterator[BlockingKernelClient]:
        client = BlockingKernelClient(connection_file=str(self.connection))
        client.load_connection_file()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            yield client
        finally:
            client.stop_channels()


def _raise_for(answer: dict[str, Any], code: str) -> None:
    if answer["status"] != "ok":
        raise RuntimeError(f"{code!r} raised {answer.get('ename')}: {answer.get('evalue')}")
