"""``Router(home=…)``: names of an imported module's nodes, and its values on a cluster."""

from __future__ import annotations

import sys
from types import ModuleType

import pandas as pd
import pytest
from running.conftest import Load

from emitnb import DeclarationError, Router

AMOUNTS = [1.0, 20.0, -1.0, 4.0, 20.0, 1.0, 7.0, -3.0]


def frames(module: ModuleType) -> dict[str, pd.DataFrame]:
    module.router.push(AMOUNTS, field="amount")
    return {name: module.router.frame(name) for name in module.router.nodes}


def test_nodes_of_the_home_are_named_after_their_function_alone(load: Load) -> None:
    module = load("inventory", "stock_by_name")
    assert list(module.router.nodes) == ["price", "count_price", "Tax", "times"]
    assert module.router.get_name(module.shelf_of) == "shelf_of"
    assert module.router.get_name(module.Tax()) == "Tax"
    assert module.price.name == "price"


def test_nodes_of_other_modules_keep_theirs(load: Load) -> None:
    module = load("inventory", "stock_elsewhere")
    for home in (None, "__main__"):
        assert Router(home=home).get_name(module.shelf_of) == "stock_elsewhere.shelf_of"
    assert module.router.get_name(len) == "builtins.len"


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(DeclarationError, match="home=__name__"):
        Router(home=sys)  # type: ignore[arg-type] # the point of the test


def test_an_imported_module_gives_the_same_frames_on_a_cluster(load: Load) -> None:
    here, there = load("inventory", "stock_in_memory"), load("inventory", "stock_on_dask")
    wanted = frames(here)
    there.router.use("dask", n_workers=2)
    found = frames(there)
    assert {type(one) for one in found["price"]["price"]} == {there.Price}
    assert set(found["count_price"]["shelf"]) == {there.Shelf.LOW, there.Shelf.HIGH}
    for name in ("Tax", "times"):
        pd.testing.assert_frame_equal(found[name], wanted[name])
    assert found["price"].astype(str).equals(wanted["price"].astype(str))
    assert found["count_price"].astype(str).equals(wanted["count_price"].astype(str))
    failures = there.router.failures()
    assert list(failures["error_type"]) == ["NotForSaleError"] * 2


def test_a_value_changed_after_the_import_is_the_one_on_the_workers(load: Load) -> None:
    # Workers could import this one, with the value that stands in the file.
    here, there = load("inventory", "stock_cheap"), load("inventory")
    here.dear = there.dear = 5.0
    there.router.use("dask", n_workers=2)
    wanted, found = frames(here), frames(there)
    assert found["count_price"].astype(str).equals(wanted["count_price"].astype(str))
    assert [one.value for one in found["count_price"]["shelf"]].count("high") == 3


def test_a_value_changed_after_the_cluster_was_chosen_is_the_one_on_the_workers(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("inventory", "stock_late")
    module.router.use("dask", n_workers=2)
    module.dear = 5.0
    assert [one.value for one in frames(module)["count_price"]["shelf"]].count("high") == 3
    assert capsys.readouterr().out == ""
