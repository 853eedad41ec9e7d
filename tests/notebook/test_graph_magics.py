"""``%%emit_route``, ``%emit_graph``, ``%emit_remove``, ``%emit_rename``, ``%emit_reset``."""

from __future__ import annotations

import pytest

from emitnb import DeclarationError, EmitError, UnknownNodeError


def declare(notebook, *names):
    """Declare nodes that are subscribed to nothing."""
    for name in names:
        notebook.run(f"%%emit_node x --name {name}\ndef f(msg):\n    return msg.x")


def routes(notebook):
    """Return all routes of the graph."""
    graph = notebook.router.graph
    return {(origin, name) for name in graph.nodes for origin in graph.origins(name)}


# --- Routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -> b -> c", {("a", "b"), ("b", "c")}),
        ("a->b->c", {("a", "b"), ("b", "c")}),
        ("\n# all of it\na -> b  # first\n\n  b -> c\n", {("a", "b"), ("b", "c")}),
        ("/[ab]/ -> c", {("a", "c"), ("b", "c")}),
        ("/a|b -> c/ -> b", {("a", "b")}),
        ("a -> a", {("a", "a")}),
        ("a! -> b -> a", {("a!", "b"), ("b", "a")}),
        ("a!->b", {("a!", "b")}),
        ("/[ab]!/ -> c\na! -x c", {("b!", "c")}),
        ("/[ab]!?/ -> c\n/.*!/ -x c", {("a", "c"), ("b", "c")}),
        ("a! -> a", {("a!", "a")}),
        ("__entry_point -> a -> b", {("__entry_point", "a"), ("a", "b")}),
        ("a -> b -> c\na -x b", {("b", "c")}),
        ("a -> c\nb -> c\n/a|b/ -x c", set()),
        ("/.*/ -> c\na -x c\n__entry_point -x c", {("b", "c")}),
        ("a -> b\na -x b -> c", {("b", "c")}),
    ],
)
def test_arrows_subscribe_and_cut(notebook, text, expected):
    declare(notebook, "a", "b", "c")
    notebook.run(f"%%emit_route\n{text}")
    assert routes(notebook) == expected


def test_the_value_is_the_graph(notebook):
    declare(notebook, "a", "b")
    assert repr(notebook.run("%%emit_route\n__entry_point -> a -> b")) == str(notebook.router)


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        ("b -> nope", UnknownNodeError, "no node is named `nope`"),
        ("nope -> b", UnknownNodeError, "no node is named `nope`"),
        ("nope! -> b", UnknownNodeError, "no node is named `nope`"),
        ("b -> c!", UnknownNodeError, "no node is named `c!`"),
        ("b! -x c", DeclarationError, "c does not subscribe to b!"),
        ("__entry_point! -> b", DeclarationError, "__entry_point! does not exist"),
        ("b -> /c/", UnknownNodeError, "no node is named `/c/`"),
        ("/(/ -> b", DeclarationError, "'\\(' is no regular expression"),
        ("b -x c", DeclarationError, "c does not subscribe to b"),
        ("b", DeclarationError, "line 3, `b`, is no route"),
        ("b ->", DeclarationError, "line 3, `b ->`, is no route"),
        ("-> b", DeclarationError, "line 3, `-> b`, is no route"),
        ("b - c", DeclarationError, "line 3, `b - c`, is no route"),
        ("b c", DeclarationError, "line 3, `b c`, is no route"),
        ("b => c", DeclarationError, "is no route"),
    ],
)
def test_a_wrong_line_changes_nothing(notebook, line, error, says):
    declare(notebook, "a", "b", "c")
    before = notebook.router.graph
    with pytest.raises(error, match=says):
        notebook.run(f"%%emit_route\na -> b\n{line}")
    assert notebook.router.graph is before


def test_a_route_that_a_key_forbids_changes_nothing(counting):
    declare(counting, "a")
    before = counting.router.graph
    with pytest.raises(DeclarationError, match="key reads the field `word`, which a does not emit"):
        counting.run("%%emit_route\nwords -> a\na -> count_word")
    assert counting.router.graph is before


def test_no_routes_at_all(notebook):
    with pytest.raises(DeclarationError, match=r"no routes here\. Write `a -> b -> c`"):
        notebook.run("%%emit_route\n# nothing")


