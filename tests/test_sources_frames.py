"""Frames that can be pushed: pandas, Arrow, Parquet and dask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import (
    finalizers_may_complain,
    interrupted_everywhere,
    messages_of,
    read,
    records,
    records_or_values,
    same_in_any_sizes,
    sizes,
    write,
)

from emitnb.errors import SourceError
from emitnb.sources import open_source
from emitnb.table import FrameTable


def test_a_dataframe_keeps_its_dtypes() -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "t": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "c": pd.Categorical(["a", "b", "a"]),
        },
        index=[5, 5, 6],
    )
    source = open_source(frame)
    assert source.total == 3
    taken = source.take(2)
    assert isinstance(taken.table, FrameTable)
    pd.testing.assert_frame_equal(
        taken.table.frame(), frame.iloc[:2].reset_index(drop=True), check_index_type=False
    )
    assert not taken.ended
    assert source.take(2).ended
    assert records(open_source(frame).take(1))[0]["t"] == pd.Timestamp("2024-01-01")


def test_a_dataframe_is_pushed_as_it_was() -> None:
    frame = pd.DataFrame({"n": [1, 2]})
    source = open_source(frame)
    frame.loc[:, "n"] = 99
    frame["new"] = 1
    assert read(source)[0] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (
            ["first name", "b"],
            r"the DataFrame: field 'first name'.*df\.rename\(columns=\{'first na",
        ),
        ([0, 1], r"field 0 is not a string.*rename\(columns=\{0: 'column_0', 1: 'column_1'\}\)"),
        (["a", "a"], r"named twice.*df\.set_axis\(\['a_0', 'a_1'\], axis=1\)"),
        ([("a", "b"), ("a", "c")], r"is not a string.*df\.rename"),
    ],
)
def test_columns_that_cannot_be_fields_are_refused(columns: list[Any], problem: str) -> None:
    frame = pd.DataFrame([[1, 2]])
    frame.columns = pd.Index(columns)
    with pytest.raises(SourceError, match=problem):
        open_source(frame)


def test_the_renaming_that_the_error_proposes_works() -> None:
    df = pd.DataFrame([[1, 2, 3, 4]], columns=["first name", "class", "2nd", "_origin"])
    with pytest.raises(SourceError) as at:
        open_source(df)
    proposed = str(at.value).partition("To rename: push ")[2]
    assert len(messages_of(eval(proposed, {"df": df}))) == 1


def test_frames_without_rows_or_columns() -> None:
    assert messages_of(pd.DataFrame({"a": []})) == []
    assert messages_of(pd.DataFrame(index=range(2))) == [{}, {}]


def test_a_series_fills_the_field() -> None:
    taken = open_source(pd.Series([1, 2], dtype="int8", name="x"), field="n").take(5)
    assert taken.table.frame()["n"].dtype == "int8"
    assert messages_of(pd.Series([{"a": 1}, 2], dtype=object)) == [{"a": 1}, {"document": 2}]


def test_whole_numbers_of_arrow_stay_whole_where_values_are_missing(tmp_path: Path) -> None:
    big = 2**60 + 1
    rows = 40_000
    numbers = [big] * rows + [None, big]
    table = pa.table({"n": numbers, "flag": [True] * rows + [None, False], "w": ["x"] * (rows + 2)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=30_000)
    for data in (table, tmp_path / "a.parquet"):
        source = open_source(data)
        assert source.total == rows + 2
        taken = source.take(10)
        assert taken.table.frame().dtypes.astype(str).tolist() == ["Int64", "boolean", "str"]
        assert records(taken)[0] == {"n": big, "flag": True, "w": "x"}
        last = read(source)[0][-2:]
        assert last[0]["n"] is pd.NA
        assert last[1] == {"n": big, "flag": False, "w": "x"}


def test_arrow_without_missing_values_has_plain_dtypes(tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2], "flag": [True, False]})
    pq.write_table(table, tmp_path / "a.parquet")
    for data in (table, tmp_path / "a.parquet", table.to_batches()[0]):
        frame = open_source(data).take(5).table.frame()
        assert frame.dtypes.astype(str).tolist() == ["int64", "bool"]


def test_a_parquet_file_is_what_pandas_reads(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"n": pd.array([1, None], dtype="Int16"), "t": pd.to_datetime(["2024-01-01", None])},
        index=pd.Index([7, 8], name="key"),
    )
    frame.to_parquet(tmp_path / "a.parquet")
    got = open_source(tmp_path / "a.parquet").take(5).table.frame()
    expected = pd.read_parquet(tmp_path / "a.parquet").reset_index(drop=True)
    pd.testing.assert_frame_equal(got, expected, check_index_type=False)


def test_parquet_columns_and_files_that_cannot_be_pushed(tmp_path: Path) -> None:
    pd.DataFrame({"first name": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: field 'first name'.*pd\.read_parquet"):
        open_source(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", "no such thing")
    with pytest.raises(SourceError, match=r"b\.parquet: cannot be read as Parquet"):
        open_source(tmp_path / "b.parquet")


def test_a_damaged_parquet_file_gives_what_is_before_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"n": np.random.default_rng(0).random(2000)})
    pq.write_table(table, path, row_group_size=1000, compression="gzip", use_dictionary=False)
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[at : at + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    write(tmp_path / "b.jsonl", "1\n")
    messages, unreadable = read(open_source(tmp_path / "*"))
    assert len(messages) == 1001
    assert [(before, place) for before, place, _ in unreadable] == [
        (1000, {"path": str(path), "row": 1000})
    ]


def test_a_dask_bag_is_read_by_partition() -> None:
    import dask
    import dask.bag as db

    def seen(item: int) -> dict[str, int]:
        computed.append(item)
        return {"n": item}

    computed: list[int] = []
    source = open_source(db.from_sequence(range(9), npartitions=3).map(seen))
    assert computed == []
    # Where a cluster was started before, dask would compute there, and nobody here would see it.
    with dask.config.set(scheduler="sync"):
        assert records(source.take(2)) == [{"n": 0}, {"n": 1}]
    assert sorted(computed) == [0, 1, 2]
    assert read(source)[0] == [{"n": n} for n in range(2, 9)]
    assert messages_of(db.from_sequence("ab"), field="w") == [{"w": "a"}, {"w": "b"}]


def test_unreadable_items_of_a_bag_are_known_by_their_partition() -> None:
    import dask.bag as db

    bag = db.from_sequence([{"a": 1}, {"a": 2}, {"a": 3}, {"a b": 4}], npartitions=2)
    messages, unreadable = read(open_source(bag))
    assert messages == [{"a": 1}, {"a": 2}, {"a": 3}]
    place = {"partition": 1, "item": 1, "value": "{'a b': 4}"}
    assert unreadable == [(3, place, "DeclarationError")]


def test_a_dask_dataframe_is_read_by_partition() -> None:
    import dask.dataframe as dd

    frame = pd.DataFrame({"n": range(10), "x": np.arange(10) / 2})
    source = open_source(dd.from_pandas(frame, npartitions=3))
    taken = source.take(3)
    assert isinstance(taken.table, FrameTable)
    assert taken.table.frame().dtypes.astype(str).tolist() == ["int64", "float64"]
    assert records(taken) + read(source)[0] == frame.to_dict("records")
    with pytest.raises(SourceError, match=r"the dask dataframe: field 'a b'.*ddf\.rename"):
        open_source(dd.from_pandas(pd.DataFrame({"a b": [1]})))


def test_a_partition_that_fails_can_be_tried_again() -> None:
    import dask
    import dask.bag as db

    def shaky(item: int) -> int:
        if item == 2 and not mended:
            raise RuntimeError("no luck")
        return item

    mended: list[bool] = []
    source = open_source(db.from_sequence(range(4), npartitions=2).map(shaky), field="n")
    with dask.config.set(scheduler="sync"):
        assert records(source.take(9)) == [{"n": 0}, {"n": 1}]
        with pytest.raises(SourceError, match="partition 1 of the dask collection failed: Runtime"):
            source.take(9)
        mended.append(True)
        assert read(source)[0] == [{"n": 2}, {"n": 3}]


def test_other_dask_collections_are_refused() -> None:
    import dask

    with pytest.raises(SourceError, match="cannot push a dask Delayed"):
        open_source(dask.delayed([1]))


def test_dask_is_not_imported_for_other_sources() -> None:
    script = """
