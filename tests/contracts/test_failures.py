"""The contract "Failures": direct calls raise, a push collects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import BATCH_SIZES, column, figures, unchanged

from emitnb import Router, RunInterrupted, RunStoppedError
from emitnb.message import ENTRY_POINT

COLUMNS = {
    "node": "str",
    "revision": "Int64",
    "attempts": "int64",
    "error_type": "str",
    "error": "str",
    "line": "Int64",
    "input": "object",
    "parent_node": "str",
    "parent_row": "Int64",
    "source": "Int64",
    "time": "datetime64[ns, UTC]",
    "traceback": "str",
}


def halving() -> Router:
    """Words to numbers to halves; ``number`` fails on text, ``half`` on zero and on odd numbers."""
    router = Router()

    @router.node("word", entry_point=True, name="words")
    def words(msg: Any) -> Any:
        yield from msg.document.split()

    @router.node("n", "words", name="number")
    def number(msg: Any) -> int:
        return int(msg.word)

    @router.node("n", "number", name="half")
    def half(msg: Any) -> int:
        if msg.n == 0:
            raise ZeroDivisionError("nothing to halve")
        assert msg.n % 2 == 0, "odd"
        return msg.n // 2

    return router


def test_failures_one_message_raises_what_the_node_raises():
    router = halving()
    with unchanged(router), pytest.raises(ZeroDivisionError, match="nothing to halve"):
        router(document="4 0 6")
    with unchanged(router), pytest.raises(ValueError, match="invalid literal"):
        router(document="x")
    router(document="4")
    assert column(router, "half") == [2]


def test_failures_calling_a_node_directly_raises_what_it_raises_as_any_function_does():
    router = Router()

    @router.node("n", entry_point=True, name="half")
    def half(msg: Any) -> float:
        return 1 / msg.n

    with unchanged(router), pytest.raises(ZeroDivisionError) as raised:
        half(n=0)
    assert raised.traceback[-1].name == "half"
    assert half(n=2) == {"n": 0.5}


def test_failures_a_direct_call_also_raises_what_a_node_further_on_raises():
    router = halving()
    start = router.node("n", name="start")(lambda msg: msg.n)
    router.subscribe("half", "start")
    with unchanged(router), pytest.raises(ZeroDivisionError):
        start(n=0)
    assert start(n=8) == {"n": 8}
    assert column(router, "half") == [4]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_failures_a_push_records_the_failing_message_and_the_others_go_on(size):
    router = halving()
    run = router.push(["4 x 0", "", "6 3"], batch_size=size)
    assert (run.state, run.done) == ("done", 3)
    assert column(router, "half") == [2, 3]
    failures = router.failures()
    assert failures["node"].tolist() == ["number", "half", "half"]
    assert failures["error_type"].tolist() == [
        "ValueError",
        "ZeroDivisionError",
        "AssertionError",
    ]
    assert failures["error"][1] == "nothing to halve"
    assert failures["input"].tolist() == [{"word": "x"}, {"n": 0}, {"n": 3}]
    assert failures["parent_node"].tolist() == ["words", "number", "number"]
    assert failures["parent_row"].tolist() == [1, 1, 3]
    assert failures["source"].tolist() == [0, 0, 2]
    assert failures["revision"].tolist() == [1, 1, 1]
    for node, row, given in failures[["parent_node", "parent_row", "input"]].to_numpy():
        assert router.frame(node).loc[row].to_dict() == given
    assert figures(router, "half") == (4, 2, 0, 2)


def test_failures_have_these_columns_and_dtypes_also_where_there_are_none():
    router = halving()
    assert {name: str(dtype) for name, dtype in router.failures().dtypes.items()} == COLUMNS
    router.push(["0 x"])
    assert {name: str(dtype) for name, dtype in router.failures().dtypes.items()} == COLUMNS
    assert router.failures("half")["node"].tolist() == ["half"]
    assert router.failures("words").empty


def test_failures_keep_the_traceback_from_the_users_function_on():
    router = halving()
    router.push(["0 3 x 1 0"])
    failures = router.failures("half")
    text = failures["traceback"].iloc[0]
    assert "in half" in text
    assert 'raise ZeroDivisionError("nothing to halve")' in text
    assert text.endswith("ZeroDivisionError: nothing to halve")
    assert "emitnb/process" not in text
    # By type and line they can be grouped: two ways to fail in this cell.
    groups = failures.groupby(["error_type", "line"]).size()
    assert groups.tolist() == [2, 2]
    lines = Path(__file__).read_text().splitlines()
    assert [lines[line - 1].split()[0] for _, line in groups.index] == ["assert", "raise"]


def test_failures_a_predicate_that_raises_is_a_failure_of_its_node():
    router = Router()
    router.node("n", entry_point=True, when=lambda msg: 1 / msg.n > 0, name="node")(
        lambda msg: msg.n
    )
    router.push([{"n": n} for n in (1, 0, -1, 2)])
    assert column(router, "node") == [1, 2]
    assert figures(router, "node") == (4, 2, 1, 1)
    assert router.failures()["error_type"].tolist() == ["ZeroDivisionError"]


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_failures_on_error_stop_stops_at_the_first_with_that_batch_not_committed(size):
    router = halving()
    with pytest.raises(
        RunStoppedError, match=r"number failed on words.*: ValueError: inv"
    ) as stopped:
        router.push(["2", "4", "0 x", "0"], batch_size=size, on_error="stop")
    assert isinstance(stopped.value.__cause__, ValueError)
    run = stopped.value.run
    assert run is router.run
    assert run.done in {1: [2], 2: [2], 3: [0]}.get(size, [0])
    assert len(router.frame("half")) == run.done
    assert router.failures().empty
    assert "resume" in str(stopped.value)
    router.node("n", "number", name="half")(lambda msg: msg.n // 2)
    router.node("n", "words", name="number")(lambda msg: len(msg.word))
    assert run.resume().state == "done"


def test_failures_after_many_in_a_row_the_run_stops_by_itself_and_says_so():
    router = halving()
    router.max_failures = 5
    with pytest.raises(RunStoppedError, match="number failed 5 times in a row") as stopped:
        router.push(["2"] * 3 + ["x"] * 50, batch_size=1)
    assert stopped.value.run.done == 8
    assert "ValueError" in str(stopped.value)
    assert len(router.failures()) == 5
    assert column(router, "half") == [1, 1, 1]


def test_failures_that_others_interrupt_do_not_stop_the_run():
    router = halving()
    router.max_failures = 5
    assert router.push(["x x x x 2 x x x x 2"] * 5).state == "done"


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, StopIteration, MemoryError])
@pytest.mark.parametrize("form", ["plain", "when", "state"])
def test_failures_no_exception_of_a_node_ends_the_run(error, form):
    router = Router()

    def bad(msg: Any) -> int:
        if msg.n == 1:
            raise error
        return msg.n + 1

    if form == "when":
        router.node("n", entry_point=True, when=bad, name="node")(lambda msg: msg.n + 1)
    elif form == "state":
        router.node("n", entry_point=True, name="node")(lambda msg, state: bad(msg))
    else:
        router.node("n", entry_point=True, name="node")(bad)
    assert router.push([{"n": n} for n in range(4)]).state == "done"
    assert column(router, "node") == [1, 3, 4]
    assert router.failures()["input"].tolist() == [{"n": 1}]


def test_failures_a_keyboard_interrupt_is_none_it_interrupts():
    router = Router()
    calls = []

    @router.node("n", entry_point=True, name="node")
    def node(msg: Any) -> int:
        calls.append(msg.n)
        if calls == [0, 1, 2]:
            raise KeyboardInterrupt
        return msg.n

    with pytest.raises(RunInterrupted, match="resume") as interrupted:
        router.push([{"n": n} for n in range(4)], batch_size=2)
    assert column(router, "node") == [0, 1]
    assert router.failures().empty
    interrupted.value.run.resume()
    assert column(router, "node") == [0, 1, 2, 3]


def test_failures_an_exception_that_cannot_be_shown_is_recorded_all_the_same():
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    router = Router()

    @router.node("n", entry_point=True, name="node")
    def node(msg: Any) -> int:
        raise Unspeakable

    router.push([{"n": 1}])
    assert router.failures()["error_type"].tolist() == ["Unspeakable"]


def test_failures_data_that_is_no_message_is_a_failure_of_the_entry_point():
    router = Router()
    router.node("n", entry_point=True, name="node")(lambda msg: msg.n)
    router.push([{"n": 1}, {"a b": 2}, {"n": 3}])
    assert column(router, "node") == [1, 3]
    failures = router.failures(ENTRY_POINT)
    assert failures["input"].tolist() == [{"item": 1, "value": "{'a b': 2}"}]
    assert failures["source"].isna().all()
