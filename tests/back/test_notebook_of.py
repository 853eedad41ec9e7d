"""A module becomes a notebook: which cells there are, and what stands in them to the letter."""

from __future__ import annotations

import json

import nbformat
import pytest
from back.examples import RICH, WORDCOUNT

from emitnb import EmitError
from emitnb.importing import notebook_of


def cells(text: str, name: str = "wordcount") -> list[tuple[str, str]]:
    found = notebook_of(text, name)["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in found]


def codes(text: str) -> list[str]:
    return [text for kind, text in cells(text) if kind == "code"]


def node(decorator: str) -> str:
    """The last cell of a module with one node."""
    return codes(f"{decorator}\ndef f(msg):\n    return msg.x\n")[-1]


def test_all_cells_of_a_module():
    assert cells(WORDCOUNT) == [
        ("markdown", "# wordcount"),
        ("code", "%load_ext emitnb"),
        ("code", "import re"),
        (
            "code",
            '# Of all words.\n%emit_param rate = 0.5  # share of the words\nSTOP = {"the", "a"}',
        ),
        ("code", "def clean(text):\n    return text.lower()"),
        ("markdown", "## Cut documents into words"),
        (
            "code",
            '%%emit_node word --entry\ndef words(msg):\n    """Cut documents into words."""\n'
            '    yield from re.findall(r"\\w+", clean(msg.document))',
        ),
        (
            "code",
            "%%emit_node word:str count:int --on words --key word "
            '--when "msg.word not in STOP"\n# A state for each word.\n'
            'def count_word(msg, state):\n    state["n"] = state.get("n", 0) + rate\n'
            '    return msg.word, int(state["n"])',
        ),
    ]


def test_it_is_a_notebook_and_always_the_same():
    for text in (WORDCOUNT, RICH):
        made = notebook_of(text, "a")
        nbformat.validate(made)
        assert json.dumps(made) == json.dumps(notebook_of(text, "a"))
        assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])


def test_cells_with_the_same_text_differ_in_their_identifiers():
    text = "def g(): ...\ndef g(): ...\n" + "@router.node('x')\ndef f(msg): ...\n"
    made = notebook_of(text, "a")["cells"]
    assert len({cell["id"] for cell in made}) == len(made)


def test_everything_that_was_written_is_in_a_cell():
    lines = {line.strip() for code in codes(RICH) for line in code.split("\n")}
    for line in RICH.split("\n")[4:]:
        if line.startswith(("@router.node(", ")", "def main", "if __name__", "router = ")):
            break
        if "import NoResult" not in line:
            assert line.strip() in lines


def test_imports_are_in_one_cell_with_those_under_a_condition():
    (found,) = [code for code in codes(RICH) if "import re as regex" in code]
    assert found.startswith("from __future__ import annotations\n\nimport re as regex\n")
    assert "from emitnb import NoResult\n" in found
    assert found.endswith("if TYPE_CHECKING:\n    from pathlib import Path")


def test_constants_that_follow_one_another_share_a_cell_with_their_comments():
    (found,) = [code for code in codes(RICH) if "LANGUAGES =" in code]
    assert found.startswith('router.max_failures = 7\n\nLANGUAGES = ("de", "en")  # in this order')
    assert found.endswith('"""; COUNT = len(TEXT)\n\nPAIR = {\n    "a": 1,\n}')


def test_helpers_have_cells_of_their_own_with_the_comments_above_and_inside():
    found = codes(RICH)
    assert "@dataclass\nclass Line:\n    number: int\n    text: str" in found
    (twice,) = [code for code in found if "def twice" in code]
    assert twice.startswith("# Two decorators,\n# and two lines.\ndef twice(function):")
    assert twice.endswith("    # to be named")


