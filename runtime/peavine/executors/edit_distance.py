"""How many edits make one sequence of another."""

from __future__ import annotations

from collections.abc import Sequence

from peavine.errors import InvalidRequest

MAX_PAIRS = 4_000_000
"""Pairs of items to compare, at the most: about a second of work."""


def edit_distance(a: Sequence[object], b: Sequence[object]) -> int:
    """Return the least number of items to insert, remove or replace (Wagner and Fischer, JACM 21, 1974).

    Raises InvalidRequest where they are too long together: the work grows with the product of their lengths.
    """
    if len(a) * len(b) > MAX_PAIRS:
        raise InvalidRequest(f"{len(a)} and {len(b)} characters are too long to count the edits between them")
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