def test_words_beside_the_magic_are_an_error(notebook):
    declare(notebook, "a", "b")
    with pytest.raises(EmitError, match="%%emit_route: unrecognized arguments: a"):
        notebook.run("%%emit_route a\na -> b")


# --- The graph ------------------------------------------------------------------------------------


def bundle(drawing):
    return drawing._repr_mimebundle_()


def test_a_graph_is_text_and_a_picture(counting):
    drawing = counting.run("%emit_graph")
    assert repr(drawing) == str(counting.router)
    shown = bundle(drawing)
    assert set(shown) == {"text/plain", "text/html", "image/svg+xml"}
    assert shown["text/plain"] == repr(drawing)
    assert shown["image/svg+xml"] == drawing._repr_svg_()
    assert "count_word" in shown["text/html"]


def test_a_picture_has_figures_once_something_was_pushed(counting):
    assert "emitted" not in bundle(counting.run("%emit_graph"))["text/html"]
    counting.run("%emit_push ['a b', 1, 'a']")
    shown = bundle(counting.run("%emit_graph"))["text/html"]
    assert shown.count(">3 emitted<") == 2
    assert shown.count(">1 failed<") == 1


def test_a_picture_says_what_is_stale(counting):
    counting.run("%emit_push ['a b', 'a']")
    assert "stale" not in bundle(counting.run("%emit_graph"))["text/html"]
    counting.run(
        "%%emit_node word count:int --on words --key word --name count_word\n"
        "def count_word(msg, state):\n    return msg.word, 0"
    )
    shown = bundle(counting.run("%emit_graph"))["text/html"]
    assert shown.count(">3 stale<") == 1


def test_a_drawing_stays_as_it_was_drawn(counting):
    drawing = counting.run("%emit_graph")
    before = bundle(drawing)
    counting.run("%emit_reset")
    assert bundle(drawing) == before


def test_no_nodes_no_picture(notebook):
    drawing = notebook.run("%emit_graph")
    assert set(bundle(drawing)) == {"text/plain"}
    assert drawing._repr_svg_() is None
    assert "%%emit_node word --entry" in repr(drawing)


def test_a_large_graph_is_text_alone_and_says_so(notebook):
    for number in range(2001):
        notebook.router.node("x", name=f"n{number}")(lambda msg: None)
    drawing = notebook.run("%emit_graph")
    assert set(bundle(drawing)) == {"text/plain"}
    assert "No picture: 2,001 nodes are more than 2,000." in repr(drawing)


# --- Changes --------------------------------------------------------------------------------------


def test_remove(counting):
    counting.run("%emit_push ['a']")
    assert counting.run("%emit_remove words") == "removed words; what it emitted stays"
    assert list(counting.router.nodes) == ["count_word"]
    assert counting.run("%emit_frame words")["word"].tolist() == ["a"]


def test_rename(counting):
    assert counting.run("%emit_rename words tokens") == "renamed words to tokens"
    assert routes(counting) == {("__entry_point", "tokens"), ("tokens", "count_word")}


def test_reset(counting):
    counting.run("%emit_push ['a']")
    assert "forgot 2 nodes" in counting.shown("%emit_reset")
    assert not counting.router.nodes
    assert counting.router.frame().empty


@pytest.mark.parametrize(
    ("cell", "error", "says"),
    [
        ("%emit_remove wordz", UnknownNodeError, "Did you mean `words`"),
        ("%emit_rename wordz x", UnknownNodeError, "Did you mean `words`"),
        ("%emit_rename words count_word", DeclarationError, "'count_word' is taken"),
        ("%emit_rename words", EmitError, "arguments are required: B"),
        ("%emit_remove", EmitError, "arguments are required: NODE"),
        ("%emit_reset all", EmitError, "unrecognized arguments: all"),
        ("%emit_graph all", EmitError, "unrecognized arguments: all"),
        ("%emit all", EmitError, "unrecognized arguments: all"),
        ("%emit_summary all", EmitError, "unrecognized arguments: all"),
    ],
)
def test_what_cannot_be_done_says_so_and_changes_nothing(counting, cell, error, says):
    before = counting.router.graph
    with pytest.raises(error, match=says):
        counting.run(cell)
    assert counting.router.graph is before


def test_short_names_do(notebook):
    notebook.router.node("x", name="tasks.clean")(lambda msg: None)
    assert notebook.run("%emit_remove clean") == "removed tasks.clean; what it emitted stays"
