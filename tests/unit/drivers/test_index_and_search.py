"""Index, update, delete and search with the real Indexers."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from peavine.documents import Batch, Document, Sparse
from peavine.drivers import Call, Runner, search
from peavine.drivers.stack import MAX_WRITTEN_OUT
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors import Executor
from peavine.wire import batch_from_bytes, encoded
from peavine.yaml import Tagged


def doc(id: str, *vector: float, **fields: Any) -> Document:
    return Document(id=id, embedding=vector or None, **fields)


@pytest.fixture
def index(make: Any) -> Runner:
    runner: Runner = make("!CompoundIndexer {with: {metric: euclidean}}")
    return runner


def found(ask: Any, index: Runner, *vector: float, **parameters: Any) -> list[str]:
    return [match.id for match in ask(index, "search", [doc("query", *vector)], **parameters).docs[0].matches]


def test_what_was_indexed_is_found_nearest_first_with_all_that_it_says(ask: Any, index: Runner) -> None:
    ask(index, "index", [doc("far", 9, 9, text="far"), doc("near", 1, 1, text="near", tags={"n": 1})])
    match, other = ask(index, "search", [doc("query", 0, 0)]).docs[0].matches
    assert (match.id, match.text, match.tags, other.id) == ("near", "near", {"n": 1.0}, "far")
    assert match.score.value == pytest.approx(np.sqrt(2))
    assert (match.score.name, match.score.reference, match.score.ascending) == ("NumpyIndexer", "query", True)
    assert (match.granularity, match.adjacency, match.embedding) == (0, 1, None)


@pytest.mark.parametrize(("metric", "ascending"), [("euclidean", True), ("cosine", True), ("inner_product", False)])
def test_a_score_knows_its_direction(ask: Any, metric: str, ascending: bool) -> None:
    """The predecessor merged distances as if the greatest were best."""
    uses = f"!CompoundIndexer {{with: {{metric: {metric}}}}}"
    ask(uses, "index", [doc("a", 1, 2), doc("b", 2, 1)])
    matches = ask(uses, "search", [doc("query", 1, 2)]).docs[0].matches
    assert matches[0].score.rank <= matches[1].score.rank
    assert {match.score.ascending for match in matches} == {ascending}


def test_indexing_again_replaces(ask: Any, index: Runner) -> None:
    ask(index, "index", [doc("a", 0, 0, text="old"), doc("b", 5, 5)])
    ask(index, "index", [doc("a", 9, 9, text="new")])
    assert found(ask, index, 0, 0) == ["b", "a"]
    assert ask(index, "search", [doc("q", 9, 9)]).docs[0].matches[0].text == "new"


def test_what_stands_twice_in_a_request_counts_as_if_sent_twice(ask: Any, index: Runner) -> None:
    ask(index, "index", [doc("a", 0, 0, text="old"), doc("a", 9, 9, text="new")])
    matches = ask(index, "search", [doc("q", 0, 0)]).docs[0].matches
    assert [(match.id, match.text) for match in matches] == [("a", "new")]


def test_an_update_updates_what_is_there_and_adds_nothing(ask: Any, index: Runner) -> None:
    """The predecessor's default added."""
    ask(index, "index", [doc("a", 0, 0, text="old")])
    ask(index, "update", [doc("a", 9, 9, text="new"), doc("unknown", 1, 1)])
    matches = ask(index, "search", [doc("q", 9, 9)]).docs[0].matches
    assert [(match.id, match.text) for match in matches] == [("a", "new")]
    assert matches[0].score.value == 0


def test_a_delete_deletes_and_needs_only_ids(ask: Any, index: Runner) -> None:
    """The predecessor's default added."""
    ask(index, "index", [doc("a", 0, 0), doc("b", 1, 1)])
    ask(index, "delete", [Document(id="a"), Document(id="unknown")])
    assert found(ask, index, 0, 0) == ["b"]
    assert index.executor.size == 2  # a vector and a Document


def chunked(id: str, *firsts: float) -> Document:
    return Document(id=id, chunks=[doc(f"{id}{n}", n, 0.0, text=f"chunk {n}") for n in firsts])


def test_chunks_are_found_and_know_their_parent(ask: Any, index: Runner) -> None:
    ask(index, "index", [chunked("a", 1, 2), chunked("b", 3)])
    query = Document(id="q", chunks=[doc("part", 3, 0)])
    matches = ask(index, "search", [query], top_k=2).docs[0].chunks[0].matches
    assert [(match.id, match.parent_id, match.text) for match in matches] == [
        ("b3", "b", "chunk 3"),
        ("a2", "a", "chunk 2"),
        ("a1", "a", "chunk 1"),
    ]
    assert {(match.granularity, match.adjacency) for match in matches} == {(1, 1)}


