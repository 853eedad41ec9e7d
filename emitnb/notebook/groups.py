"""How groups of failures are shown: short lines, whatever their inputs hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import cycle

import pandas as pd

from emitnb.text import aligned, one_line

WIDTH = 50
"""Characters of an error or input that are shown; the frame has all of them."""

FOOTER = (
    "%emit_debug ROW calls the node again on the smallest input; "
    "%emit_failures NODE --rows gives all (times are UTC)"
)


class Groups(pd.DataFrame):
    """What :meth:`emitnb.Router.failure_groups` returns, with a short form to be shown in.

    What is made of it, by selecting or sorting, is a plain DataFrame.
    """

    def __repr__(self) -> str:
        if self.empty:
            return "nothing has failed"
        shown = self._shown()
        table = aligned([[*map(str, shown)], *shown.itertuples(index=False)], self._numbers())
        return "\n".join([*table, "", FOOTER])

    def _repr_html_(self) -> str:
        if self.empty:
            return repr(self)
        table = self._shown().to_html(escape=True, border=0, index=False)
        table = _left_aligned(table, [not number for number in self._numbers()])
        return f'{table}<div style="padding-left: 5px">{FOOTER}</div>'

    def _numbers(self) -> list[bool]:
        """Whether each column holds numbers."""
        return [pd.api.types.is_numeric_dtype(dtype) for dtype in self.dtypes]

    def _shown(self) -> pd.DataFrame:
        """The cells as short texts; times without the day where there is but one."""
        times = [v for name in self for v in self[name] if isinstance(v, pd.Timestamp)]
        days = {time.date() for time in times}
        clock = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
        return pd.DataFrame({name: [_text(value, clock) for value in self[name]] for name in self})


def _left_aligned(table: str, columns: Sequence[bool]) -> str:
    """Return an HTML table with some columns aligned to the left: notebooks align all right."""
    left = cycle(columns)
    align = ' style="text-align: left">'
    return re.sub("<t[dh]>", lambda cell: cell[0][:-1] + (align if next(left) else ">"), table)


def _text(value: object, clock: str) -> str:
    if value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime(clock)
    if isinstance(value, int):
        return f"{value:,}"
    return one_line(str(value), WIDTH)
