"""Interrupts and stops: whatever is committed stays, and resuming gives what was missing.

The contracts are "Batches and commits" and "Failures". Nothing is lost and nothing comes twice,
wherever the interrupt lands: in a node, in a generator, in the user's source, in the engine.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from model import ENTRY, Model, TooManyEmissions, assert_same
from strategies import SWEEP, NodeSpec, Rule, Work, graphs, messages, model_of, router_of, trap

import emitnb
from emitnb import Router, RunInterrupted, RunStoppedError, SourceError

SPECS = [
    NodeSpec("end", subscribe_to=("loop", "count"), state=dict),
    NodeSpec(
        "split", entry_point=True, work=Work("generator", items=2, fails_on=Rule(5, 3), fails_at=2)
    ),
    NodeSpec("count", subscribe_to=("split",), key=("tag",), state=list, work=Work("mapping")),
    NodeSpec("loop", subscribe_to=("loop", "split"), state=dict, work=Work(fails_on=Rule(4, 2))),
]
PUSHED = [{"n": 3 + number % 5, "tag": "xyz"[number % 3], "mark": 0} for number in range(12)]


def model_after(specs: list[NodeSpec], pushed: list[dict[str, Any]]) -> Model:
    """Return the model after a push."""
    model = model_of(specs)
    model.push(pushed)
    return model


def assert_resumable(router: Router, specs: list[NodeSpec], pushed: list[Any], error: Any) -> None:
    """What is committed is what the first messages made; resuming brings the rest."""
    run = error.run
    assert run is router.run
    assert run.state == "interrupted"
    assert_same(router, model_after(specs, pushed[: run.done]))
    run.resume()
    assert (run.state, run.done) == ("done", len(pushed))
    assert_same(router, model_after(specs, pushed))


# --- Interrupts in nodes --------------------------------------------------------------------------


def steps_of_a_push(size: Any) -> int:
    """Return how many steps in nodes the push of PUSHED takes."""
    with trap.after(10**9):
        router_of(SPECS).push(PUSHED, batch_size=size)
        return 10**9 - trap.steps


@pytest.mark.parametrize("size", [1, 2, 5, 100, "auto"])
def test_an_interrupt_at_any_step_in_any_node_loses_nothing(size):
    total = steps_of_a_push(size)
    assert total > 100
    for step in range(1, total + 1, 1 if SWEEP else 11):
        router = router_of(SPECS)
        with trap.after(step), pytest.raises(RunInterrupted) as caught:
            router.push(PUSHED, batch_size=size)
        if size != "auto":
            assert caught.value.run.done % size == 0
        assert_resumable(router, SPECS, PUSHED, caught.value)


def test_an_interrupt_says_how_to_resume():
    router = router_of(SPECS)
    with trap.after(40), pytest.raises(KeyboardInterrupt, match="resume"):
        router.push(PUSHED, batch_size=2)


def test_the_batch_of_the_interrupt_is_not_visible_and_those_before_it_are():
    router = Router()
    calls = []

    @router.node("n", entry_point=True, name="first")
    def first(msg):
        return msg.n

    @router.node("n", subscribe_to="first", name="second")
    def second(msg, state):
        calls.append(msg.n)
        if calls.count(7) == 1 and msg.n == 7:
            raise KeyboardInterrupt
        state["sum"] = state.get("sum", 0) + msg.n
        return state["sum"]

    with pytest.raises(RunInterrupted) as caught:
        router.push(range(10), field="n", batch_size=3)
    assert caught.value.run.done == 6
    assert router.frame("first")["n"].tolist() == [0, 1, 2, 3, 4, 5]
    assert router.frame("second")["n"].tolist() == [0, 1, 3, 6, 10, 15]
    assert len(router.failures()) == 0
    caught.value.run.resume()
    assert router.frame("second")["n"].tolist() == [0, 1, 3, 6, 10, 15, 21, 28, 36, 45]
    assert len(router.failures()) == 0


def test_a_resume_may_be_interrupted_again_and_again():
    router = router_of(SPECS)
    with trap.after(30), pytest.raises(RunInterrupted) as caught:
        router.push(iter(PUSHED), batch_size=2)
    run = caught.value.run
    interrupts = 0
    while run.state != "done":
        try:
            with trap.after(20 + 20 * interrupts):
                run.resume()
        except RunInterrupted as error:
            assert error.run is run
            interrupts += 1
    assert interrupts > 2
    assert_same(router, model_after(SPECS, PUSHED))


def test_a_run_that_is_done_has_nothing_to_resume():
    router = router_of(SPECS)
    run = router.push(PUSHED, batch_size=5)
    run.resume()
    assert_same(router, model_after(SPECS, PUSHED))


@settings(
    max_examples=1000 if SWEEP else 40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.data())
def test_an_interrupt_in_any_graph_loses_nothing(data):
    specs = data.draw(graphs())
    pushed = data.draw(messages(specs))
    try:
        model_after(specs, pushed)
    except TooManyEmissions:
        assume(False)
    router = router_of(specs)
    size = data.draw(st.sampled_from([1, 2, 3, 100, "auto"]))
    try:
        with trap.after(data.draw(st.integers(1, 40))):
            router.push(pushed, batch_size=size)
    except RunInterrupted as error:
        assert_resumable(router, specs, pushed, error)
    else:
        assert_same(router, model_after(specs, pushed))


class Once:
    """Interrupts one place of the user's code, once, on the message with ``n`` 7."""

    def __init__(self, place: str) -> None:
        self.place = place

    def spring(self, place: str, n: int) -> None:
        """Pass by, in ``place``, with a message."""
        if (place, n) == (self.place, 7):
            self.place = ""
            raise KeyboardInterrupt