def test_what_is_found_for_chunks_are_whole_documents_with_their_best_parts(ask: Any, index: Runner) -> None:
    page = Document(id="a", text="page a", tags={"n": 1}, chunks=list(chunked("a", 1, 2, 7).chunks))
    ask(index, "index", [page, chunked("b", 4), chunked("c", 9)])
    query = Document(id="q", chunks=[doc("one", 2, 0), doc("two", 5, 0)])
    (answer,) = ask(index, "search", [query], top_k=2).docs
    first, second = answer.matches
    assert (first.id, first.text, first.tags, first.score.value) == ("a", "page a", {"n": 1}, 0)
    assert [(part.id, part.text, part.score.value) for part in first.chunks] == [("a2", "chunk 2", 0)]
    assert (second.id, second.score.value) == ("b", 1)
    assert (first.granularity, first.adjacency, first.chunks[0].granularity) == (0, 1, 1)
    assert {match.root_id for chunk in answer.chunks for match in chunk.matches} == {"a", "b"}


def test_a_document_with_many_near_parts_does_not_keep_others_out(ask: Any, index: Runner) -> None:
    ask(index, "index", [chunked("a", *range(1, 8)), chunked("b", 50), chunked("c", 60)])
    (answer,) = ask(index, "search", [Document(id="q", chunks=[doc("part", 0, 0)])], top_k=2).docs
    assert [match.id for match in answer.matches] == ["a", "b"]


def test_wholes_are_found_beside_parts(ask: Any, index: Runner) -> None:
    ask(index, "index", [chunked("a", 1), doc("whole", 2, 0, text="whole")])
    (answer,) = ask(index, "search", [Document(id="q", chunks=[doc("part", 2, 0)])]).docs
    assert [(match.id, match.text, len(match.chunks)) for match in answer.matches] == [
        ("whole", "whole", 0),
        ("a", None, 1),
    ]


def test_a_query_whose_own_matches_have_no_score_is_refused(ask: Any, index: Runner) -> None:
    ask(index, "index", [chunked("a", 1)])
    query = Document(id="q", chunks=[doc("part", 1, 0)], matches=[Document(id="a")])
    with pytest.raises(InvalidRequest, match="Document 'a': is a match without a score"):
        ask(index, "search", [query])


def test_a_document_that_is_indexed_again_loses_the_chunks_that_it_has_no_more(ask: Any, index: Runner) -> None:
    ask(index, "index", [chunked("a", 1, 2, 3)])
    ask(index, "index", [chunked("a", 2)])
    assert found(ask, index, 0, 0) == ["a2"]


@pytest.mark.parametrize("kind", ["delete", "update"])
def test_the_chunks_go_with_their_document(ask: Any, index: Runner, kind: str) -> None:
    ask(index, "index", [chunked("a", 1, 2), chunked("b", 3)])
    ask(index, kind, [Document(id="a") if kind == "delete" else chunked("a", 9)])
    assert found(ask, index, 0, 0) == (["b3"] if kind == "delete" else ["b3", "a9"])


def test_two_parts_with_one_id_are_refused(ask: Any, index: Runner) -> None:
    with pytest.raises(InvalidRequest, match="Document 'a': two of its parts have the id 'a1'"):
        ask(index, "index", [chunked("a", 1, 1)])


def test_a_search_in_an_empty_index_finds_nothing(ask: Any, index: Runner) -> None:
    assert found(ask, index, 1, 2) == []


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (3, 3), (4, 4), (1000, 4)])
def test_top_k_is_how_many_are_found_or_all_there_are(ask: Any, index: Runner, top_k: int, count: int) -> None:
    ask(index, "index", [doc(str(n), n, 0) for n in range(4)])
    assert found(ask, index, 0, 0, top_k=top_k) == [str(n) for n in range(count)]


