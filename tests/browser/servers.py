"""A Jupyter server, started by ``emitnb lab`` for a new user. Loopback only."""

from __future__ import annotations

import json
import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

from tests.browser.kernels import Kernel
from tests.command import new_user

OPTIONS = [
    "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    # To ask the page whether its kernel is there yet.
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Light or dark as the browser says, so that each page can have its own.
    "apputils-extension/themes": {"adaptive-theme": True},
    # Only a test that says so writes to the file.
    "docmanager-extension/plugin": {"autosave": False},
    # Cells out of sight are part of the page too, so that all of them can be looked at.
    "notebook-extension/tracker": {"windowingMode": "none"},
}
PAGES = {"lab": "lab/workspaces/tests/tree/{}?reset&token={}", "notebook": "notebooks/{}?token={}"}
"""Where each interface opens a notebook; the workspace starts empty, as no other page left it."""


@dataclass(frozen=True)
class Server:
    """A running server: ``address`` opens the quickstart, ``folder`` holds the user's notebooks."""

    address: str
    folder: Path
    home: Path

    @property
    def root(self) -> str:
        """Where the server is, without a path."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}/"

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def page(self, name: str, interface: str) -> str:
        """Return the address of a notebook in JupyterLab (``lab``) or Notebook 7 (``notebook``)."""
        return self.root + PAGES[interface].format(quote(name), self.token)

    def ask(self, path: str, method: str = "GET") -> Any:
        """Return what the server's REST interface answers."""
        request = Request(f"{self.root}api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def sessions(self, name: str) -> list[dict[str, Any]]:
        return [session for session in self.ask("sessions") if session["path"] == name]

    def kernel(self, name: str) -> Kernel:
        """Return the kernel of the notebook of this name, whether or not a page shows it."""
        (session,) = self.sessions(name)
        (connection,) = self.home.rglob(f"kernel-{session['kernel']['id']}.json")
        return Kernel(connection)

    def shut_down(self, name: str) -> None:
        """End the kernel of a notebook, if it has one."""
        for session in self.sessions(name):
            self.ask(f"sessions/{session['id']}", "DELETE")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server with a home of its own in the folder; stop it, and all kernels, at the end."""
    home = folder / "home"
    _write_settings(home)
    command = [sys.executable, "-m", "emitnb.cli", "lab", "--no-browser", "--allow-root"]
    server = subprocess.Popen(
        [*command, f"--ServerApp.port={_free_port()}", *OPTIONS],
        cwd=folder,
        env=new_user(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(_address_of(server), folder / "emitnb-notebooks", home)
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


def _write_settings(home: Path) -> None:
    for name, values in SETTINGS.items():
        path = home / f".jupyter/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _free_port() -> int:
    """Return a port that is free now; should it be taken meanwhile, JupyterLab takes the next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _address_of(server: subprocess.Popen[str]) -> str:
    """Wait until the server prints where it is; go on reading, so that it never has to wait."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert server.stderr
        with server.stderr:
            for line in server.stderr:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    seen = ""
    while line := lines.get(timeout=60):
        seen += line
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+", line):
            return found.group()
    raise RuntimeError(f"JupyterLab did not start:\n{seen}")
