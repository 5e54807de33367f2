"""Matches sorted by how little their text differs from the query's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peavine.executors.edit_distance import edit_distances
from peavine.executors.families import Match2DocRanker


class LevenshteinRanker(Match2DocRanker):
    """Scores a match by the edits (insert, remove, replace a character) that make the query's text of it."""

    query_fields = ("text",)
    match_fields = ("text",)
    ascending = True

    def score(self, query: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> list[float]:
        """Return the number of edits for each match."""
        return edit_distances(query["text"] or "", [match["text"] or "" for match in matches])
