"""A budget of memory: what is beyond it lies in files, and nobody can tell but by the summary."""

from __future__ import annotations

import gc
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from looking import column, everything, rows, unchanged
from pandas.testing import assert_frame_equal

from emitnb import (
    EmitError,
    Message,
    RecordFullError,
    RecordLostError,
    Router,
    RunInterrupted,
    RunStoppedError,
)
from emitnb.message import ENTRY_POINT

TEXTS = [f"rain in spain {n}" for n in range(3_000)]
FOREVER = {"memory": "unlimited", "rows": "unlimited"}


def words(msg: Any) -> Any:
    if msg.document.endswith("77"):
        raise ValueError("seventy-seven", msg.document)
    yield from msg.document.split()


def sizes(frame: pd.DataFrame) -> pd.DataFrame:
    lengths = frame["word"].str.len().astype("int16")
    return pd.DataFrame({"length": lengths, "word": frame["word"].astype("category")})


def router_of(**bounds: Any) -> Router:
    """A router with nodes that emit text, numbers, objects and DataFrames."""
    router = Router()
    router.bound(**(bounds or FOREVER))
    router.node(("word",), entry_point=True, name="words")(words)
    router.node(("word", "story"), "words", name="stories")(
        lambda msg: (msg.word, {"word": msg.word, "letters": [*msg.word[:2], None]})
    )
    router.node(("length", "word"), "words", batch=True, name="sizes")(sizes)
    router.node({"n": int}, "stories", key="word", name="count")(count)
    return router


def count(msg: Any, state: dict[str, int]) -> int:
    state["n"] = state.get("n", 0) + 1
    return state["n"]


def pushed(**bounds: Any) -> Router:
    router = router_of(**bounds)
    router.push(TEXTS, progress=False, batch_size=250)
    return router


def files(router: Router) -> list[Path]:
    folder = router.bound().bounds.folder.path
    return sorted(folder.glob("*.arrow"), key=lambda path: int(path.stem))


def untimed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["time", "ms"], errors="ignore")


def assert_same(one: Router, two: Router) -> None:
    """All that can be read of one router can be read of the other."""
    for left, right in zip(everything(one), everything(two), strict=True):
        assert_frame_equal(untimed(left), untimed(right))
    for node in one.nodes:
        assert_frame_equal(one.frame(node), two.frame(node))
    for node, row in (("words", 11_000), ("stories", 5), ("sizes", 7_777), (ENTRY_POINT, 0)):
        assert_frame_equal(untimed(one.trace(node, row)), untimed(two.trace(node, row)))


# -- what is beyond the budget ----------------------------------------------------------------


@pytest.mark.parametrize("bounds", [{"memory": "300 kB"}, {"memory": 0}, {"rows": 5_000}])
def test_frames_traces_and_failures_are_those_of_a_router_without_a_budget(bounds):
    assert_same(pushed(**bounds), pushed())


def test_what_is_pushed_one_by_one_is_all_there_and_in_few_files():
    router = router_of(rows=700)
    texts = [text for text in TEXTS[:1_000] if not text.endswith("77")]
    for text in texts:
        router(document=text)
    assert column(router, ENTRY_POINT) == texts
    assert column(router, "words") == [word for text in texts for word in text.split()]
    assert len(files(router)) < 200


def test_memory_stays_within_the_budget_and_the_rest_is_in_files():
    router = pushed(memory="300 kB", rows=8_000)
    kept = router.bound()
    assert kept.memory.bytes <= 300_000
    assert kept.memory.rows <= 8_000
    every = pushed().bound()
    assert every.files == (0, 0)
    assert kept.memory.rows + kept.files.rows == every.memory.rows
    assert kept.files.bytes == sum(path.stat().st_size for path in files(router))


def test_the_oldest_rows_of_a_node_go_first():
    router = pushed(rows=20_000)
    shutil.rmtree(router.bound().bounds.folder.path)
    with pytest.raises(RecordLostError):
        router.trace("words", 0)
    last = int(router.summary().loc["words", "emitted"]) - 1
    assert router._ledger.log.tracks["words"].values(last) == {"word": "2999"}


def test_what_holds_most_gives_first():
    router = Router()
    router.bound("1 MB")
    router.node(("size",), entry_point=True, name="size")(lambda msg: len(msg.document))
    router.push(["x" * 10_000] * 1_000, progress=False, batch_size=10)
    kept = router.bound()
    assert kept.memory.bytes <= 1_000_000
    assert kept.memory.rows > 1_000
    assert not any(hasattr(part, "columns") for part in router._ledger.log.tracks["size"].parts)


