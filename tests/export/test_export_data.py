"""Values that no code makes: the command line names the file that holds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from export.book import CORPUS, export, read_book, run_book, shell_in

ROOT = Path(__file__).resolve().parents[2]
PRICES = pd.DataFrame({"price": [10.0, 20.0, 30.0]})


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module that needs a frame, and a source."""
    with shell_in(tmp_path / "book") as shell:
        run_book(shell, read_book(CORPUS / "frame_as_parameter.txt"))
        assert export(shell, "parts.py", "--params prices") is None
    (tmp_path / "book" / "n.jsonl").write_text('{"n": 2}\n{"n": 0}\n')
    return tmp_path / "book" / "parts.py"


def run(module: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, module.name, "n.jsonl", *arguments],
        cwd=module.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_holds_the_frame(module: Path) -> None:
    PRICES.to_parquet(module.with_name("prices.parquet"))
    PRICES.to_csv(module.with_name("prices.csv"), index=False)
    for name in ("prices.parquet", "prices.csv"):
        done = run(module, "--prices", name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-2:] == ["30.0", "10.0"]


def test_without_the_file_it_says_what_it_needs(module: Path) -> None:
    done = run(module)
    assert done.returncode == 2
    assert "--prices PATH" in done.stderr
    assert run(module, "--graph").returncode == 0
    np.save(module.with_name("prices.npy"), np.arange(3))
    for name, problem in {"none.parquet": "cannot be read", "prices.txt": ".parquet"}.items():
        done = run(module, "--prices", name)
        assert done.returncode
        assert problem in done.stderr
