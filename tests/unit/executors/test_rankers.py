from typing import Any

import pytest

from peavine.errors import InvalidRequest
from peavine.executors import Hit
from peavine.executors.edit_distance import edit_distances
from peavine.executors.rankers.chunk2doc_ranker import Chunk2DocRanker
from peavine.executors.rankers.levenshtein_ranker import LevenshteinRanker


def hits(*scores: float, ascending: bool) -> list[Hit]:
    return [Hit("doc", f"m{i}", "q", score, ascending, {}, {}) for i, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("aggregate", "score"),
    [("max", 4), ("min", 1), ("mean", 7 / 3), ("median", 2), ("sum", 7), ("prod", 8)],
)
def test_a_document_is_scored_by_its_chunks(aggregate: str, score: float) -> None:
    ranker = Chunk2DocRanker(aggregate)  # type: ignore[arg-type]
    assert ranker.score(hits(2, 1, 4, ascending=False)) == pytest.approx(score)
    assert ranker.score(hits(2, 1, 4, ascending=True)) == pytest.approx(score)


def test_the_best_hit_is_the_least_distance_or_the_greatest_similarity() -> None:
    assert Chunk2DocRanker().score(hits(2, 1, 4, ascending=True)) == 1
    assert Chunk2DocRanker().score(hits(2, 1, 4, ascending=False)) == 4
    assert Chunk2DocRanker().ascending is None


def test_texts_are_ranked_by_their_edits() -> None:
    matches: list[dict[str, Any]] = [
        {"id": "a", "score": 0.0, "text": "shoes"},
        {"id": "b", "score": 0.0, "text": "show"},
        {"text": None},
    ]
    assert LevenshteinRanker().score({"text": "shoe"}, matches) == [1, 1, 4]
    assert LevenshteinRanker().ascending is True


def test_texts_that_are_too_long_to_compare_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="too long to count the edits"):
        LevenshteinRanker().score({"text": "a" * 100_000}, [{"text": "b" * 60_000}, {"text": "c" * 60_000}])


def test_texts_as_long_as_a_chapter_are_compared() -> None:
    assert LevenshteinRanker().score({"text": "ab" * 10_000}, [{"text": "ac" * 10_000}]) == [10_000]


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "", 0), ("kitten", "sitting", 3), ("", "abc", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)]
)
def test_edit_distance_counts_the_fewest_edits(a: str, b: str, edits: int) -> None:
    assert edit_distances(a, [b]) == edit_distances(b, [a]) == [edits]
