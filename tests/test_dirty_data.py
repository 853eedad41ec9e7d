"""The tutorial on dirty data, run from beginning to end in a kernel, as a user runs it."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from emitnb import Router
from tests.tutorials import executed, outputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dirty-data")


@pytest.fixture(scope="module")
def cells(folder: Path) -> list[Any]:
    return executed("03-dirty-data.ipynb", folder)


def test_nothing_is_written_to_stderr(cells: list[Any]) -> None:
    named = [output.get("name") for cell in cells for output in cell.outputs]
    assert "stderr" not in named


def test_the_failures_are_grouped_with_the_smallest_record(cells: list[Any]) -> None:
    (groups,) = outputs(cells, "%emit_failures")
    found = re.findall(r"^car +(\w+) +(\d) +(\d) .*{'Name': '([^']*)'", groups, re.MULTILINE)
    assert found == [
        ("TypeError", "4", "7", "ford torino (sw)"),
        ("TypeError", "5", "2", "ford pinto"),
        ("ValueError", "3", "1", "subaru"),
    ]


def test_trying_the_cell_shows_what_it_would_mend(cells: list[Any]) -> None:
    mended, renamed = outputs(cells, "--diff")
    assert mended.startswith("car: the last 316 messages: 306 same, 3 now fixed, 7 still failing\n")
    assert renamed.startswith("car: the last 316 messages: 300 same, 9 changed, 7 still failing\n")
    assert re.search(r"^  changed .* make +'chevroelt' → 'chevrolet'$", renamed, re.MULTILINE)


def test_the_changed_cell_says_what_is_left_to_do(cells: list[Any]) -> None:
    tried, changed, _ = outputs(cells, "float|None")
    assert "revision" not in tried
    assert "  note: 10 messages failed under revision 1; %emit_retry car\n" in changed
    assert "  note: 306 rows come from an older car; %emit_replay car" in changed


def test_three_failures_pass_when_they_are_retried(cells: list[Any]) -> None:
    (retried,) = outputs(cells, "%emit_retry")
    assert retried.startswith("done: 10 messages, 7 failed (%emit_failures)\n")


def test_frames_are_stale_until_the_replay(cells: list[Any]) -> None:
    stale, fresh = outputs(cells, "= %emit_frame mean")
    assert stale.endswith("mean: 306 rows come from an older car; %emit_replay car\n")
    assert "chevroelt" in stale
    assert "older" not in fresh
    (replayed,) = outputs(cells, "%emit_replay")
    assert replayed.startswith("done: 316 messages, 7 failed (%emit_failures)\n")


def test_the_trace_goes_from_the_record_to_the_mean(cells: list[Any]) -> None:
    (trace,) = outputs(cells, "%emit_trace")
    pushed, car, mean = trace.strip().splitlines()
    assert "Name='chevroelt chevelle malibu'" in pushed
    assert "make='chevrolet', model='chevelle malibu'" in car
    assert "revision 3" in car
    assert "make='chevrolet', cars=23" in mean


def test_what_cannot_be_mended_is_routed_to_a_file(cells: list[Any], folder: Path) -> None:
    with (folder / "look-these-up.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["missing"] for row in rows] == ["Miles_per_Gallon"] * 7
    assert rows[0]["name"] == "citroen ds-21 pallas"


def test_what_is_pushed_in_the_background_is_done_when_it_was_waited_for(cells: list[Any]) -> None:
    (done,) = outputs(cells, "%emit_wait")
    assert done.startswith("run 5, done: 90 messages, 1 failed (%emit_failures)\n")


def test_the_summary_counts_every_car(cells: list[Any]) -> None:
    (summary,) = outputs(cells, "%emit_summary")
    assert re.search(r"^car +406 +398 +0 +8 ", summary, re.MULTILINE)
    assert re.search(r"^\w+ takes \d+ % of the time in nodes: ", summary, re.MULTILINE)


def test_a_difference_tells_of_what_fails_only_if_it_fails_otherwise() -> None:
    router = Router()

    @router.node("n", entry_point=True, name="invert")
    def invert(msg: Any) -> float:
        return 1 / msg.n

    router.push([{"n": n} for n in (0, "one", *range(1, 30))])

    @router.diff("n", entry_point=True, name="invert")
    def half(msg: Any) -> float:
        return 1 / msg.n if isinstance(msg.n, int) else float(msg.n)

    assert half.counts == {"same": 29, "still failing": 2}
    assert "{'n': 'one'}" in str(half)
    assert "{'n': 0}" not in str(half)

    @router.diff("n", entry_point=True, name="invert")
    def whole(msg: Any) -> float:
        return msg.n

    assert whole.counts == {"same": 1, "changed": 28, "now fixed": 2}
    for text in (str(whole), whole._repr_html_()):
        assert "… 20 more; .frame has all" in text
