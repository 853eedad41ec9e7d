"""Tab: names of nodes where a magic asks for one, options after ``--``."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

# IPython's older way to complete is still that of several front ends.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def nodes(counting):
    """Three nodes, one of them of a module."""
    counting.router.node("x", name="tasks.clean_words")(lambda msg: None)
    return counting


def offered(notebook, line):
    """Return what the line's last word may become; both of IPython's ways must tell the same."""
    text, matches = notebook.shell.complete("", line, len(line))
    assert line.endswith(text)
    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions(line, len(line)))
    if {one.start for one in found} == {len(line) - len(text)}:
        assert [one.text for one in found] == matches
    else:
        assert not matches or found
    return text, matches


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("%%emit_node x --on wo", ["words"]),
        ("%%emit_node x --on words co", ["count_word"]),
        ("%%emit_node x --on words", ["words", "words!"]),
        ("%%emit_node x --on words!", ["words!"]),
        ("%%emit_node x --on count_word,clean_words!", ["clean_words!"]),
        ("%emit_frame tasks.clean_words", ["tasks.clean_words", "tasks.clean_words!"]),
        ("%%emit_node x --on words,co", ["count_word"]),
        ("%%emit_node x --entry --ignore c", ["count_word", "clean_words"]),
        ("%%emit_node x --key n --on ta", ["tasks.clean_words"]),
        ("%emit_push data --to w", ["words"]),
        ("%%emit_push --to w", ["words"]),
        ("%emit_frame wo", ["words"]),
        ("%emit_frame --lineage wo", ["words"]),
        ("f = %emit_frame wo", ["words"]),
        ("%emit_failures c", ["count_word", "clean_words"]),
        ("%emit_trace tasks.", ["tasks.clean_words"]),
        ("%emit_peek wo", ["words"]),
        ("%emit_peek words -> co", ["count_word"]),
        ("%emit_remove wo", ["words"]),
        ("%emit_rename wo", ["words"]),
    ],
)
def test_names_of_nodes(nodes, line, names):
    assert offered(nodes, line)[1] == names


@pytest.mark.parametrize(
    "line",
    [
        "%%emit_node wo",
        "%%emit_node x --key wo",
        "%%emit_node x --name wo",
        "%emit_trace words wo",
        "%emit_rename words wo",
        "%emit_push wo",
        "%emit_push data --to words wo",
        "%time wo",
        "emit_frame = wo",
    ],
)
def test_no_names_elsewhere(nodes, line):
    matches = offered(nodes, line)[1]
    assert "tasks.clean_words" not in matches
    assert "clean_words" not in matches


def test_all_names_after_a_blank(nodes):
    assert offered(nodes, "%emit_frame ") == (
        "",
        ["words", "count_word", "tasks.clean_words", "clean_words"],
    )


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (
            "%%emit_node x --",
            "--on --ignore --entry --key --when --batch --name "
            "--retries --backoff --timeout --resources --workers --priority --allow-shared "
            "--retry --from-start --diff --last --apply",
        ),
        ("%%emit_node x --on words --i", "--ignore"),
        ("%emit_push x --l", "--limit --lines"),
        ("%%emit_push --fo", "--format"),
        ("%emit_frame words --", "--lineage --lazy"),
    ],
)
def test_options(nodes, line, options):
    assert offered(nodes, line)[1] == options.split()


def test_names_in_the_lines_of_a_route(nodes):
    cell = "%%emit_route\nwords -> co"
    results = nodes.shell.Completer._complete(cursor_line=1, cursor_pos=11, full_text=cell)
    assert [one.text for one in results["emitnb"]["completions"]] == ["count_word"]


def test_without_a_router_nothing_breaks(nodes):
    nodes.run("router = 3")
    assert offered(nodes, "%%emit_node x --o")[1] == ["--on"]
    assert "words" not in offered(nodes, "%emit_frame wor")[1]


def test_python_is_completed_as_before(nodes):
    nodes.run("wonderful = 1")
    with provisionalcompleter():
        found = list(nodes.shell.Completer.completions("wonder", 6))
    assert [one.text for one in found] == ["wonderful"]
