"""Items from Python: records and plain values, one after another."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from traceback import walk_tb
from types import GeneratorType
from typing import Any

from emitnb.errors import SourceError
from emitnb.message import Message
from emitnb.sources.base import BaseSource, Step, Unreadable
from emitnb.sources.checks import shape_problem
from emitnb.table import ListTable, RecordTable, Table

Place = Callable[[int], dict[str, Any]]
"""Tells where an item lies, given its number among those read together."""


@dataclass(frozen=True, slots=True)
class Bad:
    """Stands among items for one that could not be read: its error and, if known, its text."""

    error: Exception
    text: str | None = None


_RECORDS = (Mapping, Message, Bad)


def tabulate(items: list[Any], field: str, place: Place) -> tuple[Table, tuple[Unreadable, ...]]:
    """Return items as a table: mappings and messages as records, other values as ``field``.

    An item of type :class:`Bad`, and a record whose keys cannot be fields, is unreadable.

    >>> table, unreadable = tabulate(["rain", {"n": 1}], "word", lambda number: {})
    >>> table.messages("w", Message), unreadable
    ([w(word='rain'), w(n=1)], ())
    """
    kinds = set(map(type, items))
    if not any(issubclass(kind, _RECORDS) for kind in kinds):
        return ListTable((field,), [items], len(items)), ()
    records: list[Any] = items
    if kinds != {dict}:
        records = [_record(item, field) for item in items]
    unreadable: tuple[Unreadable, ...] = ()
    if Bad in kinds or any(map(shape_problem, set(map(tuple, records)))):
        records, unreadable = sift(records, _problem, place)
    return _record_table(records), unreadable


def sift(
    items: Iterable[Any], problem: Callable[[Any], Exception | None], place: Place
) -> tuple[list[Any], tuple[Unreadable, ...]]:
    """Part the items that have a problem from those that have none."""
    good: list[Any] = []
    bad: list[Unreadable] = []
    for number, item in enumerate(items):
        error = problem(item)
        if error is None:
            good.append(item)
        else:
            bad.append(Unreadable(place(number), error, len(good)))
    return good, tuple(bad)


def _record(item: Any, field: str) -> dict[Any, Any] | Bad:
    if isinstance(item, Bad):
        return item
    if isinstance(item, Message):
        return item.as_dict()
    return dict(item) if isinstance(item, Mapping) else {field: item}


def _problem(record: dict[Any, Any] | Bad) -> Exception | None:
    return record.error if isinstance(record, Bad) else shape_problem(tuple(record))


def _record_table(records: list[dict[str, Any]]) -> Table:
    shapes = set(map(tuple, records))
    if len(shapes) != 1:
        return RecordTable(list(map(dict, records)))
    (fields,) = shapes
    columns = [list(map(itemgetter(name), records)) for name in fields]
    return ListTable(fields, columns, len(records))


@dataclass(slots=True)
class Waiting:
    """Items taken from the user's iterator and not handed out yet; ``number`` is the first's."""

    items: list[Any]
    number: int


class ItemSource(BaseSource[Waiting]):
    """The items of an iterable.

    Items go straight from the iterator into the list that waits: when the iterator raises, or is
    interrupted, those that it gave before stay there and are handed out by the next take.
    """

    def __init__(self, items: Iterable[Any], field: str, limit: int | None) -> None:
        super().__init__(Waiting([], 0), _length(items), limit)
        self._iterator = iter(items)
        self._field = field
        self._due: Exception | None = None
        self._trouble: BaseException | None = None

    def _read(self, at: Waiting, size: int) -> Step[Waiting]:
        ended = self._fill(at, size)
        items, rest = at.items, []
        if len(items) > size:
            items, rest = items[:size], items[size:]
        table, unreadable = tabulate(items, self._field, lambda n: _place(at.number + n, items[n]))
        return Step(table, unreadable, Waiting(rest, at.number + len(items)), ended)

    def _fill(self, waiting: Waiting, size: int) -> bool:
        """Wait for items until there are ``size``; return whether the iterator has ended."""
        had = len(waiting.items)
        if had >= size:
            return False
        if self._due is None:
            self._advance(waiting.items, size - had)
        ended = len(waiting.items) < size and self._due is None
        if len(waiting.items) > had:
            self._trouble = self._due
        if not waiting.items and (self._due or (ended and self._trouble)):
            raise self._failure(waiting.number)
        # What follows trouble at once may be the end of a generator that the trouble has killed:
        # the items that wait go out first, then the next take tells.
        return ended and self._trouble is None

    def _advance(self, items: list[Any], missing: int) -> None:
        try:
            items.extend(islice(self._iterator, missing))
        except Exception as error:
            self._due = self._trouble = error
        except BaseException as interrupt:
            if self._fragile(interrupt):
                self._trouble = interrupt
            raise

    def _fragile(self, interrupt: BaseException) -> bool:
        """Whether the iterator was interrupted in Python code, which ends a generator for good."""
        codes = [frame.f_code for frame, _ in walk_tb(interrupt.__traceback__)]
        if isinstance(self._iterator, GeneratorType):
            return self._iterator.gi_code in codes
        return self.total is None and len(codes) > 1

    def _failure(self, number: int) -> SourceError:
        """Return the error to raise, once for each time that the iterator raised."""
        trouble = self._trouble
        again = f"push the rest again from message {number}"
        if isinstance(trouble, Exception):
            text = f"the source failed after {number} messages: {_described(trouble)}; {again}"
        else:
            text = (
                f"the source ended where it was interrupted, after {number} messages. A generator "
                f"cannot go on after an interrupt; if it had more to come, {again}"
            )
        error = SourceError(text)
        error.__cause__ = trouble
        self._due = None
        return error


def _place(number: int, item: Any) -> dict[str, Any]:
    """Where an item is that could not be read, and what it is."""
    if not isinstance(item, Bad):
        return {"item": number, "value": reprlib.repr(item)}
    return {"item": number} if item.text is None else {"item": number, "text": item.text}


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _length(items: Iterable[Any]) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:
        # Some classes have a __len__ that says there is none.
        return None
