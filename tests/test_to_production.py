"""The tutorial on leaving the notebook, run from beginning to end in a kernel, as by a user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from emitnb.testing import load_cases
from tests.tutorials import executed, outputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("to-production")


@pytest.fixture(scope="module")
def cells(folder: Path) -> list[Any]:
    return executed("04-to-production.ipynb", folder)


def printed(cells: list[Any], source: str) -> str:
    """What the one cell that says so prints; a command's output comes in pieces."""
    (cell,) = (cell for cell in cells if source in cell.source)
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    return text.replace("\r\n", "\n")


def test_nothing_is_written_to_stderr(cells: list[Any]) -> None:
    named = [output.get("name") for cell in cells for output in cell.outputs]
    assert "stderr" not in named


def test_one_cell_alone_raises_and_says_how_to_mend_it(cells: list[Any]) -> None:
    (error,) = (one for cell in cells for one in cell.outputs if one.output_type == "error")
    assert error.ename == "ExportError"
    assert error.evalue.startswith("nothing was written. `SPELLINGS`, which car needs, is {")
    assert "In [11], line 1: SPELLINGS.update(" in error.evalue
    assert "→ make it in a cell: SPELLINGS = …" in error.evalue


def test_what_was_mended_passes_when_it_is_retried(cells: list[Any]) -> None:
    (pushed,) = outputs(cells, "%emit_push")
    assert pushed.startswith("done: 406 messages, 10 failed (%emit_failures)\n")
    (retried,) = outputs(cells, "%emit_retry")
    assert retried.startswith("done: 10 messages\n")


def test_the_export_names_all_that_it_wrote(cells: list[Any], folder: Path) -> None:
    _, wrote = outputs(cells, "%emit_export")
    assert wrote.splitlines()[0] == "wrote fuel.py; python fuel.py --help says how to run it"
    beside = re.findall(r"^  beside it: (.*)$", wrote, re.MULTILINE)
    assert beside == ["test_fuel.py", "test_fuel.jsonl", "test_fuel-frame.parquet"]
    assert [name for name in beside if not (folder / name).exists()] == []


def test_the_module_is_shown_whole_and_has_nothing_of_the_exploring(
    cells: list[Any], folder: Path
) -> None:
    module = (folder / "fuel.py").read_text(encoding="utf-8")
    assert printed(cells, "read_text())") == module + "\n"
    assert "since = 1975\n" in module
    assert "    if msg.Miles_per_Gallon:  # some were never measured\n" in module
    for exploring in ("pandas", "json", "vega", "IPython", ".update("):
        assert exploring not in module


def test_every_failure_that_was_fixed_is_tested_and_passes(cells: list[Any], folder: Path) -> None:
    cases = re.findall(r"^test_fuel\.py::(\S+) (\w+) ", printed(cells, "-m pytest"), re.MULTILINE)
    assert {outcome for _, outcome in cases} == {"PASSED"}
    fixed = [case for case, _ in cases if "fixed-" in case]
    assert sum("TypeError" in case for case in fixed) == 3 + 1  # five more are one test
    assert sum("ValueError" in case for case in fixed) == 2
    stored = load_cases(folder / "test_fuel.jsonl")
    assert sum("also-fixed-TypeError" in name for name in stored) == 5
    assert "test_the_whole_graph" in [case for case, _ in cases]


def test_the_command_line_and_dask_give_the_notebook_s_frame(cells: list[Any]) -> None:
    compared = outputs(cells, "assert_frame_equal")
    # A run that takes more than a second on this machine shows its progress first.
    assert [text.splitlines()[-1] for text in compared] == ["'246 rows are equal'"] * 2
    assert "--backend dask --workers 2" in "".join(cell.source for cell in cells)


def test_the_parameter_is_an_option(cells: list[Any]) -> None:
    (eighties,) = outputs(cells, "--since 1980")
    assert re.search(r"^volkswagen +7 +6\.17$", eighties, re.MULTILINE)
    shown = printed(cells, "--help")
    assert "  --since INT           the first model year that counts (default: 1975)\n" in shown
    assert shown.splitlines()[0] == "parameters of the module:"


def test_the_graph_is_shown_as_text(cells: list[Any]) -> None:
    graph = printed(cells, "fuel.py --graph")
    assert [line.strip("└─ ").split("(")[0] for line in graph.splitlines()] == [
        "__entry_point",
        "car",
        "mean",
    ]


def test_the_notebook_that_comes_back_agrees_with_the_module(
    cells: list[Any], folder: Path
) -> None:
    assert printed(cells, " check fuel.ipynb") == "car   same\nmean  same\n"
    assert printed(cells, " lint fuel.ipynb") == "nothing found in 2 node cells\n"
    back = nbformat.read(folder / "fuel.ipynb", as_version=4)
    declared = [cell.source for cell in back.cells if cell.source.startswith("%%emit_node")]
    assert len(declared) == 2


def test_what_the_saved_notebook_shows_names_no_machine() -> None:
    source = Path(__file__).parents[1] / "notebooks" / "04-to-production.ipynb"
    notebook = nbformat.read(source, as_version=4)
    saved = [str(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(text != "[]" for text in saved) > 15
    assert [text for text in saved if re.search(r"/(tmp|home|root|work)/\w", text)] == []
