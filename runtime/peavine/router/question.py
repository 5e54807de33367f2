"""A unit on its way, as routers hold it: never parsed unless it must be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from peavine.router.trail import Trail

__all__ = ["Parcel", "Question"]


@dataclass(slots=True)
class Parcel:
    """A unit between steps, its stamp taken off."""

    kind: int
    count: int
    """Items in it."""
    rest: bytes
    failed: int
    """Items that bear an error."""
    deadline: float
    """By this machine's monotonic clock, in seconds: the latest of its items."""
    skew: float
    """What to add to this machine's monotonic clock to read the one that the deadlines inside were read from."""
    final: bool = False
    """Whether its answer goes to a client; on its way to a Pea, whether nobody works on it after that one."""
    trail: Trail = field(default_factory=Trail)

    def after(self, rest: bytes, failed: int) -> Parcel:
        """Return it as a step left it."""
        return Parcel(self.kind, self.count, rest, failed, self.deadline, self.skew, self.final, self.trail)

    def part(self, rest: bytes, count: int) -> Parcel:
        """Return some of its items, none of which has failed, as a parcel on the same way."""
        return Parcel(self.kind, count, rest, 0, self.deadline, self.skew, self.final, self.trail)


@dataclass(slots=True, eq=False)
class Question:
    """A parcel that waits for a Pea, or for the Pea's answer."""

    parcel: Parcel
    answer: asyncio.Future[Parcel] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    deaths: int = 0
    """How many Peas died while they may have worked on it: it may be what killed them."""
    asked: int = 0
    """When it was last sent, in ticks."""
