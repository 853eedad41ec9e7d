"""How groups of failures are shown: short lines, whatever their inputs hold."""

from __future__ import annotations

import pandas as pd

WIDTH = 60
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
        lines = [list(self._shown()), *self._shown().itertuples(index=False)]
        right = [pd.api.types.is_numeric_dtype(dtype) for dtype in self.dtypes]
        columns = [
            [cell.rjust(width) if number else cell.ljust(width) for cell in column]
            for column, number in zip(zip(*lines, strict=True), right, strict=True)
            for width in [max(map(len, column))]
        ]
        table = ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
        return "\n".join([*table, "", FOOTER])

    def _repr_html_(self) -> str:
        if self.empty:
            return repr(self)
        table = self._shown().to_html(escape=True, border=0, index=False)
        return f'{table}<div style="padding-left: 5px">{FOOTER}</div>'

    def _shown(self) -> pd.DataFrame:
        """The cells as short texts; times without the day where there is but one."""
        times = [v for name in self for v in self[name] if isinstance(v, pd.Timestamp)]
        days = {time.date() for time in times}
        clock = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
        return pd.DataFrame({name: [_text(value, clock) for value in self[name]] for name in self})


def _text(value: object, clock: str) -> str:
    if value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime(clock)
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
