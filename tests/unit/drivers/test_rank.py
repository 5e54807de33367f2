from __future__ import annotations

from typing import Any

import pytest

from peavine.documents import Document, Score
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors import Chunk2DocRanker, Hit, Match2DocRanker


def hit(id: str, parent: str, value: float, ascending: bool) -> Document:
    return Document(id=id, parent_id=parent, text=id, score=Score(value, ascending=ascending))


def query(ascending: bool) -> Document:
    one = [hit("a1", "a", 1, ascending), hit("b1", "b", 2, ascending)]
    two = [hit("c1", "c", 3, ascending), hit("a2", "a", 4, ascending)]
    return Document(id="q", chunks=[Document(id="q1", matches=one), Document(id="q2", matches=two)])


def ranked(doc: Document) -> list[tuple[str, float]]:
    return [(match.id, match.score.value) for match in doc.matches if match.score]


@pytest.mark.parametrize(
    ("ascending", "order"),
    [(True, [("a", 1.0), ("b", 2.0), ("c", 3.0)]), (False, [("a", 4.0), ("c", 3.0), ("b", 2.0)])],
)
def test_hits_of_chunks_become_matches_of_documents(ask: Any, ascending: bool, order: list[tuple[str, float]]) -> None:
    """The predecessor sorted distances as if the greatest were best."""
    doc = ask("!Chunk2DocRanker {}", "search", [query(ascending)]).docs[0]
    assert ranked(doc) == order
    score = doc.matches[0].score
    assert (score.name, score.reference, score.ascending) == ("Chunk2DocRanker", "q", ascending)
    assert sorted(operand.value for operand in score.operands) == [1.0, 4.0]
    assert (doc.matches[0].granularity, doc.matches[0].adjacency) == (0, 1)


def test_as_many_matches_are_kept_as_asked_for(ask: Any) -> None:
    assert [id for id, _ in ranked(ask("!Chunk2DocRanker {}", "search", [query(True)], top_k=2).docs[0])] == ["a", "b"]


def test_the_hits_can_be_kept_as_chunks(ask: Any) -> None:
    doc = ask("!Chunk2DocRanker {}", "search", [query(True)], keep_source_matches_as_chunks=True).docs[0]
    assert [chunk.text for chunk in doc.matches[0].chunks] == ["a1", "a2"]


def test_what_is_known_of_a_match_stays_when_it_is_ranked(ask: Any) -> None:
    chunk = Document(matches=[Document(id="a1", root_id="a", parent_id="a", score=Score(0.25, ascending=True))])
    known = Document(id="a", text="page", chunks=[Document(id="a1", text="part")], score=Score(0.5, ascending=True))
    (match,) = ask("Chunk2DocRanker", "search", [Document(chunks=[chunk], matches=[known])]).docs[0].matches
    assert (match.id, match.text, match.chunks[0].text) == ("a", "page", "part")
    assert (match.score.value, match.score.name) == (0.25, "Chunk2DocRanker")


def test_a_ranker_gets_the_fields_that_it_asks_for(ask: Any) -> None:
    class Seen(Chunk2DocRanker):
        match_fields = ("text",)
        query_fields = ("weight",)

        def __init__(self) -> None:
            self.hits: list[Hit] = []

        def score(self, hits: Any) -> float:
            self.hits += hits
            return 0.0

    seen = Seen()
    ask(seen, "search", [query(True)])
    assert seen.hits[0] == Hit("a", "a1", "q1", 1.0, True, {"text": "a1"}, {"weight": None})


def test_a_match_without_a_score_is_named(ask: Any) -> None:
    doc = Document(chunks=[Document(matches=[Document(id="bare")])])
    with pytest.raises(InvalidRequest, match="Document 'bare': has no score"):
        ask("!Chunk2DocRanker {}", "search", [doc])


def test_a_ranker_must_return_a_number(ask: Any) -> None:
    class Odd(Chunk2DocRanker):
        def score(self, hits: Any) -> Any:
            return None

    with pytest.raises(ExecutorError, match="None, which is not a number"):
        ask(Odd(), "search", [query(True)])


def test_documents_take_the_place_of_matches_that_are_parts_of_them(ask: Any) -> None:
    uses = "!Chunk2DocRanker {requests: {on: {search: [!AggregateMatches2DocRankDriver {}]}}}"
    doc = Document(id="q", matches=[hit("a1", "a", 2, True), hit("b1", "b", 1, True), hit("a2", "a", 0.5, True)])
    assert ranked(ask(uses, "search", [doc]).docs[0]) == [("a", 0.5), ("b", 1.0)]


class ByLength(Match2DocRanker):
    match_fields = ("text",)
    ascending = False

    def score(self, query: Any, matches: Any) -> list[float]:
        return [len(match["text"]) + match["score"] / 10 for match in matches]


def test_matches_are_scored_anew_and_sorted_by_the_rankers_direction(ask: Any) -> None:
    doc = Document(id="q", matches=[hit("long", "", 1, True), hit("longest", "", 2, True), hit("x", "", 3, True)])
    answer = ask(ByLength(), "search", [doc]).docs[0]
    assert ranked(answer) == [("longest", 7.2), ("long", 4.1), ("x", 1.3)]
    assert answer.matches[0].score.operands[0].value == 2
    assert answer.matches[0].score.ascending is False


def test_a_score_is_needed_for_each_match(ask: Any) -> None:
    class Few(Match2DocRanker):
        def score(self, query: Any, matches: Any) -> list[float]:
            return [1.0]

    with pytest.raises(ExecutorError, match="1 scores for 2 matches"):
        ask(Few(), "search", [Document(matches=[hit("a", "", 1, True), hit("b", "", 1, True)])])
