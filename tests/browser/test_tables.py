"""A table of a frame in a browser, on a page that runs no script: what is clicked, and is seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page

from emitnb.notebook.tables import table

HOSTILE = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>'


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param)
    yield context.new_page()
    context.close()


BOXES = """all => all.map(it => {
    const { x, y, width, height } = it.getBoundingClientRect()
    const seen = it.checkVisibility({ visibilityProperty: true }) && width > 0 && height > 0
    return [x, y, height, seen, it.innerText]
})"""
"""Of each element: where it is, how high, whether it is seen, and what it says."""


def rows_in(shown: Locator) -> list[str]:
    """The first cells of the rows that are seen, from top to bottom, which must not overlap."""
    rows = shown.locator("tbody tr").evaluate_all(BOXES)
    firsts = shown.locator("tbody tr > :first-child").evaluate_all(BOXES)
    assert len(rows) == len(firsts)
    found = sorted(
        (y, height, text)
        for (_, y, height, seen, _), (*_, text) in zip(rows, firsts, strict=True)
        if seen
    )
    assert all(y + height <= below + 0.5 for (y, height, _), (below, _, _) in pairwise(found))
    return [text for *_, text in found]


def expected(rows: Any) -> list[str]:
    return [*map(str, rows[:10]), f"⋮ {len(rows) - 20} more rows", *map(str, rows[-10:])]


def test_a_click_or_a_key_sorts_a_table_and_no_other(page: Page) -> None:
    values = np.random.default_rng(3).permutation(500)
    frame = pd.DataFrame({"n": values, HOSTILE: HOSTILE, "x": values[::-1] / 7})
    narrow = pd.DataFrame({"word": ["a", "b"]})
    page.set_content(f"<title>frames</title>{table(frame)}{table(frame)}{table(narrow)}")
    first, other, _ = page.locator(".emitnb-frame").all()
    number, text, fraction = first.locator("thead th").all()
    up, rows = np.argsort(values), expected(range(500))
    assert rows_in(first) == rows

    number.click()
    assert rows_in(first) == expected(up)
    number.click()
    assert rows_in(first) == expected(up[::-1])
    number.click()
    assert rows_in(first) == rows
    text.click()
    fraction.click()  # closes the one before
    assert rows_in(first) == expected(499 - up)
    page.keyboard.press("Tab")  # from ascending to descending
    page.keyboard.press("Enter")
    assert rows_in(first) == expected(499 - up[::-1])
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert rows_in(first) == expected(499 - up)
    assert rows_in(other) == rows

    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert rows_in(first) == expected(499 - up)
    assert rows_in(other) == expected(up)
    assert text.inner_text().startswith(HOSTILE[:39])
    assert page.title() == "frames"
    assert page.locator("img").count() == 0


def test_columns_are_one_below_the_other_in_every_order(page: Page) -> None:
    frame = pd.DataFrame({"short": ["a"] * 40, "word": ["rain " * 40, *["sun"] * 39], "n": 1})
    page.set_content(table(frame))
    shown = page.locator(".emitnb-frame")
    for column in (None, *shown.locator("thead th").all()):
        if column:
            column.click()
        for place in range(4):
            cells = shown.locator(f"tr:not(.gap) > :nth-child({place + 1})").evaluate_all(BOXES)
            xs = [x for x, _, _, seen, _ in cells if seen]
            assert len(xs) == 21
            assert len(set(xs)) == 1
