"""The file that is written: whole or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from export.book import Book, Cell, export, run_book, run_cell, shell_in
from export.outcome import outcome
from export.processes import Fresh
from IPython.core.interactiveshell import InteractiveShell

from emitnb.errors import ExportError

HERE = Path(__file__).parent

WORDS = Cell(
    "words", "%%emit_node word --entry\ndef words(msg):\n    yield from msg.document.split()"
)
LOUD = Cell("loud", "%%emit_node word --on words\ndef loud(msg):\n    return msg.word.upper()")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    with shell_in(tmp_path / "book") as shell:
        run_book(shell, Book("words", (WORDS,)))
        yield shell


def test_a_file_of_ours_is_replaced(shell: InteractiveShell) -> None:
    assert export(shell, "module.py") is None
    first = Path("module.py").read_bytes()
    assert export(shell, "module.py") is None
    assert Path("module.py").read_bytes() == first
    run_cell(shell, LOUD)
    assert export(shell, "module.py") is None
    assert b"def loud" in Path("module.py").read_bytes()
    assert [path.name for path in Path().iterdir()] == ["module.py"]


def test_a_file_keeps_its_mode_and_a_link_its_place(shell: InteractiveShell) -> None:
    Path("graphs").mkdir()
    Path("module.py").symlink_to("graphs/module.py")
    assert export(shell, "module.py") is None
    Path("module.py").chmod(0o750)
    run_cell(shell, LOUD)
    assert export(shell, "module.py") is None
    assert Path("module.py").is_symlink()
    assert b"def loud" in Path("graphs/module.py").read_bytes()
    assert Path("graphs/module.py").stat().st_mode & 0o777 == 0o750


def test_a_file_of_somebody_else_stays(shell: InteractiveShell) -> None:
    Path("module.py").write_text("print('mine')\n")
    error = export(shell, "module.py")
    assert isinstance(error, ExportError)
    assert "--force" in str(error)
    assert "module.py" in str(error)
    assert "-print('mine')" in str(error)
    assert "+def words(msg):" in str(error)
    assert Path("module.py").read_text() == "print('mine')\n"
    with pytest.raises(ExportError, match="mine"):
        shell.user_ns["router"].export("module.py")
    shell.user_ns["router"].export("module.py", force=True)
    assert "def words(msg):" in Path("module.py").read_text()


@pytest.mark.parametrize("old, new", [("split()", "split(',')"), ("\n# Written", "# x\n# Written")])
def test_a_file_that_was_edited_stays(shell: InteractiveShell, old: str, new: str) -> None:
    assert export(shell, "module.py") is None
    written = Path("module.py").read_text()
    edited = written.replace(old, new)
    assert edited != written
    Path("module.py").write_text(edited)
    error = export(shell, "module.py")
    assert isinstance(error, ExportError)
    assert "--force" in str(error)
    assert Path("module.py").read_text() == edited
    if "split" in new:
        assert "-    yield from msg.document.split(',')" in str(error)
        assert "+    yield from msg.document.split()" in str(error)
    assert export(shell, "module.py", "--force") is None
    assert Path("module.py").read_text() == written


@pytest.mark.parametrize(
    "name, reason",
    [
        ("class.py", "cannot be imported as a module"),
        ("re.py", "Python's own module re"),
        ("emitnb.py", "Python's own module emitnb"),
    ],
)
def test_names_that_nobody_could_import(shell: InteractiveShell, name: str, reason: str) -> None:
    error = export(shell, name)
    assert isinstance(error, ExportError)
    assert reason in str(error)
    assert not list(Path().iterdir())


def test_a_folder_that_takes_no_files(shell: InteractiveShell) -> None:
    error = export(shell, "/proc/words.py")  # not even for root
    assert isinstance(error, ExportError)
    assert "cannot write into /proc" in str(error)


def test_a_module_beside_is_sorted_as_a_local_one(shell: InteractiveShell) -> None:
    """Ruff says so in the module's folder; a ``noqa`` for another order would be unused there."""
    Path("cleaning.py").write_text("def clean(text):\n    return text\n")
    run_cell(shell, Cell("1", "import numpy as np\nfrom typing import Iterator\nimport cleaning"))
    loud = "%%emit_node word --entry\ndef loud(msg) -> Iterator[str]:\n    "
    run_cell(shell, Cell("2", f"{loud}yield cleaning.clean(str(np.int64(1)))"))
    assert export(shell, "module.py") is None
    text = Path("module.py").read_text()
    assert "Iterator  # noqa: UP035" in text
    assert "I001" not in text


