"""A module as emitnb exports them: an Enum, a dataclass, a helper that reads a global, a state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

from emitnb import Router

router = Router(home=__name__)

dear = 10.0


class Shelf(Enum):
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True)
class Price:
    amount: float
    shelf: Shelf


class NotForSaleError(Exception):
    pass


def shelf_of(amount):
    return Shelf.HIGH if amount >= dear else Shelf.LOW


@router.node({"price": Price}, entry_point=True)
def price(msg):
    if msg.amount < 0:
        raise NotForSaleError(msg.amount)
    return Price(msg.amount, shelf_of(msg.amount))


@router.node(
    {"shelf": Shelf, "count": int}, subscribe_to="price", key="price", when=lambda msg: msg.price
)
def count_price(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.price.shelf, state["n"]


class Tax:
    def __call__(self, msg):
        return msg.price.amount * 1.5


def times(factor, msg):
    return msg.price.amount * factor


taxed = router.node("gross", subscribe_to="price")(Tax)
doubled = router.node("twice", subscribe_to="price")(partial(times, 2))
