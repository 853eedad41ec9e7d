"""Pickles that never leave the process: classes, functions and modules stay in it, as they are.

So a value comes back with the very class it had, also if the cell of that class has run again
since; and a function of the notebook, or a lambda, is no obstacle.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

_KNOWN: WeakValueDictionary[int, Any] = WeakValueDictionary()
_KINDS = (type, FunctionType, ModuleType)


class _Pickler(pickle.Pickler):
    def __init__(self, sink: io.BytesIO) -> None:
        super().__init__(sink, protocol=5)
        self.kept: dict[int, Any] = {}

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, _KINDS) or value is _known:
            return NotImplemented
        _KNOWN[id(value)] = self.kept[id(value)] = value
        return _known, (id(value),)


def _known(key: int) -> Any:
    return _KNOWN[key]


def dumps(value: Any) -> tuple[bytes, tuple[Any, ...]]:
    """Return a pickle, and the objects that must be kept for as long as it is.

    Raises whatever the classes of the values raise.
    """
    sink = io.BytesIO()
    pickler = _Pickler(sink)
    pickler.dump(value)
    return sink.getvalue(), tuple(pickler.kept.values())


def loads(pickled: bytes) -> Any:
    """Return what was pickled."""
    return pickle.loads(pickled)


def same_types(one: Sequence[Any], two: Sequence[Any]) -> bool:
    """Whether values came back as what they were; a class may pickle itself as something else."""
    return list(map(type, one)) == list(map(type, two))
