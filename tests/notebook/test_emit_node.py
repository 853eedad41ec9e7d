"""``%%emit_node``: a cell becomes a node, runs once, and stays a cell one can read and debug."""

from __future__ import annotations

import inspect
from datetime import datetime

import pytest

from emitnb import DeclarationError, EmitError


def fails(notebook, cell, error=DeclarationError):
    """Run a cell that must fail and leave the graph as it was; return what it says."""
    before = notebook.router.graph
    with pytest.raises(error) as raised:
        notebook.run(cell)
    assert notebook.router.graph is before
    return str(raised.value)


# --- What is declared -----------------------------------------------------------------------------


def test_the_function_of_the_cell_is_a_node(notebook):
    declared = notebook.run("%%emit_node word --entry\ndef words(msg):\n    return msg.document")
    assert declared.node.name == "words"
    assert declared.is_new
    node = notebook.router.nodes["words"]
    assert (node.fields, node.entry_point, node.subscriptions) == (("word",), True, ())


def test_what_takes_several_may_stand_several_times(notebook):
    notebook.run(
        "%%emit_node a b --on words --on '/a b/' --key a --key b\ndef both(msg, state):\n    pass"
    )
    node = notebook.router.nodes["both"]
    assert [str(one) for one in node.subscriptions] == ["words", "/a b/"]
    assert node.key == ("a", "b")


def test_every_option_reaches_the_node(notebook):
    notebook.run("limit = 3")
    notebook.run(
        "%%emit_node word count:int --on words /a.*/ --ignore about --key word "
        '--when "msg.count > limit" --name counted\n'
        "def count_word(msg, state):\n    return msg.word, 1"
    )
    node = notebook.router.nodes["counted"]
    assert node.fields == ("word", "count")
    assert node.types == {"count": int}
    assert node.key == ("word",)
    assert [str(one) for one in node.subscriptions] == ["words", "/a.*/"]
    assert [str(one) for one in node.ignores] == ["about"]
    assert not node.entry_point
    assert not node.batch


def test_batch_nodes(notebook):
    notebook.run(
        "%%emit_node size:int --entry --batch\ndef sizes(frame):\n"
        "    return frame[['document']].assign(size=frame['document'].str.len())[['size']]"
    )
    notebook.run("%emit_push ['a', 'bcd']")
    assert notebook.router.frame("sizes")["size"].tolist() == [1, 3]


@pytest.mark.parametrize(
    "when",
    ["msg.word == 'x'", "\"msg.word == 'x'\"", "msg.word=='x'", "='msg.word == \"x\"'"],
)
def test_a_predicate_may_stand_in_quotes_or_not(notebook, when):
    when = f"--when{when}" if when.startswith("=") else f"--when {when}"
    notebook.run(f"%%emit_node word --entry {when} --name n\ndef f(msg):\n    return msg.word")
    notebook.run("%emit_push ['x', 'y'] --field word")
    assert notebook.router.frame("n")["word"].tolist() == ["x"]


def test_a_predicate_sees_the_notebook_as_it_is_when_a_message_comes(notebook):
    notebook.run("least = 2")
    notebook.run('%%emit_node n --entry --when "msg.n >= least"\ndef big(msg):\n    return msg.n')
    notebook.run("%emit_push [1, 2, 3] --field n")
    notebook.run("least = 3")
    notebook.run("%emit_push [1, 2, 3] --field n")
    assert notebook.router.frame("big")["n"].tolist() == [2, 3, 3]
    assert "when msg.n >= least" in str(notebook.router)


def test_types_are_read_after_the_body_ran(notebook):
    notebook.run(
        "%%emit_node at:datetime, tags:list[str], score:float|None 'note:int | None' --entry\n"
        "from datetime import datetime\n"
        "def f(msg):\n    pass"
    )
    types = notebook.router.nodes["f"].types
    assert types == {
        "at": datetime,
        "tags": list[str],
        "score": float | None,
        "note": int | None,
    }


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("word count", ("word", "count")),
        ("word, count", ("word", "count")),
        ("word,count", ("word", "count")),
        ("--entry word count", ("word", "count")),
        ("", ()),
    ],
)
def test_fields_stand_with_blanks_or_commas_before_or_after_options(notebook, line, fields):
    notebook.run(f"%%emit_node {line}\ndef f(msg):\n    pass")
    assert notebook.router.nodes["f"].fields == fields


def test_a_type_with_brackets_and_quotes_needs_no_quotes_around_it(notebook):
    notebook.run(
        "%%emit_node kind:Literal['a', 'b'] sizes:dict[str, int]\n"
        "from typing import Literal\ndef f(msg):\n    pass"
    )
    assert notebook.router.nodes["f"].types["sizes"] == dict[str, int]
    assert notebook.router.nodes["f"].types["kind"].__args__ == ("a", "b")


def test_a_pattern_reaches_the_router_letter_for_letter(notebook):
    notebook.run("%%emit_node x --on /n\\d{1,2}$/ '/a b|c/'\ndef f(msg):\n    pass")
    texts = [one.text for one in notebook.router.nodes["f"].subscriptions]
    assert texts == ["n\\d{1,2}$", "a b|c"]


def test_a_comment_ends_the_line(notebook):
    notebook.run("%%emit_node word --entry  # --key nothing\ndef f(msg):\n    pass")
    assert notebook.router.nodes["f"].fields == ("word",)


def test_the_last_function_is_the_node_and_the_others_are_helpers(notebook):
    notebook.run(
        "%%emit_node n --entry\nimport math\nSTEP = 2\n"
        "def helper(n):\n    return math.floor(n) + STEP\n"
        "def node(msg):\n    return helper(msg.n)\n"
        "done = True"
    )
    assert list(notebook.router.nodes) == ["node"]
    assert notebook["helper"](1.5) == 3
    assert notebook["done"]
    assert notebook["node"](n=2.5) == {"n": 4}


def test_async_functions_and_classes_are_nodes_too(notebook):
    notebook.run("%%emit_node n --entry\nasync def later(msg):\n    return msg.n + 1")
    notebook.run(
        "%%emit_node n --on later\n"
        "class Doubled:\n    def __call__(self, msg):\n        return msg.n * 2\n"
        "class Note:\n    pass"
    )
    notebook.run("%emit_push [1] --field n")
    assert notebook.router.frame("Doubled")["n"].tolist() == [4]


def test_the_name_in_the_notebook_is_the_node(notebook):
    notebook.run("%%emit_node n --entry --name plus\ndef add(msg):\n    return msg.n + 1")
    assert notebook["add"].name == "plus"
    assert notebook["add"](n=1) == {"n": 2}
    assert notebook.router.frame("plus")["n"].tolist() == [2]


def test_the_body_runs_once(notebook):
    notebook.run("runs = []")
    notebook.run("%%emit_node n --entry\nruns.append(1)\ndef f(msg):\n    pass")
    assert notebook["runs"] == [1]


# --- Revisions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "revision"),
    [
        ("# a comment\n\ndef f( msg ):\n\n    return (msg.n+1)  # one more", 1),
        ("def f(msg):\n    return msg.n + 2", 2),
        ("STEP = 2\ndef f(msg):\n    return msg.n + 1", 2),
    ],
)
def test_only_a_change_of_the_code_is_a_new_revision(notebook, body, revision):
    notebook.run("%%emit_node n --entry\ndef f(msg):\n    return msg.n + 1")
    notebook.run(f"%%emit_node n --entry\n{body}")
    assert notebook.router.nodes["f"].revision == revision


# --- What goes wrong ------------------------------------------------------------------------------


def test_a_cell_without_a_function_shows_the_form(notebook):
    said = fails(notebook, "%%emit_node word --entry\nx = 1")
    assert "defines no function" in said
    assert "%%emit_node word --entry\ndef words(msg):" in said
    assert "x" not in notebook.shell.user_ns


def test_a_class_that_cannot_be_called_shows_the_form(notebook):
    said = fails(notebook, "%%emit_node word --entry\nclass Word:\n    pass")
    assert "Word has no __call__" in said
    assert "def words(msg):" in said


def test_a_cell_that_does_not_compile_shows_its_line(notebook):
    cell = "%%emit_node word --entry\n\ndef f(msg):\n    return (1 +"
    said = fails(notebook, cell)
    assert "line 4 of the cell does not compile: '(' was never closed" in said
    assert said.splitlines()[1:] == ["    return (1 +", "           ^"]
    assert "emitnb/notebook" not in notebook.shown(cell)


