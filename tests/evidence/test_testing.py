"""``emitnb.testing``: a node called alone, a graph with nothing recorded, stored data."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from evidence.making import loaded

from emitnb import EmitError, Message, ResultError, Router, UnknownNodeError
from emitnb.testing import assert_frame, assert_stored, emitted, fresh, load_cases


@pytest.fixture
def router() -> Router:
    found: Router = loaded("wordcount").router
    return found


def test_a_node_alone_emits_what_it_would_and_nothing_is_recorded(router: Router):
    messages = [{"word": "rain"}, {"word": "the"}, {"word": "rain"}]
    assert emitted(router, "count_word", messages) == [
        {"word": "rain", "count": 1},
        {"word": "rain", "count": 2},
    ]
    assert emitted(router, "words", [{"document": "rain"}]) == [{"word": "rain"}]
    assert emitted(router, "words", []) == []
    assert not router.figures
    assert not len(router.frame("__entry_point"))


def test_it_begins_with_a_fresh_state_each_time(router: Router):
    router.push(["rain rain"])
    for _ in range(2):
        assert emitted(router, "count_word", [{"word": "rain"}])[0]["count"] == 1
    router.push(["rain"])
    assert router.frame("count_word")["count"].tolist() == [1, 2, 3]


def test_what_fails_raises_what_the_node_raises():
    router = Router()
    calls = []

    @router.node({"n": int}, entry_point=True, name="parse", retries=2)
    def parse(msg):
        calls.append(msg)
        return int(msg.text) if msg.text != "none" else "none"

    with pytest.raises(ValueError, match="'x'"):
        emitted(router, "parse", [{"text": "1"}, {"text": "x"}, {"text": "none"}])
    assert [msg.text for msg in calls].count("x") == 3
    with pytest.raises(ResultError, match="field n is declared int"):
        emitted(router, "parse", [{"text": "none"}])
    with pytest.raises(AttributeError, match="text"):
        emitted(router, "parse", [{"txt": "1"}])
    assert not len(router.failures())


def test_messages_are_of_the_routers_class_and_of_the_origin_that_is_named():
    class Loud(Message):
        def shout(self):
            return self.as_json().upper()

    router = Router(message_class=Loud)
    router.node("n", entry_point=True, name="one")(lambda msg: msg.n)
    router.node(("o", "text"), ["one", "one!"], name="two")(lambda msg: (msg._origin, msg.shout()))

    def origins(**options):
        return [found["o"] for found in emitted(router, "two", [{"n": 1}, {"n": 2}], **options)]

    assert emitted(router, "two", [{"n": 1}]) == [{"o": "one", "text": '{"N":1}'}]
    assert origins() == ["one", "one"]
    assert origins(origin="one!") == ["one!", "one!"]
    assert origins(origin=["one!", "one"]) == ["one!", "one"]
    with pytest.raises(EmitError, match="2 messages and 1 origin; give one"):
        origins(origin=["one"])


def test_wrong_use_is_told(router: Router):
    with pytest.raises(UnknownNodeError, match="Did you mean `words`"):
        emitted(router, "word", [])
    for wrong in ({"document": "rain"}, ["rain"], 3):
        with pytest.raises(EmitError, match="no messages; give a list of dicts"):
            emitted(router, "words", wrong)  # type: ignore[arg-type]
    with pytest.raises(EmitError, match="not a valid name"):
        emitted(router, "words", [{"my document": "rain"}])


def test_a_fresh_router_has_the_graph_and_shares_no_record(router: Router):
    router.push(["rain"])
    again = fresh(router)
    assert type(again) is Router
    assert list(again.nodes) == list(router.nodes)
    assert not len(again.frame())
    again.push(["sun sun"])
    assert again.frame("count_word")["count"].tolist() == [1, 2]
    assert router.frame("words")["word"].tolist() == ["rain"]
    again.remove("longest")
    assert "longest" in router.nodes


def test_stored_cases_are_read_with_the_values_that_json_has_not(tmp_path: Path):
    path = tmp_path / "cases.jsonl"
    line = (
        '{"case": "words-typical", "values": [[{"day": {"!": "datetime.date(2024, 1, 2)"}}], []]}'
    )
    path.write_text(f'{line}\n{{"case": "sep", "values": ["a\u2028b"]}}\n', encoding="utf-8")
    day = pd.Timestamp("2024-01-02").date()
    assert load_cases(path) == {"words-typical": [[{"day": day}], []], "sep": ["a\u2028b"]}
    path.write_text('{"case": "x", "values": [{"!": "open(\'x\')"}]}')
    with pytest.raises(NameError):
        load_cases(path)


def test_a_frame_is_compared_with_its_dtypes(tmp_path: Path):
    frame = pd.DataFrame({"n": [1, 2], "text": ["a", None]})
    frame.to_parquet(path := tmp_path / "frame.parquet")
    assert_frame(frame, path)
    with pytest.raises(AssertionError, match="dtype"):
        assert_frame(frame.astype({"n": float}), path)
    lines = ['{"dtypes": {"n": "int64", "text": "str"}}', '[1, "a"]', "[2, null]"]
    (path := tmp_path / "frame.jsonl").write_text("\n".join(lines) + "\n")
    assert_frame(frame, path)
    with pytest.raises(AssertionError, match=re.escape('column name="text"')):
        assert_frame(frame.assign(text=["a", "b"]), path)


def test_stored_cases_are_compared_and_the_first_that_differs_is_named(router: Router):
    stored = {
        "a-1": [[{"document": "rain"}], [{"word": "rain"}]],
        "a-2": ["__entry_point", [{"document": "the sun"}], [{"word": "the"}, {"word": "sun"}]],
        "b-1": [[{"document": "rain"}], []],
        "c-1": [[{"text": "rain"}], []],
    }
    assert_stored(router, "words", stored, "a")
    with pytest.raises(AssertionError, match=r"b-1: for \[\{'document': 'rain'\}\] words emits"):
        assert_stored(router, "words", stored, "b")
    with pytest.raises(AttributeError, match="document") as caught:
        assert_stored(router, "words", stored, "c")
    assert "c-1" in caught.value.__notes__[-1]
    with pytest.raises(AssertionError, match="no stored case begins with d-"):
        assert_stored(router, "words", stored, "d")
