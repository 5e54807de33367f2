"""Move the rows of stores at rest into another number of stores: each row goes where its owner belongs.

Folders, Pods and the rule by which an owner belongs to a shard are the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peavine.errors import StoreDamaged, StoreError
from peavine.store import file
from peavine.store.identity import IDENTITY, POSITION, WRITERS, Shard
from peavine.store.store import META, STATE, Store
from peavine.store.table import row
from peavine.store.transaction import Reading
from peavine.store.verification import verify

__all__ = ["Moved", "count", "reshard"]

ROWS, BYTES = 2000, 16 << 20
"""What is kept in memory, at most, before it is written."""
OWN: Final = {b"format", b"version", IDENTITY, POSITION, WRITERS, STATE}
"""Rows of META that each store has for itself."""
GREATEST: Final = {b"latest"}
"""Rows of META of which the greatest counts."""
PREFIXES: Final = {"versions": 0, "tombstones": 8}
"""Tables whose keys are an owner, after so many bytes."""
OWNERS, VALUES = ".owners", ".of"
"""Endings of the tables that list, by owner, its rows in the table before the ending, or its value there."""

Place = Callable[[str, int], int]
"""Returns the shard that an owner belongs to, of so many."""


@dataclass
class Moved:
    """What was done."""

    rows: int = 0
    stale: int = 0
    """Rows that were left out, because another shard also had their owner and it belongs there."""


def reshard(sources: Sequence[Path], targets: Mapping[Path, Shard], place: Place, tell: Callable[[int], None]) -> Moved:
    """Write what the stores of all shards hold into new stores, which get identities of their own.

    `tell` hears of rows as they are looked at. Raises StoreError where a source is written to by a process, or the
    shards do not fit together; the targets are then not complete.
    """
    moved = Moved()
    with ExitStack() as stack:
        opened = []
        for folder in sources:
            opened.append(Store(folder, read_only=True))
            stack.callback(opened[-1].close)
            if opened[-1].identity is None:
                raise StoreError(
                    f"store {folder}: was written by an earlier peavine; start the Flow once, which converts it"
                )
            stack.callback(file.Writer(folder).close)
        read = [stack.enter_context(store.committed()) for store in opened]
        tables = sorted({name for store in opened for name in store.tables} - {META})
        new = [_Target(folder, shard, tables) for folder, shard in targets.items()]
        for target in new:
            stack.callback(target.store.close)
            target.rows += [(META, key, value) for key, value in _settings(sources, read).items()]
        for number, txn in enumerate(read):
            for table in tables:
                for key, value in txn.items(table):
                    owner = _owner(table, tables, key, value)
                    if _holder(owner, read, tables, place) == number:
                        new[place(owner.decode(), len(new))].put(table, key, value)
                        moved.rows += 1
                    else:
                        moved.stale += 1
                    tell(1)
        for target in new:
            target.flush()
    for folder in targets:
        problems = verify(folder)
        if problems:
            raise StoreDamaged(f"store {folder}: {problems[0]}; run `peavine reshard` again")
    return moved


def count(store: Store) -> int:
    """Return the number of rows that `reshard` will look at in a store."""
    with store.committed() as txn:
        return sum(txn.count(name) for name in store.tables if name != META)


class _Target:
    """A store that is filled, some rows at a time."""

    def __init__(self, folder: Path, shard: Shard, tables: Sequence[str]) -> None:
        self.store = Store(folder, shard=shard)
        for name in tables:
            self.store.table(name)
        self.rows: list[tuple[str, bytes, bytes]] = []
        self._bytes = 0

    def put(self, table: str, key: bytes, value: bytes) -> None:
        self.rows.append((table, key, value))
        self._bytes += len(key) + len(value)
        if len(self.rows) >= ROWS or self._bytes >= BYTES:
            self.flush()

    def flush(self) -> None:
        with self.store.write() as txn:
            for table, key, value in self.rows:
                txn.put(table, key, value)
        self.rows, self._bytes = [], 0


def _settings(folders: Sequence[Path], read: Sequence[Reading]) -> dict[bytes, bytes]:
    """Return the rows of META that are about the rows of all shards, such as the dimension of vectors."""
    found: dict[bytes, bytes] = {}
    for folder, txn in zip(folders, read, strict=True):
        for key, value in txn.items(META):
            if key in OWN:
                continue
            before = found.setdefault(key, value)
            if key in GREATEST:
                found[key] = max(before, value)
            elif before != value:
                raise StoreError(
                    f"store {folder}: its {key.decode()} is {value!r}, and that of another shard is {before!r}; these "
                    "stores do not belong together, or one was last opened by an earlier peavine: start the Flow once"
                )
    return found


def _owner(table: str, tables: Sequence[str], key: bytes, value: bytes) -> bytes:
    if f"{table}{VALUES}" in tables:  # value -> size of nothing, owner
        return value[2 + int.from_bytes(value[:2], "little") :]
    if f"{table}{OWNERS}" in tables:
        return row(key, value).owner.encode()
    if table in PREFIXES or table.endswith((OWNERS, VALUES)):
        return key[PREFIXES.get(table, 0) :]
    raise StoreError(f'table "{table}": whose rows these are is not known to this peavine; upgrade peavine')


def _holder(owner: bytes, read: Sequence[Reading], tables: Sequence[str], place: Place) -> int:
    """Return the number of the shard whose rows of an owner count: the one where it belongs, else the first."""
    belongs = place(owner.decode(), len(read))
    if _has(read[belongs], owner, tables):
        return belongs
    return next((number for number, txn in enumerate(read) if _has(txn, owner, tables)), belongs)


def _has(txn: Reading, owner: bytes, tables: Sequence[str]) -> bool:
    keyed = (table for table in tables if f"{table}{VALUES}" not in tables)
    return any(txn.get(table, owner) is not None for table in keyed)
