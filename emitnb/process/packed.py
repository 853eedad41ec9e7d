"""States that came from elsewhere and are still pickled: nobody here may ever need them."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

MOST_BLOBS = 512
MOST_BYTES = 64 * 2**20
"""What is kept pickled at most; then it is opened, and what was overwritten falls away."""


class PackedStates(Mapping[Hashable, Any]):
    """States by key, pickled in parts; of a key that is in several, the last part counts."""

    def __init__(self, blobs: tuple[bytes, ...]) -> None:
        self._blobs = blobs
        self._opened: dict[Hashable, Any] | None = None

    def over(self, older: Mapping[Hashable, Any]) -> PackedStates | None:
        """Return these over ``older``, still packed; None where that is not possible, or full."""
        if not isinstance(older, PackedStates) or older._opened is not None:
            return None
        blobs = older._blobs + self._blobs
        if len(blobs) > MOST_BLOBS or sum(map(len, blobs)) > MOST_BYTES:
            return None
        return PackedStates(blobs)

    def _states(self) -> dict[Hashable, Any]:
        if self._opened is None:
            opened: dict[Hashable, Any] = {}
            for blob in self._blobs:
                opened.update(pickle.loads(blob))
            self._opened = opened
        return self._opened

    def __getitem__(self, key: Hashable) -> Any:
        return self._states()[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._states())

    def __len__(self) -> int:
        return len(self._states())

    def __bool__(self) -> bool:
        return bool(self._blobs)
