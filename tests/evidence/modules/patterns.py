"""Subscriptions by pattern, and a node that asks where a message is from."""

import re

from emitnb import Router

router = Router()


@router.node({"n": int}, entry_point=True, name="read_even")
def read_even(msg):
    return msg.n if msg.n % 2 == 0 else None


@router.node({"n": int}, entry_point=True, name="read_odd")
def read_odd(msg):
    if msg.n == 7:
        raise ValueError("seven is not liked")
    if msg.n % 2:
        yield msg.n
        yield 3 * msg.n


@router.node({"kind": str, "total": int}, re.compile("read_.*[^!]$"), name="total", key="n")
def total(msg, state):
    state["sum"] = state.get("sum", 0) + msg.n
    return msg._origin.removeprefix("read_"), state["sum"]


@router.node({"line": str}, [re.compile("read_[a-z]*"), "read_odd!"], name="log")
def log(msg):
    return msg.error if msg._origin.endswith("!") else f"{msg._origin}: {msg.n}"
