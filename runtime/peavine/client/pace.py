"""How many requests a client has out at once. Pure: it is told the times.

A server works on requests in turn, so what is sent early only waits there, with its deadline running. The number
doubles with each round while answers are prompt, as TCP's slow start does, and shrinks when they take more than an
eighth of the time that a request may take: multiplicative decrease (Chiu and Jain 1989), with the delay as the signal,
as in TCP Vegas.
"""

from __future__ import annotations

__all__ = ["Pace"]

_SHARE = 8


class Pace:
    """The number of requests that may be out: at least 1, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self._requests = 1.0

    @property
    def requests(self) -> int:
        """Requests that may be out now."""
        return int(self._requests)

    def answered(self, requests: int, seconds: float, timeout: float) -> None:
        """Take note that so many requests were answered after `seconds`, of the `timeout` that they had."""
        goal = timeout / _SHARE
        if seconds > goal:
            self._requests = max(1.0, self._requests * max(0.5, goal / seconds))
        elif seconds < goal / 2:
            self._requests = min(float(self.most), self._requests + requests)

    def refused(self) -> None:
        """Take note that the server had no room."""
        self._requests = max(1.0, self._requests / 2)