def test_await_outside_of_a_function_is_not_supported(notebook):
    said = fails(notebook, "%%emit_node x\nimport asyncio\nawait asyncio.sleep(0)\ndef f(msg): ...")
    assert "`await` outside of a function is not supported" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x --on", "argument --on: expected at least one argument"),
        ("x --onn words", "unrecognized arguments: --onn"),
        ("x --batch=1", "argument --batch: ignored explicit argument '1'"),
    ],
)
def test_a_wrong_option_names_the_magic_and_its_help(notebook, line, says):
    said = fails(notebook, f"%%emit_node {line}\ndef f(msg):\n    pass", EmitError)
    assert said.startswith("%%emit_node: ")
    assert says in said
    assert "%%emit_node?" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x --when 'msg.x >'", 'when "msg.x >" is not a Python expression'),
        ("x --when 'x > 3'", 'when "x > 3" reads `x`, which is not defined; a field is `msg.x`'),
        ("x:itn", "type of field `x` cannot be read from 'itn': name 'itn' is not defined"),
        ("x:", "type of field `x` cannot be read from ''"),
        ("x x:int", "'x' is named twice"),
        ("class", "'class' is a Python keyword"),
        ("x --on /(/", "'(' is no regular expression"),
        ("x --key word", "needs a state"),
        ("x --name ''", "needs a name"),
    ],
)
def test_what_cannot_be_declared_says_so_and_leaves_all_as_it_was(notebook, line, says):
    notebook.run("%%emit_node n --entry\ndef f(msg):\n    return msg.n")
    earlier = notebook["f"]
    assert says in fails(notebook, f"%%emit_node {line}\ndef f(msg):\n    pass")
    assert notebook["f"] is earlier


def test_a_body_that_raises_leaves_its_functions_unbound(notebook):
    fails(notebook, "%%emit_node x --entry\ndef f(msg):\n    pass\n1 / 0", ZeroDivisionError)
    assert "f" not in notebook.shell.user_ns


def test_errors_are_shown_without_a_traceback(notebook):
    shown = notebook.shown("%%emit_node x --when 'msg.'\ndef f(msg):\n    pass")
    assert shown.startswith("DeclarationError: %%emit_node: --when")
    assert len(shown.splitlines()) == 1


# --- The cell stays a cell ------------------------------------------------------------------------


def test_a_traceback_shows_the_line_of_the_cell(notebook):
    notebook.run("%%emit_node x --entry\n\ndef f(msg):\n    half = msg.n / 0\n    return half")
    shown = notebook.shown("router(n=1)")
    assert "Cell In[2], line 4, in f(msg)" in shown
    assert "----> 4     half = msg.n / 0" in shown


def test_a_traceback_of_the_body_shows_no_frame_of_emitnb(notebook):
    shown = notebook.shown("%%emit_node x --entry\n\nimport nowhere\ndef f(msg):\n    pass")
    assert "Cell In[2], line 3" in shown
    assert "----> 3 import nowhere" in shown
    assert "emitnb/notebook" not in shown


def test_failures_know_the_line_of_the_cell(notebook):
    notebook.run("%%emit_node x --entry\n\ndef f(msg):\n    return 1 / msg.n")
    notebook.run("%emit_push [0, 1] --field n")
    failure = notebook.router.failures("f").loc[0]
    assert failure["line"] == 4
    assert "return 1 / msg.n" in failure["traceback"]


def test_a_failing_predicate_shows_the_line_of_the_magic(notebook):
    notebook.run('%%emit_node x --entry --when "1 / msg.n"\ndef f(msg):\n    return 1')
    notebook.run("%emit_push [0] --field n")
    assert notebook.router.failures("f").loc[0, "line"] == 1
    assert '--when "1 / msg.n"' in notebook.router.failures("f").loc[0, "traceback"]


def test_the_source_of_node_and_helper_can_be_read(notebook):
    notebook.run(
        "%%emit_node x --entry\ndef helper(n):\n    return n\n\ndef f(msg):\n    return helper(1)"
    )
    assert inspect.getsource(notebook["helper"]) == "def helper(n):\n    return n\n"
    assert inspect.getsource(notebook["f"].__wrapped__) == "def f(msg):\n    return helper(1)\n"


