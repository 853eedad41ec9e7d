"""Where the inputs of a batch are recorded: from places within the batch to rows of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emitnb.message import ENTRY_POINT
from emitnb.process import Given, Parents
from emitnb.table import Positions


@dataclass(frozen=True)
class Places:
    """A batch as the log sees it.

    ``starts`` is the number of the next row of each origin before the batch, ``arrived`` how many
    messages had ever entered, ``given`` what entered instead of pushed rows.
    """

    starts: Mapping[str, int]
    arrived: int
    given: Given | None = None

    def origin(self, name: str) -> str:
        """Return the node that made the rows of one stream."""
        if self.given is not None and name in self.given.recorded:
            return self.given.recorded[name].origin
        return name

    def rows(self, name: str, rows: Positions) -> Positions:
        """Return the recorded rows that the named rows of one stream are."""
        if self.given is not None and name in self.given.recorded:
            return self.given.recorded[name].rows[rows]
        return rows + self.starts.get(name, 0)

    def start(self, name: str, size: int) -> int | None:
        """Return the first recorded row of a stream's ``size``; None if they are no run."""
        if self.given is None or name not in self.given.recorded:
            return self.starts.get(name, 0)
        rows = self.given.recorded[name].rows
        first = int(rows[0]) if size else 0
        return first if len(rows) == size and _is_run(rows) else None

    def parents(self, parents: Parents, size: int) -> tuple[Positions, Positions]:
        """Return, for each of ``size`` inputs, the code of its origin and its recorded row."""
        codes = np.zeros(size, np.int64) if parents.codes is None else parents.codes
        local = np.arange(size) if parents.rows is None else parents.rows
        rows = np.empty(size, np.int64)
        for code, name in enumerate(parents.origins):
            mine = codes == code
            rows[mine] = self.rows(name, local[mine])
        return codes, rows

    def parent(self, parents: Parents, position: int) -> tuple[str, int]:
        """Return the origin and the recorded row of one input."""
        name = parents.origins[0 if parents.codes is None else int(parents.codes[position])]
        row = position if parents.rows is None else int(parents.rows[position])
        return self.origin(name), int(self.rows(name, np.array([row]))[0])

    def retried(self, parents: Parents, position: int, local: int) -> int | None:
        """Return the number of the failure that one input was retried from, if it was one."""
        name = parents.origins[0 if parents.codes is None else int(parents.codes[position])]
        if self.given is None or not self.given.retried or name not in self.given.recorded:
            return None
        return self.given.retried[local]

    def sources(self, local: Positions) -> Positions:
        """Return the numbers of the pushed messages that stand behind places in the batch."""
        if self.given is not None:
            return self.given.sources[local]
        return local + self.starts[ENTRY_POINT]

    def arrivals(self, local: Positions) -> Positions | None:
        """Return when the messages entered, in the order of all; None if as they were pushed."""
        if self.given is None:
            return None
        if self.given.arrivals is None:
            return local + self.arrived
        return self.given.arrivals[local]


def _is_run(rows: Positions) -> bool:
    return bool(
        not len(rows) or (rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all())
    )
