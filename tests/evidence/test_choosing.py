"""Which messages become cases, what is left out, and what the files say of it."""

from __future__ import annotations

import datetime
import itertools
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from evidence.making import loaded, pushed, python

from emitnb import ExportError, Router
from emitnb.export.evidence import evidence
from emitnb.testing import load_cases


def made(router: Router, name: str = "graph") -> dict[str, bytes]:
    return evidence(router, name, list(router.nodes))


def text_of(router: Router) -> str:
    return made(router)["test_graph.py"].decode()


def ids(text: str) -> list[str]:
    return re.findall(r'id="(.*?)"', text)


def echo(router: Router | None = None, name: str = "echo", **options: Any) -> Router:
    router = Router() if router is None else router
    router.node("x", entry_point=True, name=name, **options)(lambda msg: msg.x)
    return router


def put(router: Router, folder: Path, name: str = "graph") -> str:
    """Write the tests and a module with the node ``echo`` into a folder; return their text."""
    files = made(router, name)
    for file, data in files.items():
        (folder / file).write_bytes(data)
    (folder / f"{name}.py").write_text(
        "from emitnb import Router\n\nrouter = Router()\n"
        'router.node("x", entry_point=True, name="echo")(lambda msg: msg.x)\n'
    )
    return files[f"test_{name}.py"].decode()


def check(folder: Path) -> None:
    """All tests in the folder pass, and look as they should."""
    for command in (
        ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
        ("ruff", "check", "--isolated", "--no-cache", "."),
        (
            "ruff",
            "format",
            "--isolated",
            "--no-cache",
            "--diff",
            *map(str, folder.glob("test_*.py")),
        ),
    ):
        ran = python("-m", *command, cwd=folder)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def passes(router: Router, folder: Path) -> str:
    text = put(router, folder)
    check(folder)
    return text


def test_typical_is_the_median_by_the_length_of_its_json():
    router = echo()
    router.push(["x" * n for n in (5, 1, 2, 40, 3)], field="x")
    text = text_of(router)
    assert ids(text) == ["echo-typical", "echo-smallest", "echo-largest"]
    found = re.findall(r'pytest.param\(\s*\[\{"x": "(x+)"\}\]', text)
    assert [len(one) for one in found] == [3, 1, 40]


def test_of_one_message_there_is_one_case():
    router = echo()
    router.push([1, 1, 1], field="x")
    assert ids(text_of(router)) == ["echo-typical"]


def test_each_kind_of_value_comes_back_as_it_was(tmp_path: Path):
    router = echo()
    values = [
        float("nan"),
        -float("inf"),
        Decimal("-3"),
        Decimal("1.50"),
        datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC),
        datetime.timedelta(days=2),
        np.float64(1.5),
        np.int64(3),
        np.datetime64("2024-01-02"),
        np.array([1.5, float("nan")]),
        np.array(["a", "b"]),
        pd.Timestamp("2024-01-02", tz="Europe/Berlin"),
        pd.NaT,
        {"a": (1, {2}, frozenset("b"), b"c", None, True, 1j)},
        {"!": "not a mark"},
        {1: "a"},
        "\ud800",
        "a\u2028b\r\x85",
        10**30,
    ]
    for number, value in enumerate(values):
        router.clear()
        router.push([{"x": value}])
        text = put(router, tmp_path, f"graph_{number}")
        assert "left out" not in text, value
        assert "cannot be written" not in text, value
    router.clear()
    router.push([{"x": value} for value in values])
    put(router, tmp_path)
    check(tmp_path)


def test_long_cases_are_stored_beside_the_file(tmp_path: Path):
    router = echo()
    router.push(["short", "long " * 40], field="x")
    text = passes(router, tmp_path)
    assert 'pytest.param(*STORED["echo-typical"], id="echo-typical")' in text
    assert "long long" not in text
    stored = load_cases(tmp_path / "test_graph.jsonl")
    assert stored["echo-typical"] == [[{"x": "long " * 40}], [{"x": "long " * 40}]]
    assert stored["whole-graph"] == [{"x": "short"}, {"x": "long " * 40}]


def test_pandas_values_are_stored_for_pandas_may_have_no_types(tmp_path: Path):
    router = echo()
    router.push(pd.DataFrame({"x": pd.to_datetime(["2024-01-02", "2025-01-01"])}))
    text = passes(router, tmp_path)
    assert "pd" not in text
    head = (tmp_path / "test_graph.jsonl").read_text().splitlines()[0]
    assert json.loads(head)["values"][0] == [{"x": {"!": "pd.Timestamp('2025-01-01 00:00:00')"}}]


def test_what_cannot_be_written_is_left_out_and_told(tmp_path: Path):
    router = echo()
    router.push([{"x": 1}, {"x": object()}, {"x": "ab"}])
    text = text_of(router)
    assert "# echo: 1 case left out (largest): values of the type object cannot be" in text
    assert ids(text) == ["echo-typical", "echo-smallest"]
    assert "# The whole graph is not run on a sample: values of the type object cannot" in text