class Fragile:
    """A state with something to do when it is copied."""

    last = -1
    once = Once("")

    def __deepcopy__(self, memo: dict[int, Any]) -> Fragile:
        self.once.spring("state", self.last)
        made = Fragile()
        made.last, made.once = self.last, self.once
        return made


def router_with_all_forms(once: Once) -> Router:
    router = Router()

    def wanted(msg):
        once.spring("predicate", msg.n)
        return True

    @router.node("n", entry_point=True, name="plain", when=wanted)
    def plain(msg, state: Fragile):
        state.last, state.once = msg.n, once
        return msg.n

    @router.node("n", subscribe_to="plain", name="fetch")
    async def fetch(msg):
        once.spring("coroutine", msg.n)
        return msg.n

    @router.node("n", subscribe_to="fetch", batch=True, name="frames")
    def frames(rows):
        for n in rows["n"]:
            once.spring("batch node", n)
        return rows[["n"]]

    return router


@pytest.mark.parametrize("place", ["predicate", "state", "coroutine", "batch node"])
@pytest.mark.parametrize("size", [1, 4, 8])
def test_an_interrupt_in_other_user_code(place, size):
    router = router_with_all_forms(Once(place))
    with pytest.raises(RunInterrupted) as caught:
        router.push(range(16), field="n", batch_size=size)
    assert caught.value.run.done % size == 0
    assert router.frame("frames")["n"].tolist() == list(range(caught.value.run.done))
    caught.value.run.resume()
    for node in ("plain", "fetch", "frames"):
        assert router.frame(node)["n"].tolist() == list(range(16))
    assert len(router.failures()) == 0


# --- Interrupts in the source ---------------------------------------------------------------------


class Stumbling:
    """An iterator that is interrupted once before it gives the message at ``position``."""

    def __init__(self, items: list[Any], *positions: int) -> None:
        self.items = items
        self.positions = list(positions)
        self.given = 0

    def __iter__(self) -> Stumbling:
        return self

    def __next__(self) -> Any:
        if self.given in self.positions:
            self.positions.remove(self.given)
            raise KeyboardInterrupt
        if self.given == len(self.items):
            raise StopIteration
        self.given += 1
        return self.items[self.given - 1]


@pytest.mark.parametrize("size", [1, 2, 5, 100, "auto"])
def test_an_interrupt_in_the_source_loses_nothing_that_was_read(size):
    for position in range(len(PUSHED)):
        router = router_of(SPECS)
        with pytest.raises(RunInterrupted) as caught:
            router.push(Stumbling(PUSHED, position), batch_size=size)
        assert_resumable(router, SPECS, PUSHED, caught.value)


def test_many_interrupts_in_the_source_and_in_nodes():
    router = router_of(SPECS)
    with trap.after(50), pytest.raises(RunInterrupted) as caught:
        router.push(Stumbling(PUSHED, 0, 3, 4, 4, 9, 11), batch_size=3)
    interrupts = 1
    while caught.value.run.state != "done":
        try:
            caught.value.run.resume()
        except RunInterrupted:
            interrupts += 1
    assert interrupts == 6
    assert_same(router, model_after(SPECS, PUSHED))