def test_a_search_that_would_fill_the_memory_with_matches_is_refused(
    ask: Any, index: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_MATCHES", 8)
    ask(index, "index", [doc(str(n), n, 0) for n in range(4)])
    assert len(ask(index, "search", [doc("a", 0, 0), doc("b", 0, 0)], top_k=1000).docs[0].matches) == 4
    with pytest.raises(
        InvalidRequest, match=r"3 queries with 4 matches each have more than 8 .*ask for less \(top_k\)"
    ):
        ask(index, "search", [doc(str(n), n, 0) for n in range(3)], top_k=1000)


def test_a_search_whose_matches_would_fill_the_memory_with_documents_is_refused(
    ask: Any, index: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_FILLED", 1000)
    ask(index, "index", [doc("a", 1, 0, text="x" * 400), doc("b", 2, 0, text="x" * 400)])
    assert found(ask, index, 0, 0, top_k=2) == ["a", "b"]
    with pytest.raises(InvalidRequest, match=r"\(the limit is 1,000\); ask for less"):
        ask(index, "search", [doc("q", 0, 0), doc("r", 0, 0)], top_k=2)


def test_searches_that_are_too_much_together_are_answered_one_by_one(
    make: Any, new_call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner: Runner = make("NumpyIndexer")
    runner.run("index", [new_call([doc(str(n), n, 0) for n in range(4)])])
    monkeypatch.setattr(search, "MAX_MATCHES", 8)
    calls = [new_call([doc("q", 1, 0)]) for _ in range(3)]
    runner.run("search", calls)
    assert [len(batch_from_bytes(call.body).docs[0].matches) for call in calls] == [4, 4, 4]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["index", "update", "search"])
def test_an_embedding_that_is_not_finite_is_named(ask: Any, index: Runner, value: float, kind: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^Document 'bad': the embedding holds NaN or an infinity"):
        ask(index, kind, [doc("good", 1, 2), doc("bad", 1, value)])


@pytest.mark.parametrize("kind", ["index", "update", "search"])
def test_a_wrong_dimension_is_named(ask: Any, index: Runner, kind: str) -> None:
    ask(index, "index", [doc("a", 1, 2)])
    with pytest.raises(InvalidRequest, match=r"Document 'bad': .*3.*2"):
        ask(index, kind, [doc("bad", 1, 2, 3)])
    with pytest.raises(InvalidRequest, match="Document 'bad': its embedding has 3 numbers, and that of 'good'"):
        ask(index, kind, [doc("good", 1, 2), doc("bad", 1, 2, 3)])


@pytest.mark.parametrize(
    "embedding", [np.zeros((2, 2)), np.zeros(0), np.array([1j])], ids=["a matrix", "empty", "complex"]
)
def test_an_embedding_that_is_no_vector_is_named(ask: Any, index: Runner, embedding: Any) -> None:
    with pytest.raises(InvalidRequest, match="Document 'bad': an embedding is one list of numbers"):
        ask(index, "index", [Document(id="bad", embedding=embedding)])


@pytest.mark.parametrize("kind", ["index", "search"])
def test_a_document_without_an_embedding_is_named(ask: Any, index: Runner, kind: str) -> None:
    with pytest.raises(InvalidRequest, match=r"Document 'bad': has no embedding to .*put an Encoder before this Pod"):
        ask(index, kind, [doc("good", 1, 2), Document(id="bad", text="x")])
    assert found(ask, index, 0, 0) == []


def test_a_sparse_embedding_is_a_vector_too(ask: Any, index: Runner) -> None:
    ask(index, "index", [Document(id="a", embedding=Sparse([0], [1], [3.0], (1, 3)))])
    assert found(ask, index, 0, 3, 0) == ["a"]


VAST = Sparse([], [], np.empty(0), (1, 2**31))


@pytest.mark.parametrize(
    "uses", ["NumpyIndexer", "RandomProjection", "_concat", "!Executor {requests: {on: {index: [!Tensor2PngURI]}}}"]
)
def test_a_few_bytes_that_say_a_vast_sparse_array_do_not_fill_the_memory(ask: Any, uses: str) -> None:
    vast = Document(id="vast", tensor=VAST, embedding=VAST)
    with pytest.raises(
        InvalidRequest, match=r"Document 'vast': with its sparse array 1 x 2147483648 .* \(the limit is"
    ):
        ask(uses, "index", [vast], [vast]) if uses == "_concat" else ask(uses, "index", [vast])


def test_many_sparse_arrays_together_do_not_fill_the_memory(ask: Any, index: Runner) -> None:
    docs = [Document(id=str(n), embedding=Sparse([], [], np.empty(0), (1, MAX_WRITTEN_OUT // 4))) for n in range(5)]
    with pytest.raises(InvalidRequest, match="Document '4': with its sparse array"):
        ask(index, "search", docs)


def test_an_empty_request_is_answered(ask: Any, index: Runner) -> None:
    for kind in ("index", "search", "update", "delete", "train"):
        assert ask(index, kind, []).docs == []


def test_matches_get_their_embeddings_when_asked(ask: Any, index: Runner) -> None:
    ask(index, "index", [doc("a", 1, 2)])
    match = ask(index, "search", [doc("q", 1, 2)], fill_embedding=True).docs[0].matches[0]
    assert match.embedding.tolist() == [1, 2]


def test_embeddings_are_looked_up_by_id(ask: Any, make: Any) -> None:
    runner: Runner = make("""!NumpyIndexer
requests: {on: {index: [!VectorIndexDriver {}], search: [!VectorFillDriver {traversal_paths: [r]}]}}
""")
    ask(runner, "index", [doc("a", 1, 2)])
    known, unknown = ask(runner, "search", [Document(id="a"), Document(id="b")]).docs
    assert known.embedding.tolist() == [1, 2]
    assert unknown.embedding is None


def test_matches_that_the_store_does_not_know_are_dropped(ask: Any, make: Any) -> None:
    runner: Runner = make("!BinaryPbIndexer {}")
    ask(runner, "index", [Document(id="a", text="known", mime_type="text/plain")])
    query = Document(matches=[Document(id="a", tags={"kept": True}), Document(id="b")])
    matches = ask(runner, "search", [query]).docs[0].matches
    assert [(match.id, match.text, match.tags) for match in matches] == [("a", "known", {"kept": True})]


def test_what_is_not_kept_of_a_document_is_nothing_but_what_is_excluded(ask: Any, make: Any) -> None:
    uses = "!BinaryPbIndexer {requests: {on: {index: [!KVIndexDriver {exclude: [tensor, buffer]}],"
    runner: Runner = make(uses + " search: [!KVSearchDriver {traversal_paths: [r]}]}}}")
    ask(runner, "index", [Document(id="a", text="kept"), Document(id="b", buffer=b"not kept", uri="kept")])
    assert [
        (doc.text, doc.buffer, doc.uri) for doc in ask(runner, "search", [Document(id="a"), Document(id="b")]).docs
    ] == [
        ("kept", None, ""),
        (None, None, "kept"),
    ]


def test_a_users_indexer_that_asks_for_no_owners_gets_a_name_of_its_own_for_each_row(ask: Any) -> None:
    class Plain(Executor):
        ascending = True

        def __init__(self) -> None:
            self.rows: dict[str, Any] = {}

        def add(self, ids: list[str], vectors: Any) -> None:
            self.rows |= dict(zip(ids, vectors.tolist(), strict=True))

        def query(self, vectors: Any, top_k: int) -> Any:
            return [list(self.rows)] * len(vectors), [[0.0] * len(self.rows)] * len(vectors)

    plain, paths = Plain(), {"traversal_paths": ["r", "c"]}
    plain.requests_on = {"index": [Tagged("VectorIndexDriver", paths)], "search": [Tagged("VectorSearchDriver")]}
    docs = [Document(id=id, embedding=[1], chunks=[Document(id="0", embedding=[2])]) for id in "ab"]
    ask(plain, "index", docs)
    assert list(plain.rows.values()) == [[1], [2], [1], [2]]
    (query,) = ask(plain, "search", [Document(embedding=[1])]).docs
    assert {(match.id, match.root_id) for match in query.matches} == {("a", ""), ("0", "a"), ("b", ""), ("0", "b")}


def test_a_many_dimensional_batch_as_long_as_three_vectors_is_searched_right(ask: Any, index: Runner) -> None:
    """The predecessor shared a helper array between queries and index when both had three times the dimension."""
    vectors = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    docs = [Document(id=str(n), embedding=vector) for n, vector in enumerate(vectors)]
    ask(index, "index", docs)
    answer = ask(index, "search", docs)
    for query, vector in zip(answer.docs, vectors, strict=True):
        wanted = np.argsort(np.linalg.norm(vectors - vector, axis=1))
        assert [match.id for match in query.matches] == [str(n) for n in wanted]
        assert query.matches[0].score.value == 0


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"words", b"w\xffrds"),
        (b"\x0a\x01k", b"\x0a\x01\xff"),
        (struct.pack("<d", 1.5), struct.pack("<d", np.nan)),
    ],
    ids=["text", "key of tags", "number in tags"],
)
def test_a_damaged_cell_of_columns_is_not_kept(ask: Any, index: Runner, good: bytes, bad: bytes) -> None:
    ask(index, "index", [doc("a", 0, 0, text="kept")])
    body = encoded(Batch([doc("b", 1, 1, text="words", tags={"k": 1.5}), doc("c", 2, 2)]), columns=True)
    assert body.count(good) == 1
    call = Call([body.replace(good, bad)])
    index.run("index", [call])
    assert isinstance(call.failure, InvalidRequest)
    (query,) = ask(index, "search", [doc("query", 0, 0)]).docs
    assert [(match.id, match.text) for match in query.matches] == [("a", "kept")]


def test_a_users_indexer_that_finds_more_than_was_asked_for_is_cut(ask: Any) -> None:
    class Generous(Executor):
        ascending = True

        def query(self, vectors: Any, top_k: int) -> Any:
            return [["a", "b", "c"]] * len(vectors), [[1.0, 2.0, 3.0]] * len(vectors)

    generous = Generous()
    generous.requests_on = {"search": [Tagged("VectorSearchDriver")]}
    (query,) = ask(generous, "search", [doc("query", 1)], top_k=2).docs
    assert [match.id for match in query.matches] == ["a", "b"]


def test_distances_that_are_not_numbers_are_the_indexers_fault(ask: Any) -> None:
    class Odd(Executor):
        ascending = True

        def query(self, vectors: Any, top_k: int) -> Any:
            return [["a", "b"]] * len(vectors), np.ones((len(vectors), 2, 2))

    odd = Odd()
    odd.requests_on = {"search": [Tagged("VectorSearchDriver")]}
    with pytest.raises(ExecutorError, match="TypeError"):
        ask(odd, "search", [doc("query", 1)])


FILTERED = "!CompoundIndexer {with: {metric: euclidean, fields: {price: number, labels: [keyword]}}}"


def test_a_search_finds_only_documents_that_a_filter_holds_for(ask: Any, make: Any) -> None:
    index = make(FILTERED)
    docs = [doc(f"d{n}", n, 0, tags={"price": n, "labels": [f"l{n % 2}"], "free": n % 3}) for n in range(9)]
    ask(index, "index", docs)
    assert found(ask, index, 0, 0, filter="price >= 3", top_k=2) == ["d3", "d4"]
    assert found(ask, index, 0, 0, filter={"labels": {"$contains": "l1"}, "free": 2}, top_k=9) == ["d5"]
    assert found(ask, index, 0, 0, filter="price > 100") == []


def test_chunks_are_found_where_the_filter_holds_for_their_root(ask: Any, make: Any) -> None:
    index = make(FILTERED)
    docs = [Document(id=id, tags={"price": n}, chunks=[doc("part", n, n)]) for n, id in enumerate("abc")]
    ask(index, "index", docs)
    query = Document(id="q", chunks=[doc("q1", 0, 0)])
    matches = ask(index, "search", [query], filter="price > 0").docs[0].matches
    assert [match.id for match in matches] == ["b", "c"]


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("prise < 5", "filter: no field `prise`; did you mean `price`?"),
        ("price < 'cheap'", "never matches, because the field is of type number; give a number"),
        ("price <", "expected a value"),
        ({"price": {"$lessthan": 5}}, "filter.price.$lessthan: unknown operator"),
        (5, "must be a string or an object"),
    ],
)
def test_a_filter_that_is_wrong_fails_the_search(ask: Any, make: Any, filter: Any, message: str) -> None:
    index = make(FILTERED)
    ask(index, "index", [doc("a", 1, 1)])
    with pytest.raises(InvalidRequest) as refused:
        ask(index, "search", [doc("query", 1, 1)], filter=filter)
    assert message in str(refused.value)


def test_a_tag_that_does_not_fit_its_field_fails_the_request_with_its_path(ask: Any, make: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^Document 'b': tags\.price: must be a number, not \"cheap\"$"):
        ask(make(FILTERED), "index", [doc("a", 1, 1, tags={"price": 1}), doc("b", 1, 1, tags={"price": "cheap"})])


def test_an_answer_reports_how_its_filter_was_applied(make: Any) -> None:
    index = make(FILTERED)
    docs = [doc(f"d{n}", n, 0, tags={"price": n, "free": n}) for n in range(5)]
    call = Call([encoded(Batch(docs), columns=True)])
    index.run("index", [call])
    assert call.failure is None
    call = Call([encoded(Batch([doc("q", 0, 0)]), columns=True)], parameters={"filter": "price < 4 and free > 1"})
    index.run("search", [call])
    assert call.report == {"filter": {"documents": 5, "scanned": {"free": 5}, "matching": 2, "exact": 1}}


def test_an_indexer_that_keeps_no_tags_cannot_filter(ask: Any) -> None:
    ask("!NumpyIndexer {}", "index", [doc("a", 1, 1)])
    with pytest.raises(InvalidRequest, match="keeps no tags, so it cannot filter"):
        ask("!NumpyIndexer {}", "search", [doc("q", 1, 1)], filter="price < 5")
