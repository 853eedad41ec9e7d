"""Prices as they come, some of them dirty."""

from decimal import Decimal

from emitnb import Router

router = Router()


@router.node({"item": str, "price": Decimal}, entry_point=True, name="parse")
def parse(msg):
    return msg.item, Decimal(msg.price.strip(" €").replace(",", "."))


@router.node({"item": str, "net": float}, "parse", name="net")
def net(msg):
    if msg.price > 0:
        return {"item": msg.item, "net": float(msg.price) / 1.19}
    return msg.item, float("nan")


@router.node({"text": str}, "parse!", name="complain")
def complain(msg):
    return f"{msg.node} cannot read {msg.input['price']}"