def test_pushed_messages_are_kept_however_many_bytes_they_are():
    router = Router()
    router.bound("5 MB")
    router.node(("size",), entry_point=True, name="size")(lambda msg: len(msg.document))
    texts = [chr(97 + n % 26) * 1_000_000 for n in range(70)]
    router.push(texts, progress=False, batch_size=7)
    assert column(router, ENTRY_POINT) == texts
    assert router.trace(ENTRY_POINT, 3)["values"][0] == {"document": texts[3]}


def test_pushed_frames_and_records_come_back_as_they_were_pushed():
    frame = pd.DataFrame(
        {
            "a": np.arange(5, dtype="int8"),
            "b": pd.Categorical(list("xyxyx")),
            "c": pd.date_range("2024-03-30", periods=5, tz="Europe/Berlin"),
            "d": [None, 1, "a", float("nan"), {"z": 1}],
            "e": pd.array([1, None, 3, 4, 5], dtype="Int16"),
        }
    )
    records = [{"a": 1}, {"b": "x", "a": None}, {"a": {"deep": [1]}}]
    routers = [Router(), Router()]
    routers[0].bound(memory=0)
    for router in routers:
        router.node(("a",), entry_point=True, name="a")(lambda msg: msg.a)
        router.push(frame, progress=False)
        router.push(records, progress=False)
        router.push(frame.head(0), progress=False)
    assert routers[0].bound().memory.rows == 0
    assert_frame_equal(routers[0].frame(ENTRY_POINT), routers[1].frame(ENTRY_POINT))
    spilled = routers[0]._ledger.log.inputs.kept[0][0]
    assert_frame_equal(spilled.frame(), frame)
    messages = routers[0]._ledger.log.inputs.kept[1][0].messages(ENTRY_POINT, Message)
    assert [message.as_dict() for message in messages] == records
    for row in range(8):
        values = [router.trace(ENTRY_POINT, row)["values"][0] for router in routers]
        assert repr(values[0]) == repr(values[1])


def test_a_node_renamed_or_removed_keeps_what_is_in_files():
    router, other = pushed(memory=0), pushed()
    for one in (router, other):
        one.rename("words", "parts")
        one.remove("sizes")
        one.push(TEXTS[:300], progress=False)
    for left, right in zip(everything(router), everything(other), strict=True):
        assert_frame_equal(untimed(left), untimed(right))
    assert set(router.failures("parts")["node"]) == {"parts"}
    router._ledger.log.tracks["parts"].parts[0].columns.file.path.unlink()
    with pytest.raises(RecordLostError, match=r"rows 0 to [0-9]+ of parts cannot be read"):
        router.frame("parts")


# -- the budget itself ------------------------------------------------------------------------


def test_a_new_router_has_a_budget_of_a_gigabyte():
    bounds = Router().bound().bounds
    assert (bounds.memory, bounds.rows) == (10**9, None)


@pytest.mark.parametrize(
    ("given", "memory"),
    [
        ("200 MB", 200_000_000),
        ("200mb", 200_000_000),
        ("1.5 GiB", 3 * 2**29),
        ("64Ki", 65_536),
        ("5k", 5_000),
        ("1e6", 1_000_000),
        ("12", 12),
        (12.0, 12),
        (0, 0),
        ("Unlimited", None),
        (float("inf"), None),
    ],
)
def test_sizes_are_read_as_people_write_them(given, memory):
    assert Router().bound(given).bounds.memory == memory


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": "much"},
        {"memory": "-1"},
        {"memory": -1},
        {"memory": True},
        {"memory": "5 XB"},
        {"memory": []},
        {"memory": float("nan")},
        {"rows": "a few"},
        {"rows": 1.5},
        {"rows": -3},
        {"folder": __file__},
        {"folder": f"{__file__}/below"},
    ],
)
def test_what_is_no_budget_is_refused_and_changes_nothing(wrong):
    router = Router()
    before = router.bound("3 MB", rows=7).bounds
    with pytest.raises(EmitError) as raised:
        router.bound(**wrong)
    assert str(next(iter(wrong.values()))) in str(raised.value)
    assert router.bound().bounds == before


def test_what_is_not_given_stays_as_it_is(tmp_path):
    router = Router()
    router.bound("3 MB", rows="1_000")
    bounds = router.bound(folder=tmp_path / "new" / "folder").bounds
    assert (bounds.memory, bounds.rows) == (3_000_000, 1_000)
    assert bounds.folder.path == tmp_path / "new" / "folder"


