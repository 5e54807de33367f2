"""Logs what Executors raise where they run, whatever clients see. Bounded: strangers can cause errors at will."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from peavine.errors import ExecutorError, PeavineError, StoreError

__all__ = ["Faults"]

MOST: Final = 256
"""Distinct errors that are remembered."""
FORGET_SECONDS: Final = 3600.0
"""After this time an error is logged as if it were new."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Seen:
    logged: float
    count: int = 1


class Faults:
    """Errors of one Executor. The same class of exception raised at the same line is the same error."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[object, ...], _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def report(self, error: PeavineError, kind: str, executor: str, driver: str) -> None:
        """Log an error with its stack the first time, then when it was seen 10, 100, 1000, .. times.

        What is wrong with a request is its sender's business, and not logged.
        """
        if not isinstance(error, ExecutorError | StoreError):
            return
        cause = error.__cause__ or error
        count = self._count((type(cause), *_raised_at(cause), executor, driver, kind))
        if count == 1:
            _log.error("%s (%s, %s request)", error, driver or executor, kind, exc_info=cause)
        elif str(count).strip("0") == "1":
            _log.error("%s (%s, %s request): %d times so far", error, driver or executor, kind, count)

    def _count(self, key: tuple[object, ...]) -> int:
        now = time.monotonic()
        with self._lock:
            seen = self._seen.get(key)
            if seen is not None and now - seen.logged < FORGET_SECONDS:
                seen.count += 1
                return seen.count
            self._seen[key] = _Seen(now)
            self._seen.move_to_end(key)
            if len(self._seen) > MOST:
                self._seen.popitem(last=False)
            return 1


def _raised_at(error: BaseException) -> tuple[str, int]:
    """Return the file and the line of the innermost frame."""
    trace = error.__traceback__
    if trace is None:
        return "", 0
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno
