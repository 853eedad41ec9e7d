"""The quickstart in JupyterLab and in Notebook 7, as a new user opens and runs it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

QUICKSTART = "01-quickstart.ipynb"


@pytest.mark.parametrize("interface", ["lab", "notebook"])
def test_the_quickstart_runs_and_shows_graph_and_frame(
    open_notebook: Any, server: Any, interface: str
) -> None:
    address = server.address if interface == "lab" else ""
    page = open_notebook(QUICKSTART, interface, address)
    choose(page.page, "Edit", "Clear Outputs of All Cells")
    choose(page.page, "Run", "Run All Cells")
    wait_until_run(page)

    assert page.errors() == []
    code = [cell for cell in page.cells() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert is_drawn(shown(page, "graph").locator('svg, img[src^="data:image/svg"]'))
    assert is_drawn(shown(page, "frame").locator("table tbody tr"))


def test_the_launcher_offers_the_kernel(browser: Browser, server: Any) -> None:
    page = browser.new_page()
    try:
        # An empty workspace shows the launcher, and nothing is restored that could hide it.
        page.goto(f"{server.root}lab/workspaces/launcher?reset&token={server.token}")
        card = page.locator('.jp-LauncherCard[title^="emitnb (Python 3)"]').first
        card.wait_for(timeout=60_000)
        assert is_drawn(card.locator("img"))
    finally:
        page.close()


def choose(page: Page, menu: str, item: str) -> None:
    """Choose from the menu bar with the mouse."""
    page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def wait_until_run(page: Any) -> None:
    """Wait until each code cell has its number, or one has failed and none goes on."""
    page.wait_for(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
            const texts = prompts.map(prompt => prompt.innerText)
            const failed = document.querySelector('.jp-Notebook [data-mime-type$="jupyter.error"]')
            return texts.every(text => /\\d/.test(text))
                || (failed && !texts.some(text => text.includes('*')))
        }""",
        timeout=300,
    )


def shown(page: Any, tag: str) -> Locator:
    """Return the outputs of the cell with this tag."""
    tagged = [tag in cell["metadata"].get("tags", ()) for cell in page.cells()]
    (place,) = (n for n, has_it in enumerate(tagged) if has_it)
    outputs: Locator = page.shown(place)
    return outputs


def is_drawn(thing: Locator) -> bool:
    """Whether the first of these comes to be seen, with a size, and loaded if it is a picture."""
    thing.first.wait_for()
    thing.page.wait_for_function(
        """it => {
            const box = it.getBoundingClientRect()
            return box.width && box.height && (it.naturalWidth ?? 1)
        }""",
        arg=thing.first.element_handle(),
    )
    return True
