"""Loading: a module found by its name or file, run again if need be; what its nodes may replace."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import Any

from emitnb.errors import DeclarationError, EmitError, did_you_mean
from emitnb.graph import Graph
from emitnb.text import listed


def module_of(source: str | PathLike[str]) -> ModuleType:
    """Return the module of a name or a file, as its file is now.

    ``wordcount`` is ``wordcount.py`` of the working directory, or else what ``import wordcount``
    gives; ``graphs/wordcount.py`` is that file. One that is imported already is run again, in its
    own namespace, if it has a ``router``; where that fails, everything in it is what it was.

    Raises EmitError where there is none, and for a line that is no Python; and what the module
    raises.
    """
    __tracebackhide__ = True  # what fails is the module
    text = fspath(source)
    path = Path(text if text.endswith(".py") else f"{text}.py")
    spec = _spec_of_file(path) if path.is_file() else _spec_of_name(text)
    name = spec.name
    module = sys.modules.get(name)
    if module is None:
        return _first_time(spec)
    if spec.origin != getattr(module.__spec__, "origin", None):
        raise EmitError(
            f"a module named {name} is imported already, from "
            f"{getattr(module, '__file__', None) or 'nowhere'}. Give the file {path} another name"
        )
    if hasattr(module, "router"):  # running json again would break whoever uses it
        _again(module, spec)
    return module


def without_loaded(
    graph: Graph,
    loaded: Mapping[str, tuple[object, Callable[..., Any]]],
    origin: object,
    theirs: Graph,
) -> Graph:
    """Return the graph without the nodes that came from ``origin`` and are not in ``theirs``.

    ``loaded`` says by name where nodes came from, and their functions: one that was declared
    again since is the user's own. Raises DeclarationError where ``theirs`` cannot come in.
    """
    base = theirs.message_class.__qualname__
    if not issubclass(graph.message_class, theirs.message_class):
        raise DeclarationError(
            f"the nodes are made for messages of {base}, and this router's are of "
            f"{graph.message_class.__qualname__}; make it with Router(message_class={base})"
        )
    earlier = {
        name
        for name, (source, function) in loaded.items()
        if source == origin and name in graph.nodes and graph.nodes[name].function is function
    }
    taken = [name for name in theirs.nodes if name in graph.nodes and name not in earlier]
    if taken:
        raise DeclarationError(
            f"{listed(taken, 6)} would be replaced: there is such a node here that is not from "
            "there. Rename it (%emit_rename A B) or remove it (%emit_remove A), then load again"
        )
    for gone in earlier - set(theirs.nodes):
        graph = graph.without(gone)
    return graph


def _spec_of_file(path: Path) -> ModuleSpec:
    folder = str(path.resolve().parent)
    if folder not in sys.path and not (folder == str(Path.cwd()) and "" in sys.path):
        sys.path.append(folder)  # what it imports may lie beside it
    spec = spec_from_file_location(path.stem, path.resolve())
    assert spec is not None
    return spec


def _spec_of_name(name: str) -> ModuleSpec:
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        near = did_you_mean(Path(name).name, (one.name for one in Path(name).parent.glob("*.py")))
        raise EmitError(f"there is no file {name}.{near} Give a module's name, or its file")
    importlib.invalidate_caches()
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):
        spec = None
    if spec is None:
        near = did_you_mean(name, (one.stem for one in Path.cwd().glob("*.py")))
        raise EmitError(
            f"there is no module {name}, in {Path.cwd()} or wherever Python looks.{near} "
            "Give its name, or its file"
        )
    return spec


def _first_time(spec: ModuleSpec) -> ModuleType:
    __tracebackhide__ = True
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        _run(module, spec)
    except BaseException:
        sys.modules.pop(spec.name, None)
        raise
    return module


def _again(module: ModuleType, spec: ModuleSpec) -> None:
    """Run a module anew, without what it defined before and defines no more."""
    __tracebackhide__ = True
    space = vars(module)
    before = dict(space)
    for name in [name for name in space if not (name.startswith("__") and name.endswith("__"))]:
        del space[name]
    try:
        _run(module, spec)
    except BaseException:
        space.clear()
        space.update(before)
        raise


def _run(module: ModuleType, spec: ModuleSpec) -> None:
    __tracebackhide__ = True
    loader: Any = spec.loader
    try:
        if spec.origin is None or not spec.origin.endswith(".py"):
            loader.exec_module(module)
            return
        linecache.checkcache(spec.origin)
        # Compiled here: a file that was changed twice in a second may look unchanged to its cache.
        code = loader.source_to_code(loader.get_data(spec.origin), spec.origin)
        exec(code, vars(module))
    except SyntaxError as error:
        if error.filename != spec.origin:
            raise
        raise EmitError(
            f"{spec.origin}, line {error.lineno}: {error.msg}: `{(error.text or '').strip()}`. "
            "Mend the line, and load it again"
        ) from None
