"""How good the matches are. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def precision_at(k: int, wanted: Sequence[int], found: Sequence[Sequence[int]]) -> float:
    """Return the mean share of the first `k` matches that have their query's label.

    `wanted` are the queries' labels, `found` the labels of each query's matches, best first. A match that is missing
    counts as wrong. This is Precision@k of Manning, Raghavan, Schuetze: Introduction to Information Retrieval, 8.4.
    """
    if not wanted:
        return 0.0
    right = sum(labels[:k].count(label) for label, labels in zip(wanted, map(list, found), strict=True))
    return right / (k * len(wanted))
