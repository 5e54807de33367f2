"""How long to wait before trying again: exponential with full jitter, capped. Pure, given its source of chance."""

from __future__ import annotations

import random

__all__ = ["delay"]

_FIRST = 0.05
_CAP = 1.0


def delay(attempt: int, at_least: float = 0.0, chance: random.Random | None = None) -> float:
    """Return seconds to wait before the attempt after number `attempt`, counted from 1.

    Never less than `at_least`, which is what the server asked for. Full jitter: Brooker, "Exponential Backoff And
    Jitter", AWS Architecture Blog 2015.
    """
    ceiling = min(_CAP, _FIRST * 2.0 ** min(attempt - 1, 16))
    return at_least + (chance or random).uniform(ceiling / 10, ceiling)
