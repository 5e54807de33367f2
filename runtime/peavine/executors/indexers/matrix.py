"""Rows of float32 in memory, by id: a cache of what a table holds. It knows no store and no metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np

from peavine.executors.indexers.fields import Slots
from peavine.executors.indexers.nearest import Float32, Rows, lengths

_LOAD = 4096


class Matrix:
    """N rows of `dimension` numbers in one block of memory, with room to grow. The order of the rows means nothing."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._ids: list[str] = []
        self._at: dict[str, int] = {}
        self._vectors = np.empty((0, dimension), np.float32)
        self._lengths = np.empty(0, np.float64)
        self.slots = Slots()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def rows(self) -> Rows:
        """What `nearest` searches; valid until the next change."""
        count = len(self._ids)
        return Rows(self._vectors[:count], self._lengths[:count], self._ids)

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Add rows whose ids are new, in little-endian float32."""
        rows = iter(rows)
        while block := list(islice(rows, _LOAD)):
            self._put([id for id, _ in block], as_vectors([value for _, value in block], self.dimension))

    def apply(self, changes: Mapping[str, bytes | None]) -> None:
        """Set the rows that have a value, remove those that have None; a row is set as a whole."""
        for id, value in changes.items():
            if value is None:
                self._remove(id)
        puts = [(id, value) for id, value in changes.items() if value is not None]
        if puts:
            self._put([id for id, _ in puts], as_vectors([value for _, value in puts], self.dimension))

    def _put(self, ids: list[str], vectors: Float32) -> None:
        for id in ids:
            if id not in self._at:
                self._at[id] = len(self._ids)
                self._ids.append(id)
        self.reserve(len(self._ids))
        at = [self._at[id] for id in ids]
        self._vectors[at] = vectors
        self._lengths[at] = lengths(vectors)

    def reserve(self, count: int) -> None:
        """Make room for `count` rows, a half more than there is, so that adding one row is cheap on average."""
        if count > len(self._vectors):
            capacity = max(count, len(self._vectors) * 3 // 2, 1024)
            vectors, sizes = np.empty((capacity, self.dimension), np.float32), np.empty(capacity, np.float64)
            vectors[: len(self._vectors)], sizes[: len(self._lengths)] = self._vectors, self._lengths
            self._vectors, self._lengths = vectors, sizes

    def _remove(self, id: str) -> None:
        """Close the gap with the last row."""
        at = self._at.pop(id, None)
        if at is None:
            return
        last = self._ids.pop()
        self.slots.move(len(self._ids), at)
        if last != id:
            self._ids[at], self._at[last] = last, at
            self._vectors[at] = self._vectors[len(self._ids)]
            self._lengths[at] = self._lengths[len(self._ids)]


def as_vectors(values: list[bytes], dimension: int) -> Float32:
    """Return N x `dimension` numbers from N values as they are kept."""
    return np.frombuffer(b"".join(values), "<f4").reshape(len(values), dimension).astype(np.float32, copy=False)
