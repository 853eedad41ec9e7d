"""How a notebook shows the frames that magics return: as tables with an order to choose.

Such a frame is a pandas DataFrame and nothing else, so that it pickles, compares, concatenates
and is written as any other. What is special is kept in the shell, for that one object: other
frames, copies and what is made of it are shown as pandas shows them.
"""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

from emitnb.notebook.tables import table

Frame = TypeVar("Frame")


class Tables:
    """Shows frames in a shell; says what is stale in those that a cell takes and does not show."""

    def __init__(self, shell: InteractiveShell) -> None:
        formatter: Any = shell.display_formatter
        self._formatters: Any = formatter.formatters
        self._unsaid: dict[str, None] = {}
        shell.events.register("post_run_cell", self._say)

    def frame(self, frame: Frame) -> Frame:
        """Return a DataFrame that the shell will show as a table; anything else as it is."""
        found: Any = frame
        if type(found) is not pd.DataFrame:
            return frame
        # The router may have handed out a frame that somebody else holds, too.
        mine: Any = found.copy(deep=False)
        for mime, printer in (("text/plain", self._plain), ("text/html", self._html)):
            printers = self._formatters[mime].singleton_printers
            printers[id(mine)] = printer
            weakref.finalize(mine, printers.pop, id(mine), None).atexit = False
        if "stale" in mine.attrs:
            self._unsaid[mine.attrs["stale"]] = None
        shown: Frame = mine
        return shown

    def _plain(self, frame: pd.DataFrame, printer: Any, _: bool) -> None:
        lines = [frame.attrs["stale"]] if "stale" in frame.attrs else []
        for line in lines:
            self._unsaid.pop(line, None)
        text = "\n".join([*lines, repr(frame)])
        printer.text(text.encode("utf-8", "replace").decode("utf-8"))

    def _html(self, frame: Any) -> Any:
        is_flat = frame.index.nlevels == frame.columns.nlevels == 1  # else it was changed since
        if is_flat and pd.get_option("display.notebook_repr_html"):
            return table(frame)
        return frame._repr_html_()

    def _say(self, *_: Any) -> None:
        """Print what a cell read and did not show: it may go on with rows of an older cell."""
        for note in self._unsaid:
            print(note)  # noqa: T201 - a line below what the cell shows
        self._unsaid.clear()
