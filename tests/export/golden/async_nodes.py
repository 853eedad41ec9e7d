"""The graph of a notebook with 3 nodes, exported by emitnb 0.1.0."""

import asyncio
from contextlib import asynccontextmanager

from emitnb import Router, run_command

router = Router(home=__name__)


@asynccontextmanager
async def opened(n):
    await asyncio.sleep(0)
    yield n * 2


@router.node({"n": int}, entry_point=True, retries=2, backoff=0.01, timeout=10.0)
async def fetch(msg):
    async with opened(msg.n) as doubled:
        return doubled


@router.node({"n": int}, subscribe_to="fetch")
async def steps(msg):
    for n in range(msg.n):
        await asyncio.sleep(0)
        yield n


@router.node("n", subscribe_to="steps")
async def gathered(msg):
    return sum(await asyncio.gather(*[asyncio.sleep(0, n) for n in range(msg.n + 1)]))


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 9e4ba5ea661ce87558dff42d5aa272d133b955210c39e9c4a865906d83fe9e72
