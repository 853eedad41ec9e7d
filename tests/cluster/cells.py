"""Code as it is in a notebook: cells whose functions belong to ``__main__``."""

from __future__ import annotations

import linecache
from itertools import count
from textwrap import dedent
from typing import Any

from emitnb import Router

_numbers = count(1)


class Cells:
    """Runs pieces of code one after another in one namespace, with a router named ``router``.

    What they define travels to workers by value, as from a notebook; a function of a test's own
    module would be imported there.
    """

    def __init__(self, router: Router | None = None, **names: Any) -> None:
        self.names: dict[str, Any] = {
            "__name__": "__main__",
            "router": router or Router(),
            **names,
        }

    @property
    def router(self) -> Router:
        """The router that the cells declare their nodes on."""
        router = self.names["router"]
        assert isinstance(router, Router)
        return router

    def run(self, code: str) -> None:
        """Run a cell."""
        code = dedent(code).lstrip("\n")
        name = f"/tmp/ipykernel_1/{next(_numbers)}.py"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        exec(compile(code, name, "exec"), self.names)
