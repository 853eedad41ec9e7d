"""A real JupyterLab, started by ``emitnb lab`` for a new user, in a real browser. Loopback only."""

from __future__ import annotations

import json
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.command import new_user

FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root without it, and CI machines run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]
OPTIONS = [
    "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.expose_app_in_browser=True",  # to ask it whether the kernel is there yet
]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells out of sight are part of the page too, so that all of them can be looked at.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass
class Lab:
    """A running server: ``address`` opens the quickstart, ``folder`` holds the user's copy."""

    address: str
    folder: Path


@dataclass
class Watched:
    """A page, with what its console complained of and which other machines it called."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.strangers.append(request.url)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    write_settings(folder / "home")
    command = [sys.executable, "-m", "emitnb.cli", "lab", "--no-browser", "--allow-root"]
    server = subprocess.Popen(
        [*command, f"--ServerApp.port={free_port()}", *OPTIONS],
        cwd=folder,
        env=new_user(folder / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Lab(address_of(server), folder / "emitnb-notebooks")
    finally:
        server.terminate()
        server.wait(timeout=30)


def write_settings(home: Path) -> None:
    for name, values in SETTINGS.items():
        path = home / f".jupyter/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))


def free_port() -> int:
    """Return a port that is free now; should it be taken meanwhile, JupyterLab takes the next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_of(server: subprocess.Popen[str]) -> str:
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(60_000)
    watched = Watched(context.new_page())
    watched.page.on("console", watched.hear)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on("request", watched.see)
    yield watched
    context.close()
