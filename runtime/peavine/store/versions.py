"""Versions of owners: a write that was issued before the newest one, or before a deletion, changes nothing.

A gateway that stood still, or a stream that broke, may deliver a write long after its client gave it up and a later one
was acknowledged. Each write therefore has a version, the time at which it was issued (`peavine.clock`). In the file:

* table `versions` holds `owner -> version (8 bytes)` of the last write, which may have been a deletion;
* table `tombstones` holds `version, owner -> nothing` of deletions, so that they can be forgotten when no write that is
  older can arrive any more;
* META `latest` is the newest of all versions.

All Tables of a store share them: what a transaction claims for one table it has for the others, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from peavine.clock import LIFETIME, MOST_AHEAD, SHARD
from peavine.store.store import LATEST, META, Store
from peavine.store.transaction import Writing

__all__ = ["claim", "now", "open_tables", "sweep"]

VERSIONS, TOMBSTONES = "versions", "tombstones"
_SIZE = 8
_SWEPT_AT_ONCE = 256


def open_tables(store: Store) -> None:
    """Make the tables if they are not there."""
    store.table(VERSIONS)
    store.table(TOMBSTONES)


def now() -> int:
    """Return the version of a write that came without one."""
    return SHARD.issue()


def claim(txn: Writing, issued: Mapping[bytes, int], deletes: bool = False) -> set[bytes]:
    """Return the owners that a write of these versions, by owner, changes, and remember the versions.

    The same version again is the same write, sent again, or its part for another table. Raises InvalidRequest for a
    version that no write can have now.
    """
    for version in set(issued.values()):
        SHARD.check(version)
    packed = {owner: version.to_bytes(_SIZE, "big") for owner, version in issued.items()}
    kept = txn.get_many(VERSIONS, packed)
    claimed = {owner for owner, version in packed.items() if kept.get(owner, b"") <= version}
    newer = {owner: packed[owner] for owner in claimed if kept.get(owner) != packed[owner]}
    if newer:
        txn.put_many(VERSIONS, newer)
        newest = max(newer.values())
        latest = txn.get(META, LATEST)
        if latest is None or latest < newest:
            txn.put(META, LATEST, newest)
    if deletes:
        txn.put_many(TOMBSTONES, {packed[owner] + owner: b"" for owner in claimed})
    return claimed


def sweep(txn: Writing) -> None:
    """Forget some deletions that are older than any write which can still arrive."""
    over = (SHARD.now() - LIFETIME - MOST_AHEAD).to_bytes(_SIZE, "big")
    for key, _ in islice(txn.items(TOMBSTONES), _SWEPT_AT_ONCE):
        if key >= over:
            return
        if txn.get(TOMBSTONES, key) is not None:
            txn.delete(TOMBSTONES, key)
            if txn.get(VERSIONS, key[_SIZE:]) == key[:_SIZE]:
                txn.delete(VERSIONS, key[_SIZE:])
