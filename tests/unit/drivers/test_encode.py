from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from peavine.documents import Batch, Document, Sparse
from peavine.drivers import Call
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors import Classifier, Encoder, MultiModalEncoder
from peavine.executors.encoders.pipeline_encoder import PipelineEncoder
from peavine.wire import batch_from_bytes, encoded
from peavine.yaml import Tagged


class Ones(Encoder):
    """Gives each Document two ones, and remembers what it was given."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.trained: list[Any] = []

    def encode(self, batch: Any) -> Any:
        self.batches.append(batch)
        return np.ones((len(batch), 2))

    def train(self, batch: Any) -> None:
        self.trained.append(batch)


def test_text_bytes_and_arrays_of_each_shape_are_batches_of_their_own(ask: Any) -> None:
    ones = Ones()
    docs = [Document(text="a"), Document(buffer=b"b"), Document(tensor=[[1, 2]]), Document(text="c"),
            Document(tensor=[[3, 4]]), Document(tensor=[5]), Document(tensor=[[1.0, 2.0]])]  # fmt: skip
    answer = ask(ones, "index", docs)
    assert [batch.tolist() if isinstance(batch, np.ndarray) else batch for batch in ones.batches] == [
        ["a", "c"], [b"b"], [[[1, 2]], [[3, 4]]], [[5]], [[[1.0, 2.0]]],
    ]  # fmt: skip
    assert all(doc.embedding.tolist() == [1, 1] for doc in answer.docs)


def test_the_parts_of_a_document_are_encoded_instead_of_it(ask: Any) -> None:
    ones = Ones()
    cut = Document(text="root", chunks=[Document(text="one"), Document(text="two")])
    answer = ask(ones, "search", [cut, Document(text="whole")])
    assert ones.batches == [["whole", "one", "two"]]
    assert answer.docs[0].embedding is None


@pytest.mark.parametrize(("paths", "encoded"), [(["r"], ["root"]), (["c"], ["one"]), (["cc"], ["deep"])], ids=str)
def test_a_path_alone_is_encoded_whatever_is_below(ask: Any, paths: list[str], encoded: list[str]) -> None:
    ones = Ones()
    deep = Document(text="one", chunks=[Document(text="deep")])
    ask(ones, "search", [Document(text="root", chunks=[deep])], traversal_paths=paths)
    assert ones.batches == [encoded]


def test_paths_say_what_is_encoded(ask: Any) -> None:
    ones = Ones()
    docs = [Document(text="root", chunks=[Document(text="one")])]
    answer = ask(ones, "search", docs, traversal_paths="c")
    assert ones.batches == [["one"]]
    assert answer.docs[0].embedding is None


@pytest.mark.parametrize(("driver", "executor"), [(2, None), (None, 2), (2, 3)])
def test_a_batch_has_at_most_as_many_documents_as_wanted(ask: Any, driver: int | None, executor: int | None) -> None:
    ones = Ones()
    ones.batch_size = executor
    ones.requests_on = {"index": [Tagged("EncodeDriver", {"batch_size": driver} if driver else {})]}
    ask(ones, "index", [Document(text=text) for text in "abcde"])
    assert ones.batches == [["a", "b"], ["c", "d"], ["e"]]


def test_a_document_without_content_is_named(ask: Any) -> None:
    with pytest.raises(InvalidRequest, match="Document 'empty': has no content"):
        ask(Ones(), "index", [Document(text="a"), Document(id="empty")])


def test_a_document_that_has_chunks_or_an_embedding_needs_no_content(ask: Any) -> None:
    docs = [Document(id="a", chunks=[Document(text="x")]), Document(id="b", embedding=[5.0, 5.0])]
    answer = ask(Ones(), "index", docs)
    assert answer.docs[0].embedding is None
    assert answer.docs[1].embedding.tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    "answer",
    [
        np.ones((3, 2)),
        np.ones(2),
        "text",
        None,
        [["a"], ["b"]],
        [[1], [2, 3]],
        np.ma.masked_equal([[1, 2], [3, 4]], 4),
    ],
    ids=["too many rows", "no rows", "text", "nothing", "words", "ragged", "masked"],
)
def test_an_answer_that_does_not_fit_is_the_executors_error(ask: Any, answer: Any) -> None:
    class Wrong(Encoder):
        def encode(self, batch: Any) -> Any:
            return answer

    with pytest.raises(ExecutorError) as caught:
        ask(Wrong(), "index", [Document(text="a"), Document(text="b")])
    assert (caught.value.executor, caught.value.driver) == ("Wrong", "EncodeDriver")


def test_scipys_rows_become_sparse_embeddings(ask: Any) -> None:
    class Counts(Encoder):
        def encode(self, batch: list[str]) -> Any:
            return scipy.sparse.csr_matrix([[float(text.count(letter)) for letter in "abc"] for text in batch])

    answer = ask(Counts(), "index", [Document(text="aab"), Document(text="c")])
    embedding = answer.docs[0].embedding
    assert isinstance(embedding, Sparse)
    assert embedding.to_dense().tolist() == [[2.0, 1.0, 0.0]]


def test_a_train_request_trains_and_encodes(ask: Any) -> None:
    """In the predecessor no Driver called `train`."""
    ones = Ones()
    answer = ask(ones, "train", [Document(text="a"), Document(text="b")])
    assert ones.trained == [["a", "b"]]
    assert answer.docs[0].embedding is not None


def test_nothing_is_encoded_for_a_delete(ask: Any) -> None:
    ones = Ones()
    assert [doc.id for doc in ask(ones, "delete", [Document(id="a")]).docs] == ["a"]
    assert ones.batches == []


class Pairs(MultiModalEncoder):
    positional_modality = ("title", "picture")

    def encode(self, titles: list[str], pictures: np.ndarray[Any, Any]) -> Any:
        return np.array([[len(title), picture.sum()] for title, picture in zip(titles, pictures, strict=True)])


def pair(id: str, *modalities: str) -> Document:
    contents = {"title": {"text": "abc"}, "picture": {"tensor": [1, 2]}}
    return Document(id=id, chunks=[Document(modality=name, **contents[name]) for name in modalities])  # type: ignore[arg-type]


def test_chunks_of_several_modalities_make_one_embedding_of_their_parent(ask: Any) -> None:
    answer = ask(Pairs(), "index", [pair("a", "picture", "title"), pair("b", "title", "picture")])
    assert [doc.embedding.tolist() for doc in answer.docs] == [[3, 3], [3, 3]]


@pytest.mark.parametrize("modalities", [("title",), ("title", "title", "picture")])
def test_a_document_without_one_chunk_of_each_modality_is_named(ask: Any, modalities: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match=r"Document 'a': needs one chunk of modality '(picture|title)'"):
        ask(Pairs(), "index", [pair("a", *modalities)])


class Zeros(Classifier):
    def predict(self, batch: Any) -> Any:
        return np.zeros(len(batch))


@pytest.mark.parametrize(
    ("executor", "kind", "field"),
    [
        ("!RandomProjection {}", "index", "tensor"),
        ("!TransformEncoder {}", "train", "tensor"),
        ("!NumpyIndexer {}", "index", "embedding"),
        ("!NumpyIndexer {}", "search", "embedding"),
        ("!EuclideanEvaluator {}", "search", "embedding"),
        (Zeros(), "search", "embedding"),
    ],
)
def test_a_single_number_is_refused_where_a_vector_is_needed(ask: Any, executor: Any, kind: str, field: str) -> None:
    doc = Document(id="a")
    setattr(doc, field, np.float32(1.0))
    with pytest.raises(InvalidRequest, match=r"^Document 'a': "):
        ask(executor, kind, [doc], truths=[doc])


class Passages(Encoder):
    """Encodes queries and what they are compared with in different ways."""

    def encode(self, batch: list[str], kind: str = "index") -> Any:
        return np.full((len(batch), 2), kind == "search")


def test_an_encoder_that_names_a_parameter_kind_gets_the_kind_of_request(make: Any, ask: Any) -> None:
    for executor in (Passages(), PipelineEncoder([Passages()])):
        runner = make(executor)
        answers = [ask(runner, kind, [Document(text="a")]).docs[0] for kind in ("index", "search")]
        assert [doc.embedding.tolist() for doc in answers] == [[False, False], [True, True]]


def test_a_strangers_first_search_does_not_decide_what_can_be_indexed(make: Any, ask: Any) -> None:
    runner = make("!PipelineEncoder {components: [!RandomProjection {with: {output_dim: 2}}]}")
    ask(runner, "search", [Document(tensor=np.ones(3))])
    assert ask(runner, "index", [Document(tensor=np.ones(4))]).docs[0].embedding.shape == (2,)
    with pytest.raises(InvalidRequest, match="where 4 are expected"):
        ask(runner, "search", [Document(tensor=np.ones(3))])


def test_what_an_encoder_does_not_read_is_neither_decoded_nor_changed(make: Any) -> None:
    docs = [Document(id=f"{n}", tensor=np.full((2, 2), n), tags={"a": n}, chunks=[Document(id="c")]) for n in range(3)]
    body = encoded(Batch(docs), columns=True)
    at = body.index(b"\x0a\x01a")  # the key in the first tags
    broken = body[:at] + b"\xff" + body[at + 1 :]
    ones = Ones()
    ones.requests_on = {"search": [Tagged("EncodeDriver", {"traversal_paths": ["r"]})]}
    call = Call([broken])
    make(ones).run("search", [call])
    assert call.failure is None
    (batch,) = ones.batches
    assert batch.tolist() == [[[n, n], [n, n]] for n in range(3)]
    answer = batch_from_bytes(call.body).docs
    assert [doc.embedding.tolist() for doc in answer] == [[1, 1]] * 3  # type: ignore[union-attr]
    assert [doc.chunks[0].id for doc in answer] == ["c"] * 3
    with pytest.raises(InvalidRequest, match="tags"):
        _ = answer[0].tags


def test_an_encoder_may_change_its_batch_in_place(make: Any) -> None:
    class Scaling(Encoder):
        def encode(self, batch: Any) -> Any:
            batch *= 2
            return batch.reshape(len(batch), -1)

    call = Call([encoded(Batch([Document(id=f"{n}", tensor=np.full((2, 2), n)) for n in range(3)]), columns=True)])
    make(Scaling()).run("search", [call])
    docs = batch_from_bytes(call.body).docs
    assert [doc.tensor.tolist() for doc in docs] == [[[n, n], [n, n]] for n in range(3)]  # type: ignore[union-attr]
    assert [doc.embedding.tolist() for doc in docs] == [[2 * n] * 4 for n in range(3)]  # type: ignore[union-attr]