def test_a_generator_that_an_interrupt_ended_is_not_taken_for_one_that_is_done():
    def source():
        for number in range(10):
            if number == 5:
                raise KeyboardInterrupt
            yield {"n": number}

    router = Router()
    router.node("n", entry_point=True, name="keep")(lambda msg: msg.n)
    with pytest.raises(RunInterrupted) as caught:
        router.push(source(), batch_size=2)
    assert router.frame("keep")["n"].tolist() == list(range(caught.value.run.done))
    with pytest.raises(SourceError):
        caught.value.run.resume()
    # What had been read is there, so that it is known where to go on.
    assert router.frame("keep")["n"].tolist() == [0, 1, 2, 3, 4]
    assert caught.value.run.done == 5


def test_a_source_that_raises_stops_the_run_where_it_can_be_resumed():
    class Flaky(Stumbling):
        def __next__(self):
            try:
                return super().__next__()
            except KeyboardInterrupt:
                raise OSError("the line is down") from None

    router = router_of(SPECS)
    with pytest.raises(Exception, match="the line is down"):
        router.push(Flaky(PUSHED, 7), batch_size=3)
    assert_same(router, model_after(SPECS, PUSHED[: router.run.done]))
    router.run.resume()
    assert_same(router, model_after(SPECS, PUSHED))


# --- Real signals ---------------------------------------------------------------------------------


def interrupt_in(specs: list[NodeSpec], call: int, interrupt: Any) -> Router:
    """Return a router whose node ``split`` calls ``interrupt`` at its n-th call."""
    router = router_of(specs)
    function = router.nodes and specs[1].function()
    left = [call]

    @router.node(specs[1].fields, entry_point=True, name="split")
    def split(msg):
        left[0] -= 1
        if left[0] == 0:
            interrupt()
        yield from function(msg)

    return router


REVISED = [SPECS[0], replace(SPECS[1], revision=2), *SPECS[2:]]


