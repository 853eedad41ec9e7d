"""A saved notebook with a live graph, looked at where there is neither kernel nor script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert import HTMLExporter

from tests.browser.graphs import COUNTING, GraphView

PUSH = "router.push([{'document': 'a b'}] * 10);"


def test_a_saved_notebook_is_a_page_with_the_graph_without_scripts_or_network(
    open_notebook: Any, browser: Any, tmp_path: Path
) -> None:
    page = open_notebook([COUNTING, "%emit_graph", PUSH])
    page.run_all()
    page.wait_idle()
    GraphView(page).wait_like()
    page.wait_for(
        "() => /20 emitted/.test(document.querySelector('[data-emitnb-still]').textContent)"
    )
    saved = page.save()
    assert "widgets" not in saved.metadata
    html, _ = HTMLExporter().from_notebook_node(saved)
    made = tmp_path / "made.html"
    made.write_text(html, encoding="utf-8")
    context = browser.new_context(java_script_enabled=False, offline=True)
    plain = context.new_page()
    plain.goto(made.as_uri())
    still = plain.locator("[data-emitnb-still]")
    assert still.is_visible()
    assert "20 emitted" in still.text_content()
    assert still.bounding_box()["height"] > 50
    context.close()
