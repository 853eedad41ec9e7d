"""What travels between the notebook and the workers, and how it is pickled.

Everything is pickled by :mod:`emitnb.backends.pickling`, not as dask would: functions and classes
of a notebook travel by value. What cannot be pickled is found and named, one message at a time.
"""

from __future__ import annotations

import itertools
import pickle
import shutil
import tempfile
import weakref
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from tblib import Traceback

from emitnb.backends.pickling import dumps
from emitnb.errors import StandIn, TransportError, WorkerCrashError, error_words
from emitnb.message import ENTRY_POINT, Message
from emitnb.process import Failed, States
from emitnb.session import Refused
from emitnb.table import FrameTable, ListTable, RecordTable, Table

_PACKAGE = str(Path(__file__).parents[2])


_tokens = itertools.count()


class Parcel:
    """Pickled bytes. Compared by identity: dask asks of all it is given whether it is a key."""

    __slots__ = ("blob",)

    def __init__(self, blob: bytes) -> None:
        self.blob = blob

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self.blob,)

    def __sizeof__(self) -> int:
        return len(self.blob) + 64

    def __dask_tokenize__(self) -> object:
        # Dask would pickle and hash it to tell one graph from another; each is another one.
        return next(_tokens)

    def open(self) -> Any:
        """Return what is in it."""
        return loads(self.blob)


class Travelling:
    """Base of what tasks return: pickled here, large buffers apart, whoever asks for it."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        buffers: list[pickle.PickleBuffer] = []
        blob = dumps(vars(self), buffers.append if protocol >= 5 else None)
        return _arrived, (type(self), blob, buffers)


def _arrived(kind: type, blob: bytes, buffers: Any) -> Any:
    made: Any = object.__new__(kind)
    vars(made).update(pickle.loads(blob, buffers=buffers))
    return made


class StoredParcel(Parcel):
    """A parcel in a file that all workers can read."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredParcel, (self.path,)

    def __sizeof__(self) -> int:
        return 200

    def open(self) -> Any:
        """Return what is in it."""
        return loads(self.path.read_bytes())


class Shelf:
    """A folder for parcels that may be needed as long as what was made of them is kept.

    Else they would stay in the scheduler: in the notebook's own process, for a cluster that
    started there. The folder goes with this object, or with the process.
    """

    @cached_property
    def _folder(self) -> Path:
        folder = tempfile.mkdtemp(prefix="emitnb-pushed-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def put(self, parcel: Parcel) -> Parcel:
        """Write a parcel to a file of its own."""
        path = self._folder / str(next(_tokens))
        path.write_bytes(parcel.blob)
        return StoredParcel(path)


def loads(blob: bytes) -> Any:
    """Return the value of what :func:`dumps` made."""
    return pickle.loads(blob)


def why_not(value: Any) -> str:
    """Return why a value cannot be pickled and brought back, or nothing if it can."""
    try:
        loads(dumps(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def pushed_parcel(table: Table, base: type[Message]) -> tuple[Parcel, Table, tuple[Refused, ...]]:
    """Return pushed rows as a parcel, the rows in it, and those that cannot travel."""
    with suppress(Exception):  # which message it is that cannot travel, is looked for below
        parcel = Parcel(dumps(table))
        if can_travel(table):
            return parcel, table, ()
    messages = table.messages(ENTRY_POINT, base)
    refused: list[Refused] = []
    kept: list[int] = []
    for row, message in enumerate(messages):
        problem = why_not(message)
        if problem:
            error = TransportError(f"it cannot travel to the cluster: {problem}")
            refused.append(Refused(len(kept), message, error))
        else:
            kept.append(row)
    rest = table.take(np.array(kept, dtype=np.int64))
    return Parcel(dumps(rest)), rest, tuple(refused)


class Unportable:
    """Stands for a state that cannot be pickled: whoever touches it is told why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __deepcopy__(self, memo: Any) -> Any:
        raise TransportError(self.reason)


def portable_states(node: str, states: States) -> tuple[States, bytes]:
    """Return the states of one node as they can travel, and pickled.

    One that cannot be pickled is replaced: else dask would try for ever to move it.
    """
    plain = dict(states)
    try:
        return plain, dumps(plain)
    except Exception:
        plain = {key: _state(node, key, state) for key, state in plain.items()}
        return plain, dumps(plain)


def _state(node: str, key: Any, state: Any) -> Any:
    problem = why_not(state)
    if not problem:
        return state
    return Unportable(f"the state of {node} for {key!r} cannot travel: {problem}")


class CarriedError(StandIn):
    """An exception on its way home: the exception itself where it can be pickled, and its text."""

    def __init__(self, name: str, text: str, blob: bytes | None, trace: Any) -> None:
        super().__init__(name, text, blob, trace)

    def unpacked(self) -> BaseException:
        """Return the exception, or one of the same name and text, with its traceback."""
        name, text, blob, trace = self.args
        error = _loaded(blob)
        # One whose constructor changes its text would say something else than on the worker.
        if error is None or error_words(error) != (name, text):
            error = type(name, (Exception,), {})(text)
        frames = None if trace is None else Traceback.from_dict(trace).as_traceback()
        return error.with_traceback(frames)


def packed_failed(failed: Failed) -> Failed:
    """Return a failure as it travels."""
    error = failed.error
    if isinstance(error, CarriedError):
        return failed
    name, text = error_words(error)
    # The node of a message that killed its process had no time to raise anything.
    crashed = isinstance(error, WorkerCrashError)
    frames = None if crashed else _own(error.__traceback__)
    trace = None if frames is None else Traceback(frames).to_dict()
    return replace(failed, error=CarriedError(name, text, _blob(error), trace))


def unpacked(failed: Failed) -> Failed:
    """Undo :func:`packed_failed`."""
    error = failed.error
    return replace(failed, error=error.unpacked()) if isinstance(error, CarriedError) else failed


def _own(trace: TracebackType | None) -> TracebackType | None:
    """The frames of a traceback below emitnb's own."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def _blob(error: BaseException) -> bytes | None:
    try:
        return dumps(error)
    except Exception:
        return None


def _loaded(blob: bytes | None) -> BaseException | None:
    try:
        error = None if blob is None else loads(blob)
    except Exception:
        return None  # many exceptions cannot be made again from their arguments
    return error if isinstance(error, BaseException) else None


_ATOMS = frozenset((int, float, str, bool, bytes, complex, type(None)))


def can_travel(table: Table) -> bool:
    """Whether all values of a table can be pickled."""
    if isinstance(table, FrameTable):
        data = table.data
        return all(_travels(data[name].tolist()) for name in data if data[name].dtype == object)
    if isinstance(table, RecordTable):
        records = [one for one in table.records if not _ATOMS.issuperset(map(type, one.values()))]
        return _travels(records)
    if not isinstance(table, ListTable):
        return True
    kinds = table.kinds or [frozenset(map(type, column)) for column in table.columns]
    columns = zip(table.columns, kinds, strict=True)
    return all(kind <= _ATOMS or _travels(column) for column, kind in columns)


def _travels(values: list[Any]) -> bool:
    return not why_not(values)
