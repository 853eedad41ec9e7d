"""The harness itself: what a notebook in a page does, on which all other tests here rely."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.accessibility import serious_findings
from tests.browser.notebooks import NotebookPage, write

INTERFACES = pytest.mark.parametrize("interface", ["lab", "notebook"])
LOOP = "print('off we go')\nimport time\nwhile True: time.sleep(.02)"


@INTERFACES
def test_a_page_runs_saves_restarts_and_comes_back(open_notebook: Any, interface: str) -> None:
    page = open_notebook(["it = 6 * 7", "print(it); it", "1 / 0"], interface, alone=True)
    page.run_all()
    page.wait_idle()
    assert page.texts(1) == ["42\n", "42"]
    assert page.mimes(1) == [["stdout"], ["text/plain"]]
    assert page.errors() == ["ZeroDivisionError: division by zero"]
    assert page.evaluate("{'it': [it, None]}") == {"it": [42, None]}
    assert [out["output_type"] for out in page.save().cells[1].outputs] == [
        "stream",
        "execute_result",
    ]

    page.close()
    page.open()
    page.shown(1).get_by_text("42").first.wait_for()
    assert page.evaluate("it") == 42
    page.restart()
    with pytest.raises(RuntimeError, match="NameError"):
        page.evaluate("it")


def test_a_cell_that_runs_is_looked_at_left_alone_and_interrupted(open_notebook: Any) -> None:
    page = open_notebook([LOOP], alone=True)
    page.run(0)
    page.shown(0).get_by_text("off we go").wait_for()
    page.save()
    page.reload(busy=True)
    page.interrupt()
    page.wait_idle()
    assert page.evaluate("1 + 1") == 2


@INTERFACES
def test_the_page_follows_the_theme_and_the_size_it_is_given(
    open_notebook: Any, interface: str
) -> None:
    dark = open_notebook(["1 + 1"], interface, size=(400, 800), color_scheme="dark")
    assert dark.is_dark()
    assert dark.page.evaluate("innerWidth") == 400
    dark.run(0)
    dark.wait_idle()
    assert dark.texts(0) == ["2"]
    assert not open_notebook(["1 + 1"], interface).is_dark()


def test_what_a_page_complains_of_and_calls_is_noticed(browser: Any, server: Any) -> None:
    html = "<img src='http://127.0.0.2:9/a.png' onerror='null.it'><button id='bare'></button>"
    write(
        server.folder / "noisy.ipynb",
        [
            f"from IPython.display import HTML\nHTML({html!r})",
            "import sys; print(1, file=sys.stderr)",
        ],
    )
    page = NotebookPage(browser, server, "noisy.ipynb", alone=True)
    page.open()
    try:
        page.run_all()
        page.wait_idle()
        page.page.locator("#bare").wait_for(state="attached")
        (finding,) = serious_findings(page.page, ".jp-OutputArea:has(#bare)")
        assert "button-name" in finding
        assert page.warnings() == ["1\n"]
        while not any("Cannot read properties of null" in text for text in page.complaints):
            page.page.wait_for_event("pageerror")
        assert set(page.strangers) == {"http://127.0.0.2:9/a.png"}
    finally:
        page.close()
        server.shut_down("noisy.ipynb")
