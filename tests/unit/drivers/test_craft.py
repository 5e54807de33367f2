from __future__ import annotations

from typing import Any

import pytest

from peavine.documents import Document
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors import Crafter, Segmenter


class Upper(Crafter):
    def craft(self, text: str, tags: dict[str, Any], weight: float = 2.0) -> dict[str, Any]:
        return {"text": text.upper(), "tags": {"old": text, "weight": weight}}


def test_a_crafter_gets_the_fields_that_it_names_and_sets_those_that_it_returns(ask: Any) -> None:
    answer = ask(Upper(), "index", [Document(text="a", tags={"kept": True}), Document(text="b", weight=0.5)])
    assert [doc.text for doc in answer.docs] == ["A", "B"]
    assert [doc.tags for doc in answer.docs] == [{"kept": True, "old": "a", "weight": 2.0}, {"old": "b", "weight": 0.5}]


def test_a_document_that_lacks_a_field_is_named(ask: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"Document 'b': has no text, and Upper\.craft\(\) asks for it"):
        ask(Upper(), "index", [Document(text="a"), Document(id="b", buffer=b"")])


def test_a_document_whose_chunks_stand_for_it_needs_no_field(ask: Any) -> None:
    answer = ask(Upper(), "index", [Document(chunks=[Document(text="a")])])
    assert answer.docs[0].chunks[0].text == "A"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ({"txt": 1}, 'no field "txt"; did you mean "text"'),
        ({"text": 1}, "text is a string"),
        ([1], "a mapping of fields"),
    ],
)
def test_what_a_crafter_returns_must_fit(ask: Any, returned: Any, said: str) -> None:
    class Odd(Crafter):
        def craft(self, text: str) -> Any:
            return returned

    with pytest.raises(ExecutorError, match=said) as caught:
        ask(Odd(), "index", [Document(text="a")])
    assert caught.value.method == "craft"


class Words(Segmenter):
    def segment(self, text: str) -> list[dict[str, Any]]:
        return [{"text": word, "weight": 0.5} for word in text.split()]


def test_a_segmenter_makes_chunks_that_know_their_place(ask: Any) -> None:
    answer = ask(Words(), "index", [Document(id="a", text="one two three", mime_type="text/plain")])
    chunks = answer.docs[0].chunks
    assert [chunk.text for chunk in chunks] == ["one", "two", "three"]
    assert [(chunk.offset, chunk.siblings, chunk.granularity) for chunk in chunks] == [(0, 3, 1), (1, 3, 1), (2, 3, 1)]
    assert {chunk.parent_id for chunk in chunks} == {"a"}
    assert {chunk.mime_type for chunk in chunks} == {"text/plain"}


def test_cutting_a_document_again_gives_the_same_ids_and_another_document_gives_others(ask: Any) -> None:
    def ids(id: str) -> list[str]:
        return [chunk.id for chunk in ask(Words(), "index", [Document(id=id, text="one two")]).docs[0].chunks]

    assert ids("a") == ids("a")
    assert len({*ids("a"), *ids("b")}) == 4


def test_what_a_segmenter_returns_must_fit(ask: Any) -> None:
    class Odd(Segmenter):
        def segment(self, text: str) -> Any:
            return [{"tetx": "a"}]

    with pytest.raises(ExecutorError, match='no field "tetx"; did you mean "text"'):
        ask(Odd(), "index", [Document(text="a")])


def test_sentences_are_cut_by_the_built_in(ask: Any) -> None:
    answer = ask("!Sentencizer {}", "index", [Document(text="One sentence. And another!")])
    assert [chunk.text for chunk in answer.docs[0].chunks] == ["One sentence.", "And another!"]
