"""The store's folder: how its file is made, checked before it is trusted, and locked for one writer.

LMDB maps the file into memory and believes what it reads, so a damaged file can kill the process. Therefore the file is
walked byte by byte before LMDB sees it (`lmdb.verify`), which costs about 4 seconds a GiB; not so where the last writer
closed it and nothing has changed since (`clean_close`). What a value says is not checked here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import lmdb.verify

from peavine.errors import StoreDamaged, StoreError, StoreFull, StoreTooNew
from peavine.store import clean_close
from peavine.store.clean_close import DATA
from peavine.store.identity import IDENTITY, POSITION, Identity, Position

WRITER = "writer.lock"
META = b"meta"
FORMAT = b"peavine-store"
VERSION = 2
"""1 had no identity and no position."""
INTEGER_KEYS = b"\x08\x00"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn what LMDB and the file system raise into a StoreError that names the folder and the remedy."""
    try:
        yield
    except lmdb.MapFullError as error:
        raise StoreFull(f"store {folder}: the bound set for its size is reached; raise max_size") from error
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError) as error:
        raise damaged(folder, str(error)) from error
    except (lmdb.Error, OSError) as error:
        code = error.errno if isinstance(error, OSError) else error.code
        if code in _FULL or (code == errno.EIO and not room(folder)):
            raise StoreFull(f"store {folder}: the disk is full; free some space or enlarge the volume") from error
        if code == errno.EAGAIN:  # it is how LMDB learns which readers are alive
            raise StoreError(
                f"store {folder}: a process in another container uses it under the same process number, {os.getpid()}, "
                "and LMDB cannot tell the two apart; set podTemplate: {spec: {shareProcessNamespace: true}} for one of "
                "the Pods, or give each a copy (docs/storage.md)"
            ) from error
        raise StoreError(f"store {folder}: {error}") from error


def room(folder: Path, size: int = 1 << 20) -> bool:
    """Return whether a file as long as the store's can get `size` bytes more.

    LMDB reports the write that the disk took only a part of as an input/output error, not as a full disk.
    """
    with tempfile.TemporaryFile(dir=folder) as scratch:
        try:
            os.posix_fallocate(scratch.fileno(), max((folder / DATA).stat().st_size - size, 0), 2 * size)
        except OSError as error:
            return error.errno not in _FULL
    return True


def damaged(folder: Path, why: str) -> StoreDamaged:
    """Return the error for a file that is not what was written."""
    return StoreDamaged(
        f"store {folder}: {DATA} is damaged ({why}); restore a snapshot, or remove the file to start empty"
    )


def create(folder: Path, identity: Identity) -> None:
    """Make an empty store, complete or not at all: a crash leaves no half-made file behind."""
    folder.mkdir(parents=True, exist_ok=True)

    def fill(unfinished: Path) -> None:
        with lmdb.Environment(str(unfinished), max_dbs=1, mode=0o640) as env:
            meta = env.open_db(META)
            with env.begin(write=True) as txn:
                txn.put(b"format", FORMAT, db=meta)
                txn.put(b"version", str(VERSION).encode(), db=meta)
                txn.put(IDENTITY, identity.packed, db=meta)
                txn.put(POSITION, Position().packed, db=meta)

    appear(folder, fill)


def appear(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a data file into a scratch folder, then move it into `folder` in one step, all or nothing."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        unfinished = Path(name) / DATA
        fill(Path(name))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(folder / DATA)
    clean_close.sync(folder)


def number(folder: Path) -> tuple[int, int]:
    """Return what tells the file in the folder from any that is put in its place; zeros if there is none."""
    try:
        status = (folder / DATA).stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_dev, status.st_ino


def sweep(folder: Path) -> None:
    """Remove what a writer that was killed while making a file left behind."""
    for left in folder.glob(".unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)


def check_unless_written(folder: Path, mine: bool) -> None:
    """Check the file, unless that would tell nothing new, or another Store writes to it now.

    A writer that closed the file has left it whole. One that writes now has checked it, and a moving file cannot be
    checked. Whoever only reads cannot take the mark of a clean close away, so it always checks the file.
    """
    if mine:
        if not clean_close.take(folder):
            check(folder)
        return
    try:
        handle = os.open(folder / WRITER, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # a snapshot: nobody has written to it yet
        check(folder)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        check(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(handle)


def check(folder: Path) -> None:
    """Walk every page of the file that can be reached; raise StoreDamaged for the first thing that is wrong.

    Nothing may write to the file meanwhile. Any exception that the walk raises is a finding: it reads hostile bytes.
    """
    try:
        findings = lmdb.verify.verify(str(folder))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise StoreError(f"store {folder}: {error}") from error
    except Exception as error:
        raise damaged(folder, str(error) or type(error).__name__) from error
    if findings:
        raise damaged(folder, findings[0])
    check_headers(folder)


def check_headers(folder: Path) -> None:
    """Refuse headers that no sequence of commits can have written, where the walk would believe them.

    Each commit writes the older of the two headers with the next number, so they are one transaction apart. The flags
    (offset 44 of LMDB 0.9's header page, its size at 40, the number at 144) may ask for a fixed address: never by us.
    """
    with (folder / DATA).open("rb") as file:
        pages = [file.read(152)]
        file.seek(int.from_bytes(pages[0][40:44], "little"))
        pages.append(file.read(152))
    first, second = (int.from_bytes(page[144:152], "little") for page in pages)
    if (first, second) != (0, 0) and abs(first - second) != 1:
        raise damaged(folder, f"its headers hold the transactions {first} and {second}, which do not follow each other")
    if any(page[44:46] != INTEGER_KEYS for page in pages):
        raise damaged(folder, "its headers hold flags that peavine never sets")


def check_version(folder: Path, found: bytes | None, version: bytes | None) -> None:
    """Raise StoreTooNew or StoreDamaged unless this peavine can read what the file says it is."""
    if found != FORMAT or version is None or not version.isdigit():
        raise damaged(folder, "it is an LMDB file, but not a peavine store")
    if int(version) > VERSION:
        raise StoreTooNew(
            f"store {folder}: written in format {int(version)}, this peavine reads up to {VERSION}; upgrade peavine"
        )


class Writer:
    """The right to write to a folder: held by one Store at a time, and given up by the kernel when its process dies."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / WRITER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._handle, 64, 0).decode(errors="replace").strip()
            os.close(self._handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise StoreError(
                f"store {folder}: process {holder or 'unknown'} is writing to it, and only one may; "
                "stop that one, or open this one read-only"
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let another one write."""
        os.close(self._handle)
