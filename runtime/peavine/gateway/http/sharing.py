"""A bound that many share, such as the bytes of bodies that arrive. Who has made least progress lately gives way. Pure.

So nobody who is idle or slow can keep others out: whoever holds without getting on is first to lose what it holds.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Holder", "Share"]


class Holder(Protocol):
    """What holds a part of a bound."""

    def give_way(self) -> None:
        """Let go of what is held: another needs it. The part counts as released already."""


class Share:
    """Parts of a bound, by holder."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: dict[Holder, int] = {}
        """What waits for its client, the least recent progress first."""
        self._settled: dict[Holder, int] = {}
        """What is being worked on here: it does not depend on its client, and never gives way."""
        self.total = 0

    def hold(self, holder: Holder, size: int, progress: bool = True) -> None:
        """Set the size of a holder's part. Whoever has made least progress gives way while there is too little room.

        That is the holder itself where everything else is settled.
        """
        before = self._parts.pop(holder, None) if progress else self._parts.get(holder)
        self.total += size - (self._settled.pop(holder, 0) if before is None else before)
        self._parts[holder] = size
        while self.total > self._limit and self._parts:
            slowest = next(iter(self._parts))
            self.release(slowest)
            slowest.give_way()

    def settle(self, holder: Holder) -> None:
        """Let a holder keep its part until it is released, because all of it has come. It may hold nothing."""
        if holder in self._parts:
            self._settled[holder] = self._parts.pop(holder)

    def release(self, holder: Holder) -> None:
        """Return what a holder has. It may hold nothing."""
        self.total -= self._parts.pop(holder, 0) + self._settled.pop(holder, 0)
