"""Example modules, imported anew for each test: a router of one knows nothing of another."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[..., ModuleType]


@pytest.fixture
def load() -> Iterator[Load]:
    """Import an example under a name, which need not be its own."""
    names = []

    def made(example: str, name: str | None = None) -> ModuleType:
        name = name or f"running.{example}"
        spec = importlib.util.spec_from_file_location(
            name, Path(__file__).with_name(f"{example}.py")
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        names.append(name)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield made
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
