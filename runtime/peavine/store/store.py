"""A store: a folder with one LMDB file, its one writer and its readers, transactions and snapshots.

What the tables mean is not its business (see table.py); what the file looks like is file.py's.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import lmdb

from peavine.clock import SHARD
from peavine.errors import StoreError
from peavine.store import file
from peavine.store.transaction import Reading, Writing, apply

META = "meta"
LATEST = b"latest"
"""In META: the newest version of a write (8 bytes)."""
PATIENCE = 60.0
"""How long, in seconds, a transaction waits for another to end before it gives up."""

Changes = Mapping[bytes, bytes | None]


class Store:
    """Durable tables in `folder`.

    One Store writes to a folder; other processes may read it meanwhile (`read_only=True`). The file grows as needed, to
    `max_size` bytes where that is set. Threads may share a Store.

    Raises StoreDamaged, StoreTooNew, StoreFull, and StoreError where another writer holds the folder.
    """

    def __init__(
        self, folder: Path, *, read_only: bool = False, map_size: int = 1 << 30, max_size: int | None = None
    ) -> None:
        self.folder, self.read_only, self.max_size = folder, read_only, max_size
        self._writer: file.Writer | None = None
        self._databases: dict[str, lmdb._Database] = {}
        self._observers: dict[str, list[Callable[[Changes], None]]] = {}
        self._changing = threading.Lock()
        self._gate = threading.Condition()
        self._readers = 0
        self._growing = False
        self._thread = threading.local()
        with file.translated(folder):
            self._open(min(map_size, max_size or map_size))

    def _open(self, map_size: int) -> None:
        path = self.folder / file.DATA
        if not self.read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = file.Writer(self.folder)
        elif not path.exists():
            raise StoreError(f"store {self.folder}: nothing was ever written here; index into it before reading it")
        try:
            if not self.read_only:
                file.sweep(self.folder)
                if not path.exists():
                    file.create(self.folder)
            file.check_unless_written(self.folder, mine=self._writer is not None)
            self._env = lmdb.Environment(
                str(self.folder),
                map_size=max(map_size, whole_mebibytes(path.stat().st_size)),
                max_dbs=64,
                mode=0o640,
                readonly=self.read_only,
                create=False,
                readahead=False,
            )
            self._begin_using()
        except BaseException:
            self.close()
            raise

    def _begin_using(self) -> None:
        if not self.read_only:
            self._env.reader_check()
        names = [name.decode() for name in self._env.dbs()]
        self._databases.update({name: self._env.open_db(name.encode(), create=False) for name in names})
        with self.read() as txn:
            file.check_version(self.folder, txn.get(META, b"format"), txn.get(META, b"version"))
            latest = txn.get(META, LATEST)
        if not self.read_only:
            SHARD.keeps = True
            SHARD.advance(int.from_bytes(latest or b"", "big"))

    def table(self, name: str, observer: Callable[[Changes], None] | None = None) -> None:
        """Make the table `name` if it is not there; `observer` hears of each commit's changes to it, in their order.

        A cache follows the store by that. It is called before the next transaction can commit, with the value of each
        changed key, None where it was deleted.
        """
        if name not in self._databases and not self.read_only:
            with file.translated(self.folder), self._changing:
                self._databases[name] = self._env.open_db(name.encode())
        if observer is not None:
            self._observers.setdefault(name, []).append(observer)

    @property
    def tables(self) -> list[str]:
        """The names of its tables."""
        return list(self._databases)

    @property
    def state(self) -> bytes:
        """A token that every commit changes: what is computed from the store is current if it bears the same."""
        with self.read() as txn:
            return txn.get(META, b"state") or b""

    @contextmanager
    def read(self) -> Iterator[Reading | Writing]:
        """Read what is committed now; inside `write()`, what that transaction sees."""
        current: Writing | None = getattr(self._thread, "writing", None)
        if current is not None:
            yield current
            return
        with self.committed() as reading:
            yield reading

    @contextmanager
    def committed(self) -> Iterator[Reading]:
        """Read what is committed now, even inside `write()`."""
        with file.translated(self.folder):
            reading, end = self._reading()
            try:
                yield reading
            finally:
                end()

    def _reading(self) -> tuple[Reading, Callable[[], None]]:
        with self._gate:
            if not self._gate.wait_for(lambda: not self._growing, PATIENCE):
                raise StoreError(f"store {self.folder}: still growing after {PATIENCE:.0f} s; try again")
            try:
                txn = self._env.begin()
            except lmdb.MapResizedError:  # another process wrote more than this one has mapped
                self._resize(0)
                txn = self._env.begin()
            self._readers += 1

        def end() -> None:
            txn.abort()
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

        return Reading(txn, self._databases), end

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """Change the store: all of it is on disk when the block ends, none of it if the block raises.

        Inside another `write()` of the same thread it is a part of that. What raised in a part is not undone alone:
        the whole can then no longer be committed.
        """
        outer: Writing | None = getattr(self._thread, "writing", None)
        if outer is not None:
            try:
                yield outer
            except BaseException:
                outer.failed = True
                raise
            return
        if self.read_only:
            raise StoreError(f"store {self.folder}: opened read-only, so nothing can be written")
        ends: list[Callable[[], None]] = []
        current = Writing(lambda: self._begin_writing(ends), self._peek)
        self._thread.writing = current
        try:
            yield current
            if current.failed:
                raise StoreError(f"store {self.folder}: a part of the transaction failed, so none of it was kept")
            if current.changes:
                ends.pop()()
                self._commit(current.changes)
        finally:
            self._thread.writing = None
            for end in reversed(ends):
                end()

    def _peek(self, table: str, key: bytes) -> bytes | None:
        with self.committed() as reading:
            return reading.get(table, key)

    def _begin_writing(self, ends: list[Callable[[], None]]) -> Reading:
        if not self._changing.acquire(timeout=PATIENCE):
            raise StoreError(f"store {self.folder}: another transaction did not end within {PATIENCE:.0f} s; try again")
        ends.append(self._changing.release)
        reading, end = self._reading()
        ends.append(end)
        return reading

    def _commit(self, changes: dict[str, dict[bytes, bytes | None]]) -> None:
        changes[META] = {**changes.get(META, {}), b"state": uuid.uuid4().bytes}
        with file.translated(self.folder):
            while True:
                try:
                    with self._env.begin(write=True) as txn:
                        apply(txn, self._databases, changes)
                    break
                except lmdb.MapFullError:
                    size = self._env.info()["map_size"]
                    larger = min(size * 2, self.max_size or size * 2)
                    if larger <= size:
                        raise
                    self._resize(larger)
        for table, changed in changes.items():
            for observe in self._observers.get(table, ()):
                observe(changed)
        latest = changes[META].get(LATEST)
        if latest is not None:
            SHARD.wait(int.from_bytes(latest, "big"))

    def _resize(self, size: int) -> None:
        """Map `size` bytes (0: as many as the file has) as soon as nobody reads."""
        with self._gate:
            self._growing = True
            try:
                if not self._gate.wait_for(lambda: not self._readers, PATIENCE):
                    raise StoreError(f"store {self.folder}: cannot grow, a reader did not end within {PATIENCE:.0f} s")
                self._env.set_mapsize(size)
            finally:
                self._growing = False
                self._gate.notify_all()

    def snapshot(self, folder: Path) -> None:
        """Copy what is committed now to `folder`, without its free pages, while others read and write.

        The copy appears in one step when it is complete and on disk; it is a store of its own.
        """
        if (folder / file.DATA).exists():
            raise StoreError(f"snapshot {folder}: there is a store already; name an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        with file.translated(folder), self.committed():
            file.appear(folder, lambda unfinished: self._env.copy(str(unfinished), compact=True))

    def close(self) -> None:
        """Let go of the file and of the right to write; what was committed is on disk already."""
        if hasattr(self, "_env"):
            self._env.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def whole_mebibytes(size: int) -> int:
    """Return `size` in bytes, rounded up to a MiB: a map must be whole pages."""
    return -(-size // (1 << 20)) << 20