@pytest.mark.parametrize("before", ["", "\n\n", "%%time\n"])
def test_lines_count_from_the_top_of_the_cell_as_it_is_seen(notebook, before):
    notebook.run(f"{before}%%emit_node x --entry\n\ndef f(msg):\n    pass")
    line = (before + "%%emit_node\n\n").count("\n") + 1
    assert notebook["f"].__wrapped__.__code__.co_firstlineno == line


def test_a_cell_made_by_a_program_has_a_text_of_its_own(notebook):
    notebook.run("get_ipython().run_cell_magic('emit_node', 'x', '\\ndef f(msg): return 12')")
    function = notebook["f"].__wrapped__
    assert inspect.getsource(function) == "def f(msg): return 12\n"
    assert function.__code__.co_firstlineno == 3


def test_imports_from_the_future_hold_for_later_cells(notebook):
    notebook.run("from __future__ import annotations")
    notebook.run("%%emit_node x --entry\ndef f(msg: NotThere):\n    pass")
    assert notebook["f"].__wrapped__.__annotations__ == {"msg": "NotThere"}
    notebook.run("%reset -f")


def test_nothing_of_emitnb_leaks_into_the_code(notebook):
    said = fails(notebook, "%%emit_node x\ndef f(msg: NotThere):\n    pass", NameError)
    assert "NotThere" in said


def test_a_cell_may_subscribe_to_a_failure_port(notebook):
    notebook.run("%%emit_node n:int --entry\ndef parse(msg):\n    return int(msg.text)")
    shown = str(
        notebook.run("%%emit_node text --on parse!\ndef repair(msg):\n    return msg.error")
    )
    assert "receives from  parse!" in shown
    notebook.run("%emit_push [{'text': 'x'}, {'text': '1'}]")
    assert notebook.run("%emit_frame parse!")["input"].tolist() == [{"text": "x"}]
    assert notebook.run("%emit_trace repair 0")["node"].tolist() == [
        "__entry_point",
        "parse!",
        "repair",
    ]


# --- The same node again --------------------------------------------------------------------------

HEAD = (
    '%%emit_node word:str count:int --on words --ignore about --key word --when "msg.n > 3" '
    "--retries 2 --backoff 1"
)
BODY = "limit = 3\ndef count_word(msg, state):\n    if msg.word:\n        return msg.word, limit"


@pytest.mark.parametrize(
    "cell",
    [
        f"{HEAD}\n\n# counts\n{BODY}\n\n# end",
        f"{HEAD}\n" + BODY.replace(":\n", ":  # so\n\n"),
        f"{HEAD}  # the same\n{BODY}",
        '%%emit_node --retries 2 word:str count:int --when "msg.n > 3" --backoff 1 --key word '
        f"--ignore about --on words\n{BODY}",
        HEAD.replace('"msg.n > 3"', "'msg.n>3'").replace("word:str count", "word:str, count")
        + f"\n{BODY}",
        HEAD.replace('"msg.n > 3"', "msg.n  >  (3)") + f"\n{BODY}",
        HEAD.replace("--retries 2 --backoff 1", "--retries 5") + f"\n{BODY}",
        HEAD.replace(" --retries 2 --backoff 1", " --priority 3 --allow-shared") + f"\n{BODY}",
        f"%%time\n{HEAD}\n{BODY}",
    ],
)
def test_a_cell_that_says_the_same_is_the_same_revision(notebook, cell):
    notebook.run(f"{HEAD}\n{BODY}")
    notebook.run(cell)
    node = notebook.router.nodes["count_word"]
    assert node.revision == 1
    assert node.types == {"word": str, "count": int}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("msg.n > 3", "msg.n > 4"),
        ("count:int", "count:float"),
        ("count:int", "count"),
        (' --when "msg.n > 3"', ""),
        ("limit = 3", "limit = 4"),
        ("return msg.word, limit", "return msg.word, limit + 0"),
    ],
)
def test_a_cell_that_says_something_else_is_a_new_revision(notebook, old, new):
    cell = f"{HEAD}\n{BODY}"
    notebook.run(cell)
    notebook.run(cell.replace(old, new))
    assert notebook.router.nodes["count_word"].revision == 2
