"""What several Pods answered becomes one answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score
from peavine.documents.tensor import same
from peavine.drivers.reduce import joined
from peavine.errors import InvalidRequest
from peavine.wire import batch_from_bytes, batch_to_bytes


def copy(docs: list[Document]) -> list[Document]:
    return batch_from_bytes(batch_to_bytes(docs)).docs


def unique(docs: list[Document]) -> list[Document]:
    return list({doc.id: doc for doc in docs}.values())


LISTS = st.lists(st.from_type(Document), max_size=3).map(unique)


@given(LISTS)
def test_what_nothing_is_added_to_stays(docs: list[Document]) -> None:
    assert joined([Batch(copy(docs))]).docs == docs
    assert joined([Batch(copy(docs)), Batch()]).docs == docs
    assert joined([Batch(), Batch(copy(docs))]).docs == docs


@given(LISTS, LISTS)
def test_no_document_is_lost_and_none_stands_twice(ones: list[Document], others: list[Document]) -> None:
    ids = [doc.id for doc in joined([Batch(copy(ones)), Batch(copy(others))]).docs]
    assert ids == list(dict.fromkeys([doc.id for doc in [*ones, *others]]))


@given(LISTS, LISTS)
def test_joining_the_same_again_changes_nothing(ones: list[Document], others: list[Document]) -> None:
    once = joined([Batch(copy(ones)), Batch(copy(others))]).docs
    again = joined([Batch(copy(once)), Batch(copy(others))]).docs
    assert again == once


@given(LISTS, LISTS, LISTS)
def test_three_are_joined_as_two_and_then_one(a: list[Document], b: list[Document], c: list[Document]) -> None:
    at_once = joined([Batch(copy(a)), Batch(copy(b)), Batch(copy(c))]).docs
    by_and_by = joined([joined([Batch(copy(a)), Batch(copy(b))]), Batch(copy(c))]).docs
    assert at_once == by_and_by


@given(st.from_type(Document), st.from_type(Document))
def test_what_the_first_says_stands_and_gaps_are_filled(one: Document, other: Document) -> None:
    other.id = one.id
    doc = joined([Batch(copy([one])), Batch(copy([other]))]).docs[0]
    for name in ("weight", "score"):
        assert getattr(doc, name) == (getattr(other, name) if getattr(one, name) is None else getattr(one, name))
    for name in ("uri", "mime_type", "modality", "location", "level_name"):
        assert getattr(doc, name) == (getattr(one, name) or getattr(other, name))
    assert same(doc.embedding, other.embedding if one.embedding is None else one.embedding)
    assert doc.tags == {**other.tags, **one.tags}
    assert {chunk.id for chunk in doc.chunks} == {chunk.id for chunk in [*one.chunks, *other.chunks]}


def match(id: str, value: float, ascending: bool = True) -> Document:
    return Document(id=id, score=Score(value, ascending=ascending))


def ids(docs: Any) -> str:
    return " ".join(doc.id for doc in docs)


@pytest.mark.parametrize(("ascending", "order"), [(True, "a c b d"), (False, "d b c a")])
def test_matches_of_two_branches_are_sorted_by_their_direction(ask: Any, ascending: bool, order: str) -> None:
    """The predecessor kept one branch's data, or sorted distances the wrong way round."""
    one = [Document(id="q", matches=[match("a", 1, ascending), match("b", 3, ascending)])]
    other = [Document(id="q", matches=[match("c", 2, ascending), match("d", 4, ascending)])]
    for uses in ("_pass", "_merge", "_merge_matches", "_merge_root"):
        assert ids(ask(uses, "search", one, other).docs[0].matches) == order


@pytest.mark.parametrize("ascending", [True, False])
def test_a_score_that_is_no_number_comes_last(ask: Any, ascending: bool) -> None:
    matches = [Document(id=str(value), score=Score(value, ascending=ascending)) for value in (2.0, math.nan, 1.0, 3.0)]
    kept = ask("_merge_matches_topk", "search", [Document(id="q", matches=matches)]).docs[0].matches
    assert kept[-1].id == "nan"
    assert [match.id for match in kept[:-1]] == sorted(["1.0", "2.0", "3.0"], reverse=not ascending)


