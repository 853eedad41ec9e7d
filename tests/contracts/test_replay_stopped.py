"""A replay that does not come to its end says what is true: nothing has changed, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from looking import column, unchanged

from emitnb import EmitError, Router, RunInterrupted, RunStoppedError
from emitnb.errors import BackendError


def pushed(count: int = 10) -> Router:
    router = Router()
    router.node("n", entry_point=True, name="first")(lambda msg: int(msg.document))
    router.push([f"{n}" for n in range(count)])
    return router


def misspelt(router: Router, good: int = 0) -> None:
    """Declare the node again; it fails on all but the ``good`` first messages."""

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if int(msg.document) < good:
            return -1
        return int(msg.docment)


@pytest.mark.parametrize("size", [1, 2, 5, "auto"])
@pytest.mark.parametrize("good", [0, 3])
def test_a_node_that_fails_on_everything_is_told_by_its_first_error(size, good):
    router = pushed()
    router.max_failures = 5
    misspelt(router, good)
    with unchanged(router), pytest.raises(RunStoppedError) as caught:
        router.replay(batch_size=size)
    told = str(caught.value)
    assert "first failed " in told
    assert " times in a row, first in line 28 (return int(msg.docment)) on " in told
    assert f"__entry_point(document='{good}'): AttributeError: " in told
    assert told.endswith(
        "Did you mean `document`? Nothing has changed; mend the cell, then %emit_replay again"
    )
    assert "committed" not in told
    assert router.failures().empty


def test_a_replay_that_was_given_up_does_not_go_on_and_a_new_one_does():
    router = pushed()
    router.max_failures = 5
    misspelt(router)
    with pytest.raises(RunStoppedError):
        router.replay(batch_size=5)
    with unchanged(router), pytest.raises(EmitError, match=r"run 2 was given up.*%emit_replay"):
        router.run.resume()
    assert router.run.state == "stopped"
    assert router.resumable() == ()
    router.node("n", entry_point=True, name="first")(lambda msg: -int(msg.document))
    assert router.replay().state == "done"
    assert column(router, "first") == [-n for n in range(10)]


def test_in_the_background_it_is_told_by_wait_and_by_the_run():
    router = pushed()
    router.max_failures = 5
    misspelt(router)
    run = router.replay(batch_size=5, background=True)
    with unchanged(router), pytest.raises(RunStoppedError, match="Nothing has changed; mend"):
        run.wait()
    assert "first in line 28 (return int(msg.docment))" in repr(run)
    with pytest.raises(EmitError, match="was given up"):
        router.find_runs(run.number).resume()


@pytest.mark.parametrize("size", [1, 2, 5, "auto"])
def test_a_streak_that_was_broken_is_told_from_where_it_began_again(size):
    router = pushed(12)
    router.max_failures = 5

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        return 1 // (int(msg.document) % 7 == 3)

    with pytest.raises(RunStoppedError, match=r" [56] times in a row, first .*document='4'\)"):
        router.replay(batch_size=size)


@pytest.mark.parametrize("background", [False, True])
def test_an_interrupted_replay_says_that_nothing_has_changed_yet(background):
    router = pushed()
    interrupted: list[int] = []

    @router.node("n", entry_point=True, name="first")
    def first(msg: Any) -> int:
        if msg.document == "4" and not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return -int(msg.document)

    how = "%emit_resume 2" if background else "router.run.resume()"
    with unchanged(router), pytest.raises(RunInterrupted) as caught:
        router.replay(batch_size=2, background=background).wait()
    said = f"4 of 10 messages replayed, nothing has changed; {how} goes on with the next one"
    assert str(caught.value) == said
    router.resumable(2).resume()
    router.run.wait()
    assert column(router, "first") == [-n for n in range(10)]


def test_a_replay_whose_backend_is_gone_can_go_on_and_says_so():
    router = pushed()
    router.node("n", entry_point=True, name="first")(lambda msg: -int(msg.document))
    gone = [BackendError("the scheduler is gone")]

    def breaks(run: Any) -> None:
        if run.done == 4 and gone:
            raise gone.pop()

    with unchanged(router), pytest.raises(RunStoppedError) as caught:
        router.replay(batch_size=2, progress=breaks)
    assert "gone. 4 of 10 messages replayed, nothing has changed; router.run" in str(caught.value)
    router.run.resume()
    assert column(router, "first") == [-n for n in range(10)]


def test_a_replay_of_what_is_no_longer_there_is_given_up():
    router = pushed()
    router.node("n", entry_point=True, name="first")(lambda msg: -int(msg.document))
    with pytest.raises(EmitError, match="was cleared while it was replayed"):
        router.replay(progress=lambda run: router.clear())
    assert router.resumable() == ()
    with pytest.raises(EmitError, match="given up"):
        router.run.resume()
