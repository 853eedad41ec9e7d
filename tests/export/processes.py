"""Runs exported modules in processes of their own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Fresh:
    """Imports modules and pushes into them, each in a process that knows no IPython."""

    def __init__(self) -> None:
        # Threads do not come along when a process forks, and waiting for them would last forever.
        alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fresh.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, **alone, "PYTHONPATH": str(HERE.parents[1])},
        )

    def run(
        self,
        module: Path,
        pushes: Sequence[str],
        folder: Path,
        given: Sequence[str] = (),
        only: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Import ``module`` in ``folder``, push, and return what came of it.

        ``pushes`` are expressions; ``given`` statements that run before, with ``module``. The
        answer: ``file``, ``printed``, ``written``, ``main``, ``rows``, ``help`` and
        ``ipython`` are about the module, ``outcome`` is as :func:`export.outcome.outcome` makes it.
        """
        folder.mkdir(exist_ok=True)
        printed, answer = (folder.parent / f"{folder.name}.{kind}" for kind in ("out", "pickle"))
        job = {
            "module": str(module),
            "pushes": list(pushes),
            "folder": str(folder),
            "given": list(given),
            "only": list(only),
            "printed": str(printed),
            "answer": str(answer),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(job)}\n")
        self._process.stdin.flush()
        status = json.loads(self._process.stdout.readline())
        assert status == 0, f"the module does not run:\n{printed.read_text()}"
        return pickle.loads(answer.read_bytes())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
