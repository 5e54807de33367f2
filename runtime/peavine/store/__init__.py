"""Durable tables under Indexers: one folder, one writer, LMDB as the only truth.

A `Store` is a folder with one LMDB file. Everything that a batch changes is one transaction, and `write()` returns only
after the disk has it. A `Table` keeps rows that belong to an owner. What can be computed from a store (a matrix, a
graph) is a cache and is kept elsewhere, stamped with `Store.state`. A store knows which shard's data it holds.

This package knows bytes and ids; it knows no Documents, vectors or metrics.
"""

from peavine.store.identity import Identity, Position, Shard, Takeover
from peavine.store.store import Store
from peavine.store.table import Row, Table
from peavine.store.transaction import Reading, Writing
from peavine.store.verification import verify

__all__ = ["Identity", "Position", "Reading", "Row", "Shard", "Store", "Table", "Takeover", "Writing", "verify"]
