"""How groups of failures are shown: short lines, whatever their inputs hold."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import pandas as pd

from emitnb.text import aligned, one_line

WIDTH = 50
"""Characters of an error or input that are shown; the frame has all of them."""

PAGE_WIDTH = 120
"""The same on a page, which breaks what is long into lines."""

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
        shown = self._shown(WIDTH)
        table = aligned([[*map(str, shown)], *shown.itertuples(index=False)], self._are_numbers())
        return "\n".join([*table, "", FOOTER])

    def _repr_html_(self) -> str:
        if self.empty:
            return repr(self)
        shown, right = self._shown(PAGE_WIDTH), self._are_numbers()
        head = _row_html("th", shown.columns, right)
        body = "".join(_row_html("td", row, right) for row in shown.itertuples(index=False))
        return (
            f'<table class="dataframe"><thead>{head}</thead><tbody>{body}</tbody></table>'
            f'<div style="padding-left: 5px">{FOOTER}</div>'
        )

    def _are_numbers(self) -> list[bool]:
        return [pd.api.types.is_numeric_dtype(dtype) for dtype in self.dtypes]

    def _shown(self, width: int) -> pd.DataFrame:
        """The cells as short texts; times without the day where there is but one."""
        times = [v for name in self for v in self[name] if isinstance(v, pd.Timestamp)]
        days = {time.date() for time in times}
        clock = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
        return pd.DataFrame(
            {
                # Numbers that magics take are shown as they take them: `1002`, not `1,002`.
                name: [str(v) if name == "row" else _text(v, clock, width) for v in self[name]]
                for name in self
            }
        )


def _row_html(tag: str, cells: Iterable[str], are_numbers: Iterable[bool]) -> str:
    """One row: numbers to the right, and texts to the left, where notebooks do not put them."""
    texts = []
    for cell, is_number in zip(cells, are_numbers, strict=True):
        side = "right" if is_number else "left"
        texts.append(f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>')
    return f"<tr>{''.join(texts)}</tr>"


def _text(value: object, clock: str, width: int) -> str:
    if value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime(clock)
    if isinstance(value, int):
        return f"{value:,}"
    return one_line(str(value), width)
