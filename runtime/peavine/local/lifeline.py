"""A child ends when its parent is gone, however the parent went.

The parent keeps the writing end of a pipe open and never writes; the child reads, and the end of the file means that
the parent is no more. This also works where the parent is SIGKILLed, and needs no polling.
"""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "PEAVINE_LIFELINE"
"""In the child's environment: the number of the reading end."""

GRACE = 10.0
"""Seconds that a child without a parent has to finish what it does."""


def hold() -> None:
    """Watch the lifeline, where this process was given one; when it breaks, end like on SIGTERM."""
    descriptor = os.environ.pop(VARIABLE, None)
    if descriptor is None:
        return
    # What this process starts must not hold the line.
    os.set_inheritable(int(descriptor), False)
    threading.Thread(target=_watch, args=(int(descriptor),), name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)
