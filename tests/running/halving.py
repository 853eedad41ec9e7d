"""Nodes that fail, an async one and a batch one; two that nobody listens to."""

import asyncio

import pandas as pd

from emitnb import Router, run_command

router = Router(home=__name__)


@router.node({"half": int}, entry_point=True)
def halve(msg):
    """Halve even numbers."""
    print("halving", msg.n)
    number = int(msg.n)
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


@router.node({"later": int}, subscribe_to="halve")
async def wait(msg):
    """Come a moment later."""
    await asyncio.sleep(0)
    return msg.half


@router.node({"square": int}, subscribe_to="halve", batch=True)
def square(frame: pd.DataFrame) -> pd.DataFrame:
    """Square many at once."""
    return pd.DataFrame({"square": frame["half"] ** 2})


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
