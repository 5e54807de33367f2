"""Finds calls of an Executor that do not return. It decides by the clock that it is given, and ends nothing itself."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import Final

from peavine.drivers import Where

__all__ = ["PATIENCE_SECONDS", "Running", "Watch", "patience"]

PATIENCE_SECONDS: Final = 30.0
"""How long after its deadline a call may run, at the least, before the process is given up."""

LONGEST_CALL: Final = 86400.0
"""Seconds. A peer's deadline may be any number; nothing is waited for longer than this."""

_log = logging.getLogger(__name__)


def patience(least: float, timeout_seconds: float) -> float:
    """Return how long after its deadline a call may run: a request's whole time once more, or longer."""
    return max(least, timeout_seconds)


@dataclass(slots=True, eq=False)
class Running:
    """What one thread of the Executor is doing. Times are by time.monotonic()."""

    kind: str
    began: float
    deadline: float
    """The latest of its requests'."""
    where: Where = field(default_factory=Where)
    thread: int = 0
    reported: float | None = None
    """When it was found to be late."""

    @classmethod
    def until(cls, kind: str, deadline: float) -> Running:
        """Return a call that begins now; `deadline` is by time.time()."""
        now, left = time.monotonic(), deadline - time.time()
        return cls(kind, now, now + (left if left < LONGEST_CALL else LONGEST_CALL))

    def enter(self) -> None:
        """Note the thread that calls this: it is the one to look at."""
        self.thread = threading.get_ident()

    def describe(self, now: float) -> str:
        """Return what runs, and for how long."""
        return f"{self.where} has not returned for {now - self.began:.0f} s (a request of kind {self.kind})"

    def stack(self) -> str:
        """Return where its thread is now."""
        frame = sys._current_frames().get(self.thread)
        return "".join(traceback.format_stack(frame)) if frame is not None else "its thread has ended\n"


class Watch:
    """The calls of one Executor that run now.

    A call is late when its deadline has been over for half of `patience`, and hangs when it goes on for the other half
    after that was seen. So a process that stood still itself, stopped by a signal, is not taken for one that hangs.
    """

    def __init__(self, patience: float) -> None:
        self.running: set[Running] = set()
        self._half = patience / 2

    @property
    def late(self) -> bool:
        """Whether a call that was reported still runs."""
        return any(running.reported is not None for running in self.running)

    def look(self, now: float) -> str:
        """Report each late call once, with the stack of its thread; return what hangs, or nothing."""
        for running in self.running:
            if running.reported is None and now > running.deadline + self._half:
                running.reported = now
                _log.error(
                    "%s; its deadline was %.0f s ago. If it goes on for %.0f s, this process exits to be started "
                    "again. Its thread is at:\n%s",
                    running.describe(now), now - running.deadline, self._half, running.stack(),
                )  # fmt: skip
            elif running.reported is not None and now > running.reported + self._half:
                return running.describe(now)
        return ""

    def remaining(self, now: float) -> float:
        """Return the seconds after which nothing that runs now can still be within its bounds."""
        return max([0.0, *(running.deadline - now for running in self.running)]) + 2 * self._half
