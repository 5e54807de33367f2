"""How many units a client has out at once. Pure: it is told the times.

A server works on units in turn, so what is sent early only waits there, with its deadline running. The number of units
out grows by one with each answer while answers are prompt, as TCP's slow start does, and shrinks when they take
more than an eighth of the time that a request may take (Chiu and Jain 1989, additive increase, multiplicative decrease,
with the delay as the signal, as in TCP Vegas).
"""

from __future__ import annotations

__all__ = ["Pace"]

_SHARE = 8


class Pace:
    """The number of units that may be out: at least 1, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self._units = 1.0

    @property
    def units(self) -> int:
        """Units that may be out now."""
        return int(self._units)

    def answered(self, seconds: float, timeout: float) -> None:
        """Take note that a unit was answered after `seconds`, of the `timeout` that it had."""
        goal = timeout / _SHARE
        if seconds > goal:
            self._units = max(1.0, self._units * max(0.5, goal / seconds))
        elif seconds < goal / 2:
            self._units = min(float(self.most), self._units + 1)

    def refused(self) -> None:
        """Take note that the server had no room."""
        self._units = max(1.0, self._units / 2)
