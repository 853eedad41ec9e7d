"""A newcomer to the graph can be given all that it would have received."""

from __future__ import annotations

from typing import Any

from emitnb import Router


def declared() -> Router:
    router = Router()

    @router.node("n", entry_point=True, name="double")
    def double(msg: Any) -> int:
        return int(msg.n) * 2

    @router.node("total", name="total")
    def total(msg: Any, state: dict[str, int]) -> int:
        state["total"] = state.get("total", 0) + msg.n
        return state["total"]

    return router


def test_a_subscription_from_the_start_is_as_if_it_had_always_been():
    router = declared()
    router.push([1, 2, 3], field="n")
    router.subscribe("total", "double", from_start=True)
    router.push([4], field="n")
    assert router.frame("total")["total"].tolist() == [2, 6, 12, 20]
    assert router.frame("total", lineage=True)["source"].tolist() == [0, 1, 2, 3]


def test_without_it_a_subscription_begins_with_what_comes():
    router = declared()
    router.push([1, 2, 3], field="n")
    router.subscribe("total", "double")
    router.push([4], field="n")
    assert router.frame("total")["total"].tolist() == [8]
