"""Pushes in the foreground that did not come to their end: nothing of them is lost when others
are pushed meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from looking import column, rows

from emitnb import EmitError, Router, Run, RunInterrupted, RunStoppedError, SourceError
from emitnb.message import ENTRY_POINT
from emitnb.runs import MOST_KEPT

SIZES = (1, 2, 7, "auto")


class Stumbling:
    """A router that counts by key; it is interrupted, or fails, at the numbers in ``traps``."""

    def __init__(self) -> None:
        self.router = Router()
        self.traps: dict[int, BaseException] = {}
        self.calls: Counter[int] = Counter()

        @self.router.node("n", entry_point=True, name="first")
        def first(msg: Any) -> int:
            if msg.n in self.traps:
                raise self.traps.pop(msg.n)
            self.calls[msg.n] += 1
            return msg.n

        self._count_in(self.router)

    @staticmethod
    def _count_in(router: Router) -> None:
        @router.node(("parity", "count"), "first", name="counts")
        def counts(msg: Any, state: Counter[int]) -> tuple[int, int]:
            state[msg.n % 2] += 1
            return msg.n % 2, state[msg.n % 2]

    def push(self, numbers: Any, **options: Any) -> Run:
        return self.router.push(numbers, field="n", **options)

    def stumble(self, numbers: range, at: int, **options: Any) -> Run:
        """A push that is interrupted at one of its numbers."""
        self.traps[at] = KeyboardInterrupt()
        with pytest.raises(RunInterrupted) as caught:
            self.push(numbers, **options)
        return caught.value.run

    def assert_as_in_one_push(self) -> None:
        """Check that all is as if what was committed had been pushed at once, in that order."""
        same = Router()
        same.node("n", entry_point=True, name="first")(lambda msg: msg.n)
        self._count_in(same)
        same.push(self.router.frame(ENTRY_POINT))
        for node in ("first", "counts"):
            given, wanted = (one.frame(node, lineage=True) for one in (self.router, same))
            times = ["time", "revision"]
            pd.testing.assert_frame_equal(given.drop(columns=times), wanted.drop(columns=times))


@pytest.fixture
def pushes() -> Stumbling:
    return Stumbling()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("background", [False, True])
def test_an_interrupted_push_goes_on_after_others(pushes, size, background):
    first = pushes.stumble(range(30), 15, batch_size=size)
    before = first.done
    router = pushes.router
    pushes.push(range(100, 105), batch_size=size, background=background).wait()
    assert router.run is not first
    assert router.find_runs(first.number) == (first,)
    assert router.resumable() == (first,)
    assert router.resumable().resume() == (first,)
    assert (first.state, first.done) == ("done", 30)
    order = [*range(before), *range(100, 105), *range(before, 30)]
    assert column(router, "first") == column(router, ENTRY_POINT) == order
    pushes.assert_as_in_one_push()
    assert router.resumable() == ()
    with pytest.raises(EmitError, match="nothing to resume"):
        router.resumable().resume()


@pytest.mark.parametrize("size", SIZES)
def test_several_are_resumed_the_latest_first_or_by_number(pushes, size):
    runs = [pushes.stumble(range(n, n + 10), n + 5, batch_size=size) for n in (0, 100, 200)]
    pushes.push([500])
    router = pushes.router
    assert router.resumable() == (runs[2],)
    router.resumable(1).resume()
    assert router.resumable() == (runs[2],)
    router.resumable().resume()
    assert router.resumable() == (runs[1],)
    router.resumable().resume()
    assert router.resumable() == ()
    assert [run.state for run in runs] == ["done"] * 3
    expected = [*range(10), *range(100, 110), *range(200, 210), 500]
    assert sorted(column(router, "first")) == expected
    assert len(rows(router, "counts")) == 31
    pushes.assert_as_in_one_push()


def test_no_message_is_run_twice_that_was_committed(pushes):
    first = pushes.stumble(range(10), 6, batch_size=3)
    pushes.push([100])
    pushes.traps[8] = KeyboardInterrupt()
    with pytest.raises(RunInterrupted):
        pushes.router.resumable().resume()
    pushes.push([101])
    pushes.router.resumable().resume()
    assert first.state == "done"
    again = {n for n, times in pushes.calls.items() if times > 1}
    assert again <= {6, 7, 8}  # of the batch that was under way
    assert sorted(column(pushes.router, "first")) == [*range(10), 100, 101]
    pushes.assert_as_in_one_push()


def test_a_stopped_push_is_kept_too(pushes):
    pushes.traps[3] = ValueError("no")
    with pytest.raises(RunStoppedError):
        pushes.push(range(6), batch_size=1, on_error="stop")
    pushes.push([100])
    pushes.router.resumable(1).resume()
    assert column(pushes.router, "first") == [0, 1, 2, 100, 3, 4, 5]
    pushes.assert_as_in_one_push()


def test_the_message_names_the_number_once_the_run_is_not_the_latest(pushes):
    pushes.stumble(range(10), 5, batch_size=1)
    assert str(pushes.router.run.error).endswith("; router.run.resume() goes on with the next one")
    pushes.push([100])
    pushes.traps[7] = KeyboardInterrupt()
    with pytest.raises(RunInterrupted, match=r"7 of 10 .*; %emit_resume 1 goes on with the next"):
        pushes.router.resumable().resume()
    pushes.router.resumable(1).resume()
    assert pushes.router.resumable() == ()


def test_a_new_push_says_that_one_is_not_over_until_it_is(pushes):
    pushes.stumble(range(10), 5, batch_size=1)
    second = pushes.push([100])
    note = "run 1 is not over; %emit_resume 1 goes on, %emit_stop 1 ends it"
    for shown in (repr(second), second._repr_html_()):
        assert note in shown
    assert "not over" not in second.headline
    pushes.stumble(range(20, 30), 25, batch_size=1)
    third = pushes.push([101], background=True)
    third.wait()
    assert "runs 1, 3 are not over; %emit_resume 3 goes on, %emit_stop 3 ends it" in repr(third)
    pushes.router.find_runs(3).cancel()
    assert note in repr(third)
    pushes.router.resumable().resume()
    for run in (second, third):
        assert "not over" not in repr(run)


def test_what_a_source_raised_is_nothing_to_be_reminded_of(pushes):
    def source() -> Any:
        yield 1
        raise SourceError("no more")

    with pytest.raises(SourceError):
        pushes.push(source(), batch_size=1)
    assert "not over" not in repr(pushes.push([2]))


def test_what_is_over_to_its_last_message_is_nothing_to_be_reminded_of(pushes):
    pushes.router.max_failures = 2
    pushes.traps.update({0: ValueError("no"), 1: ValueError("no")})
    with pytest.raises(RunStoppedError, match="2 of 2"):
        pushes.push(range(2))
    assert "not over" not in repr(pushes.push([2]))


def test_one_that_was_ended_is_not_resumed(pushes):
    first = pushes.stumble(range(10), 5, batch_size=1)
    pushes.push([100])
    assert pushes.router.find_runs(1).cancel() == (first,)
    assert first.state == "cancelled"
    assert pushes.router.resumable() == ()


def test_it_is_no_run_that_goes_on_and_nobody_waits_for_it(pushes):
    first = pushes.stumble(range(10), 5, batch_size=1)
    router = pushes.router
    background = pushes.push([100], background=True)
    assert router.wait() == (background,)
    assert router.runs == ()
    assert router.wait(number=1) == (first,)
    assert first.state == "interrupted"
    assert "run 1" not in " ".join(router.summary().attrs["remarks"])


def test_a_paused_run_is_resumed_before_it(pushes):
    first = pushes.stumble(range(10), 5, batch_size=1)
    router = pushes.router
    paused = pushes.push(
        range(100, 110), batch_size=1, background=True, progress=lambda run: run.pause()
    )
    paused.settle()
    assert router.resumable() == (paused,)
    paused.cancel()
    assert router.resumable() == (first,)


def test_a_reset_forgets_them(pushes):
    first = pushes.stumble(range(10), 5, batch_size=1)
    second = pushes.stumble(range(20, 30), 25, batch_size=1)
    pushes.push([100])
    pushes.router.reset()
    assert (first.state, second.state) == ("cancelled", "cancelled")
    assert pushes.router.resumable() == ()
    with pytest.raises(EmitError, match="no run 1"):
        pushes.router.find_runs(1)


def test_so_many_are_kept_and_no_more(pushes):
    runs = [pushes.stumble(range(2), 1, batch_size=1) for _ in range(MOST_KEPT + 2)]
    pushes.push([100])
    with pytest.raises(EmitError, match="no run 2 any more"):
        pushes.router.find_runs(2)
    assert pushes.router.find_runs(3) == (runs[2],)


def test_a_replay_that_was_interrupted_is_forgotten_when_another_begins(pushes):
    router = pushes.router
    pushes.push(range(6))
    pushes.traps[3] = KeyboardInterrupt()
    with pytest.raises(RunInterrupted):
        router.replay("first", batch_size=1)
    replay = router.run
    pushes.push([100])
    assert router.resumable() == (replay,)
    assert "not over" not in repr(router.run)
    router.replay("first")
    assert router.resumable() == ()
    assert column(router, "first") == [*range(6), 100]


def test_what_a_node_pushed_when_it_was_interrupted_is_pushed_by_that_node_again():
    router = Router()
    interrupted: list[int] = []

    @router.node("n", name="inner")
    def inner(msg: Any) -> int:
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return msg.n

    @router.node("n", entry_point=True, name="outer")
    def outer(msg: Any) -> int:
        router.push([{"n": 10 * msg.n}], to="inner")
        return msg.n

    with pytest.raises(RunInterrupted, match="%emit_resume 1 "):
        router.push([1, 2], field="n", batch_size=1)
    assert [run.number for run in router.resumable()] == [1]
    router.resumable().resume()
    assert column(router, "inner") == [10, 20]
    assert column(router, "outer") == [1, 2]