def test_columns_that_no_file_holds_are_left_out_and_told(tmp_path: Path):
    router = Router()
    router.node(("o", "x"), entry_point=True, name="echo")(lambda msg: (object, msg.x))
    router.push([{"x": 1}])
    files = made(router)
    text = files["test_graph.py"].decode()
    assert "# Values that cannot be written down are not compared: o.\ndef test_the_whole" in text
    assert (
        'assert_frame(again.frame().drop(columns=["o"]), HERE / "test_graph-frame.jsonl")' in text
    )
    assert "# echo: 1 case left out (typical): values of the type type cannot be written" in text
    assert (
        b'"dtypes": {"node": "str", "row": "int64", "x": "int64"}'
        in files["test_graph-frame.jsonl"]
    )


def test_what_is_another_each_time_is_left_out_and_told():
    router = Router()
    count = itertools.count()
    router.node("x", entry_point=True, name="tick")(lambda msg: next(count))
    router.node("x", "tick", name="tock")(lambda msg, state: (next(count), state)[0])
    router.push([{"n": 1}])
    text = text_of(router)
    assert ids(text) == []
    assert "# tick: 1 case left out (typical): it emits something else each time." in text
    assert "# tock: 1 case left out (typical): it emits something else each time." in text
    assert "The whole graph is not run on a sample: it emits something else each time." in text


def test_rows_of_an_older_revision_are_not_expected():
    router = echo()
    router.push([{"x": 1}])
    router.node("x", entry_point=True, name="echo")(lambda msg: msg.x + 1)
    assert re.search(r'\[\{"x": 1\}\],\s+\[\{"x": 2\}\]', text_of(router))


def test_each_fixed_failure_is_a_case_and_one_input_is_one(tmp_path: Path):
    router = Router()
    router.node("x", entry_point=True, name="echo")(lambda msg: msg.x + "")
    router.push([{"x": x} for x in ("a", 1, 2, None, 1)])
    echo(router)
    router.retry()
    text = passes(router, tmp_path)
    fixed = [one for one in ids(text) if "fixed" in one]
    assert fixed == [f"echo-fixed-TypeError{n}" for n in ("", "-2", "-3")]


def test_many_fixed_failures_of_one_type_are_all_tested_and_few_stand_in_the_code(tmp_path: Path):
    router = Router()
    router.node("x", entry_point=True, name="echo")(lambda msg: msg.x + "")
    router.push([{"x": x} for x in ["a", *range(40)]])
    echo(router)
    router.retry()
    text = passes(router, tmp_path)
    fixed = [one for one in ids(text) if "fixed" in one]
    assert fixed == [f"echo-fixed-TypeError{n}" for n in ("", "-2", "-3")]
    assert '*stored_cases(STORED, "echo-also-"),' in text
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fixed", cwd=tmp_path)
    assert "40 passed" in ran.stdout
    module = tmp_path / "graph.py"
    module.write_text(module.read_text().replace("msg.x)", "msg.x if msg.x != 39 else 38)"))
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fixed", cwd=tmp_path)
    assert "test_echo[echo-also-fixed-TypeError-40]" in ran.stdout
    assert "1 failed, 39 passed" in ran.stdout


def test_what_nodes_print_meanwhile_is_not_shown(capsys: pytest.CaptureFixture[str]):
    router = Router()
    router.node("x", entry_point=True, name="say")(lambda msg: print("said") or msg.x)
    router.push([{"x": 1}])
    assert capsys.readouterr().out == "said\n"
    made(router)
    assert capsys.readouterr().out == ""


def test_a_fixed_failure_of_a_node_with_state_comes_behind_the_first_of_its_key():
    def declare(limit: int) -> None:
        @router.node("x", entry_point=True, name="take", key="k", fingerprint=str(limit))
        def take(msg, state):
            assert msg.x < limit
            state["all"] = state["all"] + msg.x if msg.x > 2 else msg.x
            return state["all"]

    router = Router()
    declare(6)
    router.push([{"k": k, "x": x} for k, x in [("a", 1), ("b", 2), ("b", 5), ("a", 9), ("b", 8)]])
    declare(10)
    router.retry()
    text = text_of(router).partition("def test_take")[0]
    assert ids(text)[-2:] == ["take-fixed-AssertionError", "take-fixed-AssertionError-2"]
    last = text.rpartition("AssertionError-2")[0].rpartition("AssertionError")[2]
    assert re.findall(r'"x": (\d+)', last) == ["2", "5", "8", "2", "7", "15"]


def test_a_failure_that_was_mended_before_its_node_is_told():
    router = Router()
    router.node("x", entry_point=True, name="clean", fingerprint="1")(lambda msg: msg.x)
    router.node("x", "clean", name="parse")(lambda msg: int(msg.x))
    router.push([{"x": "1 €"}, {"x": "2"}])
    router.node("x", entry_point=True, name="clean")(lambda msg: msg.x.strip(" €"))
    router.replay()
    assert len(router.fixed()) == 1
    text = text_of(router)
    assert "# parse: 1 case left out (fixed-ValueError): it fails with ValueError:" in text


