"""How much a gateway works on at once: requests and bytes. More is refused at the door, with when to come again."""

from __future__ import annotations

from typing import Final

from peavine.errors import Overloaded

__all__ = ["Admission"]

SHORTEST, LONGEST = 0.05, 5.0
"""Seconds that a refused client is told to wait: about as long as a request takes now, within these."""
WEIGHT: Final = 0.05
"""Of the newest request in the running average of how long one takes."""


class Admission:
    """Counts what is in flight against its bounds."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.requests = 0
        self.bytes = 0
        self._max_requests, self._max_bytes = max_requests, max_bytes
        self._seconds = SHORTEST

    def enter(self, requests: int, size: int) -> None:
        """Count them in, or raise Overloaded. What is larger than a bound is let in when nothing else is there."""
        if self.requests and (self.requests + requests > self._max_requests or self.bytes + size > self._max_bytes):
            wait = min(max(self._seconds, SHORTEST), LONGEST)
            raise Overloaded(
                f"{self.requests} requests are in flight here (the limit is {self._max_requests}); try again after "
                f"{wait:.2f} s, or raise spec.maxInFlight or spec.gateway.replicas of the Flow",
                retry_after=wait,
            )
        self.requests += requests
        self.bytes += size

    def undo(self, requests: int, size: int) -> None:
        """Count out what came in and was refused at once: it says nothing about how long a request takes."""
        self.requests -= requests
        self.bytes -= size

    def leave(self, requests: int, size: int, seconds: float) -> None:
        """Count them out; they took that long."""
        self.requests -= requests
        self.bytes -= size
        self._seconds += WEIGHT * (seconds - self._seconds)
