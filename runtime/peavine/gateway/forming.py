"""Units from single requests: what arrives while others are out goes together.

The rule (docs/decisions/0004), with n the most units that one step works on at once: one leaves when its first Pod is
idle and fewer than n are out, or 5 ms after the last one left; or when it is full and a Pea has room. It takes what
waits, up to 1/n of all that is in flight, or 1/d once n are out, d being what all steps work on at once. A lone request
never waits, and a unit is never split or joined on its way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from peavine.wire.unit import MAX_BYTES, MAX_ITEMS

__all__ = ["Forming", "Peas", "Waiting"]

LINGER_SECONDS: Final = 0.005
"""Where Pods do little, a unit is back sooner than this and the next one holds what came meanwhile. Where they do much,
it is little to wait for, and no Pea is idle longer than this while requests wait."""


class Waiting(Protocol):
    """A request that waits to leave."""

    @property
    def kind(self) -> int:
        """Number of its Kind."""

    @property
    def size(self) -> int:
        """Its bytes."""


class Peas(Protocol):
    """What the Peas of a plan can take; a Router."""

    changed: Callable[[], object]
    width: int
    depth: int

    @property
    def idle(self) -> bool:
        """Whether a Pea of each first Pod has nothing to do."""

    @property
    def free(self) -> bool:
        """Whether a Pea of each first Pod has room."""


W = TypeVar("W", bound=Waiting)


class Forming(Generic[W]):
    """Requests that wait, by kind. `leave` gets those that go together, and `returned` is called when they are back."""

    def __init__(self, peas: Peas, leave: Callable[[list[W]], None]) -> None:
        self._peas, self._leave = peas, leave
        self._lines: dict[int, _Line[W]] = {}
        self._out = 0
        self._out_requests = 0
        self._left = 0.0
        self._soon = False
        self._linger: asyncio.TimerHandle | None = None
        peas.changed = self.kick

    def add(self, request: W) -> None:
        """Let it wait."""
        line = self._lines.get(request.kind)
        if line is None:
            line = self._lines[request.kind] = _Line()
        line.requests.append(request)
        line.size += request.size
        self.kick()

    def forget(self, request: W) -> None:
        """Let one that waits wait no longer: nobody waits for its answer any more."""
        line = self._lines[request.kind]
        line.requests.remove(request)
        line.size -= request.size
        if not line.requests:
            del self._lines[request.kind]

    def returned(self, requests: int) -> None:
        """Hear that a unit of so many requests is back."""
        self._out -= 1
        self._out_requests -= requests
        self.kick()

    def kick(self) -> None:
        """Look once, after all that is at hand now was read, whether some may leave."""
        if not self._soon and self._lines:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._soon = False
        width = self._peas.width
        ready = self._peas.idle and (self._out < width or self._lingered())
        for kind, line in list(self._lines.items()):
            if not ready and not (line.full and self._peas.free):
                continue
            # The kind goes to the end of the queue, and the unit is on its way before the next look.
            del self._lines[kind]
            parts = width if self._out < width else self._peas.depth
            unit = line.take(-(-(self._out_requests + len(line.requests)) // parts))
            if line.requests:
                self._lines[kind] = line
            self._out += 1
            self._out_requests += len(unit)
            self._left = time.monotonic()
            self._leave(unit)
            self.kick()
            return

    def _lingered(self) -> bool:
        """Return whether the last unit left long enough ago; else look again when it has."""
        left = self._left + LINGER_SECONDS - time.monotonic()
        if left <= 0:
            return True
        if self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(left, self._lingering_is_over)
        return False

    def _lingering_is_over(self) -> None:
        self._linger = None
        self.kick()


class _Line(Generic[W]):
    """Requests of one kind, the oldest first."""

    def __init__(self) -> None:
        self.requests: deque[W] = deque()
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether it holds a whole unit."""
        return len(self.requests) >= MAX_ITEMS or self.size >= MAX_BYTES

    def take(self, share: int) -> list[W]:
        """Take the oldest: at most `share`, within the bounds of a unit, and at least one."""
        share = min(share, MAX_ITEMS)
        unit: list[W] = []
        size = 0
        while self.requests and len(unit) < share and (not unit or size + self.requests[0].size <= MAX_BYTES):
            request = self.requests.popleft()
            unit.append(request)
            size += request.size
        self.size -= size
        return unit
