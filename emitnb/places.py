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

    def parents(self, parents: Parents, positions: Positions) -> tuple[Positions, Positions]:
        """Return, for each of some inputs, the code of its origin and its recorded row."""
        size = len(positions)
        codes = np.zeros(size, np.int64) if parents.codes is None else parents.codes[positions]
        local = positions if parents.rows is None else parents.rows[positions]
        rows = np.empty(size, np.int64)
        for code, name in enumerate(parents.origins):
            mine = codes == code
            rows[mine] = self.rows(name, local[mine])
        return codes, rows

    def parents_of(self, parents: Parents, positions: Positions) -> tuple[list[str], list[int]]:
        """Return, for each of some inputs, the origin and the recorded row."""
        codes, rows = self.parents(parents, positions)
        names = list(map(self.origin, parents.origins))
        return [names[code] for code in codes.tolist()], rows.tolist()

    def retried(self, parents: Parents, positions: Positions, local: Positions) -> list[int | None]:
        """Return the numbers of the failures that some inputs were retried from, if they were."""
        given = self.given
        if given is None or not given.retried:
            return [None] * len(positions)
        codes = (
            np.zeros(len(local), np.int64) if parents.codes is None else parents.codes[positions]
        )
        entered = [name in given.recorded for name in parents.origins]
        pairs = zip(codes.tolist(), local.tolist(), strict=True)
        return [given.retried[place] if entered[code] else None for code, place in pairs]

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
