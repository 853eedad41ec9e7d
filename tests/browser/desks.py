"""What goes on from test to test: to load JupyterLab takes longer than what most tests do there."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from playwright.sync_api import Page

from tests.browser.notebooks import NotebookPage
from tests.browser.servers import Server


class Desk:
    """Pages of JupyterLab for the next notebooks, notebooks for the next tests.

    ``kept`` holds notebooks by their cells: they stay open, with their kernels, until ``clear``.
    """

    def __init__(self, server: Server) -> None:
        self.kept: dict[tuple[str, ...], NotebookPage] = {}
        self._server = server
        self._pages: list[Page] = []
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._ending: dict[str, Future[None]] = {}

    def open(self, page: NotebookPage, address: str) -> None:
        """Open a notebook, if it may in a page that another has left."""
        if page.name in self._ending:
            self._ending.pop(page.name).result()
        if page.alone or not self._pages:
            page.open(address)
        else:
            page.open_in(self._pages.pop())

    def put_away(self, page: NotebookPage, *, good: bool) -> None:
        """Close a notebook that is not kept; if all is good, its page is for another one.

        Its kernel is ended while the next test begins.
        """
        if good and page in self.kept.values():
            return
        self.kept = {cells: it for cells, it in self.kept.items() if it is not page}
        if good and page.is_open and not page.alone:
            self._pages.append(page.leave())
        else:
            page.close()
        self._ending[page.name] = self._thread.submit(self._server.shut_down, page.name)

    def clear(self) -> None:
        """Keep no notebook any more."""
        while self.kept:
            _, page = self.kept.popitem()
            self.put_away(page, good=True)

    def close(self) -> None:
        """Wait until all kernels have ended; raise what went wrong with that."""
        self._thread.shutdown()
        for ending in self._ending.values():
            ending.result()
