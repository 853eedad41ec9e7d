"""Failure ports, and what runs again: replays and retries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from failing import Failing, declare, failing_graphs, model_of, numbers
from hypothesis import assume, given
from hypothesis import strategies as st
from test_properties import examples

from emitnb import Router


def parsing(calls: list[Any]) -> Router:
    """A router in which ``parse`` fails on what is no number, and ``watch`` is told."""
    router = Router()

    @router.node({"number": int}, entry_point=True, name="parse")
    def parse(msg):
        calls.append(msg)
        return int(msg.text)

    watch(router)
    return router


def watch(router: Router, mark: str = "") -> None:
    router.node("seen", ["parse", "parse!"], name="watch", fingerprint=mark)(
        lambda msg: f"{mark}{msg.input['text']}" if msg._origin == "parse!" else str(msg.number)
    )


TEXTS = [{"text": text} for text in ("x", "1", "2", "y", "3", "z")]
SEEN = ["x", "1", "2", "y", "3", "z"]


def test_a_listener_is_replayed_from_what_is_recorded_of_the_port():
    calls: list[Any] = []
    router = parsing(calls)
    router.push(TEXTS, batch_size=2)
    watch(router, "!")
    router.replay()
    assert router.frame("watch")["seen"].tolist() == ["!x", "1", "2", "!y", "3", "!z"]
    assert len(calls) == 6


def test_one_who_did_not_listen_yet_is_told_all_that_failed():
    calls: list[Any] = []
    router = parsing(calls)
    router.push(TEXTS[:3])
    router.unsubscribe("watch", "parse!")
    router.push(TEXTS[3:])
    router.subscribe("watch", "parse!")
    router.replay("watch", batch_size=2)
    assert router.frame("watch")["seen"].tolist() == SEEN
    assert len(calls) == 12


def test_what_was_mended_is_out_of_the_port_after_a_replay():
    router = parsing([])
    router.push(TEXTS)
    router.node({"number": int}, entry_point=True, name="parse")(lambda msg: int(msg.text, 36))
    router.retry("parse")
    assert len(router.failures()) == 0
    assert len(router.frame("parse!")) == 3
    router.replay()
    assert len(router.frame("parse!")) == 0
    assert router.frame("watch")["seen"].tolist() == ["33", "1", "2", "34", "3", "35"]


def test_a_retry_that_fails_again_goes_out_of_the_port_again():
    router = parsing([])
    router.push(TEXTS[:2])
    router.retry("parse")
    assert router.frame("parse!")["input"].tolist() == [{"text": "x"}] * 2
    assert router.frame("watch")["seen"].tolist() == ["x", "1", "x"]
    assert router.frame("watch", lineage=True)["parent_row"].tolist() == [0, 0, 1]


def test_what_fails_behind_a_port_is_retried_from_there():
    router = parsing([])
    router.node("n", "parse!", name="broken")(lambda msg: 1 // 0)
    router.push(TEXTS[:2])
    router.node("n", "parse!", name="broken")(lambda msg: msg.input["text"])
    router.retry("broken")
    assert router.failures()["node"].tolist() == ["parse"]
    frame = router.frame("broken", lineage=True)
    assert frame[["n", "parent_node", "parent_row"]].values.tolist() == [["x", "parse!", 0]]


def frames(router: Router) -> dict[str, pd.DataFrame]:
    names = [name for node in router.nodes for name in (node, f"{node}!")]
    found = {name: router.frame(name, lineage=True) for name in names}
    found |= {
        "all": router.frame(lineage=True),
        "failures": router.failures().sort_values("node", kind="stable").reset_index(drop=True),
    }
    return {
        name: frame.drop(columns=["time", "first", "last", "revision", "attempts"], errors="ignore")
        for name, frame in found.items()
    }


@examples(40)
@given(st.data())
def test_after_a_replay_the_frames_are_those_of_a_fresh_run(data):
    specs: list[Failing] = data.draw(failing_graphs())
    pushes = data.draw(st.lists(numbers, min_size=1, max_size=2))
    model_of(specs, pushes)
    router = Router()
    declare(specs, router)
    for pushed in pushes:
        router.push(pushed, batch_size=data.draw(st.sampled_from([1, 3, "auto"])))
    place = data.draw(st.integers(0, len(specs) - 1))
    rest = data.draw(st.integers(0, specs[place].modulus - 1))
    assume(rest != specs[place].rest)
    specs = [*specs]
    specs[place] = replace(specs[place], rest=rest)
    model_of(specs, pushes)
    specs[place].declare(router)
    router.replay(specs[place].name, batch_size=data.draw(st.sampled_from([1, 3, "auto"])))
    fresh = Router()
    declare(specs, fresh)
    for pushed in pushes:
        fresh.push(pushed)
    for name, frame in frames(router).items():
        pd.testing.assert_frame_equal(frame, frames(fresh)[name], obj=name, check_dtype=False)
