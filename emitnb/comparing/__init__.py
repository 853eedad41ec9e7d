"""Whether a notebook and a module still say the same, node by node."""

from __future__ import annotations

from emitnb.comparing.rows import ALIKE, DIFFERS, ONLY_MODULE, ONLY_NOTEBOOK, Row, compare
from emitnb.comparing.showing import differences, table

__all__ = [
    "ALIKE",
    "DIFFERS",
    "ONLY_MODULE",
    "ONLY_NOTEBOOK",
    "Row",
    "compare",
    "differences",
    "table",
]
