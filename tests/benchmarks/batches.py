"""Batch nodes: emitnb against plain pandas that does the same on the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from emitnb import Router
from tests.benchmarks.harness import Goal, Options, Row, in_turn, slower

ROWS = 1_000_000
BATCHES = 10

Work = Callable[[pd.DataFrame], pd.DataFrame]


def prices(rows: pd.DataFrame) -> pd.DataFrame:
    """Do nothing but arithmetic, which leaves nowhere to hide."""
    net = rows["price"] * rows["quantity"]
    return pd.DataFrame({"net": net, "gross": (net * 1.2).round(2)}, index=rows.index)


def labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Clean up a text column, as batch nodes mostly do, and keep some of the rows."""
    label = rows["product"].str.upper().str.slice(0, 6)
    found = pd.DataFrame({"label": label, "price": rows["price"]}, index=rows.index)
    return found[found["price"] > 20.0]


WORKS: dict[str, tuple[tuple[str, ...], Work]] = {
    "arithmetic": (("net", "gross"), prices),
    "text and a filter": (("label", "price"), labels),
}


def measure(options: Options) -> Iterator[Row]:
    """Measure both works; the goal is held against each."""
    data = orders(options.size(ROWS))
    for name, (fields, work) in WORKS.items():
        yield _measured(name, data, fields, work, options.runs)


def orders(size: int) -> pd.DataFrame:
    """Return ``size`` rows: a text, a float and an int."""
    draw = np.random.default_rng(1)
    products = pd.Series([f"product-{number}" for number in range(1_000)])
    return pd.DataFrame(
        {
            "product": products.iloc[draw.integers(0, 1_000, size)].reset_index(drop=True),
            "price": draw.uniform(1, 100, size).round(2),
            "quantity": draw.integers(1, 20, size),
        }
    )


def _measured(name: str, data: pd.DataFrame, fields: tuple[str, ...], work: Work, runs: int) -> Row:
    contenders = {
        "emitnb": lambda: emitnb(data, fields, work),
        "pandas": lambda: plain_pandas(data, work),
    }
    assert_frame_equal(contenders["emitnb"](), contenders["pandas"]())
    times = in_turn(contenders, runs)
    goal, note = Goal("≤", 1.15), f"{BATCHES} batches of {len(data) // BATCHES:,} rows"
    return slower(f"batch node / pandas, {name}", times["emitnb"], times["pandas"], goal, note)


def emitnb(data: pd.DataFrame, fields: tuple[str, ...], work: Work) -> pd.DataFrame:
    router = Router()
    router.node(fields, entry_point=True, name="work", batch=True)(work)
    router.push(data, batch_size=len(data) // BATCHES, progress=False)
    return router.frame("work")


def plain_pandas(data: pd.DataFrame, work: Work) -> pd.DataFrame:
    size = len(data) // BATCHES
    parts = [work(data.iloc[start : start + size]) for start in range(0, len(data), size)]
    return pd.concat(parts, ignore_index=True)