@pytest.mark.parametrize(
    ("decorator", "line"),
    [
        ('@router.node("word", entry_point=True)', "word --entry"),
        ("@router.node(('a', 'b'), 'x', False, ['y'])", "a b --on x --ignore y"),
        ("@router.node((), subscribe_to='x')", "--on x"),
        ('@router.node({"a": int | None})', '"a:int | None"'),
        ('@router.node({"a": dict[str, int]})', "a:dict[str, int]"),
        ('@router.node({"a": Literal["x y"]})', 'a:Literal["x y"]'),
        ("@router.node(\"a\", subscribe_to='count_.*')", "a --on /count_.*/"),
        ('@router.node("a", subscribe_to="/a b/")', 'a --on "/a b/"'),
        ('@router.node("a", subscribe_to=["m.a", "x!"])', "a --on m.a x!"),
        ('@router.node("a", subscribe_to="/say \\"x\\"/")', "a --on '/say \"x\"/'"),
        ('@router.node("a", key=("b", "c"), name="n")', "a --key b c --name n"),
        (
            "@router.node('a', batch=True, retries=3, backoff=.5)",
            "a --batch --retries 3 --backoff 0.5",
        ),
        ("@router.node('a', timeout=10)", "a --timeout 10"),
        ("@router.node('a', resources={'GPU': 1})", "a --resources GPU=1"),
        ("@router.node('a', workers='tcp://b:1')", "a --workers tcp://b:1"),
        ("@router.node('a', priority=-2, allow_shared=True)", "a --priority -2 --allow-shared"),
        ("@router.node('a', when=lambda msg: msg.x == 'b')", "a --when \"msg.x == 'b'\""),
        ("@router.node('a', when=lambda msg: (\n    msg.x\n    > 3\n))", 'a --when "msg.x > 3"'),
        ("@router.node('a', when=lambda msg: f(\n    msg.x\n))", 'a --when "f(msg.x)"'),
    ],
)
def test_what_a_line_can_say_is_said_on_it(decorator, line):
    assert node(decorator) == f"%%emit_node {line}\ndef f(msg):\n    return msg.x"


@pytest.mark.parametrize(
    "decorator",
    [
        "@router.node(Record)",
        "@router.node(FIELDS)",
        "@router.node(*FIELDS)",
        "@router.node('a', **options)",
        "@router.node('a', subscribe_to=re.compile('x'))",
        "@router.node('a', subscribe_to=origin)",
        "@router.node('a', entry_point=True if x else False)",
        "@router.node('a', when=is_long)",
        "@router.node('a', when=lambda m: m.x)",
        "@router.node('a', when=lambda msg, n=3: msg.x > n)",
        "@router.node('a', when=lambda msg: msg.x in '\"' + \"'\")",
        "@router.node('a', when=lambda msg: msg.x in '''\n''')",
        "@router.node('a', fingerprint='1')",
        "@router.node('a')  # to be told",
        "@router.node(\n    # one\n    'a'\n)",
        "@twice\n@router.node('a')",
        "@router.node('a')\n@router.node('b', name='g')",
        "@router.node('not a name')",
        "@router.node({'a': 'int'})",
        "@router.node({'a': Literal['\"'] | Literal[\"'\"]})",
        "@router.node('a', workers=['-x'])",
        "@router.node('a', resources={'A,B': 1})",
    ],
)
def test_what_no_line_can_say_stays_a_decorator(decorator):
    assert node(decorator) == f"{decorator}\ndef f(msg):\n    return msg.x"


def test_decorators_below_stay_with_the_function():
    assert (
        node("@router.node('a')\n@cache") == "%%emit_node a\n@cache\ndef f(msg):\n    return msg.x"
    )


def test_nodes_that_no_def_makes_stay_as_they_are():
    line = 'halved = router.node("half", subscribe_to="lines", name="halved")(partial(halve, 2))'
    assert codes(RICH)[-1] == line


def test_nodes_in_a_list_stay_in_one_cell():
    lines = "a = router.node('x', name='a')(f)\nb = router.node('x', name='b')(f)"
    assert codes(f"def f(msg): ...\n\n\n{lines}\n\nc = router.node('x')(g)\n")[2:] == [
        lines,
        "c = router.node('x')(g)",
    ]


def test_nodes_that_a_function_declares_are_nodes_too():
    text = "def add(by):\n    router.node('n', name=by)(str)\n\n\nadd('one')"
    assert codes(text)[1:] == text.split("\n\n\n")


def test_an_option_for_data_says_what_to_do():
    text = "rows: Any = None  # DataFrame: --rows PATH\n\n\n@router.node('a')\ndef f(msg): ...\n"
    (kind, told), (_, code) = cells(text)[2:4]
    assert kind == "markdown" and "`%emit_export … --params rows`" in told
    assert code == "rows: Any = None  # DataFrame: --rows PATH"


