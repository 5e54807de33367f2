"""NumpyIndexer: exact search in memory, the Indexer to begin with, and up to some 100,000 vectors a shard."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.executors.indexers.matrix import Matrix
from peavine.executors.indexers.nearest import Float32, nearest
from peavine.executors.indexers.vectors import StoredVectors, Where

log = logging.getLogger(__name__)
_EVERY = 5.0


class NumpyIndexer(StoredVectors):
    """Compares a query with every vector: the answer is exact, and the same however the vectors are sharded.

    The vectors stand in the store and, for searching, once more in memory (4 bytes a number).
    """

    _matrix: Matrix | None = None

    def _nearest(
        self, queries: Float32, top_k: int, where: Where | None, report: dict[str, Any]
    ) -> tuple[list[list[str]], list[NDArray[np.float64]]]:
        if self._matrix is None:
            return [[] for _ in queries], [np.empty(0) for _ in queries]
        if where is None:
            return nearest(self.metric, self._matrix.rows, queries, top_k)
        rows = self._matrix.rows
        among = where(rows.ids, self._matrix.slots)
        report["exact"] = 1
        return nearest(self.metric, rows, queries, top_k, None if len(among) == len(rows.ids) else among)

    def _apply(self, changes: Mapping[str, bytes | None]) -> None:
        if self._matrix is None:
            width = next((len(value) for value in changes.values() if value is not None), None)
            if width is None:
                return
            self._matrix = Matrix(width // 4)
        self._matrix.apply(changes)
        if not len(self._matrix):
            self._matrix = None  # what comes next may have another dimension

    def _rebuild(self) -> None:
        self._matrix = None
        if self.dimension is not None:
            self._matrix = Matrix(self.dimension)
            self._matrix.reserve(len(self._table))  # growing row by row takes its memory twice
            self._matrix.load(self._reported())

    def _reported(self) -> Iterator[tuple[str, bytes]]:
        """Yield all rows, and say now and then how far it is."""
        count, last = len(self._table), time.monotonic()
        for n, row in enumerate(self._table):
            if n % 1000 == 0 and time.monotonic() - last > _EVERY:
                last = time.monotonic()
                log.info("%s: %d of %d vectors read (%.0f %%)", self.name, n, count, 100 * n / count)
            yield row.name, row.value
