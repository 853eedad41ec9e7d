"""One Jupyter server for all tests here, a real browser, and notebooks open in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.desks import Desk
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

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="package")  # as long as it is there, no other test could use asyncio
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, headless=True
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def desk_of_all(browser: Browser, server: Server) -> Iterator[Desk]:
    desk = Desk(server)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def desk(desk_of_all: Desk) -> Iterator[Desk]:
    yield desk_of_all
    desk_of_all.clear()


@pytest.fixture
def open_notebook(
    browser: Browser, server: Server, desk: Desk, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """Open a notebook of these cells, or the notebook of this name.

    Options are those of ``NotebookPage`` and of Playwright's contexts (``color_scheme="dark"``).
    Without any, the page may be one of JupyterLab in which an earlier test had its notebook; with
    ``alone=True``, no other test has used it, so that it can be loaded again. With ``keep=True``,
    it may be the notebook of these cells that another test of the module has kept open, with what
    that test did in its kernel.
    In the end nothing may have been complained of in the page's console, printed to a cell's
    stderr, or asked of another machine. Files whose name begins with ``go-`` go.
    """
    opened: list[NotebookPage] = []

    def open_one(
        cells: Sequence[str] | str,
        interface: Interface = "lab",
        address: str = "",
        *,
        keep: bool = False,
        **options: Any,
    ) -> NotebookPage:
        if keep and (kept := desk.kept.get(tuple(cells))):
            opened.append(kept)
            return kept
        name = cells if isinstance(cells, str) else name_for(request, len(opened))
        if not isinstance(cells, str):
            write(server.folder / name, cells)
        if address or options:
            options.setdefault("alone", True)
        page = NotebookPage(browser, server, name, interface, **options)
        opened.append(page)
        desk.open(page, address)
        if keep:
            desk.kept[tuple(cells)] = page
        return page

    yield open_one
    good = False
    try:
        for page in opened:
            check_quiet(page)
        good = FAILED not in request.node.stash
    finally:
        for page in opened:
            desk.put_away(page, good=good)
        for gate in server.folder.glob("go-*"):
            gate.unlink()  # else those of the next test stand open
    for page in opened:
        check_quiet(page)  # nor may it complain of being closed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember that a test has failed: who knows in what state its page is."""
    if call.excinfo:
        item.stash[FAILED] = True
    return (yield)


def name_for(request: pytest.FixtureRequest, number: int) -> str:
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name)}-{number}.ipynb"


def check_quiet(page: NotebookPage) -> None:
    assert page.complaints == []
    assert page.strangers == []
    assert not page.is_open or page.warnings() == []
