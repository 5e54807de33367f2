"""BM25: how well rows fit a query, with statistics that may be those of several shards together.

A clause that stands for several terms (a prefix, similar words) or for a phrase is treated as if it were one term.
Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the idf is Lucene's.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest
from peavine.executors.keywords.postings import Found, Postings
from peavine.executors.keywords.query import Clause, Phrase, Similar, Word

__all__ = ["BM25", "Statistics"]

MAX_EXPANSIONS = 10_000
"""Terms that a prefix, or a similar word, may stand for in one field."""

Statistics = Sequence[int]
"""For one query, numbers that are added up over shards: for each field the rows that have it and the terms in them,
then for each clause and field the rows in which it was found."""


@dataclass(frozen=True, slots=True)
class BM25:
    """The formula: `k1` bounds what repetition counts, `b` is how much the length of a text counts."""

    k1: float
    b: float
    boosts: Sequence[float]
    """The factor by which each field counts."""

    def statistics(self, postings: Postings, clauses: Mapping[Clause, int]) -> Statistics:
        """Return what these rows add to the statistics of a query."""
        fields = range(len(self.boosts))
        counts = [len(find(postings, field, clause).rows) for clause in clauses for field in fields]
        return [*_sizes(postings), *counts]

    def best(
        self, postings: Postings, clauses: Mapping[Clause, int], top_k: int, statistics: Statistics | None = None
    ) -> tuple[list[str], NDArray[np.float64]]:
        """Return the names and scores of the best rows that fit any clause; equals by name.

        `statistics` are those of all shards; without them those of these rows count.
        """
        fields = len(self.boosts)
        if statistics is not None and (
            len(statistics) != 2 * fields + len(clauses) * fields or not all(0 <= each < 2**53 for each in statistics)
        ):
            raise InvalidRequest("the statistics are not those of this query; leave them out")
        sizes = _sizes(postings) if statistics is None else statistics
        scores = np.zeros(postings.capacity)
        for place, (clause, times) in enumerate(clauses.items()):
            for field, boost in enumerate(self.boosts):
                found = find(postings, field, clause)
                if not len(found.rows):
                    continue
                count = len(found.rows) if statistics is None else statistics[2 * fields + place * fields + field]
                rows, terms = sizes[2 * field], sizes[2 * field + 1]
                idf = np.log1p(max(0.0, rows - count + 0.5) / (count + 0.5))
                lengths = postings.lengths(field)[found.rows] * (rows / max(terms, 1))
                saturation = found.counts / (found.counts + self.k1 * (1 - self.b + self.b * lengths))
                scores[found.rows] += times * boost * idf * saturation
        return _top(scores, postings.names, top_k)


def find(postings: Postings, field: int, clause: Clause) -> Found:
    """Return the rows in which a clause is found in a field."""
    if isinstance(clause, Phrase):
        return postings.find_phrase(field, clause.terms)
    if isinstance(clause, Word):
        return postings.find(field, {clause.term: 1.0})
    terms = list(postings.matching(field, clause.fits))
    if len(terms) > MAX_EXPANSIONS:
        what = f"{clause.term}~{clause.edits}" if isinstance(clause, Similar) else f"{clause.start}*"
        raise InvalidRequest(
            f"{what} stands for {len(terms):,} words of the index; the limit is {MAX_EXPANSIONS:,}: write more letters"
        )
    if isinstance(clause, Similar):  # halves add up exactly, in whatever order a shard has its terms
        return postings.find(field, {term: 0.5 ** clause.distance(term) for term in terms})
    return postings.find(field, dict.fromkeys(terms, 1.0))


def _sizes(postings: Postings) -> list[int]:
    return [number for size in postings.sizes for number in size]


def _top(scores: NDArray[np.float64], names: Sequence[str], top_k: int) -> tuple[list[str], NDArray[np.float64]]:
    found = np.flatnonzero(scores)
    if len(found) > top_k:
        least = np.partition(scores[found], len(found) - top_k)[len(found) - top_k]
        above = found[scores[found] > least]
        equal = found[scores[found] == least]
        if len(above) + len(equal) > top_k:
            equal = np.array(heapq.nsmallest(top_k - len(above), equal.tolist(), key=names.__getitem__), np.int64)
        found = np.concatenate([above, equal])
    best = sorted(found.tolist(), key=lambda row: (-scores[row], names[row]))
    return [names[row] for row in best], scores[best]
