"""Score: a number that says how good a match is, or how well an evaluation went, and where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["Score"]


@dataclass(slots=True)
class Score:
    """A number with its provenance and its direction."""

    value: float = 0.0
    name: str = ""
    """Of the Executor that gave it."""
    description: str = ""
    operands: list[Score] = field(default_factory=list)
    """The scores that it was made from."""
    reference: str = ""
    """Id of the Document it was measured against."""
    ascending: bool = False
    """Whether smaller is better, as it is for a distance."""

    @property
    def rank(self) -> float:
        """The value as a key that sorts the best first, whatever the direction; what is no number comes last."""
        if math.isnan(self.value):
            return math.inf
        return self.value if self.ascending else -self.value
