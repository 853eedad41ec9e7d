"""Modules with graphs, what is pushed into them, and the tests that are made of it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import emitnb
from emitnb import Router
from emitnb.export.evidence import evidence

CLASSES: dict[str, dict[str, type]] = {}
"""The classes of each module, as they were when it was loaded last."""

MODULES = Path(__file__).parent / "modules"


def loaded(name: str) -> ModuleType:
    """A module of the folder, with a router in which nothing is recorded."""
    spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pushed(name: str) -> Router:
    """The router of a module of the folder, after it took in its messages."""
    module = loaded(name)
    router: Router = module.router
    CLASSES[name] = {key: value for key, value in vars(module).items() if isinstance(value, type)}
    FEEDS[name](router, module)
    return router


def written(router: Router, name: str, folder: Path) -> dict[str, bytes]:
    """The module of that name and the tests made of what its router recorded, in a folder."""
    files = evidence(router, name, list(router.nodes), CLASSES.get(name))
    (folder / f"{name}.py").write_bytes((MODULES / f"{name}.py").read_bytes())
    for file, data in files.items():
        (folder / file).write_bytes(data)
    return files


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, to its end."""
    command = [sys.executable, *arguments]
    here = {**os.environ, "PYTHONPATH": str(Path(emitnb.__file__).parent.parent)}
    return subprocess.run(command, cwd=cwd, env=here, capture_output=True, text=True, timeout=300)


def _wordcount(router: Router, module: ModuleType) -> None:
    texts = [
        "The rain in Spain",
        "stays mainly in the plain",
        "the",
        "",
        "Rain, rain, go away rain",
    ]
    router.push(texts)


def _prices(router: Router, module: ModuleType) -> None:
    """``parse`` is mended in between."""
    parse = module.parse.__wrapped__
    types = {"item": str, "price": module.Decimal}
    router.node(types, entry_point=True, name="parse")(
        lambda msg: (msg.item, module.Decimal(msg.price))
    )
    prices = ["1.50", "2,25 €", "-3", "12.5 ", "free", "0.99", "7,00", "1.50"]
    router.push([{"item": f"tea {n}", "price": price} for n, price in enumerate(prices)])
    router.node(types, entry_point=True, name="parse")(parse)
    router.retry()


def _waiting(router: Router, module: ModuleType) -> None:
    router.push([{"url": url} for url in ("a", "bb", "a", "a/b/c", "bb")])


def _columns(router: Router, module: ModuleType) -> None:
    router.push([{"x": float(n)} for n in (1, 4, 9, 2.25, -1, -9, 16, 100)])


def _patterns(router: Router, module: ModuleType) -> None:
    router.push([{"n": n} for n in (1, 2, 3, 7, 10, 2, 3, 112)])


def _loops(router: Router, module: ModuleType) -> None:
    router.push([{"n": n} for n in (6, 1, 4, 27)])


def _shapes(router: Router, module: ModuleType) -> None:
    router.push([{"width": float(n), "height": float(n // 2 * 2)} for n in range(1, 30, 5)])
    router.push([{"width": 2.0, "height": 3.0, "note": "long " * 50}])


def _packages(router: Router, module: ModuleType) -> None:
    """``took`` fails at the end of each package, and is mended."""
    mended = module.took.__wrapped__
    types = {"package": str, "took": int}
    given = {"entry_point": True, "key": "package", "name": "took"}

    def misspelt(msg: Any, state: dict[str, Any]) -> Any:
        return msg.pakage if msg.status == "installed" else mended(msg, state)

    router.node(types, **given)(misspelt)
    steps = ("half-installed", "unpacked", "unpacked", "half-configured", "installed")
    router.push(
        {"package": f"p{n}", "status": status, "time": 100 * step + n * n * step}
        for step, status in enumerate(steps)
        for n in range(30)
    )
    router.node(types, **given)(mended)
    router.retry()


FEEDS: dict[str, Callable[[Router, Any], None]] = {
    "wordcount": _wordcount,
    "prices": _prices,
    "waiting": _waiting,
    "columns": _columns,
    "patterns": _patterns,
    "loops": _loops,
    "shapes": _shapes,
    "packages": _packages,
}
