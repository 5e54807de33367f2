"""Keys that wait for work: each is worked on by one worker at a time, and failures wait longer and longer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from peavine.backoff import Backoff

K = TypeVar("K")

BACKOFF = Backoff(0.5, 60.0)
"""Delays before a key that failed is tried again."""


class Workqueue(Generic[K]):
    """A set of keys to work on. A key added while it is worked on is worked on once more afterwards."""

    def __init__(self) -> None:
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        self._busy: set[K] = set()
        self._failures: dict[K, int] = {}
        self._later: dict[K, asyncio.TimerHandle] = {}
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._dirty)

    def add(self, keys: Iterable[K]) -> None:
        """Have each key worked on soon."""
        for key in keys:
            if key in self._dirty:
                continue
            self._dirty.add(key)
            if key not in self._busy:
                self._waiting.append(key)
                self._arrived.set()

    def add_later(self, key: K, seconds: float) -> None:
        """Have a key worked on after a while, or sooner if somebody else adds it or asked for less."""
        loop = asyncio.get_running_loop()
        planned = self._later.get(key)
        if planned is not None and planned.when() <= loop.time() + seconds:
            return
        if planned is not None:
            planned.cancel()
        self._later[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: K) -> None:
        del self._later[key]
        self.add([key])

    async def next(self) -> K:
        """Return the next key, waiting for one. Call `done` when the work is over."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: K, failed: bool = False) -> float | None:
        """Say that the work on a key is over; return the seconds until it is tried again, if it failed."""
        self._busy.discard(key)
        if key in self._dirty:
            self._waiting.append(key)
            self._arrived.set()
        if not failed:
            self._failures.pop(key, None)
            return None
        self._failures[key] = self._failures.get(key, 0) + 1
        delay = BACKOFF.delay(self._failures[key])
        self.add_later(key, delay)
        return delay

    async def work(self, act: Callable[[K], Awaitable[bool]]) -> None:
        """Work on keys for ever; `act` returns whether it succeeded."""
        while True:
            key = await self.next()
            succeeded = False
            try:
                succeeded = await act(key)
            finally:
                self.done(key, failed=not succeeded)
