"""Reading and writing a store's tables in a transaction.

A writing transaction keeps its changes in memory, in front of what is committed, and hands them to LMDB in one go. So
it can be done again when the map has to grow, LMDB's own lock is held for the commit only, and leaving it is free. It
is as large as one batch; nothing here splits it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import lmdb


class Reading:
    """What was committed when it began, whatever is written meanwhile."""

    def __init__(self, txn: lmdb.Transaction[bytes], databases: dict[str, lmdb._Database]) -> None:
        self._txn, self._databases = txn, databases

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value at `key`, or None."""
        database = self._databases.get(table)
        return None if database is None else self._txn.get(key, db=database)

    def get_many(self, table: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that the table has."""
        database = self._databases.get(table)
        return {} if database is None else dict(self._txn.cursor(database).getmulti(keys))

    def items(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield all (key, value) from the key `start` on, in the order of the keys."""
        cursor = self._at(table, start)
        if cursor is not None:
            yield from cursor.iternext()

    def keys(self, table: str, start: bytes = b"") -> Iterator[bytes]:
        """Yield the keys from `start` on, in order."""
        cursor = self._at(table, start)
        if cursor is not None:
            yield from cursor.iternext(keys=True, values=False)

    def _at(self, table: str, start: bytes) -> lmdb.Cursor[bytes] | None:
        """Return a cursor at the first key from `start` on; None where there is none."""
        database = self._databases.get(table)
        if database is None:
            return None
        cursor = self._txn.cursor(database)
        return cursor if (cursor.set_range(start) if start else cursor.first()) else None

    def size(self, table: str) -> int:
        """Return how many bytes the table takes in the file."""
        database = self._databases.get(table)
        if database is None:
            return 0
        stat = self._txn.stat(database)
        return int(stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]))

    def count(self, table: str) -> int:
        """Return how many keys the table has."""
        database = self._databases.get(table)
        return 0 if database is None else int(self._txn.stat(database)["entries"])


class Writing:
    """Changes that become visible, and durable, all at once or not at all. It reads what it wrote itself.

    Nothing is locked until the first change: `lock()` before reading what a change depends on.
    """

    def __init__(self, begin: Callable[[], Reading], peek: Callable[[str, bytes], bytes | None]) -> None:
        self._begin, self._peek = begin, peek
        self._committed: Reading | None = None
        self.changes: dict[str, dict[bytes, bytes | None]] = {}
        self.failed = False
        """A part of it raised, so the whole may not be committed."""

    def lock(self) -> None:
        """Become the one transaction that changes the store, until this one ends."""
        if self._committed is None:
            self._committed = self._begin()

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value at `key` as this transaction would leave it, or None."""
        changed = self.changes.get(table)
        if changed is not None and key in changed:
            return changed[key]
        return self._committed.get(table, key) if self._committed else self._peek(table, key)

    def get_many(self, table: str, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that the table would have, as this transaction would leave it."""
        self.lock()
        assert self._committed is not None
        found = self._committed.get_many(table, keys)
        changed = self.changes.get(table)
        if changed:
            for key in keys:
                if key in changed:
                    value = changed[key]
                    if value is None:
                        found.pop(key, None)
                    else:
                        found[key] = value
        return found

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield all (key, value) that were committed when it locked, in the order of the keys."""
        self.lock()
        assert self._committed is not None
        yield from self._committed.items(table)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set the value at `key`."""
        self.lock()
        self.changes.setdefault(table, {})[key] = value

    def put_many(self, table: str, values: Mapping[bytes, bytes]) -> None:
        """Set the values of these keys."""
        self.lock()
        self.changes.setdefault(table, {}).update(values)

    def delete(self, table: str, key: bytes) -> None:
        """Remove `key`, if it is there."""
        self.lock()
        self.changes.setdefault(table, {})[key] = None


def apply(
    txn: lmdb.Transaction[bytes], databases: dict[str, lmdb._Database], changes: dict[str, dict[bytes, bytes | None]]
) -> None:
    """Write the changes, in the order of the keys: neighbours then share a page."""
    for table, changed in changes.items():
        database = databases[table]
        puts = []
        for key, value in sorted(changed.items()):
            if value is None:
                txn.delete(key, db=database)
            else:
                puts.append((key, value))
        if puts:
            txn.cursor(database).putmulti(puts)
