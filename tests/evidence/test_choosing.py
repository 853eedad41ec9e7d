"""Which messages become cases, what is left out, and what the files say of it."""

from __future__ import annotations

import ast
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


OUTCOMES = ("FAILED", "PASSED")


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


def test_what_is_another_than_was_recorded_is_left_out_and_told():
    router = Router()
    rates = [1]
    router.node("x", entry_point=True, name="rated")(lambda msg: msg.x * rates[0])
    router.push([{"x": 1}])
    rates[0] = 2
    text = text_of(router).replace("\n# ", " ")
    told = "(typical): it emits something else than was recorded; replay it."
    assert f" rated: 1 case left out {told}" in text


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


def fixed_many(folder: Path) -> str:
    """Put tests of many fixed failures of two types into a folder; return their text."""
    router = Router()
    router.node("x", entry_point=True, name="echo")(lambda msg: msg.x + "" if msg.x else msg.y)
    router.push([{"x": x} for x in ["a", *range(1, 41), *[""] * 5, *([[]] * 5)]])
    router.push([{"x": 0, "z": z} for z in range(5)])
    echo(router)
    router.retry()
    return passes(router, folder)


def pytest_says(folder: Path, *options: str) -> str:
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *options, cwd=folder)
    return ran.stdout


def test_many_fixed_failures_of_one_type_are_one_test_and_few_stand_in_the_code(tmp_path: Path):
    text = fixed_many(tmp_path)
    fixed = [one for one in ids(text) if "fixed" in one]
    types = "TypeError", "AttributeError"
    numbers = "", "-2", "-3"
    assert fixed == [f"echo-fixed-{kind}{n}" for kind in types for n in numbers]
    stored = load_cases(tmp_path / "test_graph.jsonl")
    assert [values[0] for name, values in stored.items() if "TypeError" in name] == [
        [{"x": x}] for x in range(4, 41)
    ]
    assert "8 passed" in pytest_says(tmp_path, "-k", "fixed")
    assert 'assert_stored(router, "echo", STORED, cases)' in text


def test_of_many_fixed_failures_the_first_that_differs_is_named(tmp_path: Path):
    fixed_many(tmp_path)
    module = tmp_path / "graph.py"
    module.write_text(module.read_text().replace("msg.x)", "38 if msg.x in (39, 40) else msg.x)"))
    told = pytest_says(tmp_path, "-k", "fixed")
    assert "test_echo_fixed[echo-also-fixed-TypeError]" in told
    assert "1 failed, 7 passed" in told
    assert "echo-also-fixed-TypeError-39" in told
    assert "echo-also-fixed-TypeError-40" not in told
    assert "[{'x': 38}]" in told
    module.write_text(module.read_text().replace("38 if", "1 // 0 if"))
    told = pytest_says(tmp_path, "-k", "fixed")
    assert "echo-also-fixed-TypeError-39" in told
    assert "ZeroDivisionError" in told


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


def took(router: Router, field: str) -> str:
    """Declare how long each package took; return the code, which reads a field of some name."""
    code = (
        "def took(msg, state):\n"
        "    if msg.status == 'half':\n"
        "        state['since'] = msg.time\n"
        "    if msg.status == 'installed' and 'since' in state:\n"
        f"        return msg.{field}, msg.time - state.pop('since')\n"
    )
    scope: dict[str, Any] = {}
    exec(code, scope)
    router.node(
        ("package", "took"), entry_point=True, name="took", key="package", fingerprint=field
    )(scope["took"])
    return code


def installed(packages: int) -> list[dict[str, Any]]:
    """For each package that its installation began, goes on, and ends."""
    steps = [("half", 0), ("unpacked", packages), ("installed", 2 * packages)]
    return [
        {"package": f"p{n}", "status": status, "time": first + n}
        for status, first in steps
        for n in range(packages)
    ]


