"""What a Pea reports about the stores of its Executor: in its Hello, its metrics and on GET /status."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peavine.errors import StoreError
from peavine.executors import Executor
from peavine.pea.metrics import COMMITS, EPOCH
from peavine.store import Position, Store
from peavine.v1 import pea_pb2

__all__ = ["expose", "identities", "report"]


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
    """Let the metrics show the position of each store."""
    for store in executor.stores():
        labels = (_name(store, data), _identity(store)[0])
        EPOCH.labels(*labels).set_function(_reading(store, lambda position: position.epoch))
        COMMITS.labels(*labels).set_function(_reading(store, lambda position: position.counter))


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
