"""Where a unit is, and how long it was where: what an error that it was late has to say."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["Trail"]


@dataclass(slots=True)
class Trail:
    """The Pods that a unit waits for, since when, and what those before them took, by this machine's clock."""

    waits: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def enter(self, pod: str) -> None:
        """Begin to wait for a Pod."""
        self.waits[pod] = time.monotonic()

    def leave(self, pod: str) -> None:
        """It answered."""
        self.took[pod] = time.monotonic() - self.waits.pop(pod)

    def __str__(self) -> str:
        now = time.monotonic()
        parts = [f'waited {now - since:.2f} s for Pod "{pod}"' for pod, since in self.waits.items()]
        parts += [f'"{pod}" took {seconds:.2f} s' for pod, seconds in self.took.items()]
        return "; ".join(parts) or "no Pod was asked yet"
