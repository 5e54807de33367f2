"""How many edits turn one text into another."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from peavine.errors import InvalidRequest

MAX_PAIRS = 10**10
"""Pairs of characters to compare in one call: less than a second of work, because rapidfuzz compares 64 at once."""


def edit_distances(text: str, others: Sequence[str]) -> list[float]:
    """Return the fewest characters to insert, remove or replace to turn the text into each of the others.

    Raises InvalidRequest where the texts are too long: the work grows with the product of their lengths.
    """
    length = sum(map(len, others))
    if len(text) * length > MAX_PAIRS:
        raise InvalidRequest(
            f"a text of {len(text):,} characters and {length:,} characters to compare it with are too long to count "
            f"the edits between them; the product of both numbers may be {MAX_PAIRS:,}"
        )
    return [float(Levenshtein.distance(text, other)) for other in others]
