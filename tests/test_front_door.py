"""The front door: what the package exports, what importing it loads, and its own examples."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import pytest

import emitnb

EXPORTED = [
    "BackendError",
    "DeclarationError",
    "EmitError",
    "ExportError",
    "LoopError",
    "Message",
    "NoResult",
    "RecordFullError",
    "RecordLostError",
    "ResultError",
    "Router",
    "Run",
    "RunInterrupted",
    "RunStoppedError",
    "SourceError",
    "TransportError",
    "UnknownEdgeError",
    "UnknownNodeError",
    "UnknownRowError",
    "WaitInterrupted",
    "WorkerCrashError",
    "__version__",
    "run_command",
]
HEAVY = ("pandas", "IPython", "anywidget", "distributed", "dask", "pyarrow", "numpy", "msgspec")


def modules() -> list[str]:
    found = [one.name for one in pkgutil.walk_packages(emitnb.__path__, "emitnb.")]
    return ["emitnb", *sorted(name for name in found if not name.endswith("__main__"))]


def loaded_by(code: str) -> set[str]:
    """The top-level packages that are loaded after code has run in a fresh interpreter."""
    command = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_exported_members_are_exactly_these():
    assert sorted(emitnb.__all__) == sorted(EXPORTED)
    assert dir(emitnb) == sorted(EXPORTED)
    space: dict[str, object] = {}
    exec("from emitnb import *", space)
    assert sorted(name for name in space if name != "__builtins__") == sorted(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_what_is_exported_is_there_and_explains_itself(name):
    member = getattr(emitnb, name)
    if inspect.isclass(member):
        assert member.__name__ == name
        assert inspect.getdoc(member)


def test_what_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Rooter'"):
        emitnb.Rooter  # type: ignore[attr-defined] # the point of the test
    with pytest.raises(ImportError):
        exec("from emitnb import Rooter")


def test_every_error_is_an_emit_error_but_the_interrupts():
    errors = [getattr(emitnb, name) for name in EXPORTED if name.endswith(("Error", "Interrupted"))]
    assert {error.__name__ for error in errors if not issubclass(error, emitnb.EmitError)} == {
        "RunInterrupted",
        "WaitInterrupted",
    }
    for interrupt in (emitnb.RunInterrupted, emitnb.WaitInterrupted):
        assert issubclass(interrupt, KeyboardInterrupt)
        assert not issubclass(interrupt, Exception)
    drawn = inspect.getdoc(importlib.import_module("emitnb.errors")) or ""
    assert all(error.__name__ in drawn for error in errors)


def test_importing_the_package_loads_none_of_the_heavy_ones():
    assert loaded_by("import emitnb").isdisjoint(HEAVY)
    assert "emitnb" in loaded_by("import emitnb")


def test_importing_messages_and_errors_loads_neither_pandas_nor_ipython():
    loaded = loaded_by("from emitnb import Message, NoResult, EmitError")
    assert loaded.isdisjoint(("pandas", "IPython", "anywidget", "distributed", "numpy"))


def test_the_router_works_without_the_notebook_and_cluster_packages():
    code = "from emitnb import Router\nRouter().frame()"
    unwanted = ("IPython", "ipykernel", "ipywidgets", "anywidget", "distributed", "dask", "celery")
    assert loaded_by(code).isdisjoint(unwanted)


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in modules()
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) > 20


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
