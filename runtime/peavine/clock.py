"""The time by which writes are ordered, in microseconds since 1970. Pure, given its two sources of time.

A write bears the time at which it was issued, its version, and the newest version of a Document stands. So a write that
was issued after another one was acknowledged must have the greater version, whoever issued the two and whatever their
machines' clocks show. That holds because

* a shard answers a write only when its own clock has passed the write's version (`ShardClock.wait`), and
* whoever issues versions is never behind the clock of a shard: it adds to what a shard said the longest time that this
  may have been on its way (`Heard`), which is the upper bound of Cristian's algorithm (Probabilistic clock
  synchronization, 1989).

This is the commit wait of Spanner (Corbett et al., OSDI 2012) with bounds that are measured instead of given. The wait
is about as long as a message takes, and has mostly passed when a write is on disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from peavine.errors import InvalidRequest

__all__ = ["LIFETIME", "MOST_AHEAD", "SHARD", "Heard", "Issuer", "ShardClock", "ticks"]

MOST_AHEAD: Final = 5_000_000
"""Microseconds by which a version may be ahead of a shard's clock: what is less is waited for, more is refused."""
LIFETIME: Final = 3_600_000_000
"""Microseconds for which a write may be on its way. An older one is refused, so a shard need not remember what it
deleted for longer than this."""
DRIFT: Final = 20_000
"""Two clocks run apart by one microsecond in this many, or less: they are crystals, and disciplined ones."""
MOST_DRIFT: Final = 500_000
"""Microseconds by which they run apart at the most while nothing is heard: both are set by other means meanwhile."""

_END: Final = 1e11
"""Seconds since 1970 that no clock shows."""

Ticks = Callable[[], int]
"""A clock, in microseconds."""


def _wall() -> int:
    return time.time_ns() // 1000


def ticks() -> int:
    """Return the microseconds since this machine was started, those in which it slept included where it can tell."""
    return time.clock_gettime_ns(_CLOCK) // 1000


_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ShardClock:
    """The clock of a process that keeps data: the machine's, but it never runs backwards, restarts included."""

    def __init__(self, wall: Ticks = _wall, ticks: Ticks = ticks) -> None:
        self.keeps = False
        """Whether this process keeps data, so that others have to heed its clock."""
        self._wall, self._ticks = wall, ticks
        self._ahead = wall() - ticks()
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return the time."""
        with self._lock:
            return self._now()

    @property
    def seconds(self) -> float:
        """The time in seconds since 1970; 0 where this process keeps no data."""
        return self.now() / 1e6 if self.keeps else 0.0

    def issue(self) -> int:
        """Return a version for a write that came without one: newer than all that this clock issued before."""
        with self._lock:
            self._last = max(self._last + 1, self._now())
            return self._last

    def advance(self, version: int) -> None:
        """Never show a time before `version` again: a write of that version was answered before this process began."""
        with self._lock:
            self._ahead = max(self._ahead, version - self._ticks())

    def check(self, version: int) -> None:
        """Raise InvalidRequest for a version that no write which is on its way now can have."""
        ahead = version - self.now()
        if ahead > MOST_AHEAD:
            raise InvalidRequest(
                f"the version of this write is {ahead / 1e6:.1f} s ahead of the shard's clock; synchronize the clocks "
                "of the machines, or leave the version out"
            )
        if -ahead > LIFETIME:
            raise InvalidRequest(
                f"this write was issued {-ahead / 1e6:,.0f} s ago, and a write may take {LIFETIME / 1e6:,.0f} s; "
                "send it again as a new one, without a version or with that of now"
            )

    def wait(self, version: int) -> None:
        """Return when the time is past `version`."""
        while (left := version - self.now()) >= 0:
            time.sleep((left + 1) / 1e6)

    def _now(self) -> int:
        ticks = self._ticks()
        self._ahead = max(self._ahead, self._wall() - ticks)
        return ticks + self._ahead


SHARD: Final = ShardClock()
"""The clock of this process."""


class Heard:
    """What is known of the clock of another process: by how much it is ahead of our ticks at the most."""

    def __init__(self) -> None:
        self._bound: int | None = None
        self._measured = 0

    def ahead(self, ticks: int) -> int | None:
        """Return what to add to our ticks, which are `ticks` now, to be past its time; None before it was heard."""
        if self._bound is None:
            return None
        return self._bound + min((ticks - self._measured) // DRIFT, MOST_DRIFT)

    def hear(self, seconds: float, asked: int, answered: int) -> None:
        """Take note that it showed so many seconds since 1970 at a moment between our ticks `asked` and `answered`.

        0 means that the process keeps no data; it is ignored.
        """
        if not 0 < seconds < _END:
            return
        shown = int(seconds * 1e6) + 1  # a double is off by less than that
        known, most, least = self.ahead(answered), shown - asked, shown - answered
        if known is None or most <= known or least > known:  # the last: it was set forward
            self._bound, self._measured = most, answered


class Issuer:
    """Gives versions to writes. One for each process that does; strictly increasing.

    Before a shard was heard it uses the machine's own clock.
    """

    def __init__(self, wall: Ticks = _wall, ticks: Ticks = ticks) -> None:
        self._wall, self._ticks = wall, ticks
        self._heard: set[Heard] = set()
        self._last = 0

    def follow(self, heard: Heard) -> None:
        """Never be behind this clock, until it is forgotten."""
        self._heard.add(heard)

    def forget(self, heard: Heard) -> None:
        """Heed this clock no longer: its process is gone."""
        self._heard.discard(heard)

    @property
    def seconds(self) -> float:
        """The time in seconds since 1970; 0 where no process that keeps data was heard."""
        ticks = self._ticks()
        return self.now() / 1e6 if any(heard.ahead(ticks) is not None for heard in self._heard) else 0.0

    def now(self) -> int:
        """Return a time that no shard's clock is ahead of."""
        ticks = self._ticks()
        known = [ahead for heard in self._heard if (ahead := heard.ahead(ticks)) is not None]
        return ticks + max(known) if known else self._wall()

    def issue(self, documents: int = 1) -> int:
        """Return the version of a write, which has a version of its own for each of its Documents if it is split."""
        version = max(self._last + 1, self.now())
        self._last = version + documents - 1
        return version
