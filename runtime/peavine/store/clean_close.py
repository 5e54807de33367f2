"""The mark that a writer leaves when it closes a store, so that the next one need not read the whole file first.

The mark is removed before the file is used. After a crash of any kind there is none, so the file is then walked.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

__all__ = ["leave", "take"]

DATA, MARK = "data.mdb", "clean-close"
HEADERS = 2
"""LMDB's header pages at the beginning of the file. Every commit changes one of them."""


def leave(folder: Path) -> None:
    """Mark the file as whole: it is closed, and nothing was written to it since its last commit."""
    unfinished = folder / f"{MARK}.unfinished"
    with unfinished.open("w") as file:
        file.write(_seal(folder / DATA))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / MARK)
    sync(folder)


def take(folder: Path) -> bool:
    """Remove the mark, and return whether there was one of exactly this file."""
    try:
        found = (folder / MARK).read_text(errors="replace")
        (folder / MARK).unlink()
    except FileNotFoundError:
        return False
    sync(folder)
    return found == _seal(folder / DATA)


def sync(folder: Path) -> None:
    """Return when the disk has the folder's entries."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _seal(path: Path) -> str:
    with path.open("rb") as file:
        first = file.read(4096)
        page = int.from_bytes(first[40:44], "little")  # see file.check_headers
        file.seek(0)
        headers = file.read(HEADERS * min(max(page, 4096), 1 << 16))
    return json.dumps({"size": path.stat().st_size, "headers": hashlib.blake2b(headers).hexdigest()})
