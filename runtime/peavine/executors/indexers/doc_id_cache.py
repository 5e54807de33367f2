"""DocIDCache: which Documents were seen already, by id or by content.

In the store, table NAME.FIELD holds `value -> 0 (2 bytes), id`, and NAME.FIELD.of holds `id -> value`. Earlier versions
had the id once more before the id, with its size, and the value in NAME.FIELD.owners; those are read as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from peavine.errors import ManifestError, Problem
from peavine.executors.indexers.stored import StoredIndexer
from peavine.store import Reading, Writing

FIELDS = ("id", "content_hash")


class DocIDCache(StoredIndexer):
    """Remembers the `field` of Documents, `id` or `content_hash`, durably, and whose it was."""

    KEEPS = "seen"

    def __init__(self, field: Literal["id", "content_hash"] = "id") -> None:
        if field not in FIELDS:
            raise ManifestError([Problem("field", f'"{field}" cannot be remembered; one of {", ".join(FIELDS)}')])
        self.field = field

    def post_init(self) -> None:
        """Open the store."""
        super().post_init()
        self._ids = f"{self.table_name}.{self.field}"
        self._values = f"{self._ids}.of"
        self.store.table(self._ids)
        self.store.table(self._values)

    @property
    def size(self) -> int:
        """How many values it remembers."""
        with self.store.committed() as txn:
            return txn.count(self._ids)

    def query(self, values: Sequence[str]) -> list[str | None]:
        """Return for each value the id of the Document that it was first seen with, or None."""
        with self.store.read() as txn:
            return [self._seen(txn, value.encode()) for value in values]

    def add(self, values: Sequence[str], ids: Sequence[str]) -> None:
        """Remember the value of each Document, in place of the one that it had."""
        self.refuse_if_read_only()
        with self.store.write() as txn:
            txn.lock()
            for value, id in zip(values, ids, strict=True):
                self._forget(txn, id)
                txn.put(self._ids, value.encode(), b"\0\0" + id.encode())
                txn.put(self._values, id.encode(), value.encode())

    def delete(self, ids: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Forget these Documents; ids that are not there are no error."""
        self.refuse_if_read_only()
        with self.store.write() as txn:
            txn.lock()
            for id in ids:
                self._forget(txn, id)

    def _seen(self, txn: Reading | Writing, value: bytes) -> str | None:
        found = txn.get(self._ids, value) if value else None
        return None if found is None else found[2 + int.from_bytes(found[:2], "little") :].decode()

    def _forget(self, txn: Writing, id: str) -> None:
        value = txn.get(self._values, id.encode()) or self._listed(txn, id)
        if value is not None and self._seen(txn, value) == id:
            txn.delete(self._ids, value)
        txn.delete(self._values, id.encode())

    def _listed(self, txn: Writing, id: str) -> bytes | None:
        """Return the value of a Document as an earlier version kept it."""
        listed = txn.get(f"{self._ids}.owners", id.encode())
        return id.encode() if listed is None else listed[2:]
