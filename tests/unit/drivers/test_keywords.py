"""Keyword search through the Drivers: what Documents say is indexed, found and highlighted."""

from __future__ import annotations

from typing import Any

import pytest

from peavine.documents import Document
from peavine.drivers import Runner
from peavine.errors import InvalidRequest

PAGES = [
    Document(id="shoes", text="red shoes", tags={"title": "Running", "n": 1}),
    Document(id="boats", text="red boats", tags={"title": ["Sails", "Wind"]}),
]


@pytest.fixture
def words(make: Any) -> Runner:
    runner: Runner = make("_words")
    return runner


def found(ask: Any, runner: Runner, query: str, **parameters: Any) -> list[str]:
    return [match.id for match in ask(runner, "search", [Document(id="q", text=query)], **parameters).docs[0].matches]


def test_documents_are_found_whole_by_their_words(ask: Any, words: Runner) -> None:
    ask(words, "index", PAGES)
    (match,) = ask(words, "search", [Document(id="q", text="SHOES")]).docs[0].matches
    assert (match.id, match.text, match.tags) == ("shoes", "red shoes", {"title": "Running", "n": 1.0})
    assert (match.score.name, match.score.reference, match.score.ascending) == ("KeywordIndexer", "q", False)
    assert found(ask, words, "red", top_k=1) == ["boats"]
    ask(words, "update", [Document(id="shoes", text="blue shoes"), Document(id="new", text="red")])
    assert found(ask, words, "red") == ["boats"]
    ask(words, "delete", [Document(id="boats")])
    assert found(ask, words, "red blue") == ["shoes"]


def test_several_fields_are_searched_with_their_boosts(ask: Any, make: Any) -> None:
    runner = make("!DocumentKeywordIndexer {with: {search_fields: {tags__title: 3, text: 1}}}")
    ask(runner, "index", [*PAGES, Document(id="run", text="running")])
    assert found(ask, runner, "running") == ["shoes", "run"]
    assert found(ask, runner, "wind") == ["boats"]


def test_a_document_without_text_is_refused(ask: Any, words: Runner) -> None:
    with pytest.raises(InvalidRequest, match=r'"a".*no text to index; give it text in text|a.*no text to index'):
        ask(words, "index", [Document(id="a", tags={"n": 1})])


def test_a_field_that_is_not_text_is_refused(ask: Any, make: Any) -> None:
    runner = make("!KeywordIndexer {with: {search_fields: {tags__n: 1}}}")
    with pytest.raises(InvalidRequest, match="tags__n is float; give it text"):
        ask(runner, "index", PAGES)


def test_a_query_without_text_has_no_matches(ask: Any, words: Runner) -> None:
    ask(words, "index", PAGES)
    assert ask(words, "search", [Document(id="q")]).docs[0].matches == []


def test_highlights_come_when_they_are_asked_for(ask: Any, words: Runner) -> None:
    ask(words, "index", PAGES)
    query = [Document(id="q", text="shoes")]
    (match,) = ask(words, "search", query, highlight=True).docs[0].matches
    assert match.tags["highlights"] == {"text": [[4, 9]]}
    assert "highlights" not in ask(words, "search", query).docs[0].matches[0].tags


def test_an_overly_broad_query_names_its_document(ask: Any, words: Runner) -> None:
    with pytest.raises(InvalidRequest, match="Document 'q': the query has 17 different words"):
        found(ask, words, " ".join(f"w{n}*" for n in range(17)))
