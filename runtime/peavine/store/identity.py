"""Which shard's data a store holds, and how far its writers have come. Pure: it reads and makes rows, and does no I/O.

Three rows of the table `meta` hold it: `identity` (JSON), `position` (of the last commit) and `writers` (who took the
store over, and at which commit). A snapshot has all three, so an older copy that is put back can be recognized.
"""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import asdict, dataclass
from typing import NamedTuple

__all__ = [
    "IDENTITY",
    "POSITION",
    "WRITERS",
    "Identity",
    "Position",
    "Shard",
    "Takeover",
    "misplaced",
    "taken_over",
    "takeovers",
]

IDENTITY, POSITION, WRITERS = b"identity", b"position", b"writers"
_POSITION = struct.Struct(">QQ8s")
_TAKEOVER = struct.Struct(">8sQ")
REMEMBERED_WRITERS = 100
"""How many takeovers a store remembers."""


@dataclass(frozen=True)
class Shard:
    """A part of a Pod's data, which one store holds."""

    flow: str
    """Name of the Flow; empty for a Pod of its own."""
    pod: str
    """Name of the Pod within its Flow."""
    shard: int
    shards: int
    """Number of shards of the Pod."""

    def __str__(self) -> str:
        return f'shard {self.shard} of {self.shards} of Pod "{self.pod}"'


class Position(NamedTuple):
    """How far a store has come. Of two positions of the same store the later one is greater."""

    epoch: int = 0
    """Number of times that the store was opened for writing."""
    counter: int = 0
    """Number of commits since the store was created."""
    writer: bytes = bytes(8)
    """Random; drawn each time the store is opened for writing."""

    @property
    def packed(self) -> bytes:
        """As it is stored."""
        return _POSITION.pack(*self)

    @classmethod
    def unpacked(cls, packed: bytes) -> Position:
        """Read a position as it is stored. Raises ValueError."""
        if len(packed) != _POSITION.size:
            raise ValueError(f"its position cannot be read: {packed[:80]!r}")
        return cls(*_POSITION.unpack(packed))


class Takeover(NamedTuple):
    """When a writer opened the store."""

    writer: bytes
    counter: int
    """The number of commits that it found."""


@dataclass(frozen=True)
class Identity:
    """A store's id, and the shard that it belongs to."""

    id: str
    """Random; drawn when the store is created, and kept by snapshots."""
    shard: Shard | None = None
    """None for a store that was never opened by a Pea."""

    @classmethod
    def drawn(cls, shard: Shard | None) -> Identity:
        """Return the identity of a new store."""
        return cls(uuid.uuid4().hex, shard)

    @property
    def packed(self) -> bytes:
        """As it is stored."""
        return json.dumps({"id": self.id, **(asdict(self.shard) if self.shard else {})}).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> Identity:
        """Read an identity as it is stored. Raises ValueError."""
        try:
            stored = json.loads(packed)
            id = stored.pop("id")
            return cls(id, Shard(**stored) if stored else None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"its identity cannot be read: {packed[:80]!r}") from error


def misplaced(held: Shard, opened: Shard, read_only: bool) -> str | None:
    """Return why the data of the shard `held` must not be used as that of `opened`, and what to do; None if it may.

    The Flow may have another name: data is restored into a Flow made for that purpose. A Pod that only reads may have
    another name than the one that writes.
    """
    if held.shards != opened.shards:
        return (
            f'it holds {held}, but Pod "{opened.pod}" now has {_shards(opened.shards)}; set `shards` back to '
            f"{held.shards}, or rewrite the data: peavine reshard DIR --shards {opened.shards} --to NEW_DIR"
        )
    if held.shard != opened.shard:
        return f"it holds {held}, but is opened as shard {opened.shard}; put each shard's volume where it belongs"
    if held.pod != opened.pod and not read_only:
        return (
            f'it holds {held}, but is opened by Pod "{opened.pod}"; give the Pod its old name back, '
            "or a folder or volume of its own"
        )
    return None


def _shards(count: int) -> str:
    return "1 shard" if count == 1 else f"{count} shards"


def takeovers(packed: bytes) -> list[Takeover]:
    """Read the takeovers as they are stored, the oldest first."""
    return [Takeover(*each) for each in _TAKEOVER.iter_unpack(packed)]


def taken_over(packed: bytes, takeover: Takeover) -> bytes:
    """Return the stored takeovers with another one; the oldest are forgotten."""
    return (packed + _TAKEOVER.pack(*takeover))[-REMEMBERED_WRITERS * _TAKEOVER.size :]
