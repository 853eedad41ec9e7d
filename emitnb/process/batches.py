"""Running a batch node: a function from a DataFrame of messages to a DataFrame of emissions."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from time import perf_counter_ns, time_ns
from typing import Any

import numpy as np
import pandas as pd

from emitnb.errors import ResultError
from emitnb.fields import accepts, type_name
from emitnb.message import NoResultType
from emitnb.node import Form, Node
from emitnb.process.calls import await_each, call_each
from emitnb.process.nodes import SLICE
from emitnb.process.outcome import Failed, NodeOutcome, Slice
from emitnb.process.retrying import retried
from emitnb.process.streams import Inputs
from emitnb.table import FrameTable, Positions

GIVE_UP = 64
"""Rows that fail one by one, with none passing between, before the rest fails as one group."""


class BatchRun:
    """One batch node with its inputs. Rows are halved until those that raise are found."""

    def __init__(self, node: Node, inputs: Inputs) -> None:
        self.node = node
        self._inputs = inputs
        self._parts: list[pd.DataFrame] = []
        self._errors: list[tuple[int, BaseException]] = []
        self._failing = 0

    def run(self) -> None:
        """Call the function; afterwards ask :meth:`outcome`."""
        self._began, self._now = perf_counter_ns(), time_ns()
        frame = self._inputs.frame()
        chosen = self._chosen(len(frame))
        if len(frame):
            self._try(frame if chosen is None else frame.take(chosen))
        self._ns = perf_counter_ns() - self._began

    def outcome(self, rank: int) -> NodeOutcome:
        """Return what the node did."""
        received = len(self._inputs)
        table = self._table()
        counts = self._counts(table, received)
        failures = self._failures()
        emitting = received if counts is None else int((counts > 0).sum())
        return NodeOutcome(
            node=self.node.name,
            revision=self.node.revision,
            rank=rank,
            parents=self._inputs.parents,
            sources=self._inputs.sources,
            table=FrameTable(table),
            counts=counts,
            input_waves=None,
            failures=failures,
            received=received,
            dropped=received - emitting - len(failures),
            seconds=self._ns / 1e9,
            times=(Slice(len(table), self._now, received, self._ns),),
        )

    def _chosen(self, size: int) -> Positions | None:
        if self.node.when is None:
            return None
        chosen: list[int] = []
        start = 0
        for messages in self._inputs.slices(SLICE):
            verdicts, errors = call_each(
                map(operator.truth, map(self.node.when, messages)), len(messages)
            )
            chosen += [start + place for place, verdict in enumerate(verdicts) if verdict]
            self._errors += [(start + place, error) for place, error in errors]
            start += len(messages)
        return np.array(chosen, dtype=np.int64)

    def _emitted(self, part: pd.DataFrame) -> pd.DataFrame:
        node = self.node
        emitted = retried(emitted_frame, False, node.retries, node.backoff)
        frame: pd.DataFrame = emitted(node, part)
        return frame

    def _try(self, frame: pd.DataFrame) -> None:
        """Run the rows of ``frame``; where that raises, find the rows that do, left to right."""
        work = [frame]
        while work:
            part = work.pop()
            if not len(part):
                continue
            try:
                self._parts.append(self._emitted(part))
                self._failing = 0
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                # What the node returned does not fit: it would not fit for half of the rows either,
                # or fit by accident.
                misfit = isinstance(error, ResultError)
                if misfit or len(part) == 1 or self._failing >= GIVE_UP:
                    self._failing += len(part)
                    self._errors += [(place, error) for place in part.index.tolist()]
                else:
                    half = len(part) // 2
                    work += [part.iloc[half:], part.iloc[:half]]

    def _table(self) -> pd.DataFrame:
        """What was emitted, in the order of the inputs, which its index names."""
        parts = [part for part in self._parts if len(part)] or self._parts[:1]
        if not parts:
            return pd.DataFrame(columns=list(self.node.fields), index=pd.RangeIndex(0))
        frame = parts[0] if len(parts) == 1 else pd.concat(parts)
        if not frame.index.is_monotonic_increasing:
            frame = frame.sort_index(kind="stable")
        return frame

    def _counts(self, table: pd.DataFrame, received: int) -> Positions | None:
        if table.index.equals(pd.RangeIndex(received)):
            return None
        return np.bincount(table.index.to_numpy(dtype=np.int64), minlength=received)

    def _failures(self) -> tuple[Failed, ...]:
        if not self._errors:
            return ()
        messages = [m for part in self._inputs.slices(SLICE) for m in part]
        return tuple(
            Failed(place, messages[place], error)
            for place, error in sorted(self._errors, key=lambda pair: pair[0])
        )


def emitted_frame(node: Node, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a batch node emits for ``frame``: its fields, indexed by the rows of ``frame``.

    Raises ResultError where the node returned something else.
    """
    result = _called(node, frame)
    if result is None or isinstance(result, NoResultType):
        return pd.DataFrame(columns=list(node.fields), index=frame.index[:0])
    if isinstance(result, Mapping):
        result = _from_arrays(node, dict(result), frame)
    if isinstance(result, pd.Series) and len(node.fields) == 1:
        result = result.to_frame(node.fields[0])
    if not isinstance(result, pd.DataFrame):
        raise ResultError(
            f"{node.name} is a batch node and returned a {type(result).__name__}; "
            "return a DataFrame, or a dict of arrays, with its fields"
        )
    if set(result.columns) != set(node.fields) or len(result.columns) != len(node.fields):
        raise ResultError(
            f"{node.name} has the fields {', '.join(node.fields)}, but returned the columns "
            f"{', '.join(map(str, result.columns))}"
        )
    _check_index(node, result, frame)
    _check_dtypes(node, result)
    names = list(node.fields)
    return result if list(result.columns) == names else result[names]


