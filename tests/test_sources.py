"""What can be pushed from Python, and that nothing of it is lost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import (
    Counting,
    finalizers_may_complain,
    interrupted_everywhere,
    messages_of,
    read,
    records,
    records_or_values,
    same_in_any_sizes,
    sizes,
)

from emitnb.errors import DeclarationError, SourceError
from emitnb.message import message_type
from emitnb.sources import open_source
from emitnb.table import ListTable, RecordTable


def test_a_dict_is_one_message() -> None:
    source = open_source({"word": "rain", "count": 2})
    assert source.total == 1
    assert read(source) == ([{"word": "rain", "count": 2}], [])


def test_a_message_and_any_mapping_are_one_message() -> None:
    rain = message_type("words", ("word",))("rain")
    assert messages_of(rain) == [{"word": "rain"}]
    assert messages_of(MappingProxyType({"word": "rain"})) == [{"word": "rain"}]


def test_plain_values_fill_the_field_and_become_one_column() -> None:
    source = open_source(["rain", 3, None, ("a", "b"), b"raw", [1]], field="word")
    assert source.total == 6
    table = source.take(10).table
    assert table == ListTable(("word",), [["rain", 3, None, ("a", "b"), b"raw", [1]]], 6)


def test_the_field_is_document_unless_another_is_named() -> None:
    assert messages_of(("rain", "sun")) == [{"document": "rain"}, {"document": "sun"}]


def test_records_alike_become_columns() -> None:
    taken = open_source([{"word": "a", "n": 1}, {"word": "b", "n": 2}]).take(5)
    assert taken.table == ListTable(("word", "n"), [["a", "b"], [1, 2]], 2)


def test_records_with_fields_of_their_own_keep_them() -> None:
    rain = message_type("words", ("word",))("rain")
    items = [{"a": 1}, {"b": 2, "a": 3}, rain, OrderedDict(c=4), {}, 5]
    taken = open_source(items).take(9)
    assert isinstance(taken.table, RecordTable)
    expected = [{"a": 1}, {"b": 2, "a": 3}, {"word": "rain"}, {"c": 4}, {}, {"document": 5}]
    assert records(taken) == expected


def test_messages_of_one_kind_become_columns() -> None:
    word = message_type("words", ("word", "n"))
    taken = open_source([word("a", 1), word("b", 2)]).take(5)
    assert taken.table == ListTable(("word", "n"), [["a", "b"], [1, 2]], 2)


def test_a_record_taken_does_not_change_with_the_users_dict() -> None:
    mine: dict[str, Any] = {"a": 1}
    taken = open_source([mine, {"b": 2}]).take(5)
    mine["a"] = 99
    assert records(taken) == [{"a": 1}, {"b": 2}]


def test_any_iterable_can_be_pushed() -> None:
    assert messages_of(range(3), field="n") == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert messages_of({"a": 1}.keys()) == [{"document": "a"}]
    assert messages_of(map(str, [1])) == [{"document": "1"}]
    assert messages_of(np.array([1.5]), field="x") == [{"x": 1.5}]
    assert messages_of([]) == []
    assert open_source(iter([1])).total is None
    assert open_source({1, 2}).total == 2


def test_a_length_that_cannot_be_told_is_no_obstacle() -> None:
    class Endless:
        def __len__(self) -> int:
            raise TypeError("no length")

        def __iter__(self) -> Iterator[int]:
            return iter([1, 2])

    source = open_source(Endless())
    assert source.total is None
    assert len(read(source)[0]) == 2


def test_records_whose_keys_cannot_be_fields_are_unreadable() -> None:
    items = [{"a": 1}, {"first name": "x"}, {3: 4}, {"a": 2}, {"class": 1}, {"as_dict": 1}]
    messages, unreadable = read(open_source(items))
    assert messages == [{"a": 1}, {"a": 2}]
    assert [(before, place["item"]) for before, place, _ in unreadable] == [
        (1, 1),
        (1, 2),
        (2, 4),
        (2, 5),
    ]
    assert unreadable[0][1] == {"item": 1, "value": "{'first name': 'x'}"}
    assert {error for *_, error in unreadable} == {"DeclarationError"}


def test_the_value_of_an_unreadable_record_is_shown_shortened() -> None:
    taken = open_source([{"a b": "x" * 10_000}]).take(1)
    assert len(taken.unreadable[0].place["value"]) < 200
    assert isinstance(taken.unreadable[0].error, DeclarationError)
    assert "'a b' is not a valid name" in str(taken.unreadable[0].error)


def test_one_dict_that_cannot_be_a_message_is_refused_at_once() -> None:
    with pytest.raises(SourceError, match="the dict: field 'first name' is not a valid name"):
        open_source({"first name": 1})


@pytest.mark.parametrize("data", [3, None, b"text", bytearray(b"x"), print, 1.5])
def test_what_cannot_be_pushed_is_refused_with_a_way_out(data: Any) -> None:
    with pytest.raises(SourceError, match=rf"of type {type(data).__name__}; push a dict"):
        open_source(data)


def test_a_field_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(SourceError, match="push: field 'my text' is not a valid name"):
        open_source(["a"], field="my text")


def test_an_iterator_is_advanced_only_as_far_as_messages_are_taken() -> None:
    items = Counting()
    source = open_source(items, limit=25)
    assert items.given == 0
    for expected in (10, 20, 25):
        source.take(10)
        assert items.given == expected
    assert source.take(10).ended
    assert items.given == 25


def test_the_limit_stops_exactly_there_and_bounds_the_total() -> None:
    assert messages_of(Counting(), limit=3) == [{"document": n} for n in range(3)]
    assert open_source([1, 2, 3], limit=2).total == 2
    assert open_source([1, 2, 3], limit=9).total == 3
    assert open_source(iter([1]), limit=1).total is None
    assert open_source([1, 2], limit=2).take(2).ended
    nothing = open_source(Counting(), limit=0).take(5)
    assert nothing.ended
    assert len(nothing.table) == 0


def test_the_limit_counts_messages_and_not_what_is_unreadable() -> None:
    items = [{"a": 1}, {"a b": 1}, {"a": 2}, {"a": 3}]
    messages, unreadable = read(open_source(items, limit=2))
    assert messages == [{"a": 1}, {"a": 2}]
    assert len(unreadable) == 1


def test_a_limit_below_nothing_is_refused() -> None:
    with pytest.raises(SourceError, match="limit=-1"):
        open_source([1], limit=-1)


def test_taking_nothing_takes_nothing() -> None:
    source = open_source([1])
    taken = source.take(0)
    assert (len(taken.table), taken.ended) == (0, False)
    assert len(source.take(1).table) == 1


def test_what_came_before_an_error_is_handed_out_first() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ConnectionError("line cut")

    source = open_source(items())
    taken = source.take(10)
    assert records(taken) == [{"document": 0}, {"document": 1}, {"document": 2}]
    assert not taken.ended
    with pytest.raises(
        SourceError, match="failed after 3 messages: ConnectionError: line cut; "
    ) as at:
        source.take(10)
    assert isinstance(at.value.__cause__, ConnectionError)
    assert "push the rest again from message 3" in str(at.value)
    with pytest.raises(SourceError, match="failed after 3 messages"):
        source.take(10)


def test_an_iterator_that_recovers_goes_on() -> None:
    class Flaky(Counting):
        def __next__(self) -> int:
            item = super().__next__()
            if item == 2:
                raise TimeoutError("too slow")
            return item

    source = open_source(Flaky(5))
    assert records(source.take(10)) == [{"document": 0}, {"document": 1}]
    with pytest.raises(SourceError, match="TimeoutError: too slow"):
        source.take(10)
    assert read(source)[0] == [{"document": 3}, {"document": 4}]


def test_items_taken_before_an_interrupt_are_kept() -> None:
    class Interrupted(Counting):
        def __next__(self) -> int:
            if self.given == 3 and not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            return super().__next__()

        interrupted = False

    source = open_source(Interrupted(5))
    with pytest.raises(KeyboardInterrupt):
        source.take(10)
    assert read(source, iter([2, 2])) == ([{"document": n} for n in range(5)], [])


def test_a_generator_that_an_interrupt_has_ended_is_not_taken_for_complete() -> None:
    def items() -> Iterator[int]:
        yield 0
        yield 1
        raise KeyboardInterrupt

    source = open_source(items())
    with pytest.raises(KeyboardInterrupt):
        source.take(10)
    taken = source.take(10)
    assert (records(taken), taken.ended) == ([{"document": 0}, {"document": 1}], False)
    with pytest.raises(SourceError, match="ended where it was interrupted, after 2 messages") as at:
        source.take(10)
    assert "push the rest again from message 2" in str(at.value)


@finalizers_may_complain
def test_an_interrupt_anywhere_loses_no_item() -> None:
    interrupted_everywhere(lambda: [1, {"a": 2}, {"a b": 3}, 4, {"b": 1}, 6, 7, 8])
    interrupted_everywhere(lambda: iter([1, 2, 3, 4, 5, 6]), limit=5)


@settings(deadline=None)
@given(st.lists(records_or_values, max_size=30), sizes, st.none() | st.integers(0, 20))
def test_take_sizes_never_show_in_items(items: list[Any], sizes: list[int], limit: Any) -> None:
    messages, unreadable = same_in_any_sizes(lambda: iter(items), sizes, limit=limit)
    assert limit is not None or len(messages) + len(unreadable) == len(items)