def failed_tests(folder: Path, code: str) -> tuple[list[str], list[str]]:
    """Put the code of the node ``took`` into the module; return which tests fail, and which do."""
    (folder / "graph.py").write_text(
        "from emitnb import Router\n\nrouter = Router()\n\n\n"
        '@router.node(("package", "took"), entry_point=True, name="took", key="package")\n' + code
    )
    ran = python("-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", cwd=folder)
    both = (re.findall(rf"^{verdict} .*?::(\S+)", ran.stdout, re.M) for verdict in OUTCOMES)
    failed, passed = both
    return failed, passed


@pytest.mark.parametrize("packages", [2, 5_000])
def test_a_fixed_failure_of_a_node_with_state_runs_into_what_failed(packages: int, tmp_path: Path):
    router = Router()
    bug = took(router, "pakage")
    router.max_failures = 2 * packages
    router.push(installed(packages))
    mended = took(router, "package")
    router.retry(rows=[0, 1])
    for file, data in made(router).items():
        (tmp_path / file).write_bytes(data)
    failed, passed = failed_tests(tmp_path, mended)
    assert failed == []
    fixed = [test for test in passed if "fixed" in test]
    assert len(fixed) == 2
    assert set(fixed) <= set(failed_tests(tmp_path, bug)[0])


def test_a_fixed_failure_comes_behind_what_came_before_it_not_behind_all(tmp_path: Path):
    """Of one state, behind the last messages before it where the first do not lead to it."""

    def declare(bug: bool) -> None:
        def rise(msg, state):
            before = state.get("x", 0)
            if not (bug and before == 41):
                state["x"] = msg.x
            return 1 // (not (bug and before == 41)) and (msg.x - before if before > 40 else None)

        router.node("x", entry_point=True, name="rise", fingerprint=str(bug))(rise)

    router = Router()
    declare(True)
    router.push([{"x": x} for x in range(60)])
    declare(False)
    router.retry(rows=[0])
    text = text_of(router).partition("def test_rise")[0]
    case = text.partition('id="rise-run"')[2]
    assert [int(one) for one in re.findall(r'"x": (\d+)', case)] == [37, 38, 39, 40, 41, 42, 1]


def sampled(router: Router, folder: Path) -> pd.DataFrame:
    """The frame that the whole graph gives for the sample of its messages."""
    (folder / "frame.parquet").write_bytes(made(router)["test_graph-frame.parquet"])
    return pd.read_parquet(folder / "frame.parquet")


def test_the_sample_has_rows_of_a_node_that_emits_for_pairs(tmp_path: Path):
    router = Router()
    took(router, "package")
    messages = installed(200)
    router.push([*messages[:400], *reversed(messages[400:])])  # begun first, ended last
    assert "took" in set(sampled(router, tmp_path)["node"])


def test_the_sample_has_rows_of_nodes_with_state_behind_others(tmp_path: Path):
    """Of pairs of pairs; and of what a node makes of each so many messages, whatever their keys."""
    router = Router()
    took(router, "package")
    # What one package took is compared with what another took: both with all their messages.
    router.node("longer", "took", name="longer")(
        lambda msg, state: (msg.took + state["was"],) if state.get("was") else state.update(was=1)
    )
    router.node("n", entry_point=True, name="each", when=lambda msg: msg.time > 15)(
        lambda msg, state: state.update(n=state.get("n", 0) + 1) or (state["n"] % 30 or None)
    )

    @router.node("n", "each", name="thirtieth")
    def thirtieth(msg, state):
        state["n"] = state.get("n", 0) + 1
        return state["n"] if state["n"] % 30 == 0 else None

    router.push(installed(100))
    frame = sampled(router, tmp_path)
    assert set(frame["node"]) == set(router.nodes)
    pushed_ones = load_pushed(router, tmp_path)
    assert len(pushed_ones) <= 100


def load_pushed(router: Router, folder: Path) -> list[Any]:
    """The messages of the sample."""
    (folder / "cases.jsonl").write_bytes(made(router)["test_graph.jsonl"])
    return load_cases(folder / "cases.jsonl")["whole-graph"]


