"""How far two vectors are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem
from peavine.executors.families import EmbeddingEvaluator

Vector = NDArray[Any]


def _pair(actual: Vector, desired: Vector, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for vector in (np.asarray(actual), np.asarray(desired)):
        if vector.dtype.kind not in "biuf":
            raise InvalidRequest(f"{name} compares real numbers, not {vector.dtype}")
    a, b = np.asarray(actual, np.float64).ravel(), np.asarray(desired, np.float64).ravel()
    if a.shape != b.shape:
        raise InvalidRequest(f"{name}: {len(a)} numbers cannot be compared with {len(b)}")
    return a, b


class CosineEvaluator(EmbeddingEvaluator):
    """The cosine distance: 1 - the cosine of the angle between them."""

    ascending = True

    def evaluate(self, actual: Vector, desired: Vector) -> float:
        """Return a number from 0 to 2; 1 when one of them is zero."""
        a, b = _pair(actual, desired, self.name)
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        return 1.0 - float(a @ b) / lengths if lengths else 1.0


class MinkowskiDistanceEvaluator(EmbeddingEvaluator):
    """The distance of an order: 1 adds the differences up, 2 is the distance in space, .inf the largest difference."""

    ascending = True

    def __init__(self, order: float = 2) -> None:
        if not order >= 1:
            raise ManifestError([Problem("order", f"is 1 or more (given: {order})")])
        self.order = order

    def evaluate(self, actual: Vector, desired: Vector) -> float:
        """Return the distance, 0 or more."""
        a, b = _pair(actual, desired, self.name)
        return float(np.linalg.norm(a - b, ord=self.order))


class EuclideanEvaluator(EmbeddingEvaluator):
    """The distance in space."""

    ascending = True

    def evaluate(self, actual: Vector, desired: Vector) -> float:
        """Return the distance, 0 or more."""
        a, b = _pair(actual, desired, self.name)
        return float(np.linalg.norm(a - b))
