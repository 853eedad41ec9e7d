"""The quickstart in JupyterLab, as a new user opens and runs it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page

NOTEBOOK = "window.jupyterapp.shell.currentWidget"


def test_the_quickstart_runs_and_shows_graph_and_frame(lab: Any, watched: Any) -> None:
    page = watched.page
    page.goto(lab.address)
    wait_for_kernel(page)
    choose(page, "Edit", "Clear Outputs of All Cells")
    choose(page, "Run", "Run All Cells")
    wait_until_run(page)

    cells = page.evaluate(f"{NOTEBOOK}.content.model.toJSON().cells")
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [out for cell in code for out in cell["outputs"] if out["output_type"] == "error"] == []
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert is_drawn(shown(page, cells, "graph").locator('svg, img[src^="data:image/svg"]'))
    assert is_drawn(shown(page, cells, "frame").locator("table tbody tr"))
    assert watched.complaints == []
    assert watched.strangers == []


def test_the_launcher_offers_the_kernel(lab: Any, watched: Any) -> None:
    page = watched.page
    page.goto(lab.address)
    wait_for_kernel(page)
    choose(page, "File", "New Launcher")
    card = page.locator('.jp-LauncherCard[title^="emitnb (Python 3)"]').first
    card.wait_for()
    assert is_drawn(card.locator("img"))


def choose(page: Page, menu: str, item: str) -> None:
    """Choose from the menu bar with the mouse."""
    page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def wait_for_kernel(page: Page) -> None:
    """Wait until the kernel is connected and idle; what is run before that gets lost."""
    page.wait_for_function(
        f"""() => {{
            const kernel = window.jupyterapp && {NOTEBOOK}?.sessionContext?.session?.kernel
            return kernel?.connectionStatus === 'connected' && kernel.status === 'idle'
        }}"""
    )


def wait_until_run(page: Page) -> None:
    """Wait until each code cell has its number, or one has failed and none goes on."""
    page.wait_for_function(
        f"""() => {{
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
            const texts = prompts.map(prompt => prompt.innerText)
            const cells = {NOTEBOOK}.content.model.toJSON().cells
            const outputs = cells.flatMap(cell => cell.outputs ?? [])
            const failed = outputs.some(output => output.output_type === 'error')
            return texts.every(text => /\\d/.test(text))
                || (failed && !texts.some(text => text.includes('*')))
        }}""",
        timeout=300_000,
    )


def shown(page: Page, cells: list[dict[str, Any]], tag: str) -> Locator:
    """Return the outputs of the cell with this tag."""
    (place,) = (n for n, cell in enumerate(cells) if tag in cell["metadata"].get("tags", ()))
    return page.locator(".jp-Notebook .jp-Cell").nth(place).locator(".jp-OutputArea")


def is_drawn(thing: Locator) -> bool:
    """Whether the first of these comes to be seen, with a size, and loaded if it is a picture."""
    thing.first.wait_for()
    box = thing.first.bounding_box()
    loaded = thing.first.evaluate("it => it.decode ? it.decode().then(() => it.naturalWidth) : 1")
    return bool(box and box["width"] and box["height"] and loaded)
