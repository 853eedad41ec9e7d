"""Nodes that wait."""

import asyncio

from emitnb import Router

router = Router()

PAUSE = 0.0


@router.node("page", entry_point=True, name="fetch", timeout=5)
async def fetch(msg):
    await asyncio.sleep(PAUSE)
    return f"<{msg.url}>"


@router.node("link", "fetch", name="links")
async def links(msg):
    for place in range(2):
        await asyncio.sleep(PAUSE)
        yield f"{msg.page}{place}"


@router.node({"link": str, "seen": int}, "links", key="link", name="seen")
async def seen(msg, state):
    state["n"] = state.get("n", 0) + 1
    await asyncio.sleep(PAUSE)
    return msg.link, state["n"]
