"""Rewrite a folder of `peavine run --data` for another number of shards of a Pod, into a new folder.

The folder has a folder POD-SHARD for each shard (layout.py). Everything else in it is copied as it is.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peavine.errors import InvalidRequest, StoreError
from peavine.store import Shard, Store
from peavine.store.file import Writer
from peavine.store.resharding import Moved, count, reshard
from peavine.wire.split import owner

__all__ = ["Plan", "carry_out", "plan"]

STORE: Final = "data.mdb"
OF_A_STORE: Final = (STORE, "lock.mdb", "writer.lock", "clean-close")
CACHES: Final = (".hnsw", ".unfinished")
"""Files that are made again from the stores."""


@dataclass(frozen=True)
class Plan:
    """What is to be rewritten."""

    folder: Path
    to: Path
    flow: str
    pod: str
    shards: int
    before: int
    """The number of shards that there are."""
    stores: tuple[str, ...]
    """The stores of each shard, as folders within the shard's."""
    rows: int
    """The number of rows to look at."""
    left_out: tuple[str, ...]
    """Files of shards that are not stores: nothing is known about their content."""

    def sources(self, store: str) -> list[Path]:
        """Return where that store of each shard is."""
        return [self.folder / f"{self.pod}-{shard}" / store for shard in range(self.before)]


def plan(folder: Path, to: Path, shards: int, pod: str | None) -> Plan:
    """Return what is to be done; write nothing. Raises InvalidRequest or StoreError where it cannot be done."""
    if not folder.is_dir():
        raise InvalidRequest(f"{folder}: there is no such folder; name the one that `peavine run --data` was given")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InvalidRequest(f"--to {to}: is there already; name a folder that does not exist")
    found = _shards(folder)
    known = ", ".join(sorted(found)) or "none"
    if pod is None:
        if len(found) != 1:
            raise InvalidRequest(f"{folder}: has stores of these Pods: {known}; choose one with --pod")
        (pod,) = found
    if pod not in found:
        raise InvalidRequest(f'{folder}: has no store of Pod "{pod}" in folders {pod}-SHARD; Pods with stores: {known}')
    folders = found[pod]
    stores = sorted({str(path.parent.relative_to(each)) for each in folders.values() for path in each.rglob(STORE)})
    seen = {path.parent: _look(path.parent) for each in folders.values() for path in each.rglob(STORE)}
    held = [shard for shard, _ in seen.values() if shard]
    before = max((shard.shards for shard in held), default=len(folders))
    for number in range(before):
        for name in stores:
            path = folder / f"{pod}-{number}" / name
            if path not in seen:
                raise StoreError(f"store {path}: is missing, and Pod {pod} has {before} shards; restore it first")
            shard = seen[path][0]
            if shard and (shard.shard, shard.shards) != (number, before):
                raise StoreError(f"store {path}: it holds {shard}; put each shard's folder where it belongs")
    others = [
        str(path.relative_to(folder))
        for each in folders.values()
        for path in sorted(each.rglob("*"))
        if path.is_file() and path.name not in OF_A_STORE and path.suffix not in CACHES
    ]
    flow, rows = held[0].flow if held else "", sum(count for _, count in seen.values())
    return Plan(folder, to, flow, pod, shards, before, tuple(stores), rows, tuple(others))


def carry_out(plan: Plan, tell: Callable[[int], None]) -> Moved:
    """Write the new folder, which appears in one step when it is on disk; `tell` hears of rows as they are read."""
    unfinished = plan.to.with_name(f"{plan.to.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    moved = Moved()
    try:
        _copy_others(plan, unfinished)
        for name in plan.stores:
            targets = {
                unfinished / f"{plan.pod}-{shard}" / name: Shard(plan.flow, plan.pod, shard, plan.shards)
                for shard in range(plan.shards)
            }
            some = reshard(plan.sources(name), targets, owner, tell)
            moved.rows, moved.stale = moved.rows + some.rows, moved.stale + some.stale
        for path in (*unfinished.rglob("*"), unfinished):
            _sync(path)
        os.replace(unfinished, plan.to)
        _sync(plan.to.parent)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StoreError(f"{plan.to}: the disk is full; it needs as much room as {plan.folder} has") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return moved


def _shards(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the folders with stores in them, by Pod and shard."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(.+)-(\d+)", path.name)
        if match and path.is_dir() and any(path.rglob(STORE)):
            found.setdefault(match[1], {})[int(match[2])] = path
    return found


def _look(folder: Path) -> tuple[Shard | None, int]:
    """Return the shard that a store holds, if it knows, and the number of its rows."""
    store = Store(folder, read_only=True)
    try:
        return store.identity.shard if store.identity else None, count(store)
    finally:
        store.close()


def _copy_others(plan: Plan, to: Path) -> None:
    """Copy what is not of the Pod, while nobody writes to it."""
    with ExitStack() as stack:
        for path in sorted(plan.folder.iterdir()):
            match = re.fullmatch(r"(.+)-(\d+)", path.name)
            if match and match[1] == plan.pod:
                continue
            for store in path.rglob(STORE) if path.is_dir() else ():
                stack.callback(Writer(store.parent).close)
            if path.is_dir():
                shutil.copytree(path, to / path.name)
            else:
                shutil.copy2(path, to / path.name)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