def test_failures_that_are_kept_or_discarded_are_no_cases():
    router = Router()
    router.node("x", entry_point=True, name="parse")(lambda msg: int(msg.x))
    router.push([{"x": x} for x in ("1", "?", "22", "?????", "!")])
    router.discard(rows=[0])
    text = text_of(router)
    assert ids(text) == ["parse-typical", "parse-smallest"]
    assert "left out" not in text
    assert 'assert again.failing() == {"parse": 3}' in text


def test_nodes_without_cases_are_told_of():
    router = echo()
    router.node("y", "nobody", name="unread")(lambda msg: 1)
    router.node("y", "echo", name="hopeless")(lambda msg: 1 // 0)
    router.push([{"x": 1}])
    text = text_of(router)
    assert "# unread: nothing was recorded; push something before exporting." in text
    assert "# hopeless: 1 case left out (typical): all that it received failed" in text


def test_where_nothing_was_recorded_it_says_what_to_do():
    with pytest.raises(ExportError, match=r"nothing was recorded (.|\n)*→ push something before"):
        made(echo())


def test_huge_messages_are_no_cases_while_there_are_smaller_ones():
    router = echo()
    router.push(["x" * 50_000, "x" * 10, "x" * 9_000_000], field="x")
    files = made(router)
    assert ids(files["test_graph.py"].decode()) == ["echo-typical"]
    assert sum(map(len, files.values())) < 200_000
    router.clear()
    router.push(["x" * 50_000], field="x")
    assert ids(made(router)["test_graph.py"].decode()) == ["echo-typical"]
    router.clear()
    router.push(["x" * 9_000_000], field="x")
    text = text_of(router)
    assert "what it received is too large for a test" in text
    assert "no message that was pushed is small enough" in text


def test_keyed_nodes_take_the_first_messages_of_a_key(tmp_path: Path):
    router = pushed("wordcount")
    text = evidence(router, "wordcount", list(router.nodes))["test_wordcount.py"].decode()
    ((messages, expected),) = re.findall(
        r"\[(\{[^]]*)\],\s+\[([^]]*)\],\s+id=.count_word-largest.", text
    )
    assert [messages.count("mainly"), expected.count('"count": 1')] == [1, 1]
    assert "count_word-dropped" in ids(text)


def test_the_sample_reaches_each_node_and_what_was_fixed():
    router = Router()
    router.node("x", entry_point=True, name="number")(lambda msg: 10 // (msg.x - 70) and msg.x)
    router.node("x", "number", when=lambda msg: msg.x == 60, name="rare")(lambda msg: msg.x)
    router.push([{"x": x} for x in range(100)])
    router.node("x", entry_point=True, name="number")(lambda msg: msg.x)
    router.retry()
    text = text_of(router)
    pushed_ones = [int(one) for one in re.findall(r'\{"x": (\d+)\}', text.partition("push(")[2])]
    assert pushed_ones == [*range(10), 60, 70]


def test_what_was_pushed_to_one_node_goes_there_again(tmp_path: Path):
    router = echo()
    router.node("x", entry_point=True, name="other")(lambda msg: -msg.x)
    router.push([{"x": 1}, {"x": 2}])
    router.push([{"x": 3}], to="other")
    files = made(router)
    assert "again.push(messages, to=to)" in files["test_graph.py"].decode()
    (tmp_path / "cases.jsonl").write_bytes(files["test_graph.jsonl"])
    pushes = load_cases(tmp_path / "cases.jsonl")["whole-graph"]
    assert pushes == [[None, [{"x": 1}, {"x": 2}]], ["other", [{"x": 3}]]]


def test_only_the_nodes_that_are_asked_for_are_tested():
    router = pushed("wordcount")
    files = evidence(router, "words", ["words"])
    assert set(files) == {"test_words.py", "test_words-frame.parquet"}
    text = files["test_words.py"].decode()
    assert "def test_words(" in text
    assert "count_word" not in text
    assert (
        "# The whole graph is not run"
        in evidence(router, "x", ["count_word"])["test_x.py"].decode()
    )


def test_names_with_dots_and_alike_have_tests_of_their_own():
    router = echo(name="tasks.echo")
    echo(router, "tasks_echo")
    router.push([{"x": 1}])
    text = text_of(router)
    assert re.findall(r"def (test_\w+)", text) == [
        "test_tasks_echo",
        "test_tasks_echo_2",
        "test_the_whole_graph",
    ]


def test_what_lies_in_files_is_read_from_there():
    router = echo()
    router.push([str(n) for n in range(1000)], field="x")
    before = made(router)
    router.bound(rows=10)
    assert made(router) == before


def test_nothing_is_recorded_or_forgotten():
    router = pushed("wordcount")
    moment, run = router.moment, router.run
    evidence(router, "wordcount", list(router.nodes))
    assert router.moment is moment
    assert router.run is run
    assert loaded("wordcount").router.figures == {}


def test_the_router_of_the_module_may_have_another_name(tmp_path: Path):
    router = pushed("wordcount")
    files = evidence(router, "wordcount", list(router.nodes), name="GRAPH")
    text = files["test_wordcount.py"].decode()
    assert "from wordcount import GRAPH\n" in text
    assert "emitted(GRAPH, " in text
    assert "fresh(GRAPH)" in text
    assert "(router" not in text
