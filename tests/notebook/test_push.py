"""``%emit_push``, ``%%emit_push`` and the magics that read what came of it."""

from __future__ import annotations

import pandas as pd
import pytest

from emitnb import EmitError, RunInterrupted, RunStoppedError, SourceError, UnknownNodeError
from emitnb.errors import UnknownRowError
from emitnb.notebook.pushing import content


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Two texts in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("rain\nin Spain")
    (tmp_path / "b c.txt").write_text("sun")
    return tmp_path


@pytest.fixture
def echo(notebook):
    """A notebook with one node, ``echo``, that emits what it gets as ``text``."""
    notebook.run("%%emit_node text --entry\ndef echo(msg):\n    return msg.as_dict(),")
    return notebook


def echoed(notebook):
    """Return what ``echo`` got so far."""
    return notebook.router.frame("echo")["text"].tolist()


# --- What SOURCE means ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a.txt", ["rain\nin Spain"]),
        ("b c.txt", ["sun"]),
        ("'a.txt'", ["rain\nin Spain"]),
        ('"b c.txt"', ["sun"]),
        ("*.txt", ["rain\nin Spain", "sun"]),
        ("? c.txt", ["sun"]),
        ("[1, 2]", [1, 2]),
        ("[word for word in 'a b'.split()]", ["a", "b"]),
        ("{'document': 'x # y'}", ["x # y"]),
        ("mine", ["m"]),
        ("mine * 2", ["m", "m"]),
        ("path", ["sun"]),
        ("[mine[0],  'x  y']", ["m", "x  y"]),
        ("[-1]", [-1]),
        ("(n for n in range(2))", [0, 1]),
    ],
)
def test_a_source_is_a_path_or_an_expression(echo, source, texts):
    echo.run("mine, path = ['m'], 'b c.txt'")
    echo.run(f"%emit_push {source}")
    assert [fields["document"] for fields in echoed(echo)] == texts


def test_a_file_goes_before_a_variable_of_its_name(echo, folder):
    (folder / "mine").write_text("file")
    echo.run("mine = ['m']")
    echo.run("%emit_push mine --lines")
    assert echoed(echo) == [{"document": "file"}]


def test_a_frame_is_pushed_by_rows(echo):
    echo.run("import pandas as pd\ndf = pd.DataFrame({'x': [1, 5], 'y': ['a', 'b']})")
    echo.run("%emit_push df[df.x > 3]")
    assert echoed(echo) == [{"x": 5, "y": "b"}]


@pytest.mark.parametrize("name", ["nothing.txt", "a-b.txt", "no such file", "*.nothing"])
def test_what_is_neither_says_that_both_were_tried(echo, name, folder):
    with pytest.raises(SourceError) as raised:
        echo.run(f"%emit_push {name}")
    said = str(raised.value)
    assert f"{name!r} is neither a file nor a glob that matches one in {folder}" in said
    assert "nor an expression that can be evaluated" in said


def test_no_source_at_all(echo):
    with pytest.raises(SourceError, match="push what"):
        echo.run("%emit_push --limit 3")


def test_a_call_that_fails_is_shown_as_what_it_is(echo):
    echo.run("def rows():\n    raise KeyError('broken')")
    with pytest.raises(KeyError, match="broken"):
        echo.run("%emit_push rows()")
    shown = echo.shown("%emit_push rows()")
    assert "raise KeyError('broken')" in shown
    assert "emitnb/notebook" not in shown


# --- Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--to echo --limit 1 [1, 2]",
        "[1, 2] --limit 1 --to 'echo'",
        "--limit=1 [1, 2] --to=echo  # the first",
        "[1, 2] --to echo --limit 1;",
    ],
)
def test_options_stand_anywhere(echo, line):
    echo.run("%%emit_node n --entry\ndef other(msg):\n    return 1")
    run = echo.run(f"%emit_push {line}") or echo.router.run
    assert run.done == 1
    assert echoed(echo) == [{"document": 1}]
    assert echo.router.frame("other").empty


def test_field_lines_and_batch_size(echo):
    run = echo.run("%emit_push a.txt --lines --field line --batch-size 1")
    assert echoed(echo) == [{"line": "rain"}, {"line": "in Spain"}]
    assert (run.state, run.done) == ("done", 2)
    echo.run("%emit_push a.txt --batch-size auto")
    assert len(echoed(echo)) == 3


def test_the_run_is_the_value(echo):
    assert echo.run("%emit_push [1, 2]") is echo.router.run
    assert "done: 2 messages" in echo.shown("%emit_push [1, 2]")
    assert echo.shown("%emit_push [1, 2];") == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[1] --limit few", "argument --limit: invalid int value: 'few'"),
        ("[1] --limits 3", "unrecognized arguments: --limits"),
        ("[1] --to", "argument --to: expected one argument"),
    ],
)
def test_a_wrong_option_is_an_error(echo, line, says):
    with pytest.raises(EmitError, match=says) as raised:
        echo.run(f"%emit_push {line}")
    assert str(raised.value).startswith("%emit_push: ")


