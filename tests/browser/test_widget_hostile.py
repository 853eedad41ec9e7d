"""What users write and emit is text in the live graph, and bad input is told what to do."""

from __future__ import annotations

from typing import Any

from tests.browser.graphs import GraphView
from tests.browser.notebooks import NotebookPage

EVIL = (
    """<img src=x onerror="window.hacked='it'">'"&amp;</script><script>window.hacked=1</script>"""
)
HEAD = EVIL[:30]
"""As much of it as is shown everywhere."""

HOSTILE = f"""\
%load_ext emitnb
EVIL = {EVIL!r}
Evil = type(EVIL, (str,), {{}})
EvilError = type(EVIL, (ValueError,), {{}})

def is_wanted(msg):
    return msg.n != EVIL

@router.node({{"text": Evil, "größe_数": str}}, entry_point=True, when=is_wanted)
def origin(msg):
    {EVIL!r}
    return Evil(EVIL * (20_000 if msg.n == 4 else 1)), EVIL

@router.node(("text",), subscribe_to=[f"/orig.*|{{EVIL}}/"], ignore=[f"/{{EVIL}}/"])
def größe_数(msg):
    {EVIL!r}
    if msg.text == EVIL:
        raise EvilError(EVIL)
    return msg.text

@router.node(("text",), subscribe_to="größe_数!")
def repair(msg):
    return msg.error
"""
FORBIDDEN = "img, iframe, object, embed, [onerror], [src]"
"""Elements and attributes that only come to be where text is taken for markup."""


def check_harmless(page: NotebookPage) -> None:
    """Nothing of what is below the cells was executed, or became markup."""
    assert page.page.evaluate("window.hacked") is None
    for selector in (".emitnb-graph", ".jp-OutputArea"):
        found = page.page.locator(selector).locator(FORBIDDEN + ", script")
        assert found.evaluate_all("all => all.map(it => it.outerHTML.slice(0, 200))") == []


def test_nothing_that_users_write_is_taken_for_markup(open_notebook: Any) -> None:
    page = open_notebook(
        [
            HOSTILE,
            "router",
            "router.push(range(5), field='n');",
            "%emit_frame origin",
            "%emit_failures",
            "%emit_trace repair 0",
            "%emit_peek origin -> größe_数",
        ]
    )
    page.run_all()
    page.wait_idle()
    assert page.errors() == []
    graph = GraphView(page).wait_drawn()
    graph.wait_like()
    graph.wait_state("done")
    assert HEAD in graph.node("origin").text_content()
    assert "is-pattern" in graph.edge("origin", "größe_数").get_attribute("class").split()

    # A node: its type, values, a value of a megabyte, what it subscribes to, its source, an error.
    graph.click("origin")
    panel = graph.wait_opened("origin")
    panel.get_by_text("the last 5 of 5 rows").wait_for()
    rows = panel.get_by_label("last emissions").locator("tbody tr")
    for row in rows.all():
        assert HEAD in row.inner_text()
        assert len(row.inner_text()) < 400
    assert HEAD in panel.locator(".emitnb-signature").inner_text()
    assert HEAD in panel.locator(".emitnb-source").inner_text()
    check_harmless(page)
    rows.last.get_by_role("button").click()
    panel.get_by_text("the path of origin 4").wait_for()
    assert HEAD in panel.locator(".emitnb-hops").inner_text()
    check_harmless(page)

    graph.find("größe_数")
    graph.wait_opened("größe_数")
    failures = panel.get_by_role("region", name="failures")
    failures.get_by_text("4 messages").wait_for()
    assert failures.inner_text().count(HEAD) >= 3  # type, error and input
    subscribed = panel.get_by_role("region", name="subscriptions")
    assert f"/orig.*|{EVIL}/" in subscribed.inner_text()
    assert f"but not /{EVIL}/" in subscribed.inner_text()
    check_harmless(page)

    # Edges: by pattern, and from a failure port.
    for origin, shown_as, name in [
        ("origin", "origin", "größe_数"),
        ("größe_数", "größe_数!", "repair"),
    ]:
        graph.click_edge(origin, name)
        graph.wait_opened(f"{shown_as} → {name}")
        shown = panel.get_by_label("last messages").locator("tbody tr")
        shown.last.wait_for()
        assert HEAD in shown.last.inner_text()
        shown.last.get_by_role("button").click()
        panel.get_by_text("the path of").first.wait_for()
        check_harmless(page)

    # What other cells show is text as well, and so is the picture for where no script runs.
    for cell in range(3, 7):
        assert HEAD in page.shown(cell).inner_text(), cell
    assert HEAD in graph.still.text_content()
    graph.find(EVIL)
    graph.wait_text(".emitnb-note", HEAD)
    check_harmless(page)


def test_a_page_that_blocks_webassembly_shows_the_picture_and_says_why(open_notebook: Any) -> None:
    cells = [HOSTILE, "router", "router.push(range(5), field='n');"]
    page = open_notebook(cells, alone=True)
    page.page.context.add_init_script("delete window.WebAssembly")
    page.reload()
    page.run_all()
    page.wait_idle()
    graph = GraphView(page)
    graph.wait_text(".emitnb-message", "it blocks WebAssembly")
    graph.still.wait_for(state="visible")
    graph.wait_still("5 emitted")
    graph.wait_text(".emitnb-state", "done")
    graph.wait_text(".emitnb-failed", "4 failed")
    assert graph.root.locator(".emitnb-stage").count() == 0
    graph.press("Retry failures")
    graph.wait_text(".emitnb-note", "retrying in the background")
    check_harmless(page)


def test_a_graph_without_nodes_says_how_to_declare_one_and_becomes_live(
    open_notebook: Any,
) -> None:
    page = open_notebook(
        [
            "%load_ext emitnb",
            "%emit_graph",
            "%emit_graph --around nonsense",
            "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()",
            "%emit_graph --around wrods",
            "router.push([{'document': 'a b'}]);",
        ]
    )
    page.run(0, 1)
    graph = GraphView(page)
    graph.wait_text(".emitnb-message", "%%emit_node word --entry")
    page.wait_idle()
    assert graph.root.locator("g.node").count() == 0
    assert graph.root.locator(".emitnb-tools").is_hidden()
    page.run(2)
    page.wait_idle()
    (error,) = page.errors()
    assert error.startswith("UnknownNodeError: no node is named `nonsense`")
    page.run(3)
    page.wait_idle()
    graph.wait_drawn()
    graph.wait_like()
    page.run(4)
    page.wait_idle()
    assert "`words`" in page.errors()[1]
    page.run(5)
    page.wait_idle()
    graph.wait_like()
    assert graph.numbers()["words"] == (1, 2, 0, 0)
    assert page.page.locator(".emitnb-graph").count() == 1
