"""How long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter, so that clients that failed together do not all come back together."""

    first: float
    """Longest delay in seconds after the first failure; doubled with each further one."""
    longest: float
    """Longest delay in seconds after any number of failures."""

    def delay(self, failures: int) -> float:
        """Return seconds to wait after `failures` (1 or more) in a row: between half of the limit and all of it."""
        limit = min(self.longest, self.first * 2.0 ** min(failures - 1, 60))
        return random.uniform(limit / 2, limit)