def test_the_best_are_kept(ask: Any) -> None:
    one = [Document(id="q", matches=[match(str(n), n) for n in range(0, 20, 2)])]
    other = [Document(id="q", matches=[match(str(n), n) for n in range(1, 20, 2)])]
    assert ids(ask("_merge_matches_topk", "search", one, other).docs[0].matches) == "0 1 2 3 4 5 6 7 8 9"
    assert ids(ask("_merge_matches_topk", "search", one, other, top_k=3).docs[0].matches) == "0 1 2"


def test_a_path_is_united_and_the_rest_is_the_firsts(ask: Any) -> None:
    one = [Document(id="q", chunks=[Document(id="a", text="one")], matches=[match("x", 1)])]
    other = [Document(id="q", chunks=[Document(id="a", uri="u"), Document(id="b")], matches=[match("y", 2)])]
    chunks = ask("_merge_chunks", "search", one, other).docs[0]
    assert (ids(chunks.chunks), ids(chunks.matches)) == ("a b", "x")
    assert (chunks.chunks[0].text, chunks.chunks[0].uri) == ("one", "u")
    matches = ask("_merge_matches", "search", one, other).docs[0]
    assert (ids(matches.chunks), ids(matches.matches)) == ("a", "x y")


def test_roots_that_only_a_later_branch_has_are_never_lost(ask: Any) -> None:
    for uses in ("_merge_chunks", "_merge_matches", "_merge_eval", "_pass"):
        assert ids(ask(uses, "search", [Document(id="a")], [Document(id="b")]).docs) == "a b"


def test_the_matches_of_chunks_are_united_on_their_path(ask: Any, make: Any) -> None:
    uses = "!Executor {requests: {on: {search: [!ReduceAllDriver {traversal_paths: [cm]}]}}}"
    bodies = [[Document(id="q", chunks=[Document(id="c", matches=[match(id, 1)])])] for id in "ab"]
    assert ids(ask(uses, "search", *bodies).docs[0].chunks[0].matches) == "a b"


def test_evaluations_are_collected(ask: Any) -> None:
    precision, recall = Score(0.5, "Precision"), Score(0.25, "Recall")
    one = [Document(id="q", evaluations=[precision], text="one")]
    other = [Document(id="q", evaluations=[precision, recall], text="other", uri="ignored")]
    answer = ask("_merge_eval", "search", one, other).docs[0]
    assert (answer.evaluations, answer.text, answer.uri) == ([precision, recall], "one", "")


def test_embeddings_are_put_one_behind_the_other(ask: Any) -> None:
    one = [Document(id="q", embedding=[1, 2], chunks=[Document(id="c", embedding=[5])])]
    other = [Document(id="q", embedding=[3], chunks=[Document(id="c", embedding=[6])])]
    answer = ask("_concat", "index", one, other).docs[0]
    assert answer.embedding.tolist() == [1, 2, 3]
    assert answer.chunks[0].embedding.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Document(id="q"), "1 of 2 Pods gave it an embedding"),
        (Document(id="x", embedding=[1]), "some Pods did not answer"),
    ],
    ids=["no embedding", "another document"],
)
def test_an_embedding_that_is_missing_in_one_branch_is_named(ask: Any, other: Document, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"Document 'q': {said}"):
        ask("_concat", "index", [Document(id="q", embedding=[1])], [other])


def test_groundtruths_are_joined_too(ask: Any) -> None:
    truth = Document(id="t", text="truth")
    assert ask("_pass", "search", [Document(id="a")], [Document(id="a")], truths=[truth]).groundtruths == [truth]


def test_a_query_that_stands_twice_is_answered_twice(ask: Any) -> None:
    one = [Document(id="q", matches=[match("a", 1)]), Document(id="q", matches=[match("b", 1)])]
    other = [Document(id="q", matches=[match("c", 2)]), Document(id="q", matches=[match("d", 2)])]
    for uses in ("_pass", "_merge", "_merge_matches"):
        assert [ids(doc.matches) for doc in ask(uses, "search", one, other).docs] == ["a c", "b d"]


def test_a_weight_of_zero_is_a_weight(ask: Any) -> None:
    answer = ask("_merge", "index", [Document(id="a", weight=0.0)], [Document(id="a", weight=5.0)])
    assert answer.docs[0].weight == 0.0
