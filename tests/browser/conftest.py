"""One Jupyter server for all tests here, a real browser, and notebooks open in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.notebooks import Interface, NotebookPage, write
from tests.browser.servers import Server, running

FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root without it, and CI machines run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="module")  # as long as it is there, no other test could use asyncio
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(
    browser: Browser, server: Server, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """Open a notebook of these cells, or the notebook of this name, in a page of its own.

    Options are those of ``NotebookPage`` and of Playwright's contexts (``color_scheme="dark"``).
    In the end nothing may have been complained of in the page's console, printed to a cell's
    stderr, or asked of another machine. Files whose name begins with ``go-`` go.
    """
    opened: list[NotebookPage] = []

    def open_one(
        cells: Sequence[str] | str, interface: Interface = "lab", address: str = "", **options: Any
    ) -> NotebookPage:
        name = cells if isinstance(cells, str) else name_for(request, len(opened))
        if not isinstance(cells, str):
            write(server.folder / name, cells)
        page = NotebookPage(browser, server, name, interface, **options)
        opened.append(page)
        page.open(address)
        return page

    yield open_one
    try:
        for page in opened:
            check_quiet(page)
    finally:
        for page in opened:
            page.close()
            server.shut_down(page.name)
        for gate in server.folder.glob("go-*"):
            gate.unlink()  # else those of the next test stand open


def name_for(request: pytest.FixtureRequest, number: int) -> str:
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name)}-{number}.ipynb"


def check_quiet(page: NotebookPage) -> None:
    assert page.complaints == []
    assert page.strangers == []
    assert not page.is_open or page.warnings() == []