def test_a_smaller_budget_holds_at_once():
    router = pushed()
    with unchanged(router):
        assert router.bound("100 kB").memory.bytes <= 100_000
    assert files(router)


def test_a_smaller_budget_without_room_for_files_is_refused_as_a_whole(tmp_path):
    router = pushed(memory="unlimited", folder=tmp_path / "f")
    (tmp_path / "f").rmdir()
    with unchanged(router), pytest.raises(RecordFullError, match="is gone"):
        router.bound("100 kB")
    assert router.bound().bounds.memory is None


def test_the_summary_says_what_lies_where():
    router = pushed(memory="300 kB", rows=50_000)
    text = router.summary().attrs["kept"]
    assert text == str(router.bound())
    kept = router.bound()
    assert " of 300 kB in memory" in text
    assert f"({kept.memory.rows:,} of 50,000 rows)" in text
    assert f"in files ({kept.files.rows:,} rows) in {kept.bounds.folder.path}" in text


# -- files and folders ------------------------------------------------------------------------


def test_no_folder_is_made_before_it_is_needed(tmp_path):
    pushed(memory="unlimited", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_folder_is_private_and_goes_with_the_router(tmp_path):
    router = pushed(memory=0, folder=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert files(router)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    del router
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_clear_frees_the_disk_unless_somebody_reads_on(tmp_path):
    router = pushed(memory=0, folder=tmp_path)
    old, frame = router._ledger, router.frame("words")
    before = len(files(router))
    router.clear()
    gc.collect()
    assert len(files(router)) == before
    assert old.log.tracks["words"].values(0) == {"word": "rain"}
    del old
    gc.collect()
    assert files(router) == []
    assert frame["word"].head(3).tolist() == ["rain", "in", "spain"]
    assert router.bound().files == (0, 0)


def test_a_frame_of_rows_in_files_can_be_written_to():
    router = pushed(memory=0)
    small = emitting([1, 2], memory=0)  # one part, shown as it lies in its file
    small.node(("value", "n"), entry_point=True, batch=True, name="same")(
        lambda frame: frame.assign(value=frame["n"])
    )
    small.push([{"n": 0}, {"n": 1}], progress=False)
    one_part = emitting([1, 2], memory=0)
    nodes = [(router, name) for name in ("words", "sizes", "count")]
    for one, name in [*nodes, (one_part, "giver"), (small, "same"), (small, ENTRY_POINT)]:
        frame = one.frame(name)
        with unchanged(one):
            frame.iloc[0, 0] = frame.iloc[1, 0]


def test_files_after_another_folder_was_chosen_go_there(tmp_path):
    router = router_of(memory=0, folder=tmp_path / "one")
    router.push(TEXTS[:1_000], progress=False)
    router.bound(folder=tmp_path / "two")
    router.push(TEXTS[1_000:], progress=False)
    assert_same(router, pushed())
    assert [len(list((tmp_path / name).iterdir())) for name in ("one", "two")] == [1, 1]
    del router
    gc.collect()
    assert not [*(tmp_path / "one").iterdir(), *(tmp_path / "two").iterdir()]


def test_a_process_that_ends_leaves_nothing_and_one_that_was_forked_takes_nothing(tmp_path):
    code = """
        import os, sys
        from test_bounded import files, pushed
        router = pushed(memory=0, folder=sys.argv[1])
        child = os.fork()
        if not child:
            del router
            sys.exit()
        os.waitpid(child, 0)
        print(len(files(router)), len(router.frame("words")))
        """
    done = python(code, tmp_path)
    number, emitted = map(int, done.split())
    assert number > 3
    assert emitted == len(pushed().frame("words"))
    assert not list(tmp_path.iterdir())


def python(code: str, *arguments: object) -> str:
    """Run code in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore:This process", "-c", textwrap.dedent(code)]
        + [str(argument) for argument in arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- faults -----------------------------------------------------------------------------------


def test_a_full_disk_stops_the_run_and_nothing_is_lost_or_doubled(tmp_path):
    code = """
        import resource, sys
        from test_bounded import assert_same, files, pushed, router_of, TEXTS
        from emitnb import RunStoppedError
        router = router_of(memory="200 kB", folder=sys.argv[1])
        router.push(TEXTS[:1000], progress=False, batch_size=250)
        before = len(files(router))
        assert before
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
        for attempt in range(3):
            try:
                router.push(TEXTS[1000:], progress=False, batch_size=250) if not attempt else (
                    router.run.resume())
            except RunStoppedError as error:
                print(error)
                assert len(files(router)) == before, "a half-written file stayed"
            assert router.run.state == "stopped"
        done = router.run.done
        assert len(router.frame("__entry_point")) == 1000 + done
        assert int(router.summary().loc["__entry_point", "in"]) == 1000 + done
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert router.run.resume().state == "done"
        assert_same(router, pushed())
        """
    lines = python(code, tmp_path).splitlines()
    assert len(lines) == 3
    for text in lines:
        assert "beyond its budget of memory" in text
        assert str(tmp_path) in text
        assert "File too large" in text
        assert "kB" in text
        assert "free there" in text
        assert "router.bound(folder=…)" in text
        assert "of 2,000 messages committed; router.run.resume() goes on" in text


def test_another_folder_is_a_way_out_of_a_full_disk(tmp_path):
    code = """
        import resource, sys
        from test_bounded import assert_same, pushed, router_of, TEXTS
        from emitnb import RunStoppedError
        router = router_of(memory="200 kB", folder=sys.argv[1] + "/one")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
        try:
            router.push(TEXTS, progress=False, batch_size=250)
        except RunStoppedError:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            router.bound(folder=sys.argv[1] + "/two")
            router.run.resume()
        assert_same(router, pushed())
        print(router.bound().bounds.folder.path)
        """
    assert python(code, tmp_path).startswith(f"{tmp_path}/two/")


def test_a_folder_that_is_gone_stops_the_run_until_it_is_there_again(tmp_path):
    folder = tmp_path / "f"
    router = router_of(memory="200 kB", folder=folder)
    folder.rmdir()
    with pytest.raises(RunStoppedError, match=f"the folder {folder} is gone") as raised:
        router.push(TEXTS, progress=False, batch_size=250)
    assert raised.value.run is router.run
    assert isinstance(raised.value.__cause__, RecordFullError)
    with pytest.raises(RunStoppedError):
        router.run.resume()
    folder.mkdir()
    router.run.resume()
    assert_same(router, pushed())


def test_one_message_for_which_there_is_no_room_is_not_recorded(tmp_path):
    folder = tmp_path / "f"
    router = router_of(memory=0, folder=folder)
    folder.rmdir()
    with unchanged(router), pytest.raises(RecordFullError, match="is gone"):
        router(document="rain")
    folder.mkdir()
    router(document="rain")
    assert rows(router, "count") == [(1,)]


def test_a_folder_that_goes_while_it_holds_rows_stops_the_run_and_the_rest_is_kept(tmp_path):
    router = router_of(memory=0, folder=tmp_path)
    router.push(TEXTS[:500], progress=False, batch_size=250)
    shutil.rmtree(router.bound().bounds.folder.path)
    with pytest.raises(RunStoppedError, match="is gone, and with it what was kept there"):
        router.push(TEXTS[500:], progress=False, batch_size=250)
    router.run.resume()
    assert router.run.done == 2_500
    with pytest.raises(RecordLostError, match="rows 0 to"):
        router.frame("words")
    last = int(router.summary().loc["count", "emitted"]) - 1
    assert router._ledger.log.tracks["count"].values(last) == {"n": 1}


@pytest.mark.parametrize("spoil", ["emptied", "cut", "scribbled"])
def test_what_is_missing_is_said_and_a_fresh_push_is_the_way_out(tmp_path, spoil):
    router = pushed(memory=0, folder=tmp_path)
    for path in files(router):
        if spoil == "emptied":
            path.unlink()
        elif spoil == "cut":
            os.truncate(path, path.stat().st_size // 2)
        else:
            path.write_bytes(b"x" * path.stat().st_size)
    for node in router.nodes:
        with pytest.raises(RecordLostError) as raised:
            router.frame(node)
        text = str(raised.value)
        assert text.startswith("rows 0 to ")
        assert f" of {node} cannot be read: {tmp_path}" in text
        assert "router.clear(), and push again" in text
    with pytest.raises(RecordLostError, match="pushed messages 0 to 249"):
        router.frame(ENTRY_POINT)
    with pytest.raises(RecordLostError, match=r"failures \(.* of words\)"):
        router.failures()
    assert router.summary().loc["words", "in"] == len(TEXTS)
    router.clear()
    router.push(TEXTS, progress=False, batch_size=250)
    assert_same(router, pushed())


def test_other_nodes_are_read_when_the_file_of_one_is_gone():
    router = pushed(memory=0)
    track = router._ledger.log.tracks["words"]
    track.parts[3].columns.file.path.unlink()
    with pytest.raises(RecordLostError, match="of words"):
        router.frame("words")
    assert_frame_equal(router.frame("stories"), pushed().frame("stories"))
    assert track.values(0) == {"word": "rain"}


class Tripwire:
    """Interrupts whoever pickles it, once."""

    armed = True

    def __reduce__(self) -> Any:
        if Tripwire.armed:
            Tripwire.armed = False
            raise KeyboardInterrupt
        return Tripwire, ()

    def __repr__(self) -> str:
        return "Tripwire()"


def test_an_interrupt_while_files_are_written_leaves_the_last_commit():
    router = Router()
    router.bound(memory=0)
    router.node(("n", "wire"), entry_point=True, name="node")(
        lambda msg: (msg.n, Tripwire() if msg.n == 25 else None)
    )
    Tripwire.armed = True
    with pytest.raises(RunInterrupted, match="20 of 40 messages committed"):
        router.push([{"n": n} for n in range(40)], progress=False, batch_size=10)
    before = len(files(router))
    assert [n for n, _ in rows(router, "node")] == list(range(20))
    router.run.resume()
    assert [n for n, _ in rows(router, "node")] == list(range(40))
    assert type(rows(router, "node")[25][1]) is Tripwire
    assert len(files(router)) == before + 4


# -- what cannot be pickled, or hardly --------------------------------------------------------


class Careless:
    """Can be pickled, but not read back."""

    def __init__(self, one: str, two: str) -> None:
        self.text = f"{one} {two}"

    def __reduce__(self) -> Any:
        return Careless, (self.text,)


def emitting(values: list[Any], **bounds: Any) -> Router:
    router = Router()
    router.bound(**bounds)
    router.node(("value", "n"), entry_point=True, name="giver")(lambda msg: (values[msg.n], msg.n))
    router.push([{"n": n} for n in range(len(values))], progress=False)
    assert router.failures().empty
    return router


def test_values_that_cannot_be_pickled_stay_in_memory_and_are_counted():
    values = [threading.Lock(), Careless("a", "b"), (n for n in range(3)), "text"] * 50
    router = emitting(values, memory=0)
    assert [value for value, _ in rows(router, "giver")] == values
    kept = router.bound()
    assert kept.memory.bytes > 1_000
    assert kept.memory.rows == 200
    assert kept.files.rows == 400  # the numbers beside them, and what was pushed
    written = len(files(router))
    router.push([{"n": 0}], progress=False)
    assert len(files(router)) == written + 2


def test_values_that_could_not_be_read_back_stay_in_memory():
    values = [Careless("a", "b"), *range(600), Careless("c", "d")]
    router = emitting(values, memory=0)
    assert [value for value, _ in rows(router, "giver")] == values
    assert 0 < router.bound().memory.rows < 602


def test_a_value_keeps_its_class_when_the_cell_of_the_class_runs_again():
    code = "class Point:\n    def __init__(self, x):\n        self.x = x\n"
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(code, space)
    old = space["Point"]
    router = emitting([old(1), old, lambda x: x + 1], memory=0)
    exec(code, space)
    assert router.bound().memory.rows == 0
    point, kind, function = router.frame("giver")["value"].tolist()
    assert type(point) is old
    assert kind is old
    assert point.x == 1
    assert function(1) == 2


def test_failures_whose_input_cannot_be_pickled_are_kept_too():
    router = Router()
    router.bound(memory=0)

    @router.node("x", entry_point=True)
    def picky(msg: Any) -> None:
        raise ValueError("no")

    lock = threading.Lock()
    router.push([{"lock": lock}, {"lock": 1}], progress=False)
    assert [one["lock"] for one in router.failures()["input"]] == [lock, 1]


def test_failures_in_files_are_counted_without_reading_them():
    router = pushed(memory=0)
    parts = router._ledger.failures.parts
    assert sum(map(len, parts)) == 30
    assert {name for part in parts for name in part.plain("node").to_pylist()} == {"words"}
    kinds = [name for part in parts for name in part.plain("error_type").to_pylist()]
    assert kinds == router.failures()["error_type"].tolist()
    assert [failure.node for failure in parts[0]] == ["words"] * len(parts[0])
    assert parts[0][-1] == list(parts[0])[-1]
