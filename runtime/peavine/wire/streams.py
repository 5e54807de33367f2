"""The streams that a server has open: how many, how long each may be silent, and how old it may become.

One that must go is drained: its peer is asked to send nothing new, what came is answered, and the stream ends. Peers
connect again and lose nothing. So a stranger cannot keep others out with streams on which nothing travels.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final, Protocol

from peavine.errors import Overloaded

__all__ = ["MAX_STREAMS", "Streams"]

MAX_STREAMS: Final = 256
"""Streams of one server. When there is one more, the one that has been silent for longest goes."""
SWEEPS: Final = 10
"""How many times within the shortest limit streams are looked at."""


class Lasting(Protocol):
    """A stream, as far as its life is concerned."""

    @property
    def silent_since(self) -> float | None:
        """Since when it has been the peer's turn, by the monotonic clock; None while it waits for an answer."""

    def drain(self, reason: str) -> None:
        """End it once all that came is answered."""


class Streams:
    """Open streams. `max_age` and `max_silence` are in seconds."""

    def __init__(self, max_age: float, max_silence: float = float("inf"), max_streams: int = MAX_STREAMS) -> None:
        self._max_age, self._max_silence, self._max_streams = max_age, max_silence, max_streams
        self._until: dict[Lasting, float] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def add(self, stream: Lasting) -> None:
        """Take a stream in. Raises Overloaded when there are too many and all of them are in use."""
        if len(self._until) >= self._max_streams:
            silent = [(since, one) for one in self._until if (since := one.silent_since) is not None]
            if not silent:
                raise Overloaded(f"{self._max_streams} streams are open here, the limit, and all are in use", 1.0)
            self._drain(min(silent, key=lambda pair: pair[0])[1], "others need its place; connect again")
        # Not all at once: who came together would come back together.
        self._until[stream] = time.monotonic() + self._max_age * random.uniform(0.9, 1.1)
        if self._sweeping is None:
            self._sweep_later()

    def remove(self, stream: Lasting) -> None:
        """Forget a stream that ended."""
        self._until.pop(stream, None)
        if not self._until and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def drain(self, reason: str) -> None:
        """Drain all."""
        for stream in list(self._until):
            self._drain(stream, reason)

    def _drain(self, stream: Lasting, reason: str) -> None:
        del self._until[stream]
        stream.drain(reason)

    def _sweep_later(self) -> None:
        delay = min(self._max_age, self._max_silence) / SWEEPS
        self._sweeping = asyncio.get_running_loop().call_later(delay, self._sweep)

    def _sweep(self) -> None:
        now = time.monotonic()
        for stream, until in list(self._until.items()):
            since = stream.silent_since
            if now > until:
                self._drain(stream, "the stream is old; connect again")
            elif since is not None and now - since > self._max_silence:
                self._drain(stream, f"nothing was sent for {self._max_silence:g} s; connect again")
        self._sweeping = None
        if self._until:
            self._sweep_later()