def test_a_value_in_a_file_says_how_it_gets_there_again():
    load = 'rows = pd.read_parquet(Path(__file__).with_name("m-rows.parquet"))'
    text = f"import pandas as pd\n\n{load}\n\n\n@router.node('a')\ndef f(msg): ...\n"
    told = [said for kind, said in cells(text) if kind == "markdown"]
    assert any("`%emit_export … --files rows`" in one for one in told)


def test_a_router_with_options_of_its_own_is_kept_with_its_import():
    text = (
        "from emitnb import Router, run_command\nrouter = Router(Mine)\n"
        "@router.node('a')\ndef f(msg): ...\n"
    )
    assert codes(text)[1:3] == ["from emitnb import Router", "router = Router(Mine)"]


def test_a_router_may_have_another_name_where_it_is_imported():
    text = "from emitnb import Router as Mine\nrouter = Mine(home=__name__)\n"
    cells = notebook_of(f"{text}@router.node('x')\ndef f(msg): return 1", "m")["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert "from emitnb import Router as Mine" in sources
    assert "router = Mine()" in sources


def test_comments_of_what_is_left_out_are_kept():
    text = (
        "import a\n# the router\nrouter = Router()\n\n@router.node('a')\ndef f(msg): ...\n\n# end\n"
    )
    assert codes(text)[1:] == ["import a", "%%emit_node a\n# the router\ndef f(msg): ...", "# end"]


@pytest.mark.parametrize(
    ("docstring", "title"),
    [
        ('"""Words."""', "# Words"),
        ('"""Words.\n\nAnd *more*.\n"""', "# Words\n\nAnd *more*."),
        ('"""The graph of a.ipynb, exported by emitnb 9.9.\n\nMine.\n"""', "# wordcount\n\nMine."),
        ("", "# wordcount"),
    ],
)
def test_the_docstring_is_the_title(docstring, title):
    assert cells(f"{docstring}\n@router.node('a')\ndef f(msg): ...")[0] == ("markdown", title)


@pytest.mark.parametrize(
    "docstring", ["A line,\n    and it goes on.", "A very long line: " + "x" * 80, ""]
)
def test_what_is_no_short_sentence_heads_no_cell(docstring):
    text = f'@router.node("a")\ndef f(msg):\n    """{docstring}"""\n    return 1\n'
    assert [kind for kind, _ in cells(text)] == ["markdown", "code", "code"]


@pytest.mark.parametrize(
    ("line", "help_text", "said"),
    [
        ("rate = 0.5", "", "%emit_param rate = 0.5"),
        ("rate: float = 0.5", "share", "%emit_param rate: float = 0.5  # share"),
        ("rate = 0.5  # share", "share", "%emit_param rate = 0.5  # share"),
        ("rate = '#'  # why", "share", "# why\n%emit_param rate = '#'  # share"),
        ("rate = (\n    1\n)", "share", "rate = (\n    1\n)"),
    ],
)
def test_parameters_are_declared_with_what_help_says(line, help_text, said):
    text = (
        f"{line}\n@router.node('a')\ndef f(msg): ...\n"
        f"def main(): return run_command(router, globals(), parameters={{'rate': {help_text!r}}})"
    )
    assert codes(text)[1] == said


def test_line_ends_and_letters_that_only_look_like_line_ends():
    text = 'A = "\\x0c\u2028"\r\n\r\n@router.node("a")\r\ndef f(msg):\r\n    return "\u2028"\r\n'
    assert codes(text)[1:] == [
        'A = "\\x0c\u2028"',
        '%%emit_node a\ndef f(msg):\n    return "\u2028"',
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = 1\n", "m.py declares no node"),
        ("", "m.py declares no node"),
        ("x = 1\ndef f(:\n    pass\n", r"m.py, line 2: .*`def f\(:`"),
        ("x = '\0'", "m.py: .*null byte"),
    ],
)
def test_what_is_no_module_of_nodes_is_refused(text, what):
    with pytest.raises(EmitError, match=what):
        notebook_of(text, "m")
