"""A table of rows that belong to an owner: a root Document owns what is kept for it and for its parts.

A row has an id, which is unique among the rows of its owner, and a value. In the file:

* table NAME holds `key -> owner's size (2 bytes), owner, value`. The key of an owner's own row, which has its id, is
  that id. The key of a part is `0xff, owner's size - 1 (1 byte), owner, id`; 0xff begins no UTF-8. The owner before a
  value is empty today: earlier versions kept parts by their id, and whose they were with their value.
* table NAME.owners holds `owner -> ids`, each with its size (2 bytes) before it. It is left out where an owner has one
  row, its own.

Which writes come too late to count is the business of versions.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from peavine.documents.identity import MAX_ID_BYTES, row_name, split_name
from peavine.errors import InvalidRequest, StoreError
from peavine.store import versions
from peavine.store.store import META, Store
from peavine.store.transaction import Reading, Writing

_SIZE = struct.Struct("<H")
_NO_OWNER = _SIZE.pack(0)
_PART = b"\xff"
_LONGEST_KEY = 511
_LAYOUT = b"2"
_CONVERTED_AT_ONCE = 1000


class Row(NamedTuple):
    """One row, and whose it is."""

    id: str
    owner: str
    value: bytes

    @property
    def name(self) -> str:
        """What names it among all rows: see `peavine.documents.identity.row_name`."""
        return row_name(self.id, self.owner)


class Table:
    """Rows of one name in a store. Each method that writes is one transaction, or a part of the one that is open.

    `observer` hears of every commit's changes: the row by name, None where it was deleted.
    """

    def __init__(
        self, store: Store, name: str, observer: Callable[[Mapping[str, Row | None]], None] | None = None
    ) -> None:
        self.store, self.name, self.owners = store, name, f"{name}.owners"
        self._counted: tuple[bytes, int] | None = None
        """The state of the store when its parts were counted, and their number."""
        store.table(self.owners)
        versions.open_tables(store)
        store.table(name)
        self._convert()
        if observer is not None:
            store.table(name, lambda changes: observer(_by_name(changes)))

    def __len__(self) -> int:
        with self.store.committed() as txn:
            return txn.count(self.name)

    def __iter__(self) -> Iterator[Row]:
        """Yield the committed rows, as of now, the parts of each owner together."""
        with self.store.committed() as txn:
            for key, value in txn.items(self.name):
                yield row(key, value)

    def get(self, names: Iterable[str]) -> list[bytes | None]:
        """Return the values of the rows with these names, None where there is no such row."""
        with self.store.read() as txn:
            return [found.value if (found := self._get(txn, name)) else None for name in names]

    def owned(self, owners: Iterable[str]) -> list[list[bytes]]:
        """Return the values of all rows of each owner, its own first; an empty list where it has no row of its own.

        It reads what is committed.
        """
        with self.store.committed() as txn:
            return [self._owned(txn, owner.encode()) for owner in owners]

    def scroll(self, after: str = "") -> Iterator[tuple[str, list[bytes]]]:
        """Yield each owner that has a row of its own, in the order of ids, with the values of all its rows.

        It begins behind the id `after`, and sees what was committed when it began.
        """
        start = after.encode()
        with self.store.committed() as txn:
            for key, value in txn.items(self.name, start):
                if key[:1] == _PART:
                    return
                if key != start:
                    yield key.decode(), self._owned(txn, key, value)

    def parts(self) -> int:
        """Count the committed rows that are parts: all but the own rows of owners.

        They are next to each other, and counted again only when the store has changed.
        """
        state = self.store.state
        if self._counted is None or self._counted[0] != state:
            with self.store.committed() as txn:
                self._counted = state, sum(1 for _ in txn.keys(self.name, _PART))
        return self._counted[1]

    @property
    def size(self) -> int:
        """Bytes that its rows take in the file."""
        with self.store.committed() as txn:
            return txn.size(self.name) + txn.size(self.owners)

    def _owned(self, txn: Reading, owner: bytes, own: bytes | None = None) -> list[bytes]:
        """Return the values of all rows of an owner, its own first."""
        own = own if own is not None or not 0 < len(owner) <= MAX_ID_BYTES else txn.get(self.name, owner)
        if own is None:
            return []
        listed = txn.get(self.owners, owner)
        ids = [] if listed is None else unpack(listed)
        parts = [txn.get(self.name, _key(id, owner)) for id in ids if id != owner]
        return [value[_SIZE.size :] for value in (own, *parts) if value is not None]

    def add(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], issued: Sequence[int] = ()
    ) -> None:
        """Make these the only rows of each owner named; an id that an owner has twice keeps its last row.

        `issued` is the version of the write of each row; by default it is that of now. What is older than what is kept
        of an owner, or than its deletion, changes nothing.
        """
        self._write(ids, values, owners, issued, lambda kept: True)

    def update(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], issued: Sequence[int] = ()
    ) -> None:
        """Do as `add` for the owners that have rows; ignore the others."""
        self._write(ids, values, owners, issued, bool)

    def delete(self, owners: Sequence[str], issued: Sequence[int] = ()) -> None:
        """Remove all rows of these owners, unless a later write made them; ignore unknown ids."""
        keys = [owner.encode() for owner in owners]
        newest = _newest(keys, issued or [versions.now()] * len(keys))
        with self.store.write() as txn:
            txn.lock()
            versions.sweep(txn)
            possible = {owner: version for owner, version in newest.items() if 0 < len(owner) <= MAX_ID_BYTES}
            for owner, ids in self._rows_of(txn, versions.claim(txn, possible, deletes=True)).items():
                self._clear(txn, owner, ids)

    def _write(
        self,
        ids: Sequence[str],
        values: Sequence[bytes],
        owners: Sequence[str],
        issued: Sequence[int],
        wanted: Callable[[list[bytes]], bool],
    ) -> None:
        keys = _keys(ids, values, owners)
        if not keys:
            return
        every = issued or [versions.now()] * len(keys)
        newest = _newest([owner for _, owner in keys], every)
        rows: dict[bytes, dict[bytes, bytes]] = {owner: {} for owner in newest}
        for (id, owner), value, version in zip(keys, values, every, strict=True):
            if version == newest[owner]:
                rows[owner][id] = value
        with self.store.write() as txn:
            txn.lock()
            versions.sweep(txn)
            kept = self._rows_of(txn, newest)
            puts = {}
            for owner in versions.claim(txn, {owner: newest[owner] for owner, ids in kept.items() if wanted(ids)}):
                if kept[owner]:
                    self._clear(txn, owner, kept[owner])
                own = rows[owner]
                for id, value in own.items():
                    puts[_key(id, owner)] = _NO_OWNER + value
                if len(own) > 1 or owner not in own:
                    txn.put(self.owners, owner, pack(own))
            txn.put_many(self.name, puts)

    def _clear(self, txn: Writing, owner: bytes, ids: list[bytes]) -> None:
        """Remove the rows of an owner, all of which have these ids."""
        for id in ids:
            txn.delete(self.name, _key(id, owner))
        if ids and ids != [owner]:
            txn.delete(self.owners, owner)

    def _rows_of(self, txn: Writing, owners: Collection[bytes]) -> dict[bytes, list[bytes]]:
        """Return the ids of the rows of each owner."""
        listed = txn.get_many(self.owners, owners)
        own = txn.get_many(self.name, [owner for owner in owners if owner not in listed])
        return {
            owner: unpack(listed[owner]) if owner in listed else [owner] if owner in own else [] for owner in owners
        }

    def _get(self, txn: Reading | Writing, name: str) -> Row | None:
        id, owner = (each.encode() for each in split_name(name))
        if not (0 < len(id) <= MAX_ID_BYTES and 0 < len(owner) <= MAX_ID_BYTES):
            return None
        key = _key(id, owner)
        value = txn.get(self.name, key) if len(key) <= _LONGEST_KEY else None
        return None if value is None else row(key, value)

    def _convert(self) -> None:
        """Bring the rows of a store that was written before parts of different Documents could share ids up to date."""
        layout = f"{self.name}.layout".encode()
        with self.store.committed() as txn:
            if txn.get(META, layout) == _LAYOUT:
                return
            old = [key for key, value in txn.items(self.name) if _owner(value)]
        if self.store.read_only:
            if old:
                raise StoreError(f"store {self.store.folder}: written by an earlier peavine; open it once for writing")
            return
        for start in range(0, len(old), _CONVERTED_AT_ONCE):
            with self.store.write() as writing:
                writing.lock()
                for key in old[start : start + _CONVERTED_AT_ONCE]:
                    value = writing.get(self.name, key)
                    assert value is not None
                    owner = _owner(value)
                    writing.delete(self.name, key)
                    writing.put(self.name, _key(key, owner), _NO_OWNER + value[2 + len(owner) :])
        with self.store.write() as writing:
            writing.put(META, layout, _LAYOUT)


def row(key: bytes, value: bytes) -> Row:
    """Read a row as it is kept."""
    if key[:1] != _PART:
        id = key.decode()
        return Row(id, id, value[_SIZE.size :])
    end = 3 + key[1]
    return Row(key[end:].decode(), key[2:end].decode(), value[_SIZE.size :])


def pack(ids: Iterable[bytes]) -> bytes:
    """Write a list of ids."""
    return b"".join(_SIZE.pack(len(id)) + id for id in ids)


def unpack(packed: bytes) -> list[bytes]:
    """Read a list of ids."""
    ids, at = [], 0
    while at < len(packed):
        end = at + _SIZE.size + _SIZE.unpack_from(packed, at)[0]
        ids.append(packed[at + _SIZE.size : end])
        at = end
    return ids


def _newest(owners: Iterable[bytes], issued: Iterable[int]) -> dict[bytes, int]:
    """Return the newest version of the writes of each owner."""
    newest: dict[bytes, int] = {}
    for owner, version in zip(owners, issued, strict=True):
        newest[owner] = max(newest.get(owner, 0), version)
    return newest


def _by_name(changes: Mapping[bytes, bytes | None]) -> dict[str, Row | None]:
    found = {}
    for key, value in changes.items():
        changed = row(key, value or _NO_OWNER)
        found[changed.name] = None if value is None else changed
    return found


def _key(id: bytes, owner: bytes) -> bytes:
    return id if id == owner else _PART + bytes((len(owner) - 1,)) + owner + id


def _owner(value: bytes) -> bytes:
    """Return the owner of a row that an earlier version wrote."""
    return value[_SIZE.size : _SIZE.size + _SIZE.unpack_from(value)[0]]


def _keys(ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Return the id and the owner of each row in UTF-8, or raise InvalidRequest for what is no id."""
    if not len(ids) == len(values) == len(owners):
        raise InvalidRequest(f"{len(ids)} ids, {len(values)} values and {len(owners)} owners: give one of each per row")
    keys = [(id.encode(), owner.encode()) for id, owner in zip(ids, owners, strict=True)]
    for id, owner in keys:
        if 0 < len(id) <= MAX_ID_BYTES and (
            id == owner or 0 < len(owner) <= min(MAX_ID_BYTES, _LONGEST_KEY - 2 - len(id))
        ):
            continue
        for each in (id, owner):
            if not 0 < len(each) <= MAX_ID_BYTES:
                start = each[:32].decode(errors="replace")
                raise InvalidRequest(f'id "{start}" has {len(each)} bytes; give it 1 to {MAX_ID_BYTES}')
        start = owner[:32].decode(errors="replace")
        raise InvalidRequest(
            f'a part of "{start}..." and this Document have ids of {len(id)} and {len(owner)} bytes; '
            f"together they may have {_LONGEST_KEY - 2}"
        )
    return keys
