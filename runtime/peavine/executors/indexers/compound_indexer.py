"""CompoundIndexer: vectors and Documents in one store, so that they cannot disagree."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from peavine.errors import ManifestError, Problem
from peavine.executors.compound import CompoundExecutor
from peavine.executors.executor import Executor
from peavine.executors.indexers.binary_pb_indexer import BinaryPbIndexer
from peavine.executors.indexers.fields import Fields
from peavine.executors.indexers.nearest import Metric
from peavine.executors.indexers.numpy_indexer import NumpyIndexer
from peavine.executors.indexers.stored import StoredIndexer, close_store, open_store
from peavine.executors.indexers.vectors import StoredVectors
from peavine.filters import parse_fields
from peavine.store import Store


class CompoundIndexer(CompoundExecutor):
    """Indexers, usually a vector Indexer and a key-value Indexer, that share one store and one transaction.

    Without `components` it is a NumpyIndexer of this `metric` (cosine unless said) and a BinaryPbIndexer. A second
    component of a kind has a table of its own, numbered in their order.

    `fields` are the tags to search by, with their types: `{price: number, labels: [keyword]}`. They are kept in memory,
    and a Document with a tag that does not fit is refused.
    """

    _scratch: tempfile.TemporaryDirectory[str] | None = None
    store: Store

    def __init__(
        self,
        components: Sequence[Executor] = (),
        metric: Metric | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self.fields = parse_fields(fields or {})
        if components and metric is not None:
            raise ManifestError([Problem("metric", "is that of a component here; set it under components")])
        super().__init__(components or [NumpyIndexer(metric or "cosine"), BinaryPbIndexer()])
        wrong = [
            Problem(f"components[{n}]", f"{component.name} keeps nothing in a store; use a CompoundExecutor for it")
            for n, component in enumerate(self.components)
            if not isinstance(component, StoredIndexer)
        ]
        if self.fields and not any(isinstance(component, BinaryPbIndexer) for component in self.components):
            wrong.append(Problem("fields", "are read from stored Documents; add a BinaryPbIndexer to the components"))
        if wrong:
            raise ManifestError(wrong)

    def open(self, workspace: Path | None = None, *, read_only: bool = False) -> Self:
        """Open the store in the workspace, and the components on it."""
        self.read_only = self.read_only or read_only
        self._scratch, self.store = open_store(workspace, self.read_only, self.shard)
        seen: Counter[str] = Counter()
        try:
            for component in self.components:
                assert isinstance(component, StoredIndexer)
                number = seen[component.KEEPS]
                component.shard = self.shard
                component.share(self.store, f"{component.KEEPS}-{number}" if number else component.KEEPS)
                seen[component.KEEPS] += 1
                component.open(read_only=self.read_only)
            self._open_fields()
            return Executor.open(self, workspace)  # the components have no folders of their own
        except BaseException:
            self.close()
            raise

    def _open_fields(self) -> None:
        """Let the vectors be filtered by the tags of the Documents that are kept with them."""
        documents = next((each for each in self.components if isinstance(each, BinaryPbIndexer)), None)
        if documents is not None:
            documents.fields = Fields(self.fields, self.store, documents.table_name)
            for component in self.components:
                if isinstance(component, StoredVectors):
                    component.fields = documents.fields

    def close(self) -> None:
        """End the components, and then the store."""
        super().close()
        if "store" in vars(self):
            close_store(self._scratch, self.store)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Surround a batch: what all components wrote is on disk when this ends, all of it or nothing."""
        if self.read_only:
            yield
            return
        with self.store.write():
            yield

    def snapshot(self, folder: Path) -> None:
        """Write a copy of the store to a folder, while it serves; it can be used as a workspace."""
        self.store.snapshot(folder)

    def healthy(self) -> str | None:
        """Return why its store cannot be used any longer, None while it can."""
        return self.store.healthy()

    def stores(self) -> Sequence[Store]:
        """Return the one store of all components."""
        return [self.store]

    @property
    def size(self) -> int:
        """How many rows its components keep in all."""
        return sum(component.size for component in self.components if isinstance(component, StoredIndexer))
