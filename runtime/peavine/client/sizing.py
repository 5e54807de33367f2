"""How many Documents a request has where the user does not say. Pure: it is told the times.

A request should be answered about a second after it was sent: long enough that its own price does not count, short
enough to stay far from its deadline. The number doubles while requests are answered in less than half of that, and
shrinks in proportion when they take longer, as the number of requests does in `pace`.
"""

from __future__ import annotations

__all__ = ["Sizing"]

_FIRST = 8
_MOST = 256
_SECONDS = 1.0
_SHARE = 8
"""A short deadline counts for more than the second: requests should take no more than this part of it."""


class Sizing:
    """The number of Documents of the next request."""

    def __init__(self) -> None:
        self.documents = _FIRST

    def answered(self, documents: int, seconds: float, timeout: float) -> None:
        """Take note that a request of so many Documents was answered after `seconds`, of its `timeout`."""
        goal = min(_SECONDS, timeout / _SHARE)
        if not documents:
            return
        if seconds > goal:
            self.documents = min(self.documents, max(1, int(documents * max(0.25, goal / seconds))))
        elif seconds < goal / 2 and documents >= self.documents:
            self.documents = min(_MOST, 2 * self.documents)

    def late(self, documents: int) -> None:
        """Take note that a request of so many Documents was not answered in time."""
        if documents:
            self.documents = min(self.documents, max(1, documents // 2))