def _called(node: Node, frame: pd.DataFrame) -> Any:
    own = frame.copy(deep=False)  # pandas copies on write: what the node does to it stays with it
    if node.form is not Form.ASYNC:
        return node.function(own)
    results, errors = await_each([node.function(own)])
    for _, error in errors:
        raise error
    return results[0]


def _from_arrays(node: Node, arrays: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    scalars = [name for name, column in arrays.items() if not hasattr(column, "__len__")]
    if scalars:
        raise ResultError(
            f"{node.name} returned a single value for {', '.join(scalars)}; "
            "return one value a row, or a DataFrame whose index names the input rows"
        )
    lengths = {name: len(column) for name, column in arrays.items()}
    if any(length != len(frame) for length in lengths.values()):
        raise ResultError(
            f"{node.name} returned {_sizes(lengths)} for {len(frame):,} rows; "
            "return one value a row, or a DataFrame whose index names the input rows"
        )
    plain = {name: getattr(column, "array", column) for name, column in arrays.items()}
    return pd.DataFrame(plain, index=frame.index)


def _sizes(lengths: dict[str, int]) -> str:
    return ", ".join(f"{size:,} values of {name}" for name, size in lengths.items())


def _check_index(node: Node, result: pd.DataFrame, frame: pd.DataFrame) -> None:
    if result.index is frame.index or result.index.equals(frame.index):
        return
    if not _within(result.index, frame.index):
        raise ResultError(
            f"{node.name} returned rows whose index is not that of its input; "
            "keep the index of the rows they come from (no reset_index)"
        )


def _within(index: pd.Index, allowed: pd.Index) -> bool:
    """Whether all of ``index`` is in ``allowed``; a range needs no look-up of each."""
    if not len(index):
        return True
    if isinstance(allowed, pd.RangeIndex) and allowed.step == 1 and index.dtype.kind in "iu":
        ends = (
            (index[0], index[-1]) if index.is_monotonic_increasing else (index.min(), index.max())
        )
        return bool(allowed.start <= ends[0] and ends[1] < allowed.stop)
    return bool(index.isin(allowed).all())


def _check_dtypes(node: Node, result: pd.DataFrame) -> None:
    for name, declared in node.types.items():
        column = result[name]
        if column.dtype.kind in "iufbM":
            fits = accepts(declared, _SCALARS[column.dtype.kind])
        else:
            fits = all(accepts(declared, kind) for kind in set(map(type, column.dropna())))
        if not fits:
            raise ResultError(
                f"{node.name}: field {name} is declared {type_name(declared)}, "
                f"but its column is {column.dtype}"
            )


_SCALARS: dict[str, type] = {"i": int, "u": int, "f": float, "b": bool, "M": pd.Timestamp}
