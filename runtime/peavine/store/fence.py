"""What a writer knows of its store, so that no two writers go on unnoticed: where it left it, and in which file.

The lock of the folder keeps a second writer out. Some volumes do not share locks, and a lock file can be removed.
Therefore each writer takes the store over by raising its epoch, and compares positions at every commit.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from peavine.errors import StoreTaken
from peavine.store.file import VERSION, number
from peavine.store.identity import IDENTITY, POSITION, WRITERS, Identity, Position, Takeover, taken_over

__all__ = ["Fence"]


class Fence:
    """One writer's hold on a store, whose rows POSITION and WRITERS it found as given."""

    def __init__(self, folder: Path, identity: Identity, position: bytes | None, writers: bytes | None) -> None:
        self.taken: StoreTaken | None = None
        """Why the store is lost to another writer."""
        self._folder, self._file = folder, number(folder)
        self._last = Position.unpacked(position) if position else Position()
        self._epoch, self._token = self._last.epoch + 1, secrets.token_bytes(8)
        self._takeover: dict[bytes, bytes | None] = {
            b"version": str(VERSION).encode(),
            IDENTITY: identity.packed,
            WRITERS: taken_over(writers or b"", Takeover(self._token, self._last.counter)),
        }

    def rows(self, counts: bool) -> dict[bytes, bytes | None]:
        """Return what a commit writes into META besides its changes; `counts` is whether it has any."""
        position = Position(self._epoch, self._last.counter + counts, self._token)
        return {**self._takeover, POSITION: position.packed}

    def committed(self, position: bytes) -> None:
        """Take note that a commit has reached the file."""
        self._last, self._takeover = Position.unpacked(position), {}

    def check(self, found: bytes | None) -> None:
        """Raise StoreTaken if POSITION is not as this writer left it."""
        position = Position.unpacked(found) if found else Position()
        self._check(position, position != self._last)

    def check_writer(self, found: bytes | None) -> None:
        """Do as `check`, from any thread: a commit may be under way."""
        position = Position.unpacked(found) if found else Position()
        self._check(position, not self._takeover and position.writer != self._token)

    def _check(self, found: Position, differs: bool) -> None:
        if number(self._folder) != self._file:
            why = "its file was replaced while it was open"
        elif differs:
            why = f"another writer has taken it over (epoch {found.epoch}, commit {found.counter})"
        else:
            return
        self.taken = StoreTaken(
            f"store {self._folder}: {why}, so nothing more is written here; make sure that only one process, on one "
            "machine, uses this folder or volume"
        )
        raise self.taken