def test_an_unknown_node_to_push_to(echo):
    with pytest.raises(UnknownNodeError, match="Did you mean `echo`"):
        echo.run("%emit_push [1] --to ecko")


def test_stop_on_error(notebook):
    notebook.run("%%emit_node x --entry\ndef inverse(msg):\n    return 1 / msg.n")
    with pytest.raises(RunStoppedError, match="ZeroDivisionError"):
        notebook.run("%emit_push [1, 0, 2] --field n --stop-on-error --batch-size 1")
    assert notebook.router.frame("inverse")["x"].tolist() == [1]
    assert notebook.run("%emit_push [1, 0, 2] --field n").state == "done"


def test_an_interrupt_is_shown_short_and_can_be_resumed(notebook):
    notebook.run(
        "%%emit_node x --entry\ntired = True\ndef slow(msg):\n"
        "    if tired and msg.n == 2:\n        raise KeyboardInterrupt\n"
        "    return msg.n"
    )
    cell = "%emit_push [1, 2, 3] --field n --batch-size 1"
    shown = notebook.shown(cell)
    assert shown.startswith("Interrupted: 1 of 3 messages committed")
    assert len(shown.splitlines()) == 1
    notebook.run("router.clear()")
    with pytest.raises(RunInterrupted):
        notebook.run(cell)
    notebook.run("tired = False")
    notebook.run("router.run.resume()")
    assert notebook.router.frame("slow")["x"].tolist() == [1, 2, 3]


# --- The content of a cell ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cell", "fields"),
    [
        ("", "the rain\n\nin Spain", [{"document": "the rain\n\nin Spain"}]),
        ("--lines", "the rain\n\nin Spain", [{"document": "the rain"}, {"document": "in Spain"}]),
        ("--format lines --field t", "a\nb", [{"t": "a"}, {"t": "b"}]),
        ("--field text", "a, b", [{"text": "a, b"}]),
        ("", '{"a": 1}\n\n{"a": 2, "b": "x"}\n', [{"a": 1}, {"a": 2, "b": "x"}]),
        ("--format jsonl", '{"a": 1}\n2', [{"a": 1}, {"document": 2}]),
        ("--format text", '{"a": 1}', [{"document": '{"a": 1}'}]),
        ("--format csv", 'a,b\n1,"x, y"\n\n2,z', [{"a": "1", "b": "x, y"}, {"a": "2", "b": "z"}]),
        ("--limit 1", '{"a": 1}\n{"a": 2}', [{"a": 1}]),
        ("--lines", '{"a": 1}\n{"a": 2}', [{"document": '{"a": 1}'}, {"document": '{"a": 2}'}]),
    ],
)
def test_a_cell_is_text_json_lines_or_csv(echo, line, cell, fields):
    echo.run(f"%%emit_push {line}\n{cell}")
    assert echoed(echo) == fields


@pytest.mark.parametrize(
    ("line", "cell", "says"),
    [
        ("", '{"a": 1}\n{"a": \n{"a": 2}', "line 3 of the cell is not JSON"),
        ("--format jsonl", '{"a": 1}\n{"a": \n{"a": 2}', "line 3 of the cell is not JSON"),
        ("--format csv", "a\n1\n3,4\n2", "line 4 of the cell has 2 cells, the header 1: a"),
        ("--format csv", 'a\n1\n2\n"2', "line 5 of the cell is not CSV"),
        ("--format csv", 'a\n1\n"3\n2', "line 4 of the cell is not CSV"),
        ("--format csv", "a,b\n1,2\n3\n4,5", "line 4 of the cell has 1 cell, the header 2: a, b"),
    ],
)
def test_a_line_that_does_not_parse_is_a_failure_and_the_rest_goes_on(echo, line, cell, says):
    echo.run(f"%%emit_push {line}\n{cell}")
    assert len(echoed(echo)) == 2
    failures = echo.run("%emit_failures __entry_point")
    assert len(failures) == 1
    assert says in failures["error"][0]
    kept = echo.run("%emit_failures --rows")["input"][0]["text"]
    assert kept in [line.strip() for line in cell.split("\n")]


def test_an_unknown_format_is_an_error(echo):
    with pytest.raises(EmitError, match=r"%%emit_push: argument --format: invalid choice: 'xml'"):
        echo.run("%%emit_push --format xml\n<a/>")


def test_a_source_beside_a_cell_is_an_error(echo):
    with pytest.raises(EmitError, match="unrecognized arguments: a\\.txt"):
        echo.run("%%emit_push a.txt\nwords")


