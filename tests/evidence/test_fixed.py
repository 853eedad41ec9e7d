"""Failures that were fixed are remembered: what failed once and passed later."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from emitnb import Router, UnknownNodeError
from emitnb.fixes import MOST, MOST_BYTES


def parsing(base: int = 10, router: Router | None = None) -> Router:
    """``parse`` fails on what is no number to its base."""
    router = Router() if router is None else router
    router.node({"n": int}, entry_point=True, name="parse", fingerprint=str(base))(
        lambda msg: int(msg.text, base)
    )
    return router


def inputs(router: Router, node: str | None = None) -> list[Any]:
    return [one["text"] for one in router.fixed(node)["input"]]


def test_what_passes_in_a_retry_is_remembered_and_what_fails_again_is_not():
    router = parsing()
    router.push(["1", "a", "?", "b"], field="text")
    assert inputs(router) == []
    parsing(16, router)
    router.retry()
    assert inputs(router) == ["a", "b"]
    assert len(router.failures()) == 1


def test_the_frame_says_how_it_failed():
    router = parsing()
    router.push(["a"], field="text")
    failed = router.failures()
    parsing(16, router)
    router.retry()
    fixed = router.fixed("parse")
    columns = ["node", "error_type", "error", "input", "revision", "time"]
    assert fixed.columns.tolist() == columns
    pd.testing.assert_frame_equal(fixed, failed[columns])
    pd.testing.assert_series_equal(Router().fixed().dtypes, fixed.dtypes)


def test_the_last_error_before_it_passed_counts():
    router = parsing()
    router.push(["z"], field="text")
    parsing(16, router)
    router.retry()
    parsing(36, router)
    router.retry()
    assert router.fixed()["revision"].tolist() == [2]
    assert "base 16" in router.fixed()["error"][0]


def test_what_passes_in_a_replay_is_remembered():
    router = parsing()
    router.push(["1", "a", "?", "a"], field="text")
    parsing(16, router)
    router.replay()
    assert inputs(router) == ["a", "a"]
    assert [one["text"] for one in router.failures()["input"]] == ["?"]


def test_it_survives_further_replays_until_it_fails_again():
    router = parsing()
    router.push(["a", "z"], field="text")
    parsing(16, router)
    router.retry()
    parsing(36, router)
    router.replay()
    assert inputs(router) == ["a", "z"]
    parsing(16, router)
    router.replay()
    assert inputs(router) == ["a"]


def test_nodes_beside_a_replay_keep_theirs():
    router = parsing()
    router.node("twice", "parse", name="twice")(lambda msg: 2 * msg.n)
    router.push(["a"], field="text")
    parsing(16, router)
    router.retry()
    router.replay("twice")
    assert inputs(router) == ["a"]


def test_of_one_pushed_message_only_what_passed_is_fixed():
    def declare(base: int) -> None:
        router.node("n", "words", name="parse", fingerprint=str(base))(
            lambda msg: int(msg.text, base)
        )

    router = Router()
    router.node("text", entry_point=True, name="words")(lambda msg: (t for t in msg.line.split()))
    declare(10)
    router.push(["1 a ?"], field="line")
    declare(16)
    router.replay()
    assert inputs(router) == ["a"]


def test_it_follows_a_rename():
    router = parsing()
    router.push(["a"], field="text")
    parsing(16, router)
    router.retry()
    router.rename("parse", "number")
    assert inputs(router, "number") == ["a"]
    with pytest.raises(UnknownNodeError, match="parse"):
        router.fixed("parse")


def test_what_is_discarded_was_not_fixed_and_clear_forgets():
    router = parsing()
    router.push(["a", "?"], field="text")
    router.discard(rows=[1])
    assert inputs(router) == []
    parsing(16, router)
    router.retry()
    assert inputs(router) == ["a"]
    router.clear()
    assert inputs(router) == []


def test_the_oldest_go_beyond_a_thousand():
    router = parsing()
    router.max_failures = 2 * MOST
    router.push([f"{n:x}x" for n in range(MOST + 50)], field="text")
    parsing(36, router)
    router.retry(batch_size=100)
    assert inputs(router) == [f"{n:x}x" for n in range(50, MOST + 50)]


def test_they_take_a_bounded_part_of_memory():
    size = MOST_BYTES // 3
    router = parsing()
    router.push([{"text": text, "more": text * size} for text in "abcd"])
    parsing(16, router)
    router.retry()
    assert inputs(router) == ["c", "d"]
