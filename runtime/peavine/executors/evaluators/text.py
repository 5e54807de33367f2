"""How much two texts differ."""

from __future__ import annotations

from peavine.executors.edit_distance import edit_distances
from peavine.executors.families import TextEvaluator


class TextLengthEvaluator(TextEvaluator):
    """The difference of their lengths."""

    ascending = True

    def evaluate(self, actual: str, desired: str) -> float:
        """Return the number of characters."""
        return float(abs(len(actual) - len(desired)))


class EditDistanceEvaluator(TextEvaluator):
    """The characters to insert, remove or replace to make one of the other."""

    ascending = True

    def evaluate(self, actual: str, desired: str) -> float:
        """Return the number of edits."""
        return edit_distances(actual, [desired])[0]


class JaccardSimilarityEvaluator(TextEvaluator):
    """The share of their words that they have in common (Jaccard 1912)."""

    def evaluate(self, actual: str, desired: str) -> float:
        """Return a number from 0 to 1; two texts without words are alike."""
        a, b = set(actual.split()), set(desired.split())
        return len(a & b) / len(a | b) if a | b else 1.0