def test_content_of_blank_lines_is_text():
    assert content("\n \n") == [{"document": "\n "}]
    assert content("\n", by_line=True) == []


# --- Reading --------------------------------------------------------------------------------------


def test_frames_are_values(counting):
    counting.run("%emit_push ['a b a']")
    counting.run("f = %emit_frame count_word")
    assert counting["f"].to_dict("list") == {"word": ["a", "b", "a"], "count": [1, 1, 2]}
    assert list(counting.run("%emit_frame")["node"].unique()) == ["words", "count_word"]
    lineage = counting.run("%emit_frame --lineage count_word")
    assert lineage["parent_node"].tolist() == ["words"] * 3
    assert lineage["parent_row"].tolist() == [0, 1, 2]


def test_failures_summary_and_trace_are_values(counting):
    counting.run("%emit_push [1, 'a']")
    failures = counting.run("%emit_failures words --rows")
    assert failures["input"].tolist() == [{"document": 1}]
    assert len(counting.run("%emit_failures --rows")) == 1
    assert counting.run("%emit_failures count_word --rows").empty
    summary = counting.run("%emit_summary")
    assert summary.loc["words", ["in", "emitted", "failed"]].tolist() == [2, 1, 1]
    trace = counting.run("%emit_trace count_word 0")
    assert trace["node"].tolist() == ["__entry_point", "words", "count_word"]


def test_a_budget_is_set_and_shown(counting, tmp_path):
    counting.run("%emit_push ['a b a'] * 500")
    assert "of 1 GB in memory (3,500 rows)" in counting.shown("%emit_budget")
    kept = counting.run(f"%emit_budget 1 kB --rows 1_000 --folder '{tmp_path}'")
    assert (kept.bounds.memory, kept.bounds.rows) == (1_000, 1_000)
    assert kept.files.rows + kept.memory.rows == 3_500
    assert str(kept) in counting.shown("%emit_summary")
    assert len(counting.run("%emit_frame words")) == 1_500
    counting.run("%emit_budget unlimited")
    assert counting.run("%emit_budget").bounds.memory is None
    with pytest.raises(EmitError, match="'lots' is not an amount of memory"):
        counting.run("%emit_budget lots")
    with pytest.raises(EmitError, match="'some' is not a number of rows"):
        counting.run("%emit_budget --rows some")


@pytest.mark.parametrize("magic", ["%emit_frame", "%emit_failures", "%emit_trace"])
def test_an_unknown_node_is_an_error_with_a_way_out(counting, magic):
    row = " 0" if magic == "%emit_trace" else ""
    with pytest.raises(UnknownNodeError, match="Did you mean `count_word`"):
        counting.run(f"{magic} count_wordz{row}")


def test_a_row_that_is_not_there(counting):
    with pytest.raises(UnknownRowError, match="no row 7"):
        counting.run("%emit_trace words 7")
    with pytest.raises(EmitError, match="arguments are required: ROW"):
        counting.run("%emit_trace words")


def test_a_trace_is_drawn(counting):
    counting.run("%emit_push ['a b a']")
    drawn = counting.shown("%emit_trace count_word 2")
    assert "└─ words 2" in drawn
    assert "count_word 2 ◀" in drawn
    assert "word='a', count=2" in drawn


def test_a_peek_is_a_frame_of_what_went_over_an_edge(counting):
    counting.run("%emit_push ['a b a']")
    assert counting.run("%emit_peek words -> count_word")["word"].tolist() == ["a", "b", "a"]
    assert counting.run("%emit_peek words->count_word -n 1").index.tolist() == [2]
    assert counting.run("f = %emit_peek -n 2 __entry_point -> words") is None
    assert counting["f"]["document"].tolist() == ["a b a"]
    with pytest.raises(EmitError, match="It receives from words"):
        counting.run("%emit_peek __entry_point -> count_word")
    with pytest.raises(EmitError, match="is no edge"):
        counting.run("%emit_peek words")
    with pytest.raises(EmitError, match="from 1 on"):
        counting.run("%emit_peek words -> count_word -n 0")


def test_below_the_summary_stands_what_is_slow(counting):
    assert "takes" not in counting.shown("%emit_summary")
    counting.run("%emit_push ['" + "<b>&a</b> " * 200 + "']")
    shown = counting.shown("%emit_summary")
    assert shown.rstrip().splitlines()[-1] == counting.router.advice()
    assert "count_word" in shown
    summary = counting.run("%emit_summary")
    html = summary._repr_html_()
    assert html.index("</table>") < html.index(" messages/s.")
    assert "have the key &#x27;&lt;b&gt;" in html
    assert "<b>" not in html
    assert type(summary[["in"]]) is pd.DataFrame
