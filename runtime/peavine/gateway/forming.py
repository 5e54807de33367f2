"""Units from single requests. What arrives while every Pea is busy goes together when one is idle; no timer.

The rule (docs/decisions): a unit leaves when a Pea of its first Pod is idle, or when it is full and one takes more. It
holds 1/n of what waits, n being the most Peas that share a step, so that all get a part of a burst; at most 64 requests
and 64 KB. It is never split again. (Shares that shrink with what is left: guided self-scheduling, Polychronopoulos and
Kuck, 1987.)
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from peavine.router.router import Router
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS

__all__ = ["Forming", "Waiting"]


class Waiting(Protocol):
    """A request that waits to leave."""

    @property
    def kind(self) -> int:
        """Number of its Kind."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def over(self) -> bool:
        """Whether nobody waits for its answer any more."""


W = TypeVar("W", bound=Waiting)


class Forming(Generic[W]):
    """Requests that wait, by kind. `leave` gets those that go together."""

    def __init__(self, router: Router, leave: Callable[[list[W]], None]) -> None:
        self._router, self._leave = router, leave
        self._lines: dict[int, _Line[W]] = {}
        self._soon = False
        router.changed = self.kick

    def add(self, request: W) -> None:
        """Let it wait."""
        line = self._lines.get(request.kind)
        if line is None:
            line = self._lines[request.kind] = _Line()
        line.requests.append(request)
        line.size += request.size
        self.kick()

    def kick(self) -> None:
        """Look once, after all that is at hand now was read, whether some may leave."""
        if not self._soon and self._lines:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._soon = False
        idle, free = self._router.idle, self._router.free
        for kind, line in list(self._lines.items()):
            if not idle and not (free and line.full):
                continue
            unit = line.take(self._router.width)
            # The kind goes to the end of the queue, and the unit is on its way before the next look.
            del self._lines[kind]
            if line.requests:
                self._lines[kind] = line
            if unit:
                self._leave(unit)
            self.kick()
            return


class _Line(Generic[W]):
    """Requests of one kind, the oldest first."""

    def __init__(self) -> None:
        self.requests: deque[W] = deque()
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether it holds a whole unit."""
        return len(self.requests) >= MAX_ITEMS or self.size >= MAX_BYTES

    def take(self, width: int) -> list[W]:
        """Take the oldest: one part of `width`, within the bounds of a unit, and at least one."""
        share = min(-(-len(self.requests) // width), MAX_ITEMS)
        unit: list[W] = []
        size = 0
        while self.requests and len(unit) < share and (not unit or size + self.requests[0].size <= MAX_BYTES):
            request = self.requests.popleft()
            self.size -= request.size
            if not request.over:
                unit.append(request)
                size += request.size
        return unit
