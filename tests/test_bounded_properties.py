"""Whatever a node emits, or is given, comes back from a file as what it was."""

from __future__ import annotations

import datetime
import decimal
import enum
import zoneinfo
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import SWEEP

from emitnb import Router
from emitnb.message import ENTRY_POINT


class Colour(enum.Enum):
    RED = 1


class Text(str):
    """Not quite a str."""


@dataclass
class Pair:
    left: Any
    right: Any = None


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
surrogates = st.text(st.characters(categories=("Cs", "Lu")), max_size=3)
atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.text(max_size=5),
    surrogates,
    st.binary(max_size=4),
    st.decimals(),
    st.complex_numbers(),
    st.datetimes(timezones=st.sampled_from([None, datetime.UTC, BERLIN])),
    st.dates(),
    st.timedeltas(),
    st.sampled_from(
        [
            Colour.RED,
            Text("t"),
            pd.NA,
            pd.NaT,
            pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Berlin"),
            pd.Timedelta("1ns"),
            np.int8(7),
            np.float32("nan"),
            np.str_("n"),
            np.datetime64("2024-01-01"),
            decimal.Decimal("NaN"),
            int,
            Pair,
            print,
            ...,
        ]
    ),
)
nested = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=6,
)
columns = st.one_of(
    st.lists(nested, max_size=8),
    st.sampled_from([st.integers(), st.floats(), st.booleans(), st.text(), surrogates]).flatmap(
        lambda kind: st.lists(kind, max_size=8) | st.lists(kind | st.none(), max_size=8)
    ),
)
series = st.one_of(
    st.lists(nested, min_size=1, max_size=6).map(lambda values: pd.Series(values, dtype=object)),
    st.sampled_from(
        [
            pd.Series([1, None, 3], dtype="Int8"),
            pd.Series([True, None], dtype="boolean"),
            pd.Series([True, False]),
            pd.Series(["b", None, "a"], dtype="str"),
            pd.Series(["b", None, "a"], dtype="string"),
            pd.Series(["b", None, "a"], dtype=pd.StringDtype("python", na_value=np.nan)),
            pd.Series(["b", None, "a"], dtype=pd.CategoricalDtype(["c", "b", "a"], ordered=True)),
            pd.Series(pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin", unit="s")),
            pd.Series(pd.to_datetime(["2024-01-01", None])),
            pd.Series(pd.to_timedelta([1, None], unit="s")),
            pd.Series(pd.period_range("2024", periods=2, freq="M")),
            pd.Series(pd.interval_range(0, 2)),
            pd.Series([1 + 2j, 3]),
            pd.Series([0.1, np.nan, -0.0, np.inf]),
            pd.Series([1, 2], dtype="uint16"),
            pd.Series([1.5], dtype="float16"),
            pd.Series([1.5, np.nan], dtype="longdouble"),
            pd.Series([1, 0, 0], dtype="Sparse[int64]"),
            pd.Series(["x", None], dtype="large_string[pyarrow]"),
            pd.Series([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        ]
    ),
)
few = settings(max_examples=2_000 if SWEEP else 25, deadline=None)


def form(value: Any) -> Any:
    """A value with the types of all there is in it."""
    kind = type(value)
    if isinstance(value, list | tuple):
        return kind, [form(one) for one in value]
    if isinstance(value, dict):
        return kind, [(form(k), form(v)) for k, v in value.items()]
    if isinstance(value, Pair):
        return kind, form(value.left), form(value.right)
    return kind, repr(value)


def routers(source: Any, batch_size: int) -> tuple[Router, Router]:
    """Two routers that did the same, one with all it recorded in files."""
    made = (Router(), Router())
    made[0].bound(memory=0, rows=0)
    for router in made:
        router.node(("value",), entry_point=True, name="echo")(lambda msg: (msg.value,))
        if isinstance(source, pd.DataFrame):
            router.node(("value",), entry_point=True, batch=True, name="whole")(lambda frame: frame)
        router.push(source, progress=False, batch_size=batch_size)
    assert made[0].bound().memory.rows == 0
    return made


def assert_equal(spilled: Router, held: Router) -> None:
    for node in (ENTRY_POINT, *held.nodes):
        left, right = spilled.frame(node), held.frame(node)
        assert left.dtypes.tolist() == right.dtypes.tolist()
        for name in right.columns:
            assert form(left[name].tolist()) == form(right[name].tolist())
        for row in right.index:
            values = [router.trace(node, row)["values"].tolist() for router in (spilled, held)]
            assert form(values[0]) == form(values[1])


@few
@given(values=columns, batch_size=st.sampled_from([1, 3, 100]))
def test_values_come_back_equal_and_of_the_same_types(values, batch_size):
    records = [{"value": value} for value in values]
    assert_equal(*routers(records, batch_size=batch_size))


@few
@given(column=series, batch_size=st.sampled_from([1, 3, 100]))
def test_columns_of_frames_come_back_in_the_same_dtypes(column, batch_size):
    spilled, held = routers(pd.DataFrame({"value": column}), batch_size=batch_size)
    assert_equal(spilled, held)
    tracks = [router._ledger.log.tracks["whole"] for router in (spilled, held)]
    dtypes = [{part.data["value"].dtype for part in track.parts} for track in tracks]
    assert dtypes[0] == dtypes[1]


@few
@given(values=st.lists(nested, max_size=5))
def test_failures_come_back_equal(values):
    made = (Router(), Router())
    made[0].bound(memory=0)
    for router in made:

        @router.node("x", entry_point=True, name="no")
        def no(msg: Any) -> None:
            raise ValueError(f"no {msg.value!r}")

        router.push([{"value": value} for value in values], progress=False, batch_size=2)
    left, right = (router.failures().drop(columns="time") for router in made)
    assert_frame_equal(left.drop(columns="input"), right.drop(columns="input"))
    assert form(left["input"].tolist()) == form(right["input"].tolist())