def test_what_no_sample_reaches_leaves_one_that_is_small(tmp_path: Path):
    router = echo()

    @router.node("n", "echo", name="thousandth")
    def thousandth(msg, state):
        state["n"] = state.get("n", 0) + 1
        return state["n"] if state["n"] % 1000 == 0 else None

    router.push(range(3000), field="x")
    assert set(sampled(router, tmp_path)["node"]) == {"echo"}
    assert len(sampled(router, tmp_path)) <= 20


@pytest.mark.parametrize(
    "change",
    [
        'router.node("y", "echo", name="more")(lambda msg: None)',
        'router.remove("silent")',
    ],
)
def test_a_node_more_or_less_shows(change: str, tmp_path: Path):
    """Also one that emits nothing."""
    router = echo()
    router.node("y", "echo", name="silent")(lambda msg: None)
    router.push([1, 2], field="x")
    put(router, tmp_path)
    module = tmp_path / "graph.py"
    silent = 'router.node("y", "echo", name="silent")(lambda msg: None)\n'
    module.write_text(module.read_text() + silent)
    check(tmp_path)
    module.write_text(f"{module.read_text()}{change}\n")
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "whole", cwd=tmp_path)
    assert ran.returncode == 1, ran.stdout


def cases_in(text: str) -> dict[str, tuple[list[Any], list[Any]]]:
    """The cases that stand in the code, by their ids: messages, and what is emitted for them."""
    found = re.findall(r"pytest\.param\(\s*(\[.*?\]),\s+(\[.*?\]),\s+id=\"(.*?)\"", text, re.S)
    return {
        name: (ast.literal_eval(messages), ast.literal_eval(expected))
        for messages, expected, name in found
    }


def test_a_dropped_message_of_a_node_with_state_emits_nothing():
    router = Router()
    took(router, "package")
    router.push(installed(4))
    messages, expected = cases_in(text_of(router))["took-dropped"]
    assert expected == []
    assert [message["status"] for message in messages] in (["half"], ["unpacked"])


def test_what_is_dropped_behind_others_alone_says_so():
    router = Router()

    @router.node("x", entry_point=True, name="new", key="x")
    def new(msg, state):
        return None if state.get("seen") else (state.update(seen=True), msg.x)[1]

    router.push([1, 2, 1, 3, 1], field="x")
    cases = cases_in(text_of(router))
    assert "new-dropped" not in cases
    messages, expected = cases["new-last-dropped"]
    assert messages[-1] == {"x": 1}
    assert len(messages) > 1
    assert expected == [{"x": 1}]


def test_what_is_dropped_no_longer_is_no_such_case():
    router = Router()
    router.node("x", entry_point=True, name="odd")(lambda msg: msg.x if msg.x % 2 else None)
    router.push([1, 2], field="x")
    echo(router, "odd")
    assert "odd-dropped" not in cases_in(text_of(router))


def test_the_typical_message_of_a_node_that_emits_late_emits_something():
    """Not at the first messages of a key, but at the fifth."""
    router = Router()

    @router.node("x", entry_point=True, name="late", key="k")
    def late(msg, state):
        state["n"] = state.get("n", 0) + 1
        return msg.x if state["n"] > 4 else None

    router.push([{"k": n % 3, "x": n} for n in range(24)])
    cases = cases_in(text_of(router))
    assert cases["late-typical"][1]
    assert cases["late-dropped"][1] == []


def test_the_sample_reaches_what_comes_of_many_steps_of_one_key(tmp_path: Path):
    router = pushed("packages")
    files = evidence(router, "packages", list(router.nodes))
    (tmp_path / "frame.parquet").write_bytes(files["test_packages-frame.parquet"])
    assert set(pd.read_parquet(tmp_path / "frame.parquet")["node"]) == {"took", "slow"}
