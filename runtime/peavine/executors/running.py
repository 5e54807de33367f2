"""Mean and spread of numbers that come one by one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunningStatistics:
    """Count, mean and variance in constant memory (Welford, Technometrics 4, 1962)."""

    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        """Take another number."""
        self.count += 1
        difference = value - self.mean
        self.mean += difference / self.count
        self._squares += difference * (value - self.mean)

    @property
    def variance(self) -> float:
        """The mean of the squared differences from the mean; 0 before the first number."""
        return self._squares / self.count if self.count else 0.0
