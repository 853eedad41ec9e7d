"""Run an example module as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}


def command(example: str, *arguments: str) -> list[str]:
    return [sys.executable, str(HERE / f"{example}.py"), *arguments]


def run(*words: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing on standard input unless ``input`` is given."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(
        words, cwd=folder, env=environment(), text=True, timeout=120, check=False, **options
    )


def start(*words: str, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a command; its output is at hand when it has ended."""
    return subprocess.Popen(
        words,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
