"""An Indexer whose truth is a store: where the store comes from, its transactions and its end.

Alone it opens the store of its workspace; a CompoundIndexer gives all its components one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from peavine.errors import InvalidRequest
from peavine.executors.families import Indexer
from peavine.store import Shard, Store


class StoredIndexer(Indexer):
    """Keeps its rows in a table of a store; without a workspace, of one in a temporary folder, until `close()`."""

    KEEPS: ClassVar[str]
    """What its table is called: by what it keeps, so that another algorithm can take over the same rows."""

    store: Store
    table_name: str
    _scratch: tempfile.TemporaryDirectory[str] | None = None
    _shared: Store | None = None

    def share(self, store: Store, table_name: str) -> None:
        """Use this store, which another one opens and closes, instead of one of its own. Call it before `open`."""
        self._shared, self.table_name = store, table_name

    def post_init(self) -> None:
        """Open the store."""
        if self._shared is not None:
            self.store = self._shared
            return
        self.table_name = self.KEEPS
        self._scratch, self.store = open_store(self.workspace, self.read_only, self.shard)

    def close(self) -> None:
        """Close the store, if it is its own."""
        if self._shared is None and "store" in vars(self):
            close_store(self._scratch, self.store)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Surround a batch: what it wrote is on disk when this ends, all of it or nothing."""
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
        return None if self._shared is not None else self.store.healthy()

    def stores(self) -> Sequence[Store]:
        """Return its store, unless another Executor gave it."""
        return [] if self._shared is not None else [self.store]

    def refuse_if_read_only(self) -> None:
        """Raise InvalidRequest unless it may write."""
        if self.read_only:
            raise InvalidRequest(f"{self.name} is read-only; send what changes it to the Pod that writes")


def open_store(
    workspace: Path | None, read_only: bool, shard: Shard | None
) -> tuple[tempfile.TemporaryDirectory[str] | None, Store]:
    """Open the store in `workspace`, or a new one in a temporary folder, which is also returned."""
    if workspace is not None:
        return None, Store(workspace, read_only=read_only, shard=shard)
    scratch = tempfile.TemporaryDirectory(prefix="peavine-")
    return scratch, Store(Path(scratch.name), shard=shard)


def close_store(scratch: tempfile.TemporaryDirectory[str] | None, store: Store) -> None:
    """Close a store that `open_store` opened, and remove its folder if that was temporary."""
    store.close()
    if scratch is not None:
        scratch.cleanup()
