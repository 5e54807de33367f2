"""Documents as bytes and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score, Sparse
from peavine.documents.tensor import DTYPES
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes, document_from_bytes, document_to_bytes, encoded


def columns_to_bytes(docs: list[Document], groundtruths: Sequence[Document] = ()) -> bytes:
    return encoded(Batch(docs, list(groundtruths)), columns=True)


FORMS = pytest.mark.parametrize("write", [batch_to_bytes, columns_to_bytes], ids=["rows", "columns"])
Write = Callable[..., bytes]


@given(st.lists(st.from_type(Document), max_size=3), st.lists(st.from_type(Document), max_size=2))
def test_every_field_survives_at_every_depth(docs: list[Document], groundtruths: list[Document]) -> None:
    batch = batch_from_bytes(batch_to_bytes(docs, groundtruths))
    assert batch.docs == docs
    assert batch.groundtruths == groundtruths


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)], ids=str)
def test_arrays_of_every_type_and_shape_survive(name: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, DTYPES[name])
    back = document_from_bytes(document_to_bytes(Document(tensor=array))).tensor
    assert isinstance(back, np.ndarray)
    assert (back.dtype.str, back.shape) == (name, shape)
    assert np.array_equal(back, array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.arange(12).reshape(3, 4).T,
        np.arange(10)[::-2],
        np.broadcast_to(1.5, (2, 2)),
    ],
    ids=["big endian", "transposed", "backwards", "broadcast"],
)
def test_an_array_may_lie_in_memory_as_it_likes(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    back = document_from_bytes(document_to_bytes(Document(tensor=array))).tensor
    assert isinstance(back, np.ndarray)
    assert np.array_equal(back, array)


def test_a_received_array_is_a_read_only_view() -> None:
    back = document_from_bytes(document_to_bytes(Document(tensor=np.zeros(4)))).tensor
    assert isinstance(back, np.ndarray)
    assert not back.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1


def test_whole_numbers_in_tags_become_doubles() -> None:
    back = document_from_bytes(document_to_bytes(Document(tags={"n": 7, "deep": {"list": [1, None, True, "x"]}})))
    assert back.tags == {"n": 7.0, "deep": {"list": [1.0, None, True, "x"]}}
    assert isinstance(back.tags["n"], float)


@FORMS
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, object(), {1: 2}, b"bytes"], ids=lambda value: type(value).__name__
)
def test_a_tag_that_json_does_not_know_is_refused_with_its_place(value: object, write: Write) -> None:
    with pytest.raises(InvalidRequest, match=r"docs\[1\]\.tags\.a"):
        write([Document(), Document(tags={"a": value})])


@FORMS
@pytest.mark.parametrize("field", ["text", "uri", "modality"])
def test_a_lone_surrogate_is_refused_with_its_place(field: str, write: Write) -> None:
    doc = Document()
    setattr(doc, field, "\ud800")
    with pytest.raises(InvalidRequest, match=rf"docs\[0\]\.{field}: .*surrogate"):
        write([doc])


@FORMS
@pytest.mark.parametrize("tags", [{"a": "\ud800"}, {"\ud800": 1}, {"a": ["\ud800"]}], ids=["text", "key", "in a list"])
def test_a_lone_surrogate_in_a_tag_is_refused_too(tags: dict[str, object], write: Write) -> None:
    with pytest.raises(InvalidRequest, match=r"docs\[0\]\.tags\[.*surrogate"):
        write([Document(tags=tags)])


@FORMS
def test_what_is_nested_as_deep_as_allowed_arrives_and_no_deeper(write: Write) -> None:
    def tower(height: int, tags: object) -> Document:
        doc = Document(tags={"t": tags}, tensor=Sparse([0], [0], [1.0], (1, 1)))
        for _ in range(height - 1):
            doc = Document(chunks=[doc])
        return doc

    def nested(depth: int) -> object:
        value: object = 1.0
        for _ in range(depth):
            value = {"t": value}
        return value

    deepest = tower(32, nested(14))
    assert batch_from_bytes(write([deepest])).docs == [deepest]
    with pytest.raises(InvalidRequest, match="nested more than 32 deep"):
        write([tower(33, 1.0)])
    with pytest.raises(InvalidRequest, match="nested more than 16 deep"):
        write([Document(tags={"t": nested(40)})])


@pytest.mark.parametrize("mode", ["float16", "uint8"])
def test_quantized_arrays_arrive_with_their_type_and_nearly_their_values(mode: str) -> None:
    array = np.linspace(-1, 1, 100, dtype=np.float32)
    plain, small = (batch_to_bytes([Document(embedding=array)], quantization=how) for how in (None, mode))  # type: ignore[arg-type]
    back = batch_from_bytes(small).docs[0].embedding
    assert len(small) < len(plain) * 0.7
    assert isinstance(back, np.ndarray)
    assert back.dtype == np.float32
    assert np.allclose(back, array, atol=0.005)
    assert (back[0], back[-1]) == (-1, 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_documents_or_an_invalid_request(data: bytes) -> None:
    for read in (batch_from_bytes, document_from_bytes):
        with suppress(InvalidRequest):
            assert read(data) is not None


@given(st.from_type(Document), st.data())
def test_damaged_bytes_are_documents_or_an_invalid_request(doc: Document, data: st.DataObject) -> None:
    raw = bytearray(batch_to_bytes([doc]))
    for _ in range(3):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidRequest):
        assert len(batch_from_bytes(bytes(raw)).docs) <= len(raw)


def message(**dense: object) -> bytes:
    doc = document_pb2.Document(id="a")
    for name, value in ({"buffer": b"1234", "dtype": "<f4", "shape": [1]} | dense).items():
        if name == "shape":
            doc.tensor.dense.shape.extend(value)  # type: ignore[arg-type]
        else:
            setattr(doc.tensor.dense, name, value)
    return document_pb2.DocumentBatch(docs=[doc]).SerializeToString()


@pytest.mark.parametrize(
    ("dense", "said"),
    [
        ({"dtype": "|O"}, "dtype: '|O' is none of"),
        ({"dtype": ""}, "dtype: '' is none of"),
        ({"shape": [2]}, "has 4 bytes, and shape [2] of float32 needs 8"),
        ({"shape": [2**31] * 1_000_000}, "has 1000000 dimensions"),  # whose product would take hours
        ({"shape": [2**31, 2**31]}, "has 4 bytes"),
        ({"shape": [1] * 40}, "40 dimensions"),
        ({"buffer": b"", "shape": [0, 2**32 - 1, 2**32 - 1, 2**32 - 1]}, "shape"),
        ({"original_dtype": "<i4", "dtype": "<i4"}, "only floating point numbers are quantized"),
        ({"original_dtype": "<f4", "dtype": "|u1", "buffer": b"1", "scale": float("nan")}, "must be finite"),
    ],
    ids=[
        "objects", "no type", "short", "a million dimensions", "absurd shape", "too many dimensions", "empty",
        "quantized int", "odd scale",
    ],
)  # fmt: skip
def test_an_array_that_lies_is_refused(dense: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        batch_from_bytes(message(**dense))
    assert str(caught.value).startswith("docs[0].tensor: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("id", ["", "x" * 300], ids=["empty", "too long"])
def test_a_wrong_id_from_a_stranger_is_refused_with_its_place(id: str) -> None:
    inner = document_pb2.Document(id="a", chunks=[document_pb2.Document(id="b"), document_pb2.Document(id=id)])
    with pytest.raises(InvalidRequest, match=r"docs\[0\]\.chunks\[1\]\.id: "):
        batch_from_bytes(document_pb2.DocumentBatch(docs=[inner]).SerializeToString())


def test_a_sparse_array_that_lies_is_refused() -> None:
    good = document_pb2.Document.FromString(
        document_to_bytes(Document(id="a", embedding=Sparse([0], [1], [2.0], (1, 3))))
    )
    for lie, said in (
        ({"layout": "dok"}, 'layout: is "coo" or "csr"'),
        ({"shape": [1]}, "needs two sizes"),
        ({"shape": [1, 1]}, "each below 1"),
    ):
        message = document_pb2.Document()
        message.CopyFrom(good)
        if "layout" in lie:
            message.embedding.sparse.layout = str(lie["layout"])
        else:
            del message.embedding.sparse.shape[:]
            message.embedding.sparse.shape.extend(lie["shape"])  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match=f"^embedding: .*{said}"):
            document_from_bytes(message.SerializeToString())


def test_a_tensor_without_an_array_is_refused() -> None:
    message = document_pb2.Document(id="a")
    message.tensor.SetInParent()
    with pytest.raises(InvalidRequest, match="tensor: has neither a dense nor a sparse array"):
        document_from_bytes(message.SerializeToString())


@pytest.mark.parametrize(
    ("field", "value"), [("offset", -1), ("siblings", 2**32), ("granularity", "one"), ("location", (-1,))]
)
def test_a_place_that_cannot_travel_is_named(field: str, value: Any) -> None:
    doc = Document(id="a")
    setattr(doc, field, value)
    with pytest.raises(InvalidRequest, match=f"^Document 'a': {field}: "):
        document_to_bytes(doc)


@FORMS
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"weight": "3"}, "weight: '3' is not a number"),
        ({"uri": Path("/a")}, "uri: must be a string, not PosixPath; use str"),
        ({"mime_type": 7}, "mime_type: must be a string, not int"),
        ({"offset": -1}, "offset: -1 is not a whole number"),
        ({"granularity": "1"}, "granularity: '1' is not a whole number"),
        ({"score": 0.5}, "score: must be a Score, not float"),
        ({"score": Score(value="x")}, "score.value: 'x' is not a number"),  # type: ignore[arg-type]
        ({"score": Score(name="\ud800")}, "score.name: .*surrogate"),
        ({"evaluations": [Score(), Score(reference=7)]}, r"evaluations\[1\].reference: must be a string, not int"),  # type: ignore[arg-type]
        ({"score": Score(operands=[Score(description="\ud800")])}, r"score.operands\[0\].description: .*surrogate"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_with_its_place(fields: dict[str, Any], says: str, write: Write) -> None:
    with pytest.raises(InvalidRequest, match=rf"docs\[1\]\.{says}"):
        write([Document(), Document(**fields)])
