"""The open LMDB file: transactions by many threads, growth, and opening it anew after the disk failed.

LMDB must not map the file anew while anybody uses the map, so a gate counts who does. After a failed write of a header
it refuses every transaction until the file is opened again. What the tables mean is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb

from peavine.errors import StoreError
from peavine.store.transaction import Reading

__all__ = ["PATIENCE", "Environment"]

PATIENCE = 60.0
"""How long, in seconds, a transaction waits for another to end before it gives up."""
REOPENING = 5.0
"""How long, in seconds, it waits for the others before the file is opened anew: until then nobody can begin."""


class Environment:
    """The file in `folder`, mapped into memory. It grows to `max_size` bytes, or without bound."""

    def __init__(self, folder: Path, map_size: int, max_size: int | None, read_only: bool) -> None:
        self._folder, self._map_size, self._max_size, self._read_only = folder, map_size, max_size, read_only
        self._databases: dict[str, lmdb._Database] = {}
        self._gate = threading.Condition()
        self._users = 0
        self._changing = False
        self._lmdb: lmdb.Environment | None = None
        self._open()

    def _open(self) -> None:
        opened = lmdb.Environment(
            str(self._folder),
            map_size=self._map_size,
            max_dbs=64,
            mode=0o640,
            readonly=self._read_only,
            create=False,
            readahead=False,
        )
        try:
            if not self._read_only:
                opened.reader_check()
            found = {name.decode(): opened.open_db(name, create=False) for name in opened.dbs()}
        except BaseException:
            opened.close()
            raise
        self._databases.clear()
        self._databases.update(found)
        self._lmdb = opened

    @property
    def tables(self) -> list[str]:
        """The names of the tables."""
        return list(self._databases)

    def flags(self) -> Mapping[str, object]:
        """Return how LMDB writes."""
        with self._using() as opened:
            return opened.flags()

    def table(self, name: str) -> None:
        """Make a table, if it is not there."""
        if name not in self._databases:
            with self._using() as opened:
                self._databases[name] = opened.open_db(name.encode())

    def reading(self) -> tuple[Reading, Callable[[], None]]:
        """Begin to read what is committed now, and return what ends it."""
        try:
            txn = self._begin()
        except lmdb.MapResizedError:  # another process wrote more than this one has mapped
            self._resize(0)
            txn = self._begin()

        def end() -> None:
            txn.abort()
            self._leave()

        return Reading(txn, self._databases), end

    def write(self, change: Callable[[lmdb.Transaction[bytes], dict[str, lmdb._Database]], None]) -> None:
        """Commit what `change` does to a transaction. It is done again when the map had to grow."""
        while True:
            try:
                with self._using() as opened, opened.begin(write=True) as txn:
                    change(txn, self._databases)
                return
            except lmdb.MapFullError:
                larger = min(self._map_size * 2, self._max_size or self._map_size * 2)
                if larger <= self._map_size:
                    raise
                self._resize(larger)

    def copy(self, folder: Path) -> None:
        """Write what is committed now to a folder, without free pages."""
        with self._using() as opened:
            opened.copy(str(folder), compact=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._lmdb is not None:
            self._lmdb.close()
            self._lmdb = None

    def _begin(self) -> lmdb.Transaction[bytes]:
        opened = self._enter()
        try:
            return opened.begin()
        except BaseException:
            self._leave()
            raise

    @contextmanager
    def _using(self) -> Iterator[lmdb.Environment]:
        opened = self._enter()
        try:
            yield opened
        finally:
            self._leave()

    def _enter(self) -> lmdb.Environment:
        """Return the file, which stays mapped where it is until `_leave`. One that LMDB has given up is opened anew."""
        with self._gate:
            if not self._gate.wait_for(lambda: not self._changing, PATIENCE):
                raise StoreError(f"store {self._folder}: still growing after {PATIENCE:.0f} s; try again")
            if self._lmdb is None or _given_up(self._lmdb):
                self._alone(self._reopen, REOPENING)
            assert self._lmdb is not None
            self._users += 1
            return self._lmdb

    def _leave(self) -> None:
        with self._gate:
            self._users -= 1
            self._gate.notify_all()

    def _resize(self, size: int) -> None:
        """Map `size` bytes (0: as many as the file has) as soon as nobody uses the map."""

        def resize() -> None:
            assert self._lmdb is not None
            self._lmdb.set_mapsize(size)
            self._map_size = self._lmdb.info()["map_size"]

        self._alone(resize, PATIENCE)

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _alone(self, act: Callable[[], None], patience: float) -> None:
        with self._gate:
            self._changing = True
            try:
                if not self._gate.wait_for(lambda: not self._users, patience):
                    raise StoreError(
                        f"store {self._folder}: cannot be mapped anew, a reader did not end within {patience:.0f} s; "
                        "try again"
                    )
                act()
            finally:
                self._changing = False
                self._gate.notify_all()


def _given_up(opened: lmdb.Environment) -> bool:
    """Return whether LMDB refuses every transaction: it could not write a header."""
    with suppress(lmdb.MapResizedError):
        try:
            opened.begin().abort()
        except lmdb.PanicError:
            return True
    return False
