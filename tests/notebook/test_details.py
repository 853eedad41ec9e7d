"""What the details panel is sent: source and cells, last rows, failures, timings, as plain JSON."""

from __future__ import annotations

import functools
import json
import linecache
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emitnb import Router, UnknownEdgeError, UnknownRowError
from emitnb.message import ENTRY_POINT
from emitnb.notebook.live.code import CUT, MOST, code_of
from emitnb.notebook.live.details import details_of, peek_rows, trace_path

HOSTILE = "<img src=x onerror=alert(1)>\ud800\n\x1b[31m\u202e" + "<b>" * 350_000


def text(code: dict[str, Any]) -> str:
    return "".join(piece for _, piece in code["tokens"])


def sent(value: Any) -> Any:
    """What arrives: it must be JSON that any client reads."""
    return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8"))


def counting() -> Router:
    router = Router()

    @router.node("word", entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node({"word": str, "count": int}, "words", key="word", name="count_word")
    def count_word(msg: Any, state: Any) -> Any:
        state["n"] = state.get("n", 0) + 1
        return msg.word, state["n"]

    return router


# -- code -----------------------------------------------------------------------------------------


def test_a_magic_shows_its_whole_cell_with_helpers_and_the_cell_s_number(notebook):
    cell = '%%emit_node size:int --entry\ndef helper(n):\n    return n\n\ndef size(msg):\n    "doc"'
    notebook.run("1 + 1")
    number = notebook.shell.execution_count
    notebook.run(cell)
    code = sent(code_of(notebook.router.graph))["size"]
    assert text(code) == cell
    assert (code["cell"], code["line"]) == (f"In [{number}]", 1)
    assert code["title"] == "size(size: int)"
    assert code["tokens"][0] == ["cp", "%%emit_node size:int --entry"]
    assert ["k", "def"] in code["tokens"]


def test_a_cell_that_is_run_again_shows_the_new_number_and_the_new_code(counting):
    first = code_of(counting.router.graph)["words"]
    number = counting.shell.execution_count
    counting.run("%%emit_node word --entry\ndef words(msg):\n    yield msg.document")
    second = code_of(counting.router.graph)["words"]
    assert text(second) != text(first)
    assert second["cell"] == f"In [{number}]"


def test_a_decorated_function_shows_itself_with_its_decorators(notebook):
    number = notebook.shell.execution_count
    notebook.run(
        "other = 1\n"
        '@router.node("word", entry_point=True)\n'
        "def words(msg):\n    return msg.document\n\n"
        "more = 2"
    )
    code = code_of(notebook.router.graph)["words"]
    expected = '@router.node("word", entry_point=True)\ndef words(msg):\n    return msg.document'
    assert text(code) == expected
    assert (code["cell"], code["line"]) == (f"In [{number}]", 2)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the user's own, with nodes of all kinds."""
    (tmp_path / "kinds_of_nodes.py").write_text(
        "import functools\n\n\n"
        "def plain(msg):\n    return 1\n\n\n"
        "def logged(function):\n"
        "    @functools.wraps(function)\n"
        "    def inner(msg):\n        return function(msg)\n"
        "    return inner\n\n\n"
        "@logged\ndef wrapped(msg):\n    return 2\n\n\n"
        "def mark(kind):\n    return kind\n\n\n"
        "@mark\nclass Counter:\n    n = 0\n\n"
        "    def __call__(self, msg):\n        return self.n\n\n\n"
        "short = lambda msg: 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import kinds_of_nodes

    yield kinds_of_nodes
    del sys.modules["kinds_of_nodes"]


@pytest.mark.parametrize(
    ("pick", "first", "last", "cell"),
    [
        (lambda m: m.plain, "def plain(msg):", "    return 1", "kinds_of_nodes.py:4"),
        (lambda m: m.wrapped, "@logged", "    return 2", "kinds_of_nodes.py:15"),
        (lambda m: m.Counter, "@mark", "        return self.n", "kinds_of_nodes.py:24"),
        (lambda m: m.Counter(), "@mark", "        return self.n", "kinds_of_nodes.py:24"),
        (
            lambda m: m.short,
            "short = lambda msg: 3",
            "short = lambda msg: 3",
            "kinds_of_nodes.py:32",
        ),
        (lambda m: functools.partial(m.plain), "def plain(msg):", "    return 1", "nodes.py:4"),
    ],
)
def test_whatever_is_a_node_shows_its_source_and_place(module, pick, first, last, cell):
    router = Router()
    router.node("n", entry_point=True, name="it")(pick(module))
    code = code_of(router.graph)["it"]
    assert text(code).split("\n")[0] == first
    assert text(code).split("\n")[-1] == last
    assert code["cell"].endswith(cell)
    assert code["line"] == int(code["cell"].rpartition(":")[2])


def test_a_file_that_is_another_by_now_does_not_stop_the_others(module):
    router = Router()
    router.node("n", entry_point=True, name="it")(module.plain)
    Path(module.__file__).write_text('\n\n\n"""begins, and never ends\n')
    linecache.checkcache(module.__file__)
    assert text(code_of(router.graph)["it"]) == '"""begins, and never ends'


def test_a_node_without_source_has_none_and_says_nothing_false():
    router = Router()
    made: dict[str, Any] = {}
    exec("def unknown(msg):\n    return 1", made)
    router.node("n", entry_point=True, name="unknown")(made["unknown"])
    code = sent(code_of(router.graph))["unknown"]
    assert (code["tokens"], code["cell"], code["title"]) == ([], "", "unknown(n)")


def test_a_long_source_is_cut_and_says_so(notebook):
    lines = "".join(f"    x{n} = {n}\n" for n in range(5_000))
    notebook.run(f"%%emit_node n --entry\ndef long(msg):\n{lines}    return 1")
    found = text(code_of(notebook.router.graph)["long"])
    assert len(found) <= MOST + len(CUT) + 1
    assert found.endswith(f"\n{CUT}")


def test_subscriptions_are_shown_as_written_and_as_resolved():
    router = counting()
    spec = ["/wor.*/", "nobody", "count_word"]
    router.node("n", spec, ignore="count_.*", retries=2, backoff=0.5, name="last")(lambda msg: 1)
    codes = sent(code_of(router.graph))
    assert codes["last"]["subscriptions"] == [
        {"written": "/wor.*/", "resolved": ["words"], "more": 0},
        {"written": "nobody", "resolved": [], "more": 0},
        {"written": "count_word", "resolved": [], "more": 0},
    ]
    assert codes["last"]["ignores"] == ["/count_.*/"]
    assert codes["last"]["options"] == ["2 more tries, the first after 0.5 s"]
    assert codes["words"]["options"] == ["entry point", "generator"]
    assert codes["count_word"]["options"] == ["key=word"]
    assert codes[ENTRY_POINT]["tokens"] == []


def test_a_pattern_that_takes_in_every_node_lists_some_and_counts_the_rest():
    router = Router()
    for number in range(60):
        router.node("n", entry_point=True, name=f"n{number}")(lambda msg: 1)
    router.node("n", "n.*", name="last")(lambda msg: 1)
    (found,) = code_of(router.graph)["last"]["subscriptions"]
    assert (len(found["resolved"]), found["more"]) == (50, 10)


# -- details --------------------------------------------------------------------------------------


def test_the_last_rows_are_those_of_the_frame_as_texts():
    router = counting()
    router.push(["the rain in Spain", "the sun"], batch_size=1)
    details = sent(details_of(router, ["words", "count_word", ENTRY_POINT]))
    counts = details["count_word"]
    assert counts["columns"] == ["word", "count"]
    assert counts["dtypes"] == [str(dtype) for dtype in router.frame("count_word").dtypes]
    frame = router.frame("count_word")[-5:].astype(str)
    assert counts["rows"] == [[row, *ones] for row, *ones in frame.itertuples()]
    assert counts["total"] == 6
    assert details["words"]["dtypes"] == ["str"]
    assert details[ENTRY_POINT]["rows"] == [[0, "the rain in Spain"], [1, "the sun"]]
    assert details[ENTRY_POINT]["total"] == 2


def test_a_node_that_did_nothing_yet_and_one_that_there_is_not_have_empty_details():
    details = sent(details_of(counting(), ["count_word", "nobody"]))
    assert details["count_word"]["columns"] == ["word", "count"]
    for name in ("count_word", "nobody"):
        one = details[name]
        assert (one["rows"], one["total"], one["failures"], one["stale"]) == ([], 0, [], "")
        assert one["histogram"] is None


def test_batch_nodes_and_rows_of_another_declaration_are_shown_too():
    router = Router()
    router.node("n", entry_point=True, batch=True, name="twice")(
        lambda rows: {"n": rows["n"] * 2.5}
    )
    router.push([1, 2], field="n")
    details = details_of(router, ["twice"])["twice"]
    assert (details["rows"], details["dtypes"]) == ([[0, "2.5"], [1, "5.0"]], ["float64"])
    router.node(("m", "n"), entry_point=True, name="twice")(lambda msg: (msg.n, None))
    router.push([3], field="n")
    details = sent(details_of(router, ["twice"]))["twice"]
    assert details["rows"] == [[0, "None", "2.5"], [1, "None", "5.0"], [2, "3", "None"]]
    assert details["stale"].startswith("2 rows come from an older twice")


class Loud:
    """A value whose repr is the trouble."""

    def __init__(self, made: str) -> None:
        self.made = made

    def __repr__(self) -> str:
        if not self.made:
            raise RuntimeError("no")
        return self.made


@pytest.mark.parametrize(
    "value",
    [
        HOSTILE,
        HOSTILE.encode("utf-8", "replace"),
        Loud(""),
        Loud(HOSTILE),
        float("nan"),
        float("inf"),
        10**5000,
        [HOSTILE] * 1000,
        {HOSTILE: HOSTILE},
        Counter({HOSTILE: 1}),
        dict.fromkeys(range(10**6)),
        functools.reduce(lambda inner, _: [inner, inner], range(30), HOSTILE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_emitted_becomes_a_short_text(value):
    router = Router()

    @router.node("it", entry_point=True, name="emit")
    def emit(msg: Any) -> Any:
        return (value,)

    @router.node("it", entry_point=True, name="fail")
    def fail(msg: Any) -> Any:
        raise ValueError(HOSTILE)

    router.push([{"value": value}, {"value": value}])
    details = sent(details_of(router, ["emit", "fail", ENTRY_POINT]))
    assert len(json.dumps(details)) < 5_000
    for row in (*details["emit"]["rows"], *details[ENTRY_POINT]["rows"]):
        assert len(row[1]) <= 80
        assert row[1].isprintable()
    (group,) = details["fail"]["failures"]
    assert len(group["error"]) <= 200
    assert len(group["input"]) <= 200
    assert (group["error"] + group["input"]).isprintable()
    assert len(json.dumps(sent(peek_rows(router, f"{ENTRY_POINT} -> emit")))) < 5_000
    assert sent(trace_path(router, "emit", 0))["total"] == 2


def test_failures_are_grouped_by_kind_with_the_smallest_input():
    router = Router()

    @router.node("half", entry_point=True, name="halve")
    def halve(msg: Any) -> Any:
        if msg.n is None:
            raise KeyError("none")
        return 12 // msg.n

    line = halve.__wrapped__.__code__.co_firstlineno + 4
    router.push([{"n": 0, "note": "long"}, {"n": 4}, {"n": None}, {"n": 0}])
    (zero, none) = sent(details_of(router, ["halve"]))["halve"]["failures"]
    assert (zero["error_type"], zero["count"], zero["line"]) == ("ZeroDivisionError", 2, line)
    assert (zero["input"], zero["row"]) == ("{'n': 0}", 2)
    assert zero["error"].startswith("integer division")
    assert (none["error_type"], none["count"]) == ("KeyError", 1)
    assert details_of(router, ["halve"])["halve"]["grouped"] == ""
    router.discard("halve", [0, 2])
    assert [g["count"] for g in details_of(router, ["halve"])["halve"]["failures"]] == [1]


def test_of_very_many_failures_the_latest_are_grouped_and_it_is_said_of_how_many():
    router = Router()
    router.max_failures = 10**9

    @router.node("n", entry_point=True, name="fail")
    def fail(msg: Any) -> Any:
        raise ValueError("early" if msg.n < 5_000 else "late")

    router.push(range(15_000), field="n", batch_size=4_000)
    details = details_of(router, ["fail"])["fail"]
    assert details["grouped"] == "of the latest 10,000 failures of all nodes"
    (group,) = details["failures"]
    assert (group["count"], group["error"], group["row"]) == (10_000, "late", 5_000)
    router.push(["the same again"], field="n")
    groups = details_of(router, ["fail"])["fail"]["failures"]
    assert [(g["error_type"], g["count"]) for g in groups] == [
        ("ValueError", 9_999),
        ("TypeError", 1),
    ]


def test_what_could_not_be_read_is_a_failure_of_the_entry_point(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"document": "rain"}\n{"document": \n')
    router = counting()
    router.push(tmp_path / "rows.jsonl")
    assert [g["count"] for g in details_of(router, [ENTRY_POINT])[ENTRY_POINT]["failures"]] == [1]


@pytest.mark.parametrize("batch_size", [1, 700, 20_000])
def test_a_histogram_counts_every_message_received_once(batch_size):
    router = counting()
    router.push(["the rain in Spain"] * (50 if batch_size == 1 else 9_000), batch_size=batch_size)
    received = router.summary()["in"]
    for name in ("words", "count_word"):
        found = sent(details_of(router, [name]))[name]["histogram"]
        assert sum(found["counts"]) == received[name]
        assert len(found["edges_ms"]) == len(found["counts"]) + 1 <= 13
        assert found["edges_ms"] == sorted(set(found["edges_ms"]))


def test_rows_in_a_file_are_read_and_a_lost_file_is_told_of(tmp_path):
    router = counting()
    router.bound(rows=1, folder=tmp_path)
    router.push(["the rain in Spain"])
    before = details_of(router, ["words", "count_word", ENTRY_POINT])
    assert [row[1] for row in before["words"]["rows"]] == ["the", "rain", "in", "Spain"]
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        file.unlink()
    after = sent(details_of(router, ["words", "count_word", ENTRY_POINT]))
    for name, one in after.items():
        assert one["total"] == before[name]["total"]
        assert (one["rows"] == []) == bool(one["missing"])
    assert "cannot be read" in after["words"]["missing"]


def test_an_edge_shows_its_last_messages_and_a_wrong_one_raises():
    router = counting()
    router.push(["the rain in Spain"])
    found = sent(peek_rows(router, "words -> count_word", 2))
    assert found == {
        "columns": ["word"],
        "dtypes": ["str"],
        "rows": [[2, "in"], [3, "Spain"]],
        "total": 2,
    }
    with pytest.raises(UnknownEdgeError):
        peek_rows(router, "count_word -> words")


def test_a_path_has_the_nodes_edges_and_hops_of_one_emission():
    router = counting()
    router.push(["the rain"])
    found = sent(trace_path(router, "words", 1))
    assert found["nodes"] == [ENTRY_POINT, "words", "count_word"]
    assert found["edges"] == [[ENTRY_POINT, "words"], ["words", "count_word"]]
    hops = [(hop["hop"], hop["node"], hop["row"], hop["values"]) for hop in found["hops"]]
    assert hops == [
        (-1, ENTRY_POINT, 0, "document='the rain'"),
        (0, "words", 1, "word='rain'"),
        (1, "count_word", 1, "word='rain', count=1"),
    ]
    assert found["hops"][0]["ms"] is None
    assert found["text"] == str(router.trace("words", 1))
    with pytest.raises(UnknownRowError):
        trace_path(router, "words", 99)


def test_a_path_through_a_failure_port_names_the_port_as_its_edge():
    router = Router()

    @router.node("n", entry_point=True, name="parse")
    def parse(msg: Any) -> Any:
        raise ValueError("no")

    router.node("n", "parse!", name="repair")(lambda msg: 0)
    router.push([1], field="n")
    found = sent(trace_path(router, "repair", 0))
    assert found["nodes"] == [ENTRY_POINT, "parse", "repair"]
    assert ["parse!", "repair"] in found["edges"]


def test_of_a_path_of_a_thousand_hops_the_nearest_are_sent_and_all_are_counted():
    router = Router()

    @router.node("n", ["count_down"], entry_point=True, name="count_down")
    def count_down(msg: Any) -> Any:
        return msg.n - 1 if msg.n else None

    router.push([900], field="n")
    found = sent(trace_path(router, "count_down", 450))
    assert found["total"] == 901
    assert len(found["hops"]) == 200
    assert found["hops"][0]["node"] == ENTRY_POINT
    assert 0 in [hop["hop"] for hop in found["hops"]]
    assert found["nodes"] == [ENTRY_POINT, "count_down"]
