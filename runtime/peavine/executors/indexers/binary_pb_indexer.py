"""BinaryPbIndexer: whole Documents, as bytes, by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from peavine.executors.families import KVIndexer
from peavine.executors.indexers.fields import Fields
from peavine.executors.indexers.stored import StoredIndexer
from peavine.store import Table


class BinaryPbIndexer(StoredIndexer, KVIndexer):
    """Keeps bytes, such as serialized Documents, and gives them back by id."""

    KEEPS = "documents"
    fields: Fields | None = None
    """The fields whose types the tags of Documents must fit."""

    def post_init(self) -> None:
        """Open the store."""
        super().post_init()
        self._table = Table(self.store, self.table_name)

    @property
    def size(self) -> int:
        """How many values are committed."""
        return len(self._table)

    def add(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Keep B values; they replace all that their owners had."""
        self._check(ids, values, owners)
        self._table.add(ids, values, owners, versions)

    def update(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Do as `add` for owners that exist."""
        self._check(ids, values, owners)
        self._table.update(ids, values, owners, versions)

    def _check(self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str]) -> None:
        self.refuse_if_read_only()
        if self.fields is not None and self.fields.types:
            for id, value, owner in zip(ids, values, owners, strict=True):
                if id == owner:
                    self.fields.check(id, value)

    def delete(self, ids: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Remove the values of these owners; ids that are not there are no error."""
        self.refuse_if_read_only()
        self._table.delete(ids, versions)

    def query(self, ids: Sequence[str]) -> list[bytes | None]:
        """Return the value of the row with each name, or None; inside a transaction, as that would leave it."""
        return self._table.get(ids)

    def owned(self, owners: Sequence[str]) -> list[list[bytes]]:
        """Return the committed values of each owner, its own first; an empty list where it has no row of its own."""
        return self._table.owned(owners)

    def scroll(self, after: str) -> Iterator[tuple[str, list[bytes]]]:
        """Yield the owners behind the id `after`, in the order of ids, as they are committed when it begins."""
        return self._table.scroll(after)

    def count(self) -> int:
        """Return how many owners have a row of their own."""
        return self.size - self._table.parts()

    def statistics(self) -> Mapping[str, int]:
        """Return the numbers of Documents, chunks and bytes, and when the last write was issued."""
        chunks = self._table.parts()
        return {
            "documents": self.size - chunks,
            "chunks": chunks,
            "bytes": self._table.size,
            "last_write": self.store.last_write,
        }
