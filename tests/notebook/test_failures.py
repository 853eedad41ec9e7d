"""What failed, as a notebook shows it."""

from __future__ import annotations

import re

import pytest

from emitnb import EmitError, UnknownNodeError, UnknownRowError

PARSE = """\
%%emit_node n --entry
def parse(msg):
    return int(msg.text)"""


@pytest.fixture
def parsing(notebook):
    """A notebook in which three of four messages failed."""
    notebook.run(PARSE)
    notebook.run("%emit_push ['1', 'twelve', 'x', '" + "long " * 100 + "'] --field text")
    return notebook


def test_groups_are_shown_as_a_short_aligned_table(parsing):
    lines = parsing.shown("%emit_failures").splitlines()
    head, line = lines[1] if lines[0].startswith("Out") else lines[0], lines[-3]
    assert head.split() == [
        *("node", "error_type", "line", "count", "first", "last", "error", "smallest", "row")
    ]
    assert line.split()[:4] == ["parse", "ValueError", "3", "3"]
    assert re.search(r"  (\d\d:\d\d:\d\d  ){2}invalid literal .*: 'x'  \{'text': 'x'\} +1$", line)
    for name in ("line", "count", "row"):
        end = head.index(name) + len(name)
        assert line[end - 1].isdigit()
        assert line[end : end + 1] in ("", " ")
    assert lines[-1].startswith("%emit_debug ROW calls the node again on the smallest input")


def test_groups_are_a_frame_with_all_that_is_cut_in_the_table(notebook):
    notebook.run(PARSE)
    notebook.run("%emit_push ['" + "long " * 100 + "'] --field text")
    assert max(map(len, notebook.shown("%emit_failures").splitlines())) < 160
    groups = notebook.run("%emit_failures")
    assert groups["smallest"][0] == {"text": "long " * 100}
    assert "long…" in repr(groups)
    html = groups._repr_html_()
    assert "long…" in html
    assert "long " * 30 not in html
    assert type(groups[["node"]]).__name__ == "DataFrame"


def test_markup_in_data_stays_text(notebook):
    notebook.run(PARSE)
    notebook.run("%emit_push ['<b>x</b>'] --field text")
    assert "<b>" not in notebook.run("%emit_failures")._repr_html_()


def test_nothing_has_failed(notebook):
    notebook.run(PARSE)
    shown = notebook.run("%emit_failures parse")
    assert (repr(shown), shown._repr_html_()) == ("nothing has failed", "nothing has failed")
    assert notebook.run("%emit_failures --rows").empty


def test_groups_and_rows_of_one_node(parsing):
    assert parsing.run("%emit_failures parse")["count"].tolist() == [3]
    assert len(parsing.run("%emit_failures parse --rows")) == 3
    for line in ("prase", "prase --rows"):
        with pytest.raises(UnknownNodeError, match="Did you mean `parse`"):
            parsing.run(f"%emit_failures {line}")


def test_a_call_that_passes_now_says_so(parsing):
    parsing.run(PARSE.replace("int(msg.text)", "len(msg.text)"))
    shown = parsing.run("%emit_debug 1")
    assert shown == "parse passes now; %emit_retry parse sends it through"


def test_a_call_that_passes_with_the_same_code_says_why_it_may(notebook):
    notebook.run("ready = False")
    notebook.run(
        "%%emit_node n --entry\ndef ask(msg):\n    assert ready, 'no answer'\n    return 1"
    )
    notebook.run("%emit_push [1]")
    notebook.run("ready = True")
    shown = notebook.run("%emit_debug 0")
    assert shown.startswith("ask passes now; %emit_retry ask sends it through\n")
    assert "the same that failed with AssertionError: no answer" in shown


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        ("7", UnknownRowError, "no failure 7 .*; its index has the rows"),
        ("1.5", EmitError, "%emit_debug: '1.5' is no row number"),
        ("", EmitError, "%emit_debug: the following arguments are required: ROW"),
    ],
)
def test_a_row_that_is_not_there(parsing, row, error, says):
    with pytest.raises(error, match=says):
        parsing.run(f"%emit_debug {row}")


def test_a_row_may_be_an_expression(parsing):
    parsing.run(PARSE.replace("int(msg.text)", "len(msg.text)"))
    parsing.run("groups = %emit_failures")
    assert "passes now" in parsing.run("%emit_debug groups.row[0]")


def test_what_was_raised_outside_of_the_cell_is_raised(notebook):
    notebook.run("%%emit_node n:int --entry\ndef parse(msg):\n    return msg.text")
    notebook.run("%emit_push ['x'] --field text")
    with pytest.raises(EmitError, match="declared int"):
        notebook.run("%emit_debug 0")


def test_patience_is_said_on_the_line(notebook):
    notebook.run(
        "%%emit_node n --entry --timeout 5 --retries 2 --backoff 0.5\n"
        "async def ask(msg):\n    return msg.n"
    )
    node = notebook.router.nodes["ask"]
    assert (node.retries, node.backoff, node.timeout) == (2, 0.5, 5.0)
    with pytest.raises(EmitError, match="ask: a timeout could not be kept"):
        notebook.run("%%emit_node n --entry --timeout 5\ndef ask(msg):\n    return msg.n")
    with pytest.raises(EmitError, match="argument --backoff: invalid float value: 'soon'"):
        notebook.run("%%emit_node n --backoff soon\ndef ask(msg):\n    return msg.n")
