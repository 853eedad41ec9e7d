"""What becomes of values that no statement makes: literals, parameters, files beside the module."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from emitnb.cells.parameters import check_parameter_name
from emitnb.errors import ExportError
from emitnb.export.imports import Import
from emitnb.export.items import Item, Kind
from emitnb.export.literals import is_small, literal
from emitnb.export.outside import is_data, is_generator
from emitnb.export.problems import problem, refusal

DATA_HELP = "a file with the value of {name}: .parquet, .csv, .jsonl, .npy or .pkl"


@dataclass(frozen=True)
class Choices:
    """For each name at most one: as a literal, as a parameter, or in a file."""

    freeze: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return self.freeze | self.params | self.files


@dataclass
class Chosen:
    """The pieces that chosen names make, what they import, their files, and the parameters."""

    items: list[Item] = field(default_factory=list)
    imports: set[Import] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)


def check_choices(choices: Choices, namespace: Mapping[str, Any] | None) -> None:
    """Raise ExportError for a name that is chosen twice, or that the notebook does not have."""
    kinds = (choices.freeze, choices.params, choices.files)
    for name in sorted(choices.names):
        if sum(name in kind for kind in kinds) > 1:
            raise ExportError(f"`{name}` is chosen twice; say --freeze, --params or --files")
        if name in choices.params:
            check_parameter_name(name)
        if name.startswith("__") and name.endswith("__"):
            raise ExportError(f"`{name}` is Python's own name in every module; do not choose it")
        if namespace is None or name not in namespace:
            raise ExportError(f"`{name}` is chosen, but the notebook has no such variable")


def check_unchanged(
    needs: Mapping[str, object], changed: Collection[str], namespace: Mapping[str, Any]
) -> None:
    """Raise ExportError for a chosen name whose value nodes change: it is not what they began with.

    ``needs`` says of each name who needs it; ``changed`` are the names that the code of nodes and
    helpers changes.
    """
    for name in sorted(needs):
        if name in changed or is_generator(namespace.get(name)):
            what = (
                f"`{name}`, {needs[name]}, is changed by the nodes while they run, so its value "
                "now is not what they began with"
            )
            ways = ["make it by a statement in a cell", "keep it in the state of a node"]
            raise refusal(problem(what, [f"{way}, and run the cell again" for way in ways]))


def make_chosen(
    names: list[str], choices: Choices, namespace: Mapping[str, Any], stem: str
) -> Chosen:
    """Return what chosen names make of the values that they have now.

    Raises ExportError for a value that cannot be written in the way that was chosen.
    """
    made = Chosen()
    for name in names:
        value = namespace[name]
        if name in choices.freeze:
            made.items.append(_frozen(name, value))
        elif name in choices.params and not is_data(value) and is_small(value):
            made.parameters[name] = ""
            made.items.append(_constant(name, f"{name} = {literal(value)}"))
        elif name in choices.params:
            made.data[name] = DATA_HELP.format(name=name)
            made.imports.add(Import("typing", "Any"))
            remark = f"  # {type(value).__name__}: --{name.replace('_', '-')} PATH"
            made.items.append(_constant(name, f"{name}: Any = None{remark}"))
        else:
            _file(name, value, stem, made)
    return made


def _frozen(name: str, value: Any) -> Item:
    text = literal(value) if is_small(value) else None
    if text is None:
        what = f"`{name}` ({type(value).__name__}) is no small literal, so it cannot be frozen"
        raise refusal(problem(what, f"put it into a file beside the module: --files {name}"))
    kind = f": {type(value).__name__}" if value in ([], {}, set()) else ""  # a checker asks for it
    return _constant(name, f"{name}{kind} = {text}  # frozen: its value when this was exported")


def _constant(name: str, text: str) -> Item:
    return Item(Kind.CONSTANT, text, frozenset({name}))


def _file(name: str, value: Any, stem: str, made: Chosen) -> None:
    """Add a value that stands in a file of its own: Parquet, NumPy's, or pickled."""
    made.imports.add(Import("pathlib", "Path"))
    if isinstance(value, pd.DataFrame) and _is_kept(frame := _parquet(value), value):
        suffix, content, reading = "parquet", frame, "pd.read_parquet({path})"
        made.imports.add(Import("pandas", bound="pd"))
    elif type(value) is np.ndarray and not value.dtype.hasobject:
        suffix, content, reading = "npy", _npy(value), "np.load({path})"
        made.imports.add(Import("numpy", bound="np"))
    else:
        suffix, content, reading = "pkl", _pickled(name, value), "pickle.loads({path}.read_bytes())"
        made.imports.add(Import("pickle"))
    file = f"{stem}-{name}.{suffix}"
    path = f'Path(__file__).with_name("{file}")'
    made.files[file] = content
    made.items.append(_constant(name, f"{name} = {reading.format(path=path)}"))


def _parquet(value: pd.DataFrame) -> bytes:
    try:
        return bytes(value.to_parquet())
    except Exception:  # what Arrow does not take: mixed types, objects, twice the same column
        return b""


def _is_kept(content: bytes, value: pd.DataFrame) -> bool:
    """Whether a frame comes back as it was: its index, dtypes and attributes too."""
    if not content:
        return False
    back = pd.read_parquet(io.BytesIO(content))
    return back.equals(value) and back.dtypes.equals(value.dtypes)


def _npy(value: np.ndarray[Any, Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, value, allow_pickle=False)
    return target.getvalue()


def _pickled(name: str, value: Any) -> bytes:
    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:  # whatever the value's own class raises
        what = f"`{name}` ({type(value).__name__}) cannot be put into a file: {error}"
        ways = ["make it inside the function that needs it", "make it in a cell by a statement"]
        raise refusal(problem(what, ways)) from error
