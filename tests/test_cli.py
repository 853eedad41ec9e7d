"""The ``emitnb`` command: what it prints, what it leaves behind, and its exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import emitnb
from emitnb.cli import PAGE, QUICKSTART, SHOWN
from tests.command import ROOT
from tests.command import emitnb as command


@dataclass(frozen=True)
class Demonstration:
    printed: str
    complained: str
    page: Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def package_with_quickstart(folder: Path, *cells: str) -> dict[str, str]:
    """Lay out a checkout whose quickstart is ``cells``; return the environment to run it in."""
    shutil.copytree(ROOT / "emitnb", folder / "emitnb")
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / QUICKSTART).write_text(nbformat.writes(notebook), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def test_version(home: Path, here: Path) -> None:
    done = command("--version", home=home, folder=here)
    assert (done.returncode, done.stdout) == (0, f"emitnb {emitnb.__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("dmeo",), ("demo", "--fast"), ("--out", "x", "demo")])
def test_a_misspelt_command_shows_the_usage_and_exits_with_2(
    home: Path, here: Path, arguments: tuple[str, ...]
) -> None:
    done = command(*arguments, home=home, folder=here)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: emitnb")
    assert not list(here.iterdir())


def test_importing_the_command_loads_nothing_heavy() -> None:
    heavy = {"IPython", "pandas", "nbclient", "nbconvert", "jupyter_client", "jupyterlab"}
    code = "import sys, emitnb.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not heavy & set(loaded.stdout.decode().split())


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    folder = tmp_path_factory.mktemp("demonstration").resolve()
    done = command("demo", home=folder / "home", folder=folder)
    assert done.returncode == 0, done.stderr
    return Demonstration(done.stdout, done.stderr, folder / PAGE)


def test_demo_prints_the_graph_the_summary_and_the_frame(demonstration: Demonstration) -> None:
    before, graph, summary, frame = re.split("|".join(SHOWN.values()), demonstration.printed)
    assert before == ""
    assert "__entry_point" in graph
    assert all(name in summary for name in ("__entry_point", "emitted", "dropped", "failed", "ms"))
    assert re.search(r"^0 +\S", frame, re.MULTILINE)


def test_demo_says_where_the_executed_notebook_is(demonstration: Demonstration) -> None:
    assert demonstration.printed.endswith(f"The executed notebook: {demonstration.page}\n")
    assert demonstration.page.is_file()


def test_demo_keeps_quiet_on_stderr_unless_it_is_a_terminal(demonstration: Demonstration) -> None:
    assert demonstration.complained == ""


def test_the_page_is_complete_without_the_network(demonstration: Demonstration) -> None:
    page = demonstration.page.read_text(encoding="utf-8")
    assert "<svg" in page or "data:image/svg+xml" in page
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']https?:""", page)
    assert "import(" not in page


def test_demo_leaves_the_page_where_it_is_told(home: Path, here: Path) -> None:
    more = package_with_quickstart(here, "1 + 1")
    notebook = nbformat.reads((here / "notebooks" / QUICKSTART).read_text(), as_version=4)
    notebook.cells[0].metadata["tags"] = list(SHOWN)
    (here / "notebooks" / QUICKSTART).write_text(nbformat.writes(notebook), encoding="utf-8")
    done = command("demo", "--out", "new/folder", home=home, folder=here, **more)
    assert done.returncode == 0, done.stderr
    assert (here / "new" / "folder" / PAGE).is_file()
    assert str(here / "new" / "folder" / PAGE) in done.stdout


def test_demo_that_cannot_write_says_so_before_it_works(home: Path, here: Path) -> None:
    (here / "taken").write_text("a file, not a folder")
    done = command("demo", "--out", "taken", home=home, folder=here)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "emitnb: cannot write to taken (File exists); name another folder with --out\n"
    )


def test_demo_names_the_cell_that_failed(home: Path, here: Path) -> None:
    more = package_with_quickstart(here, "whole = 1", "part = whole / 0", "part")
    done = command("demo", home=home, folder=here, **more)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "emitnb: the quickstart stopped in cell 2: ZeroDivisionError: division by zero\n"
    )
    assert not (here / PAGE).exists()


def test_demo_says_when_the_kernel_died(home: Path, here: Path) -> None:
    more = package_with_quickstart(here, "import os; os._exit(3)")
    done = command("demo", home=home, folder=here, **more)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "emitnb: the quickstart stopped in cell 1: DeadKernelError: Kernel died"
    )


def test_demo_without_a_quickstart_says_what_is_missing(home: Path, here: Path) -> None:
    more = package_with_quickstart(here)
    (here / "notebooks" / QUICKSTART).unlink()
    done = command("demo", home=home, folder=here, **more)
    assert (done.returncode, done.stdout) == (1, "")
    assert QUICKSTART in done.stderr
    assert "Traceback" not in done.stderr


def lab_settings(folder: Path, home: Path, *extra: str) -> dict[str, dict[str, object]]:
    """Return what ``emitnb lab`` tells JupyterLab, by asking JupyterLab; no server is started."""
    done = command("lab", "--no-browser", *extra, "--show-config-json", home=home, folder=folder)
    assert done.returncode == 0, done.stderr
    settings: dict[str, dict[str, object]] = json.loads(done.stdout)
    return settings


def test_lab_opens_the_checkout_s_own_notebooks_on_this_machine_only(home: Path) -> None:
    settings = lab_settings(ROOT / "tests", home)
    assert settings["ServerApp"]["root_dir"] == str(ROOT / "notebooks")
    assert settings["ServerApp"]["ip"] == "127.0.0.1"
    assert settings["ServerApp"]["open_browser"] is False
    assert settings["LabApp"]["default_url"] == f"/lab/tree/{QUICKSTART}"
    assert not (ROOT / "tests" / "emitnb-notebooks").exists()


def test_lab_elsewhere_copies_the_notebooks_once_and_keeps_what_was_changed(
    home: Path, here: Path
) -> None:
    settings = lab_settings(here, home)
    copy = here / "emitnb-notebooks"
    assert settings["ServerApp"]["root_dir"] == str(copy.resolve())
    assert (copy / "data" / "kjv.txt.gz").is_file()
    (copy / QUICKSTART).write_text("changed")
    lab_settings(here, home)
    assert (copy / QUICKSTART).read_text() == "changed"


def test_lab_hands_on_what_it_does_not_know(home: Path, here: Path) -> None:
    assert lab_settings(here, home, "--ServerApp.port=9123")["ServerApp"]["port"] == 9123
