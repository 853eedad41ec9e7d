"""The tutorial on scaling out, run from beginning to end in a kernel, as a user runs it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.tutorials import executed, outputs, shown


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return executed("02-scale-out.ipynb", tmp_path_factory.mktemp("scale-out"))


def test_nothing_is_written_to_stderr(cells: list[Any]) -> None:
    named = [output.get("name") for cell in cells for output in cell.outputs]
    assert "stderr" not in named


def test_the_damage_that_was_done_is_what_fails(cells: list[Any]) -> None:
    (failures,) = outputs(cells, 'groupby("error")')
    assert sorted(re.findall(r" (\d+)$", failures, re.MULTILINE)) == ["12", "12", "12"]


def test_every_push_goes_through_whole(cells: list[Any]) -> None:
    runs = "\n".join(outputs(cells, "%emit_push readings"))
    assert re.findall(r"^(done: .*) \(%emit_failures\)$", runs, re.MULTILINE) == [
        "done: 17,518 messages, 36 failed",
        "done: 17,518 messages, 36 failed",
        "done: 8,759 messages, 18 failed",
        "done: 8,759 messages, 18 failed",
        "done: 17,518 messages, 36 failed",
    ]


def test_memory_and_dask_agree(cells: list[Any]) -> None:
    (compared,) = outputs(cells, "on_dask = %emit_frame")
    assert re.fullmatch(r"'\d\d,\d{3} emissions and 36 failures are equal'", compared.strip())
    (moved,) = outputs(cells, "moved = %emit_frame")
    assert moved.strip(" '\n") == compared.split(" and")[0].strip(" '\n") + " are equal"


def test_the_cluster_and_its_dashboard_are_shown(cells: list[Any]) -> None:
    (chosen,) = (shown(cell) for cell in cells if cell.source == "%emit_backend dask --workers 2")
    assert re.search(r"^  workers +2$", chosen, re.MULTILINE)
    assert re.search(r"^  dashboard +http://127\.0\.0\.1:\d+/status$", chosen, re.MULTILINE)


def test_the_report_finds_the_sample_identical(cells: list[Any]) -> None:
    (report,) = outputs(cells, "%emit_scale")
    assert report.strip().startswith("identical: 5,000 messages, in memory and on dask")
    assert re.search(r"^reading .*LOWEST \d+ B, HIGHEST \d+ B +any$", report, re.MULTILINE)


def test_what_stayed_on_the_cluster_is_computed_there(cells: list[Any]) -> None:
    (means,) = outputs(cells, ".compute()")
    assert re.search(r"^Seattle +11\.\d+$", means, re.MULTILINE)
    assert re.search(r"^San Francisco +13\.\d+$", means, re.MULTILINE)