@pytest.mark.parametrize("call", [1, 5, 6, 12])
@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_signal_raised_in_a_node(call, size):
    router = interrupt_in(SPECS, call, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(RunInterrupted) as caught:
        router.push(PUSHED, batch_size=size)
    assert_resumable(router, REVISED, PUSHED, caught.value)


@pytest.mark.parametrize("call", [1, 6, 12])
def test_a_signal_from_another_thread(call):
    def interrupt():
        sent = threading.Event()

        def kill():
            os.kill(os.getpid(), signal.SIGINT)
            sent.set()

        threading.Thread(target=kill).start()
        sent.wait()

    router = interrupt_in(SPECS, call, interrupt)
    with pytest.raises(RunInterrupted) as caught:
        router.push(PUSHED, batch_size=2)
    assert_resumable(router, REVISED, PUSHED, caught.value)


def test_the_handler_of_signals_is_the_users_again_after_a_push():
    before = signal.getsignal(signal.SIGINT)
    router = router_of(SPECS)
    with trap.after(40), pytest.raises(RunInterrupted) as caught:
        router.push(PUSHED)
    assert signal.getsignal(signal.SIGINT) is before
    caught.value.run.resume()
    assert signal.getsignal(signal.SIGINT) is before


PACKAGE = str(Path(emitnb.__file__).parent)


class LineTracer:
    """Sends SIGINT when the n-th line of the package runs."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
        return self

    def push(self, router: Router, pushed: list[Any]) -> Any:
        """Push under the tracer, and say what happened: ``done`` or the interrupt."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            router.push(pushed, batch_size=2)
        except KeyboardInterrupt as error:
            return error
        finally:
            sys.settrace(before)
        return None


def test_a_signal_at_any_line_of_the_engine_loses_nothing():
    pushed = PUSHED[:6]
    expected = model_after(SPECS, pushed)
    counting = LineTracer(10**9)
    assert counting.push(router_of(SPECS), pushed) is None
    lines = 10**9 - counting.left
    chosen = range(1, lines + 1)
    for line in chosen if SWEEP else random.Random(5).sample(chosen, 60):
        router = router_of(SPECS)
        error = LineTracer(line).push(router, pushed)
        if router.run is None:  # before there was a run: as if nothing had been called
            assert error is not None
            assert_same(router, model_of(SPECS))
            router.push(pushed, batch_size=2)
        elif error is not None:
            assert_same(router, model_after(SPECS, pushed[: router.run.done]))
            if router.run.done not in (0, len(pushed)):  # on its way, and not about to begin or end
                assert isinstance(error, RunInterrupted), line
                assert error.run.state == "interrupted", line
            router.run.resume()
        assert router.run.state == "done"
        assert_same(router, expected)


# --- Stops ----------------------------------------------------------------------------------------


def broken_router(on: int) -> Router:
    router = Router()

    @router.node("n", entry_point=True, name="first")
    def first(msg):
        return msg.n

    @router.node("n", subscribe_to="first", name="second")
    def second(msg, state):
        state["sum"] = state.get("sum", 0) + msg.n
        if msg.n == on:
            raise ValueError(f"cannot do {on}")
        return state["sum"]

    return router


def mend(router: Router) -> None:
    @router.node("n", subscribe_to="first", name="second")
    def second(msg, state):
        state["sum"] = state.get("sum", 0) + msg.n
        return state["sum"]


@pytest.mark.parametrize("size", [1, 3, 5, 100])
def test_stop_at_the_first_failure_mend_and_go_on(size):
    router = broken_router(7)
    with pytest.raises(RunStoppedError, match="second") as caught:
        router.push(range(10), field="n", on_error="stop", batch_size=size)
    run = caught.value.run
    assert run is router.run
    assert run.state == "stopped"
    assert run.done == 7 // size * size
    assert router.frame("first")["n"].tolist() == list(range(run.done))
    assert len(router.frame("second")) == run.done
    with pytest.raises(RunStoppedError):
        run.resume()
    assert len(router.frame("first")) == run.done
    mend(router)
    run.resume()
    assert (run.state, run.done) == ("done", 10)
    assert router.frame("first")["n"].tolist() == list(range(10))
    assert len(router.frame("second")) == 10


def test_a_stop_has_the_nodes_exception_as_its_cause():
    router = broken_router(2)
    with pytest.raises(RunStoppedError) as caught:
        router.push(range(10), field="n", on_error="stop")
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_system_exit_is_a_failure_of_its_message(size):
    router = Router()

    @router.node("n", entry_point=True, name="leaver")
    def leaver(msg):
        if msg.n % 3 == 1:
            sys.exit("bye")
        return msg.n

    run = router.push(range(7), field="n", batch_size=size)
    assert run.state == "done"
    assert router.frame("leaver")["n"].tolist() == [0, 2, 3, 5, 6]
    failures = router.failures("leaver")
    assert failures["error_type"].tolist() == ["SystemExit", "SystemExit"]
    assert failures["input"].tolist() == [{"n": 1}, {"n": 4}]


def failing_while(router: Router, failing: Any) -> None:
    @router.node("n", entry_point=True, name="shaky")
    def shaky(msg):
        if failing(msg.n):
            raise ValueError(msg.n)
        return msg.n


@pytest.mark.parametrize("size", [1, 4, 100, "auto"])
def test_many_failures_in_a_row_stop_the_run_by_itself(size):
    router = Router()
    assert router.max_failures == 1000
    router.max_failures = 10
    failing_while(router, lambda n: n >= 20)
    with pytest.raises(RunStoppedError, match="shaky") as caught:
        router.push(range(200), field="n", batch_size=size)
    run = caught.value.run
    assert run.state == "stopped"
    assert run.done < 200
    failing_while(router, lambda n: False)
    run.resume()
    assert run.state == "done"
    passed = router.frame("shaky")["n"].tolist()
    failed = [values["n"] for values in router.failures()["input"]]
    assert sorted(passed + failed) == list(range(200))
    assert passed[:20] == list(range(20))


@pytest.mark.parametrize("size", [1, 4, 100, "auto"])
def test_failures_that_are_not_in_a_row_never_stop_a_run(size):
    router = Router()
    router.max_failures = 10
    failing_while(router, lambda n: n % 10 != 0)
    run = router.push(range(200), field="n", batch_size=size)
    assert run.state == "done"
    assert len(router.failures()) == 180


def test_failures_in_a_row_are_counted_over_the_batches():
    router = Router()
    router.max_failures = 10
    failing_while(router, lambda n: True)
    with pytest.raises(RunStoppedError):
        router.push(range(100), field="n", batch_size=1)
    assert router.run.done < 20


def test_an_endless_loop_is_a_failure_and_no_hang():
    router = Router()

    @router.node("n", entry_point=True, subscribe_to="again", name="again")
    def again(msg):
        return msg.n

    run = router.push([1, 2, 3], field="n", batch_size=2)
    assert run.state == "done"
    failures = router.failures("again")
    assert set(failures["error_type"]) == {"LoopError"}
    assert failures["source"].tolist() == [0, 1, 2]
    assert ENTRY in set(router.frame("again", lineage=True)["parent_node"])