import sys
import pandas as pd
from emitnb.sources import open_source
open_source([1]).take(1)
open_source(pd.DataFrame({"a": [1]})).take(1)
assert not [name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")]
assert "pyarrow.parquet" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@finalizers_may_complain
def test_an_interrupt_anywhere_loses_no_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(12), "b": list("abcdefghijkl")})
    interrupted_everywhere(lambda: frame)
    table = pa.Table.from_pandas(frame)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=5)
    interrupted_everywhere(lambda: tmp_path / "a.parquet", step=53)
    interrupted_everywhere(lambda: table, step=53)


@settings(deadline=None)
@given(sizes, st.integers(0, 30), st.integers(1, 9))
def test_take_sizes_never_show_in_frames(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows: int, group: int
) -> None:
    frame = pd.DataFrame({"n": range(rows), "w": [str(n) for n in range(rows)]})
    table = pa.Table.from_pandas(frame)
    folder = tmp_path_factory.mktemp("parquet")
    pq.write_table(table, folder / "a.parquet", row_group_size=group)
    pq.write_table(table, folder / "b.parquet")
    expected = frame.to_dict("records")
    assert same_in_any_sizes(lambda: frame, sizes) == (expected, [])
    assert same_in_any_sizes(lambda: table, sizes) == (expected, [])
    assert same_in_any_sizes(lambda: folder / "*.parquet", sizes) == (expected * 2, [])


@settings(deadline=None)
@given(sizes, st.lists(records_or_values, max_size=12), st.integers(1, 4))
def test_take_sizes_never_show_in_bags(sizes: list[int], items: list[Any], parts: int) -> None:
    import dask.bag as db

    same_in_any_sizes(lambda: db.from_sequence(items, npartitions=parts), sizes)
