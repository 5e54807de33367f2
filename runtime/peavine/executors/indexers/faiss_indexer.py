"""FaissIndexer: approximate search by an HNSW graph, for shards too large to compare a query with every vector.

The graph (Malkov and Yashunin, 2018, arXiv:1603.09320) is a cache: it is kept beside the store when the Executor ends,
stamped with the store's state, and built anew when it is missing, damaged or of another state. It forgets nothing by
itself: a vector that was deleted is passed over, and when those are as many as the others the graph is built anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import StartError
from peavine.executors.indexers.field_columns import Mask
from peavine.executors.indexers.fields import Slots
from peavine.executors.indexers.matrix import as_vectors
from peavine.executors.indexers.nearest import Float32, Index, Metric, Rows, lengths, nearest
from peavine.executors.indexers.vectors import StoredVectors, Where

log = logging.getLogger(__name__)
_BLOCK = 4096
_MORE = 16
"""How many rows more than are wanted are compared exactly, of those that rounded vectors show to be the nearest."""
_MEASURED = 1 << 16
"""Vectors whose lengths are computed at once."""


class FaissIndexer(StoredVectors):
    """Finds most of the nearest vectors without looking at all of them. Needs `pip install 'peavine[faiss]'`.

    `connectivity` is the number of neighbours of a vector in the graph, `ef_construction` and `ef_search` are how many
    candidates are looked at when a vector is added and when one is searched: more find more, more slowly. The distances
    of what is found are exact.
    """

    def __init__(
        self, metric: Metric = "cosine", connectivity: int = 32, ef_construction: int = 200, ef_search: int = 128
    ) -> None:
        super().__init__(metric)
        self.connectivity, self.ef_construction, self.ef_search = connectivity, ef_construction, ef_search

    def post_init(self) -> None:
        """Open the store, and load the graph or build it."""
        try:
            import faiss
        except ImportError as error:
            raise StartError(f"{self.name} needs faiss; install it with pip install 'peavine[faiss]'") from error
        self._faiss: Any = faiss
        self._clear()
        self._kept = b""
        super().post_init()

    def _clear(self) -> None:
        self._graph: Any = None
        self._ids: list[str | None] = []
        self._labels: dict[str, int] = {}
        self._slots = Slots()
        self._sizes = np.empty(0)
        """Lengths of the vectors in the graph, as far as they were needed."""
        self._alive: Mask | None = None
        """Which labels are not of vectors that were deleted; None after a change."""

    def close(self) -> None:
        """Keep the graph for the next start, and close the store if it is its own."""
        if "_table" in vars(self) and not self.read_only and not self._stale and self._kept != self.store.state:
            self._keep()
        super().close()

    @property
    def _file(self) -> Path:
        return self.store.folder / f"{self.table_name}.hnsw"

    def _nearest(
        self, queries: Float32, top_k: int, where: Where | None, report: dict[str, Any]
    ) -> tuple[list[list[str]], list[NDArray[np.float64]]]:
        if not self._labels:
            return [[] for _ in queries], [np.empty(0) for _ in queries]
        if self._alive is None:
            self._alive = np.array([id is not None for id in self._ids], np.bool_)
        found: Sequence[Index]
        if where is None:
            found = list(self._walked(queries, top_k, self._alive, len(self._labels)))
        else:
            among = where(self._ids, self._slots)
            among = among[self._alive[among]]
            report["matching"] = len(among)
            found = self._found(queries, top_k, among, report)
        ids, distances = [], []
        for query, labels in zip(queries, found, strict=True):
            near = self._rows([id for label in labels if label >= 0 and (id := self._ids[label]) is not None])
            ((own_ids,), (own_distances,)) = nearest(self.metric, near, query[None], top_k)
            ids.append(own_ids)
            distances.append(own_distances)
        return ids, distances

    def _found(self, queries: Float32, top_k: int, among: Index, report: dict[str, Any]) -> Sequence[Index]:
        """Return the labels of the nearest among these, by the way that costs less.

        In the graph, as many nodes are looked at for each one that matches as there are vectors for each that does, and
        all their neighbours with them. Where that is more than all that match, these are compared one by one.
        """
        matching, total = len(among), len(self._labels)
        depth = max(self.ef_search, top_k) * total / max(matching, 1)
        if depth * 2 * self.connectivity >= matching:
            report["exact"] = 1
            return self._compared(queries, top_k, among)
        report["graph"] = 1
        chosen = np.zeros(len(self._ids), np.bool_)
        chosen[among] = True
        found = list(self._walked(queries, top_k, chosen, matching, math.ceil(depth)))
        few = [n for n, labels in enumerate(found) if (labels >= 0).sum() < min(top_k, matching)]
        if few:
            report["exact"] = 1
            for n, labels in zip(few, self._compared(queries[few], top_k, among), strict=True):
                found[n] = labels
        return found

    def _walked(self, queries: Float32, top_k: int, chosen: Mask, matching: int, depth: int = 0) -> Index:
        """Return the labels of what the graph leads to, -1 where there is nothing."""
        wanted = min(top_k, matching)  # faiss makes room for as many as it is asked for
        bits = np.packbits(chosen, bitorder="little")
        search = self._faiss.SearchParametersHNSW(
            sel=self._faiss.IDSelectorBitmap(bits), efSearch=max(self.ef_search, wanted, depth)
        )
        _, labels = self._graph.search(self._prepared(queries), wanted, params=search)
        return labels  # type: ignore[no-any-return]

    def _compared(self, queries: Float32, top_k: int, among: Index) -> list[Index]:
        """Return the labels of the nearest among these, and some more, because the graph has rounded vectors."""
        storage = self._faiss.downcast_index(self._graph.storage)
        count, dimension = len(self._ids), self._graph.d
        vectors = self._faiss.rev_swig_ptr(storage.get_xb(), count * dimension).reshape(count, dimension)
        while (known := len(self._sizes)) < count:
            self._sizes = np.concatenate([self._sizes, lengths(vectors[known : known + _MEASURED])])
        labels = Rows(vectors, self._sizes, range(count))  # type: ignore[arg-type]
        found, _ = nearest(self.metric, labels, self._prepared(queries), top_k + _MORE, among)
        return [np.array(each, np.intp) for each in found]

    def _rows(self, ids: list[str]) -> Rows:
        """Read the vectors themselves: the graph has those of cosine scaled to one length."""
        values = dict(zip(ids, self._table.get(ids), strict=True))
        there = {id: value for id, value in values.items() if value is not None}
        vectors = as_vectors(list(there.values()), self.dimension or 0)
        return Rows(vectors, lengths(vectors), list(there))

    def _apply(self, changes: Mapping[str, bytes | None]) -> None:
        self._alive = None
        for id in changes:
            label = self._labels.pop(id, None)
            if label is not None:
                self._ids[label] = None
        if not self._labels:
            self._clear()  # what comes next may have another dimension
        self._add((id, value) for id, value in changes.items() if value is not None)
        if len(self._ids) > 2 * len(self._labels) + _BLOCK:
            self._build()

    def _rebuild(self) -> None:
        if self._load():
            return
        self._build()
        if not self.read_only and self._labels:
            self._keep()

    def _build(self) -> None:
        self._clear()
        count = len(self._table)
        if count:
            log.info("%s: building the graph of %d vectors", self.name, count)
        self._add((row.name, row.value) for row in self._table)

    def _add(self, rows: Iterable[tuple[str, bytes]]) -> None:
        rows = iter(rows)
        while block := list(islice(rows, _BLOCK)):
            vectors = self._prepared(as_vectors([value for _, value in block], len(block[0][1]) // 4))
            if self._graph is None:
                self._graph = self._empty(vectors.shape[1])
            self._graph.add(vectors)
            for id, _ in block:
                self._labels[id] = len(self._ids)
                self._ids.append(id)

    def _empty(self, dimension: int) -> Any:
        product = self.metric == "inner_product"
        kind = self._faiss.METRIC_INNER_PRODUCT if product else self._faiss.METRIC_L2
        graph = self._faiss.IndexHNSWFlat(dimension, self.connectivity, kind)
        graph.hnsw.efConstruction = self.ef_construction
        return graph

    def _prepared(self, vectors: Float32) -> Float32:
        """Return what stands in the graph: for cosine, vectors of length 1, which are near as their angle is."""
        if self.metric != "cosine":
            return vectors
        sizes = lengths(vectors)[:, None]
        return np.divide(vectors, sizes, out=np.zeros_like(vectors, np.float64), where=sizes > 0).astype(np.float32)

    def _stamp(self, content: bytes) -> dict[str, Any]:
        how = [self.metric, self.connectivity, self.ef_construction, self._faiss.__version__]
        return {"state": self.store.state.hex(), "how": how, "digest": hashlib.blake2b(content).hexdigest()}

    def _keep(self) -> None:
        """Write the graph beside the store, all or nothing; that it cannot be written is no harm."""
        if self._graph is None:
            return
        graph = self._faiss.serialize_index(self._graph).tobytes()
        content = json.dumps(self._ids).encode() + b"\n" + graph
        unfinished = self._file.with_suffix(".unfinished")
        try:
            with unfinished.open("wb") as file:
                file.write(json.dumps(self._stamp(content)).encode() + b"\n" + content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._file)
            self._kept = self.store.state
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            log.warning("%s: the graph is not kept and will be built at the next start: %s", self.name, error)

    def _load(self) -> bool:
        """Take the graph that was kept, if it is whole and of this state."""
        try:
            stamp, _, content = self._file.read_bytes().partition(b"\n")
        except OSError:
            return False
        if stamp != json.dumps(self._stamp(content)).encode():
            log.info("%s: the graph that was kept is not of this state of the store", self.name)
            return False
        ids, _, graph = content.partition(b"\n")
        self._clear()
        self._ids = json.loads(ids)
        self._labels = {id: label for label, id in enumerate(self._ids) if id is not None}
        self._graph = self._faiss.deserialize_index(np.frombuffer(graph, np.uint8))
        self._kept = self.store.state
        return True
