"""How well a ranked list of ids fits the ids that should be in it.

`actual` is the list as it came out, best first; `desired` are those that are right, in any order. Formulas as in
Manning, Raghavan and Schuetze, Introduction to Information Retrieval, chapter 8. `eval_at` looks at that many results
from the top; None looks at all.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from peavine.errors import ManifestError, Problem
from peavine.executors.families import RankingEvaluator

Ids = Sequence[Hashable]


class _AtEvaluator(RankingEvaluator):
    """What is common to measures of the first `eval_at` results."""

    def __init__(self, eval_at: int | None = None) -> None:
        if eval_at is not None and eval_at < 1:
            raise ManifestError([Problem("eval_at", f"is 1 or more, or left out for all (given: {eval_at})")])
        self.eval_at = eval_at

    def _hits(self, actual: Ids, desired: Ids) -> list[bool]:
        """Return for each result whether it is right, the same one only once."""
        right = set(desired)
        found = []
        for item in actual[: self.eval_at]:
            found.append(item in right)
            right.discard(item)
        return found


class PrecisionEvaluator(_AtEvaluator):
    """The share of the results that are right; with `eval_at`, missing results count as wrong."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1; 0 when there is no result."""
        hits = self._hits(actual, desired)
        asked = self.eval_at or len(hits)
        return sum(hits) / asked if asked else 0.0


class RecallEvaluator(_AtEvaluator):
    """The share of what is right that is among the results."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1; 0 when nothing is right."""
        return sum(self._hits(actual, desired)) / len(set(desired)) if desired else 0.0


class F1Evaluator(_AtEvaluator):
    """The harmonic mean of precision and recall."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1."""
        hits = sum(self._hits(actual, desired))
        asked = self.eval_at or len(actual)
        return 2 * hits / (asked + len(set(desired))) if hits else 0.0


class ReciprocalRankEvaluator(_AtEvaluator):
    """1 / the place of the first right result."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1; 0 when there is no right result."""
        hits = self._hits(actual, desired)
        return 1 / (hits.index(True) + 1) if any(hits) else 0.0


class AveragePrecisionEvaluator(_AtEvaluator):
    """The mean of the precisions at the places of all that is right."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1; what is right and not found counts as 0."""
        hits = self._hits(actual, desired)
        best = min(len(set(desired)), self.eval_at or len(set(desired)))
        precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
        return math.fsum(precisions) / best if best else 0.0


class NDCGEvaluator(_AtEvaluator):
    """Normalized discounted cumulative gain: right results count more the higher they stand."""

    def evaluate(self, actual: Ids, desired: Ids) -> float:
        """Return a number from 0 to 1; 0 when nothing is right."""
        hits = self._hits(actual, desired)
        best = min(len(set(desired)), self.eval_at or len(set(desired)))
        gained = math.fsum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
        return gained / math.fsum(1 / math.log2(place + 2) for place in range(best)) if best else 0.0
