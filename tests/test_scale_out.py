"""The tutorial on scaling out, run from beginning to end in a kernel, as a user runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.command import ROOT, new_user

NOTEBOOK = ROOT / "notebooks" / "02-scale-out.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells, executed in a folder where nothing else is; a cell that raises fails."""
    folder: Path = tmp_path_factory.mktemp("scale-out")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # With no folders to search, the one kernel left is the Python that runs the tests.
    kernel = AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )
    client = NotebookClient(notebook, km=kernel, timeout=300)
    client.resources = {"metadata": {"path": str(folder)}}
    env = new_user(folder / "home", PYTHONPATH=str(ROOT))
    client.execute(cleanup_kc=True, env=env)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> str:
    """What a cell shows, as text."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def outputs(cells: list[Any], source: str) -> list[str]:
    """What the cells show in which this text stands, in order."""
    found = [shown(cell) for cell in cells if source in cell.source]
    assert found, f"no cell says {source}"
    return found


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
