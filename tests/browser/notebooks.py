"""A notebook, open in JupyterLab or Notebook 7 in a real browser: run it, look at it, ask it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.kernels import Kernel
from tests.browser.servers import Server

Interface = Literal["lab", "notebook"]

PATIENCE = 60.0
WIDE = (1280, 1400)
HELPERS = """
    // The notebook of this path, its kernel, and how many commands the test has started.
    window.shownNotebook = path => window.jupyterapp
        && [...window.jupyterapp.shell.widgets('main')].find(it => it.context?.path === path)
    window.kernelOf = path => window.shownNotebook(path)?.sessionContext?.session?.kernel
    window.started = { goingOn: 0 }
"""
# What the pages say of themselves even when the notebook holds nothing but `1+1`.
BOTH_SAY = (
    # The kernel is restarted while the page still asks for its debugger.
    r"Could not restore the debugger state: Canceled future for debug_request message before"
    r" replies were done \(http://127\.0\.0\.1\S+_core\.\S+\)",
    # Or for a thread of its own.
    r"Error: Canceled future for create_subshell_request message before replies were done",
)
NOISE: dict[str, tuple[str, ...]] = {
    "lab": BOTH_SAY,
    "notebook": (
        *BOTH_SAY,
        # Notebook 7.6 takes up an extension of JupyterLab's for files, without the file browser …
        r"Command 'filebrowser:open-path' not registered\.",
        # … and asks for the settings of a plugin that it does not load.
        r"Cannot read properties of undefined \(reading 'schema'\)",
    ),
}


class NotebookPage:
    """A notebook in a page, with what the page complained of.

    What takes time is started, and waited for by its own method: ``run(0)``, then ``wait_idle()``.
    Cells are counted from 0. ``page`` is Playwright's; only where it is ``alone``, that is, where
    no other notebook has been or will be in it, it can be loaded again.
    """

    def __init__(
        self,
        browser: Browser,
        server: Server,
        name: str,
        interface: Interface = "lab",
        size: tuple[int, int] = WIDE,
        alone: bool = False,
        **options: Any,
    ) -> None:
        self.alone = alone or interface != "lab"
        self.server, self.name, self.interface = server, name, interface
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._noise = list(NOISE[interface])
        self._listeners: dict[Any, Any] = {
            "console": self._hear,
            "pageerror": lambda error: self._complain(str(error)),
            "request": lambda request: self._see(request.url),
            "websocket": lambda socket: self._see(socket.url),
        }
        self._browser = browser
        self._options = {"viewport": {"width": size[0], "height": size[1]}, **options}
        self._context: BrowserContext | None = None
        self.page: Page

    # The page.

    def open(self, address: str = "", *, busy: bool = False) -> None:
        """Open the notebook in a page of its own, here or where the address says.

        Wait until its kernel is connected.
        """
        self._context = self._browser.new_context(**self._options)
        self._context.set_default_timeout(PATIENCE * 1000)
        self._context.add_init_script(HELPERS)
        self._listen(self._context.new_page())
        self.page.goto(address or self.server.page(self.name, self.interface))
        self.wait_connected(busy=busy)

    def open_in(self, page: Page) -> None:
        """Open the notebook in a page of JupyterLab that another has left."""
        self._context = page.context
        self._listen(page)
        page.evaluate("window.started = { goingOn: 0 }")  # none of what that one has started
        self._start("docmanager:open", {"path": self.name})
        self.wait_connected()

    def leave(self) -> Page:
        """Close the notebook, saved or not, but not the page, and return that."""
        self.page.mouse.move(0, 0)
        self._evaluate("it.dispose()")
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self._context = None
        return self.page

    def _listen(self, page: Page) -> None:
        self.page = page
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def close(self) -> None:
        """Close the page; the kernel goes on."""
        if self._context:
            self._context.close()
            self._context = None

    @property
    def is_open(self) -> bool:
        return self._context is not None

    def reload(self, *, busy: bool = False) -> None:
        """Load the page again; what was not saved is gone, the kernel goes on."""
        assert self.alone, "it would come back with other notebooks; open it with alone=True"
        self.page.reload()
        self.wait_connected(busy=busy)

    def wait_connected(self, *, busy: bool = False) -> None:
        """Wait until the kernel is connected and idle; what is run before that gets lost.

        A kernel that is busy says nothing to a new page before it is idle.
        """
        self.wait_for(
            """([path, states]) => {
                const kernel = window.kernelOf(path)
                return kernel?.connectionStatus === 'connected' && states.includes(kernel.status)
            }""",
            [self.name, ["idle", "busy", "unknown"] if busy else ["idle"]],
        )

    # Running.

    def run_all(self) -> None:
        """Start all cells."""
        self._start("notebook:run-all-cells")

    def run(self, *cells: int) -> None:
        """Start these cells, one after the other."""
        for cell in cells:
            self._evaluate(f"it.content.activeCellIndex = {cell}")
            self._start("notebook:run-cell")

    def _start(self, command: str, options: dict[str, str] | None = None) -> None:
        """Start a command of the menu's, and count it as going on until it is done."""
        self.page.evaluate(
            """([command, options]) => {
                const started = window.started
                started.goingOn += 1
                const done = () => { started.goingOn -= 1 }
                window.jupyterapp.commands.execute(command, options).then(done, done)
            }""",
            [command, options or {}],
        )

    def wait_idle(self, timeout: float = PATIENCE) -> None:
        """Wait until what was started is done and the kernel has nothing more to do."""
        self.wait_for(
            "path => window.started.goingOn === 0 && window.kernelOf(path)?.status === 'idle'",
            self.name,
            timeout=timeout,
        )

    def wait_for(self, condition: str, argument: Any = None, timeout: float = PATIENCE) -> None:
        """Wait until this JavaScript, an expression or a function of the argument, is true."""
        try:
            self.page.wait_for_function(condition, arg=argument, timeout=timeout * 1000)
        except PlaywrightTimeout as error:
            raise AssertionError(f"{condition} was not so in time: {self._state()}") from error

    def _state(self) -> str:
        """What to know of a page that does not come to what a test waits for."""
        kernel = "window.kernelOf?.(path)"
        asked = f"path => [window.started?.goingOn, {kernel}?.connectionStatus, {kernel}?.status]"
        going_on, connection, status = self.page.evaluate(asked, self.name)
        return (
            f"{going_on} commands go on, the kernel is {connection} and {status},"
            f" the server has {self.server.sessions(self.name)}, complaints: {self.complaints}"
        )

    def interrupt(self) -> None:
        """Interrupt the kernel, as ■ does."""
        self._evaluate("it.sessionContext.session.kernel.interrupt()")

    def restart(self) -> None:
        """Restart the kernel, as the menu does when its question is answered with yes."""
        self._evaluate("it.sessionContext.session.kernel.restart()")
        self.wait_connected()

    def _evaluate(self, expression: str) -> Any:
        """Return what the expression is of ``it``, the notebook's panel."""
        function = f"path => {{ const it = window.shownNotebook(path); return {expression} }}"
        return self.page.evaluate(function, self.name)

    # Looking.

    def cell(self, cell: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell)

    def shown(self, cell: int) -> Locator:
        """What stands below a cell."""
        return self.cell(cell).locator(".jp-OutputArea").first

    def cells(self) -> list[dict[str, Any]]:
        """The cells with their outputs, as the page would save them now."""
        cells: list[dict[str, Any]] = self._evaluate("it.content.model.toJSON().cells")
        return cells

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = self.cells()[cell]["outputs"]
        return outputs

    def mimes(self, cell: int) -> list[list[str]]:
        """The mime types of each output of a cell; of what is printed, the name of the stream."""
        return [
            sorted(output.get("data", {})) or [output.get("name", output["output_type"])]
            for output in self.outputs(cell)
        ]

    def texts(self, cell: int) -> list[str]:
        """Each output of a cell as plain text."""
        return [_text(output) for output in self.outputs(cell)]

    def errors(self) -> list[str]:
        """What cells raised."""
        return [_text(output) for output in self._all_outputs() if output["output_type"] == "error"]

    def warnings(self) -> list[str]:
        """What cells show that they printed to stderr: warnings, of the server too."""
        return [_text(output) for output in self._all_outputs() if output.get("name") == "stderr"]

    def _all_outputs(self) -> Iterable[dict[str, Any]]:
        return (output for cell in self.cells() for output in cell.get("outputs", ()))

    def is_dark(self) -> bool:
        dark: bool = self.page.evaluate("document.body.dataset.jpThemeLight === 'false'")
        return dark

    # The kernel and the file.

    @property
    def kernel(self) -> Kernel:
        return self.server.kernel(self.name)

    def evaluate(self, expression: str) -> Any:
        """Return what the expression is in the kernel, between cells, by way of JSON."""
        return self.kernel.evaluate(expression)

    @property
    def path(self) -> Path:
        return self.server.folder / self.name

    def save(self) -> Any:
        """Save the notebook and read back what is in the file."""
        self._evaluate("it.context.save()")
        return nbformat.read(self.path, as_version=4)

    # Complaints.

    def allow(self, noise: str) -> None:
        """Take no notice, from now on, of complaints that are all of this pattern."""
        self._noise.append(noise)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(f"{message.text} ({message.location.get('url', '')})")

    def _complain(self, text: str) -> None:
        if not any(re.fullmatch(noise, text) for noise in self._noise):
            self.complaints.append(text)

    def _see(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.strangers.append(address)


def write(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook of these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": kernel},
    )
    nbformat.write(notebook, path)


def _text(output: dict[str, Any]) -> str:
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    if output["output_type"] == "error":
        text = f"{output['ename']}: {output['evalue']}"
    return text if isinstance(text, str) else "".join(text)