def test_tests_are_laid_out_to_the_last_line(shell: InteractiveShell) -> None:
    shell.user_ns["router"].push(["the rain"])
    assert export(shell, "module.py", "--tests") is None
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--diff", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_tests_without_any_case_still_test_and_what_stayed_behind_is_told(
    shell: InteractiveShell,
) -> None:
    router = shell.user_ns["router"]
    router.push(["the rain"])
    first = router.export("module.py", tests=True)
    assert [path.name for path in first][1:] == ["test_module.py", "test_module-frame.parquet"]
    assert first.notes == ()
    shell.user_ns["router"].clear()
    run_cell(shell, Cell("r", "import random"))
    die = "%%emit_node word --entry\ndef words(msg):\n    yield str(random.random())"
    run_cell(shell, Cell("die", die))
    router.push(["the rain"])
    again = router.export("module.py", tests=True)
    assert [path.name for path in again] == ["module.py", "test_module.py"]
    assert again.notes == (
        "test_module.py has no case of any node; its comments say why",
        "test_module-frame.parquet is of an earlier export, and no test reads it; delete it",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]

    def passed() -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()[-1].partition(" in ")[0]

    assert passed() == "1 passed"
    router_line = "\nrouter.remove('words')\n"
    Path("module.py").write_text(
        Path("module.py").read_text().replace("\n\n\ndef main", router_line + "\n\ndef main")
    )
    assert passed() == "1 failed"
    Path("test_module-frame.parquet").unlink()
    assert len(router.export("module.py", tests=True, force=True).notes) == 1


def test_tests_expect_what_the_module_gives(shell: InteractiveShell) -> None:
    """Pushes have filled a variable of the notebook, and a parameter has no value in the module."""
    run_cell(shell, Cell("data", "import pandas as pd\nrates = pd.Series([1.5])"))
    cells = [
        "from enum import Enum\nclass Kind(Enum):\n    RAIN = 1",
        "seen = {}\ndef known(word):\n    seen[len(seen)] = word\n    return len(seen)",
        "%emit_remove words",
        "%%emit_node n:int --entry\ndef count(msg):\n    return known(msg.document)",
        WORDS.text,
        "%%emit_node x:float --on words\ndef rated(msg):\n    return rates[0]",
        "%%emit_node kind:Kind --on words\ndef kind(msg):\n    return Kind.RAIN",
        "%%emit_node same:bool --on kind\ndef same(msg):\n    return msg.kind is Kind.RAIN",
    ]
    for number, text in enumerate(cells):
        run_cell(shell, Cell(str(number), text))
    shell.user_ns["router"].push(["the rain", "in Spain"])
    assert export(shell, "module.py", "--tests --params rates") is None
    text = Path("test_module.py").read_text()
    assert "# count: 1 case left out" in text
    assert "# rated: 2 cases left out (typical, smallest): it fails with TypeError" in text
    assert 'pytest.param([{"kind": Kind.RAIN}], [{"same": True}], id="same-typical")' in text
    check_tests_pass()
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", ["    seen[msg.word] = 1", "    seen[len(seen)] = msg.word"])
def test_tests_pass_where_nodes_remember_in_variables(shell: InteractiveShell, text: str) -> None:
    """Each call changes what the next one gives, up to some point; and so do the tests'."""
    run_cell(shell, Cell("1", "seen = {}"))
    node = "%%emit_node n:int --on words\ndef new(msg):\n"
    run_cell(shell, Cell("2", f"{node}{text}\n    return len(seen)"))
    shell.user_ns["router"].push(["the", "rain"])
    assert export(shell, "module.py", "--tests") is None
    check_tests_pass()


def check_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    assert done.returncode == 0, done.stdout


def test_a_refusal_leaves_a_file_of_ours(shell: InteractiveShell) -> None:
    assert export(shell, "module.py") is None
    written = Path("module.py").read_bytes()
    run_cell(shell, Cell("x", 'globals()["unknown"] = 3'))
    run_cell(shell, Cell("bad", "%%emit_node n --on words\ndef bad(msg):\n    return unknown"))
    assert isinstance(export(shell, "module.py", "--force"), ExportError)
    assert Path("module.py").read_bytes() == written
    assert [path.name for path in Path().iterdir()] == ["module.py"]


def test_an_interrupt_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Interrupted at each thing that it does with files, until none is left."""
    done = subprocess.run(
        [sys.executable, str(HERE / "interrupted.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE.parent}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["interrupted"] >= 2
    assert told["broken"] == []
    assert told["left"] == []
    assert told["full"] == "old"


def test_two_hundred_nodes(tmp_path: Path, fresh: Fresh) -> None:
    cells = [Cell("start", "STEP = 1")]
    for number in range(200):
        helper = f"def add_{number}(n):\n    return n + {number} * STEP"
        origin = "--entry" if not number else f"--on node_{number // 3}"
        node = (
            f"%%emit_node n:int {origin}\ndef node_{number}(msg):\n    return add_{number}(msg.n)"
        )
        cells += [Cell(f"h{number}", helper), Cell(f"n{number}", node)]
    book = Book("many", tuple(cells), ("[{'n': 1}, {'n': 2}]",))
    with shell_in(tmp_path / "book") as shell:
        router = run_book(shell, book)
        assert export(shell, "many.py") is None
        expected = outcome(router)
    made = fresh.run(tmp_path / "book" / "many.py", book.pushes, tmp_path / "away")
    assert len(expected["nodes"]) == 200
    assert made["outcome"] == expected
