"""A table of rows that belong to an owner: a root Document owns what was kept for it and for its chunks.

A row is `id -> owner, value`. In the file: table NAME holds `id -> size of the owner (2 bytes), owner, value`, where no
owner means the id itself; table NAME.owners holds `owner -> ids`, each with its size (2 bytes) before it, and is left
out where an owner has one row of its own id, which is the rule for what has no chunks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from peavine.errors import InvalidRequest
from peavine.store.store import Store
from peavine.store.transaction import Reading, Writing

_SIZE = struct.Struct("<H")
LONGEST_ID = 256
"""Bytes of UTF-8 (LMDB would take 511)."""


class Row(NamedTuple):
    """One row, and whose it is."""

    id: str
    owner: str
    value: bytes


class Table:
    """Rows of one name in a store. Each method that writes is one transaction, or a part of the one that is open.

    `observer` hears of every commit's changes: the row by id, None where it was deleted.
    """

    def __init__(
        self, store: Store, name: str, observer: Callable[[Mapping[str, Row | None]], None] | None = None
    ) -> None:
        self.store, self.name, self.owners = store, name, f"{name}.owners"

        def observe(changes: Mapping[bytes, bytes | None]) -> None:
            if observer is not None:
                observer({key.decode(): None if value is None else row(key, value) for key, value in changes.items()})

        store.table(name, observe if observer is not None else None)
        store.table(self.owners)

    def __len__(self) -> int:
        with self.store.committed() as txn:
            return txn.count(self.name)

    def __iter__(self) -> Iterator[Row]:
        """Yield the committed rows in the order of their ids, as of now."""
        with self.store.committed() as txn:
            for key, value in txn.items(self.name):
                yield row(key, value)

    def get(self, ids: Iterable[str]) -> list[bytes | None]:
        """Return the values of `ids`, None where there is no such row."""
        with self.store.read() as txn:
            return [found.value if (found := self._get(txn, id.encode())) else None for id in ids]

    def add(self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str]) -> None:
        """Make these the only rows of each owner named; an id given twice keeps its last row."""
        keys, owner_keys = _keys(ids, values, owners)
        with self.store.write() as txn:
            txn.lock()
            self._replace(txn, keys, values, owner_keys)

    def update(self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str]) -> None:
        """Do as `add` for the owners that have rows; ignore the others."""
        keys, owner_keys = _keys(ids, values, owners)
        with self.store.write() as txn:
            txn.lock()
            known = {owner for owner in set(owner_keys) if self._rows_of(txn, owner)}
            kept = [n for n, owner in enumerate(owner_keys) if owner in known]
            self._replace(txn, [keys[n] for n in kept], [values[n] for n in kept], [owner_keys[n] for n in kept])

    def delete(self, ids: Iterable[str]) -> None:
        """Remove the rows that these own, and these rows themselves; ignore unknown ids."""
        with self.store.write() as txn:
            txn.lock()
            for key in (id.encode() for id in ids):
                self._clear(txn, key)
                found = self._get(txn, key)
                if found is not None:
                    self._detach(txn, key, found.owner.encode())
                    txn.delete(self.name, key)

    def _get(self, txn: Reading | Writing, key: bytes) -> Row | None:
        if not 0 < len(key) <= LONGEST_ID:
            return None
        value = txn.get(self.name, key)
        return None if value is None else row(key, value)

    def _replace(self, txn: Writing, keys: list[bytes], values: Sequence[bytes], owners: list[bytes]) -> None:
        for owner in dict.fromkeys(owners):
            self._clear(txn, owner)
        last = {key: n for n, key in enumerate(keys)}
        rows_of: dict[bytes, list[bytes]] = {}
        for key, n in last.items():
            owner = owners[n]
            before = self._get(txn, key)
            if before is not None:  # of an owner that is not in this batch, or it would be gone
                self._detach(txn, key, before.owner.encode())
            short = b"" if owner == key else owner
            txn.put(self.name, key, _SIZE.pack(len(short)) + short + values[n])
            rows_of.setdefault(owner, []).append(key)
        for owner, rows in rows_of.items():
            if rows != [owner]:
                txn.put(self.owners, owner, pack(rows))

    def _rows_of(self, txn: Writing, owner: bytes) -> list[bytes]:
        listed = txn.get(self.owners, owner) if 0 < len(owner) <= LONGEST_ID else None
        if listed is not None:
            return unpack(listed)
        found = self._get(txn, owner)
        return [owner] if found is not None and found.owner == found.id else []

    def _clear(self, txn: Writing, owner: bytes) -> None:
        rows = self._rows_of(txn, owner)
        for key in rows:
            txn.delete(self.name, key)
        if rows and rows != [owner]:
            txn.delete(self.owners, owner)

    def _detach(self, txn: Writing, key: bytes, owner: bytes) -> None:
        rows = self._rows_of(txn, owner)
        if rows == [owner]:
            return  # not listed
        left = [each for each in rows if each != key]
        if left and left != [owner]:
            txn.put(self.owners, owner, pack(left))
        else:
            txn.delete(self.owners, owner)


def row(key: bytes, value: bytes) -> Row:
    """Read a row as it is kept."""
    end = 2 + _SIZE.unpack_from(value)[0]
    id = key.decode()
    return Row(id, value[2:end].decode() or id, value[end:])


def pack(ids: Iterable[bytes]) -> bytes:
    """Write a list of ids."""
    return b"".join(_SIZE.pack(len(id)) + id for id in ids)


def unpack(packed: bytes) -> list[bytes]:
    """Read a list of ids."""
    ids, at = [], 0
    while at < len(packed):
        end = at + 2 + _SIZE.unpack_from(packed, at)[0]
        ids.append(packed[at + 2 : end])
        at = end
    return ids


def _keys(ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
    if not len(ids) == len(values) == len(owners):
        raise InvalidRequest(f"{len(ids)} ids, {len(values)} values and {len(owners)} owners: give one of each per row")
    keys, owner_keys = [id.encode() for id in ids], [owner.encode() for owner in owners]
    for key in (*keys, *owner_keys):
        if not 0 < len(key) <= LONGEST_ID:
            start = key[:32].decode(errors="replace")
            raise InvalidRequest(f'id "{start}" has {len(key)} bytes; give it 1 to {LONGEST_ID}')
    return keys, owner_keys
