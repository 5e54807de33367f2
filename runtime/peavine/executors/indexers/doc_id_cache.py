"""DocIDCache: which Documents were seen already, by id or by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from peavine.errors import ManifestError, Problem
from peavine.executors.indexers.stored import StoredIndexer
from peavine.store import Table

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
        self._table = Table(self.store, f"{self.table_name}.{self.field}")

    @property
    def size(self) -> int:
        """How many values it remembers."""
        return len(self._table)

    def query(self, values: Sequence[str]) -> list[str | None]:
        """Return for each value the id of the Document that it was first seen with, or None."""
        return [None if found is None else found.decode() for found in self._table.get(values)]

    def add(self, values: Sequence[str], ids: Sequence[str]) -> None:
        """Remember the value of each Document, in place of those that it had."""
        self.refuse_if_read_only()
        self._table.add(values, [id.encode() for id in ids], ids)

    def delete(self, ids: Sequence[str]) -> None:
        """Forget these Documents; ids that are not there are no error."""
        self.refuse_if_read_only()
        self._table.delete(ids)
