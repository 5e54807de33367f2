"""From matches of chunks to matches of whole Documents."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal

from peavine.executors.families import Hit, Ranker


class Chunk2DocRanker(Ranker):
    """Scores a Document by the hits of its chunks; derive from it and write `score` for another rule.

    `aggregate`: `best` is the best hit whatever the direction of the scores (the least distance, the greatest
    similarity); `max`, `min`, `mean`, `median`, `sum` and `prod` are of the numbers as they are. The result has the
    direction of the hits.
    """

    def __init__(self, aggregate: Literal["best", "max", "min", "mean", "median", "sum", "prod"] = "best") -> None:
        self.aggregate = aggregate

    def score(self, hits: Sequence[Hit]) -> float:
        """Return the score of a Document, given all hits of its chunks: one or more, of all chunks of the query."""
        scores = [hit.score for hit in hits]
        match self.aggregate:
            case "best":
                return min(scores) if hits[0].ascending else max(scores)
            case "max":
                return max(scores)
            case "min":
                return min(scores)
            case "mean":
                return statistics.fmean(scores)
            case "median":
                return statistics.median(scores)
            case "sum":
                return math.fsum(scores)
            case "prod":
                return math.prod(scores)
