"""Vectors in a store, as every vector Indexer of ours keeps them; how they are searched is the subclass's.

A vector is kept as little-endian float32. The first batch fixes the dimension, for as long as there is a vector: it is
in the store, too.
"""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem, did_you_mean
from peavine.executors.families import VectorIndexer, Vectors
from peavine.executors.indexers import nearest
from peavine.executors.indexers.fields import Fields, Slots
from peavine.executors.indexers.nearest import METRICS, Float32, Metric
from peavine.executors.indexers.stored import StoredIndexer
from peavine.store import Row, Table
from peavine.store.store import META

log = logging.getLogger(__name__)


Where = Callable[[Sequence[str | None], Slots], NDArray[np.intp]]
"""Returns the numbers of the rows that a filter holds for, given the names of all rows and their slots."""


class StoredVectors(StoredIndexer, VectorIndexer):
    """Keeps vectors by id; `metric` says what near means: cosine (the default), euclidean or inner_product."""

    KEEPS = "vectors"
    fields: Fields | None = None
    """The tags to filter by; a CompoundIndexer that keeps Documents gives its components them."""

    def __init__(self, metric: Metric = "cosine") -> None:
        if metric not in METRICS:
            hint = did_you_mean(str(metric), METRICS)
            raise ManifestError([Problem("metric", f'unknown metric "{metric}"; one of {", ".join(METRICS)}{hint}')])
        self.metric = metric
        self.ascending = nearest.is_ascending(metric)

    def post_init(self) -> None:
        """Open the store and read what is searched into memory."""
        super().post_init()
        self._using = threading.RLock()
        self._stale, self._state = True, b""
        self._table = Table(self.store, self.table_name, self._follow)
        with self._using:
            self._refresh()

    @property
    def size(self) -> int:
        """How many vectors are committed."""
        return len(self._table)

    def statistics(self) -> Mapping[str, int]:
        """Return the numbers of vectors, their dimensions and bytes, and when the last write was issued."""
        return {
            "vectors": self.size,
            "dimension": self.dimension or 0,
            "bytes": self._table.size,
            "last_write": self.store.last_write,
        }

    @property
    def dimension(self) -> int | None:
        """How many numbers a vector has; None before the first batch."""
        with self.store.read() as txn:
            found = txn.get(META, self._dimension_key)
        return int(found) if found else None

    @property
    def _dimension_key(self) -> bytes:
        return f"{self.table_name}.dimension".encode()

    def add(self, ids: Sequence[str], vectors: Vectors, owners: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Keep B vectors, B x D; they replace all that their owners had."""
        self._write(self._table.add, ids, vectors, owners, versions)

    def update(self, ids: Sequence[str], vectors: Vectors, owners: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Do as `add` for owners that exist."""
        if self.dimension is not None:
            self._write(self._table.update, ids, vectors, owners, versions)

    def delete(self, ids: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Remove the vectors of these owners; ids that are not there are no error."""
        self.refuse_if_read_only()
        with self.store.write() as txn:
            self._table.delete(ids, versions)
            if self._empties(txn.changes.get(self.table_name, {})):
                txn.delete(META, self._dimension_key)

    def _empties(self, changes: Mapping[bytes, bytes | None]) -> bool:
        """Return whether no vector is left after these changes of the open transaction."""
        if any(value is not None for value in changes.values()):
            return False
        with self.store.committed() as before:
            count = before.count(self.table_name)
            if len(changes) < count:
                return False
            return count == sum(before.get(self.table_name, key) is not None for key in changes)

    def query_by_id(self, ids: Sequence[str]) -> list[Vectors | None]:
        """Return the vector of the row with each name, or None."""
        return [None if value is None else np.frombuffer(value, "<f4") for value in self._table.get(ids)]

    def query(
        self, vectors: Vectors, top_k: int, where: Any = None, report: dict[str, Any] | None = None
    ) -> tuple[list[list[str]], list[NDArray[np.floating[Any]]]]:
        """Return for each of B vectors names and distances of the `top_k` nearest rows, best first; equals by name.

        It finds what is committed, not what the open transaction has written. `where` is a filter of root Documents:
        only these and their parts are found. Into `report` goes how it was applied.
        """
        if top_k < 1:
            raise InvalidRequest(f"{self.name}: top_k is {top_k}; ask for 1 or more")
        with self._using:
            self._refresh()
            queries = self._checked(vectors, None, self.dimension)
            ids, distances = self._filtered(queries, top_k, where, {} if report is None else report)
        return ids, list(distances)

    def _filtered(
        self, queries: Float32, top_k: int, where: Any, report: dict[str, Any]
    ) -> tuple[list[list[str]], list[NDArray[np.float64]]]:
        if where is None:
            return self._nearest(queries, top_k, None, report)
        fields = self.fields
        if fields is None:
            raise InvalidRequest(
                f"{self.name}: keeps no tags, so it cannot filter; make it a component of a CompoundIndexer that keeps "
                "Documents too, such as _index"
            )
        with fields.lock:
            filter = fields.checked(where)

            def rows(names: Sequence[str | None], slots: Slots) -> NDArray[np.intp]:
                own = slots.of(names, fields)
                found = np.flatnonzero(fields.mask(filter, report)[own])
                report["matching"] = len(found)
                return found

            return self._nearest(queries, top_k, rows, report)

    @abstractmethod
    def _nearest(
        self, queries: Float32, top_k: int, where: Where | None, report: dict[str, Any]
    ) -> tuple[list[list[str]], list[NDArray[np.float64]]]:
        """Search what `_refresh` and `_apply` have made, among the rows that `where` returns."""

    @abstractmethod
    def _apply(self, changes: Mapping[str, bytes | None]) -> None:
        """Bring what is searched up to date with a commit: the value of each changed row, None where it was deleted."""

    @abstractmethod
    def _rebuild(self) -> None:
        """Make what is searched from the table."""

    def _refresh(self) -> None:
        """Rebuild what is searched if it is not what the store holds."""
        if not self._stale and not (self.read_only and self.store.state != self._state):
            return
        self._state = self.store.state
        self._rebuild()
        self._stale = False

    def _follow(self, changes: Mapping[str, Row | None]) -> None:
        if not changes:
            return
        with self._using:
            try:
                self._apply({name: None if row is None else row.value for name, row in changes.items()})
            except Exception:  # the commit stands: what is searched is made anew from the store
                log.exception("%s: cannot follow a commit, so the vectors are read again", self.name)
                self._stale = True

    def _write(
        self,
        write: Callable[[Sequence[str], Sequence[bytes], Sequence[str], Sequence[int]], None],
        ids: Sequence[str],
        vectors: Vectors,
        owners: Sequence[str],
        versions: Sequence[int],
    ) -> None:
        self.refuse_if_read_only()
        if not len(ids):
            return
        with self.store.write() as txn:
            txn.lock()
            dimension = self.dimension
            kept = self._checked(vectors, ids, dimension)
            if dimension is None:
                txn.put(META, self._dimension_key, str(kept.shape[1]).encode())
            write(ids, [vector.tobytes() for vector in kept.astype("<f4", copy=False)], owners, versions)

    def _checked(self, vectors: Vectors, ids: Sequence[str] | None, dimension: int | None) -> Float32:
        """Return the vectors as float32, or raise InvalidRequest for what cannot be searched."""
        found = np.asarray(vectors)
        if found.ndim != 2 or found.shape[1] == 0:
            raise InvalidRequest(f"{self.name}: vectors of shape {found.shape}; give B x D numbers, one row a Document")
        if dimension is not None and found.shape[1] != dimension:
            raise InvalidRequest(
                f"{self.name}: vectors of {found.shape[1]} dimensions, but the index holds {dimension}; "
                "encode with the model that the index was built with, or index into an empty store"
            )
        if found.dtype.kind not in "fiub":
            raise InvalidRequest(f"{self.name}: vectors of {found.dtype}; give real numbers")
        with np.errstate(over="ignore"):
            narrow = np.ascontiguousarray(found, np.float32)
        sizes = nearest.lengths(narrow)
        wrong = ~((sizes == 0) | ((sizes >= nearest.SHORTEST) & (sizes <= nearest.LONGEST)))
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            which = f'the vector of "{ids[first]}"' if ids is not None else f"vector {first} of the query"
            what = f"has the length {sizes[first]:.3g}" if np.isfinite(narrow[first]).all() else "has NaN or infinity"
            raise InvalidRequest(
                f"{self.name}: {which} {what}; lengths are 0 or {nearest.SHORTEST:g} to {nearest.LONGEST:g}"
            )
        return narrow
