"""A store: a folder with one LMDB file, its one writer and its readers, transactions and snapshots.

What the tables mean is not its business (see table.py); what the file looks like is file.py's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb

from peavine.clock import SHARD
from peavine.errors import StoreError, StoreFull, StoreMisplaced
from peavine.store import clean_close, file
from peavine.store.environment import PATIENCE, Environment
from peavine.store.fence import Fence
from peavine.store.identity import (
    IDENTITY,
    POSITION,
    WRITERS,
    Identity,
    Position,
    Shard,
    Takeover,
    misplaced,
    takeovers,
)
from peavine.store.transaction import Reading, Writing, apply

META = "meta"
LATEST = b"latest"
"""In META: the newest version of a write (8 bytes)."""
STATE = b"state"
"""In META: the position of the last commit that changed more than who writes."""

_log = logging.getLogger(__name__)

Changes = Mapping[bytes, bytes | None]
Tables = dict[str, dict[bytes, bytes | None]]
"""Changes by table."""


class Store:
    """Durable tables in `folder`.

    One Store writes to a folder; other processes may read it meanwhile (`read_only=True`). The file grows as needed, to
    `max_size` bytes where that is set. Threads may share a Store. With `shard`, a store that holds the data of another
    shard or Pod is refused before anything is read, and one that was never opened with a shard becomes that shard's.

    Raises StoreDamaged, StoreTooNew, StoreMisplaced, StoreFull, and StoreError where another writer holds the folder.
    """

    identity: Identity | None = None
    """None where it is opened read-only and no peavine since format 2 has written to it."""

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        map_size: int = 1 << 30,
        max_size: int | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.folder, self.read_only, self._shard = folder, read_only, shard
        self._writer: file.Writer | None = None
        self._env: Environment | None = None
        self._observers: dict[str, list[Callable[[Changes], None]]] = {}
        self._changing = threading.Lock()
        self._thread = threading.local()
        self._fence: Fence | None = None
        """None where it is read-only."""
        self._unsure: Tables | None = None
        """The changes of a commit that failed, and may have reached the file all the same."""
        with file.translated(folder):
            self._open(min(map_size, max_size or map_size), max_size)

    def _open(self, map_size: int, max_size: int | None) -> None:
        path = self.folder / clean_close.DATA
        if not self.read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = file.Writer(self.folder)
        elif not path.exists():
            raise StoreError(f"store {self.folder}: nothing was ever written here; index into it before reading it")
        try:
            if not self.read_only:
                file.sweep(self.folder)
                if not path.exists():
                    file.create(self.folder, Identity.drawn(self._shard))
            file.check_unless_written(self.folder, mine=self._writer is not None)
            size = max(map_size, whole_mebibytes(path.stat().st_size))
            self._env = Environment(self.folder, size, max_size, self.read_only)
            self._begin_using()
        except BaseException:
            self._close(well=False)
            raise

    def _begin_using(self) -> None:
        with self.read() as txn:
            file.check_version(self.folder, txn.get(META, b"format"), txn.get(META, b"version"))
            latest = txn.get(META, LATEST)
            identity, position, writers = (txn.get(META, row) for row in (IDENTITY, POSITION, WRITERS))
        try:
            self.identity = Identity.unpacked(identity) if identity else None
        except ValueError as error:
            raise file.damaged(self.folder, str(error)) from error
        held = self.identity.shard if self.identity else None
        if held and self._shard:
            why = misplaced(held, self._shard, self.read_only)
            if why is not None:
                raise StoreMisplaced(f"store {self.folder}: {why}")
            if held.flow != self._shard.flow:
                _log.info(
                    'store %s: was last opened by Flow "%s", now by "%s"', self.folder, held.flow, self._shard.flow
                )
        if self.read_only:
            return
        SHARD.keeps = True
        SHARD.advance(int.from_bytes(latest or b"", "big"))
        self.identity = Identity(self.identity.id if self.identity else Identity.drawn(None).id, self._shard or held)
        self._fence = Fence(self.folder, self.identity, position, writers)
        try:
            self._write({}, counts=False)
        except StoreFull as error:
            _log.warning("%s; until then it can only be searched", error)

    def table(self, name: str, observer: Callable[[Changes], None] | None = None) -> None:
        """Make the table `name` if it is not there; `observer` hears of each commit's changes to it, in their order.

        A cache follows the store by that. It is called before the next transaction can commit, with the value of each
        changed key, None where it was deleted.
        """
        if not self.read_only:
            with file.translated(self.folder), self._changing:
                self._opened.table(name)
        if observer is not None:
            self._observers.setdefault(name, []).append(observer)

    @property
    def _opened(self) -> Environment:
        if self._env is None:
            raise StoreError(f"store {self.folder}: it is closed")
        return self._env

    @property
    def tables(self) -> list[str]:
        """The names of its tables."""
        return self._opened.tables

    @property
    def state(self) -> bytes:
        """A token that changes with its content: what is computed from the store is current if it bears the same."""
        with self.read() as txn:
            return (self.identity.id.encode() if self.identity else b"") + (txn.get(META, STATE) or b"")

    @property
    def last_write(self) -> int:
        """When its newest write was issued, in microseconds since 1970; 0 before the first."""
        with self.committed() as txn:
            return int.from_bytes(txn.get(META, LATEST) or b"", "big")

    @property
    def position(self) -> Position:
        """How far it has come."""
        with self.committed() as txn:
            found = txn.get(META, POSITION)
        return Position.unpacked(found) if found else Position()

    @property
    def writers(self) -> list[Takeover]:
        """Who opened it for writing, the last one last."""
        with self.committed() as txn:
            return takeovers(txn.get(META, WRITERS) or b"")

    def healthy(self) -> str | None:
        """Return why it cannot be used any longer, None while it can."""
        if self._fence is not None and self._fence.taken is not None:
            return str(self._fence.taken)
        try:
            with self.committed() as txn:
                found = txn.get(META, POSITION)
            if self._fence is not None:
                self._fence.check_writer(found)
        except StoreError as error:
            return str(error)
        return None

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
            reading, end = self._opened.reading()
            try:
                yield reading
            finally:
                end()

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
                self._write(current.changes)
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
        with file.translated(self.folder):
            reading, end = self._opened.reading()
        ends.append(end)
        return reading

    def _write(self, changes: Tables, counts: bool = True) -> None:
        """Commit the changes and tell the observers, if nobody else has committed since this Store last did."""
        fence = self._fence
        assert fence is not None

        def change(txn: lmdb.Transaction[bytes], databases: dict[str, lmdb._Database]) -> None:
            fence.check(txn.get(POSITION, db=databases[META]))
            apply(txn, databases, changes)

        with file.translated(self.folder):
            self._settle()
            rows = fence.rows(counts)
            state = {STATE: rows[POSITION]} if counts else {}
            changes[META] = {**rows, **changes.get(META, {}), **state}
            self._unsure = changes
            try:
                self._opened.write(change)
            except BaseException:
                with suppress(StoreError, lmdb.Error):  # else before the next commit
                    self._settle()
                raise
        self._committed()

    def _settle(self) -> None:
        """Find out whether a commit that failed has reached the file: then what follows the store must hear of it."""
        if self._unsure is not None:
            with self.committed() as txn:
                found = txn.get(META, POSITION)
            if found == self._unsure[META][POSITION]:
                self._committed()
            self._unsure = None

    def _committed(self) -> None:
        assert self._unsure is not None
        assert self._fence is not None
        changes, self._unsure = self._unsure, None
        self._fence.committed(changes[META][POSITION] or b"")
        for table, changed in changes.items():
            for observe in self._observers.get(table, ()):
                observe(changed)
        latest = changes[META].get(LATEST)
        if latest is not None:
            SHARD.wait(int.from_bytes(latest, "big"))

    def snapshot(self, folder: Path) -> None:
        """Copy what is committed now to `folder`, without its free pages, while others read and write.

        The copy appears in one step when it is complete and on disk. It has the same identity and position.
        """
        if (folder / clean_close.DATA).exists():
            raise StoreError(f"snapshot {folder}: there is a store already; name an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        with file.translated(folder):
            file.appear(folder, lambda unfinished: self._opened.copy(unfinished))

    def close(self) -> None:
        """Let go of the file and of the right to write; what was committed is on disk already."""
        self._close(well=self._unsure is None and not (self._fence and self._fence.taken))

    def _close(self, well: bool) -> None:
        opened, self._env = self._env, None
        if opened is not None:
            opened.close()
        if self._writer is not None:
            if well and opened is not None:
                with suppress(OSError):  # it only spares the next start some time
                    clean_close.leave(self.folder)
            self._writer.close()
            self._writer = None


def whole_mebibytes(size: int) -> int:
    """Return `size` in bytes, rounded up to a MiB: a map must be whole pages."""
    return -(-size // (1 << 20)) << 20
