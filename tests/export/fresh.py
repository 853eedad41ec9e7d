"""A fresh process for each module: one that has emitnb and pandas, and can never have IPython.

Starting Python and importing pandas costs a second. So one process does that, and forks for each
module: what it forks has seen no notebook and no other module.

It takes a line of JSON for each module (see :class:`export.processes.Fresh`), and answers with one.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

ABSENT = ("IPython", "ipykernel", "ipywidgets", "anywidget", "traitlets", "comm")

for name in ABSENT:
    sys.modules[name] = None  # type: ignore[assignment]
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from outcome import outcome  # noqa: E402

import emitnb.router  # noqa: E402, F401


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            work(job)
        _, status = os.waitpid(child, 0)
        print(json.dumps(status), flush=True)


def work(job: dict[str, Any]) -> None:
    """Do one job, and end the process; what it prints goes to a file."""
    printed = os.open(job["printed"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    status = 1
    try:
        made = answer(job, Path(job["printed"]))
        Path(job["answer"]).write_bytes(pickle.dumps(made))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def answer(job: dict[str, Any], printed: Path) -> dict[str, Any]:
    """Import the module, push, and return what came of it and of the import alone."""
    os.chdir(job["folder"])
    file = Path(job["module"])
    sys.path.insert(0, str(file.parent))
    sys.argv = ["python"]
    before = listing(file.parent, Path.cwd())
    module = importlib.import_module(file.stem)
    sys.stdout.flush()
    sys.stderr.flush()
    made = {
        "file": module.__file__,
        "printed": printed.read_text(),
        "written": sorted(listing(file.parent, Path.cwd()) - before),
        "main": callable(getattr(module, "main", None)),
        "rows": len(module.router.frame()),
    }
    for text in job["given"]:
        exec(text, {**vars(module), "module": module, "pd": pd, "np": np})
    made["help"] = asked_for_help(module)
    module.router.bar = False
    for text in job["pushes"]:
        module.router.push(eval(text, {"pd": pd, "np": np}))
    made["outcome"] = outcome(module.router, job["only"])
    made["ipython"] = sorted(name for name in ABSENT if sys.modules.get(name))
    return made


def asked_for_help(module: Any) -> str:
    """What ``python module.py --help`` shows; a function main of the user's own is not called."""
    if "Push what the command line names" not in (module.main.__doc__ or ""):
        return "usage:"
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        module.main(["--help"])
    return said.getvalue()


def listing(*folders: Path) -> set[str]:
    return {str(path) for folder in folders for path in folder.rglob("*")}


if __name__ == "__main__":
    main()
