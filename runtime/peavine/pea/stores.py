"""What a Pea reports about the stores of its Executor: in its Hello, its metrics and on GET /status."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peavine.errors import StoreError
from peavine.executors import Executor, Indexer
from peavine.pea.metrics import BYTES, COMMITS, DOCUMENTS, EPOCH
from peavine.store import Position, Store
from peavine.v1 import pea_pb2

__all__ = ["expose", "identities", "report", "totals"]


def identities(executor: Executor) -> list[pea_pb2.StoreIdentity]:
    """Return the identities for a Hello. A store that cannot be read now is left out."""
    found = []
    for store in executor.stores():
        try:
            position = store.position
        except StoreError:
            continue
        id, place = _identity(store)
        found.append(pea_pb2.StoreIdentity(id=id, epoch=position.epoch, counter=position.counter, **place))
    return found


def report(executor: Executor, data: Path | None) -> list[dict[str, Any]]:
    """Return each store as plain data. One that cannot be read now has an `error`."""
    found: list[dict[str, Any]] = []
    for store in executor.stores():
        id, place = _identity(store)
        known = {"name": _name(store, data), "id": id, **place}
        try:
            position, writers = store.position, store.writers
        except StoreError as error:
            found.append({**known, "error": str(error)})
            continue
        takeovers = [[takeover.writer.hex(), takeover.counter] for takeover in writers]
        found.append({**known, "epoch": position.epoch, "counter": position.counter, "writers": takeovers})
    return found


def expose(executor: Executor, data: Path | None) -> None:
    """Let the metrics show the position of each store, and how much is kept."""
    DOCUMENTS.set_function(lambda: totals(executor).get("documents", 0))
    BYTES.set_function(lambda: totals(executor).get("bytes", 0))
    for store in executor.stores():
        labels = (_name(store, data), _identity(store)[0])
        EPOCH.labels(*labels).set_function(_reading(store, lambda position: position.epoch))
        COMMITS.labels(*labels).set_function(_reading(store, lambda position: position.counter))


def totals(executor: Executor) -> dict[str, int]:
    """Return how many `documents`, `chunks` and `vectors` are kept, and their `bytes`; only what can be read now."""
    found: dict[str, int] = {}
    for each in (executor, *executor.components):
        if isinstance(each, Indexer):
            try:
                numbers = each.statistics()
            except Exception:  # a store that cannot be read now, or a user's code
                continue
            for name in ("documents", "chunks", "vectors", "bytes"):
                if name in numbers:
                    found[name] = found.get(name, 0) + numbers[name]
    return found


def _reading(store: Store, part: Callable[[Position], int]) -> Callable[[], float]:
    def read() -> float:
        try:
            return part(store.position)
        except StoreError:
            return float("nan")

    return read


def _identity(store: Store) -> tuple[str, dict[str, Any]]:
    identity = store.identity
    shard = identity.shard if identity else None
    place = asdict(shard) if shard else {}
    return identity.id if identity else "", place


def _name(store: Store, data: Path | None) -> str:
    """Return the store's folder within the Pea's; nothing for one that ends with the Pea."""
    return os.path.relpath(store.folder, data) if data else ""
