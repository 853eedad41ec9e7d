"""From what a node returned to columns, counts and complaints.

Results come a slice at a time. Where all of them have one simple form, which the set of their
types tells, columns are made without looking at each; otherwise one at a time by the rules of
:func:`row_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import itemgetter
from types import GeneratorType
from typing import Any

import numpy as np

from emitnb.errors import ResultError
from emitnb.fields import accepts, type_name
from emitnb.message import NoResultType
from emitnb.node import Node
from emitnb.process.calls import Errors, FailedType
from emitnb.table import ListTable, Positions
from emitnb.text import counted, cut

_NOTHING = frozenset((type(None), NoResultType, FailedType))

Row = tuple[Any, ...]


class NeedsCare(Exception):  # noqa: N818 - a signal inside this package, never seen outside
    """A node with state returned what does not fit: run it again, checking each result at once.

    The messages behind the culprit have seen a state that a failing message must not leave.
    """


class Collected:
    """The emissions of one node, growing by slices of results."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.columns: list[list[Any]] = [[] for _ in node.fields]
        self.rows = 0
        self._counts: list[int] | None = None
        self._inputs = 0
        # The types in each column: the log wants them too, and here the values are in the cache.
        self._kinds: list[set[type]] | None = [set() for _ in node.fields]

    def add(self, results: list[Any]) -> Errors:
        """Take in one result for each input; return those that do not fit, with a ResultError."""
        kinds = set(map(type, results))
        if kinds & _NOTHING:
            counts = [int(type(result) not in _NOTHING) for result in results]
            kept = [result for result in results if type(result) not in _NOTHING]
        else:
            counts, kept = None, results
        columns = self._simple_columns(kept, kinds - _NOTHING)
        if columns is None:
            if self.node.new_state is not None and GeneratorType in kinds:
                raise NeedsCare  # what it still does to the state belongs into the call
            return self._add_slowly(results, _items)
        self._append(columns, len(kept), counts, len(results))
        return []

    def add_many(self, results: list[list[Any]]) -> Errors:
        """Take in a list of items for each input, as a generator makes them: all or nothing."""
        items = list(chain.from_iterable(results))
        columns = self._simple_columns(items, set(map(type, items)))
        if columns is None:
            return self._add_slowly(results, iter)
        self._append(columns, len(items), list(map(len, results)), len(results))
        return []

    def counts(self, first: int = 0) -> Positions | None:
        """Rows that each input from ``first`` on made; None where each made one."""
        return None if self._counts is None else np.array(self._counts[first:], dtype=np.int64)

    def table(self) -> ListTable:
        """The rows so far."""
        kinds = None if self._kinds is None else tuple(map(frozenset, self._kinds))
        return ListTable(self.node.fields, self.columns, self.rows, kinds)

    def _simple_columns(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the columns if every value (of types ``kinds``) fits in one simple way."""
        if not values:
            return [()] * len(self.columns)
        columns = columns_of(self.node, values, kinds)
        if columns is None:
            return None
        found = [kinds if column is values else set(map(type, column)) for column in columns]
        for name, types in zip(self.node.fields, found, strict=True):
            declared = self.node.types.get(name)
            if declared is not None and not all(accepts(declared, kind) for kind in types):
                return None
        if self._kinds is not None:
            for known, more in zip(self._kinds, found, strict=True):
                known |= more
        return columns

    def _append(self, columns: list[Any], rows: int, counts: list[int] | None, inputs: int) -> None:
        if self.rows:
            for column, more in zip(self.columns, columns, strict=True):
                column.extend(more)
        else:
            self.columns = [more if type(more) is list else list(more) for more in columns]
        if counts is not None and self._counts is None:
            self._counts = [1] * self._inputs
        if self._counts is not None:
            self._counts.extend([1] * inputs if counts is None else counts)
        self.rows += rows
        self._inputs += inputs

    def _add_slowly(self, results: list[Any], items: Callable[[Any], Iterable[Any]]) -> Errors:
        rows: list[Row] = []
        counts = []
        errors: Errors = []
        self._kinds = None
        for position, result in enumerate(results):
            made: list[Row] = []
            try:
                made = rows_of(self.node, items(result))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                errors.append((position, error))
            rows.extend(made)
            counts.append(len(made))
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.columns)
        self._append(columns, len(rows), counts, len(counts))
        return errors


def columns_of(node: Node, values: list[Any], kinds: set[type]) -> list[Any] | None:
    """Return the columns that the values make, if they all have one simple form."""
    if _NOTHING & kinds:
        return None
    if all(issubclass(kind, tuple) for kind in kinds):
        if set(map(len, values)) != {len(node.fields)}:
            return None
        # Half as long as zip(*values), which makes tuples that are copied to lists afterwards.
        return [list(map(itemgetter(place), values)) for place in range(len(node.fields))]
    if len(node.fields) == 1 and not any(map(_is_special, kinds)) and node.record is None:
        return [values]
    return None


def rows_of(node: Node, items: Iterable[Any]) -> list[Row]:
    """Return the rows that the items of one result make; ResultError where one does not fit."""
    return [row_of(node, item) for item in items if type(item) not in _NOTHING]


def row_of(node: Node, value: Any) -> Row:
    """Return the values of the fields that one returned value fills.

    A tuple fills the fields in order. With one field any other value fills it; with several a
    mapping with exactly those names does, and so does a record of the declared class.
    """
    row = _fill(node, value)
    for name, filled in zip(node.fields, row, strict=True):
        declared = node.types.get(name)
        kind: type = type(filled)
        if declared is not None and not accepts(declared, kind):
            raise ResultError(
                f"{node.name}: field {name} is declared {type_name(declared)}, "
                f"but got {_short(filled)} ({kind.__name__})"
            )
    return row


def checked(node: Node, function: Any) -> Any:
    """Wrap a node's function so that a result that does not fit raises in the call itself."""

    def call(*arguments: Any) -> list[Row]:
        return rows_of(node, _items(function(*arguments)))

    return call


def _items(result: Any) -> Iterable[Any]:
    """A generator that a plain function returned counts like a generator function's."""
    return list(result) if isinstance(result, GeneratorType) else (result,)


def _is_special(kind: type) -> bool:
    return issubclass(kind, tuple | GeneratorType)


def _fill(node: Node, value: Any) -> Row:
    if node.record is not None and isinstance(value, node.record):
        return tuple(getattr(value, name) for name in node.fields)
    if isinstance(value, tuple):
        if len(value) == len(node.fields):
            return tuple(value)
        raise ResultError(_wrong_number(node, value, len(value)))
    if len(node.fields) == 1:
        return (value,)
    if isinstance(value, Mapping):
        if set(value) == set(node.fields):
            return tuple(value[name] for name in node.fields)
        raise ResultError(
            f"{node.name} has the fields {', '.join(node.fields)}, but returned a mapping with "
            f"{', '.join(map(str, value)) or 'nothing in it'}; the names must be the same"
        )
    raise ResultError(_wrong_number(node, value, 1))


def _wrong_number(node: Node, value: Any, count: int) -> str:
    fields = ", ".join(node.fields) or "none"
    advice = "; return a tuple to fill the fields in order" if isinstance(value, list) else ""
    return (
        f"{node.name} has {counted(len(node.fields), 'field')} ({fields}), "
        f"but returned {counted(count, 'value')}: {_short(value)}{advice}"
    )


def _short(value: Any) -> str:
    return cut(repr(value), 80)
