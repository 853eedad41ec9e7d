"""How a run stands at one moment, for people: a headline, and a table of what its nodes did."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd

from emitnb.text import plural


@dataclass(frozen=True)
class Standing:
    """One moment of a run, in which state, messages and figures belong together.

    ``number`` and ``error`` are those of a run in the background; None for one in the foreground,
    whose cell shows what stopped it. ``reminder`` is about other runs, "" where there is nothing
    to say.
    """

    number: int | None
    state: str
    error: BaseException | None
    done: int
    total: int | None
    replaying: bool
    summary: pd.DataFrame
    reminder: str

    @property
    def headline(self) -> str:
        """How far it is; with its number, and what stopped it."""
        total = "" if self.total in (None, self.done) else f" of {self.total:,}"
        failed = int(self.summary["failed"].sum())
        failures = f", {failed:,} failed (%emit_failures)" if failed else ""
        number = "" if self.number is None else f"run {self.number}, "
        messages = self._messages()
        why = "" if self.error is None else f"\n{type(self.error).__name__}: {self.error}"
        return f"{number}{self.state}: {self.done:,}{total} {messages}{failures}{why}"

    @property
    def how_far(self) -> str:
        """How far it is, for the message of an error."""
        total = "" if self.total is None else f" of {self.total:,}"
        does = "replayed, nothing has changed" if self.replaying else "committed"
        return f"{self.done:,}{total} {self._messages()} {does}"

    def way_on(self, how: str) -> str:
        """What resuming it would do."""
        return f"{how} {'finishes it' if self.done == self.total else 'goes on with the next one'}"

    def __str__(self) -> str:
        table = self._table()
        return f"{self._head()}\n{table.to_string()}" if len(table) else self._head()

    def html(self) -> str:
        """The same for a page."""
        shown = self._table()  # without a row its header would stand there alone
        table = shown.to_html(escape=True, border=0, index_names=False) if len(shown) else ""
        headline = html.escape(self._head())
        return f'<div style="padding-left: 5px; white-space: pre-wrap">{headline}</div>{table}'

    def _head(self) -> str:
        return f"{self.headline}\n{self.reminder}" if self.reminder else self.headline

    def _messages(self) -> str:
        return plural("message", self.total or self.done)

    def _table(self) -> pd.DataFrame:
        summary = self.summary
        numbers = {name: summary[name].map("{:,}".format) for name in summary.columns[:-1]}
        return pd.DataFrame({**numbers, "ms": summary["ms"].map("{:,.3f}".format)})
