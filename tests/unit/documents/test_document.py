from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document, Score, Sparse, check_id
from peavine.errors import InvalidRequest


def test_a_document_without_an_id_gets_sixteen_hex_characters() -> None:
    ids = {Document().id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(id) == 16 and set(id) <= set("0123456789abcdef") for id in ids)


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("", "is empty"),
        ("x" * 257, "257 bytes"),
        ("ä" * 129, "258 bytes"),
        ("\ud800", "lone surrogate"),
        (7, "not int"),
        (b"a", "not bytes"),
    ],
    ids=["empty", "too long", "too long in UTF-8", "no Unicode", "a number", "bytes"],
)
def test_a_wrong_id_is_refused_with_what_is_wrong(id: object, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        Document(id=id)  # type: ignore[arg-type]
    doc = Document()
    with pytest.raises(InvalidRequest, match=said):
        doc.id = id  # type: ignore[assignment]


@pytest.mark.parametrize("id", ["a", "0" * 18, "x" * 256, "ä" * 128, "日本語", "with space", "\0", "../etc/passwd"])
def test_any_string_up_to_256_bytes_is_an_id(id: str) -> None:
    assert check_id(id) == id
    assert Document(id=id).id == id


def test_setting_one_content_clears_the_others() -> None:
    doc = Document(text="words")
    doc.buffer = b"bytes"
    assert (doc.text, doc.buffer, doc.tensor, doc.content) == (None, b"bytes", None, b"bytes")
    doc.tensor = [1, 2]
    assert doc.text is None
    assert doc.buffer is None
    assert np.array_equal(doc.tensor, [1, 2])
    doc.text = ""
    assert doc.content == ""
    doc.content = np.zeros(3)
    assert doc.tensor is doc.content


def test_a_content_that_a_document_does_not_have_can_be_cleared_without_harm() -> None:
    doc = Document(id="a", text="kept", uri="gone")
    assert doc.without("tensor", "buffer", "uri") == Document(id="a", text="kept")
    assert doc.without("text").content is doc.without("content").content is None


def test_two_contents_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than one content"):
        Document(text="a", buffer=b"a")


@pytest.mark.parametrize(
    "value",
    [
        np.array(["a"]),
        np.array([object()]),
        np.array(["2020-01-01"], "M8[D]"),
        [[1], [2, 3]],
        [None],
        np.zeros(1, np.longdouble),
    ],
    ids=["strings", "objects", "dates", "ragged", "nothing", "wider than a double"],
)
def test_only_numbers_are_arrays(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"Document 'a': (tensor|embedding)"):
        Document(id="a", tensor=value)
    with pytest.raises(InvalidRequest, match=r"Document 'a': embedding"):
        Document(id="a", embedding=value)


def test_an_array_is_kept_without_a_copy() -> None:
    array = np.zeros((28, 28), np.uint8)
    assert Document(tensor=array).tensor is array


@given(st.from_type(Document), st.from_type(Document))
def test_documents_are_equal_when_all_that_they_say_is(one: Document, other: Document) -> None:
    assert one == Document.from_dict(one.to_dict())
    if one.to_dict() != other.to_dict():
        assert one != other


def test_nan_equals_nan_in_an_array_and_types_differ() -> None:
    assert Document(id="a", tensor=[1.0, np.nan]) == Document(id="a", tensor=[1.0, np.nan])
    assert Document(id="a", tensor=[1.0]) != Document(id="a", tensor=[1])
    assert Document(id="a", tensor=[1.0]) != Document(id="a", tensor=[[1.0]])
    assert Document(id="a", text="") != Document(id="a", buffer=b"")
    assert Document(id="a", text="") != Document(id="a")


def test_the_representation_shows_what_matters_and_no_megabytes() -> None:
    doc = Document(id="a", tensor=np.zeros((1000, 1000)), score=Score(0.5), chunks=[Document()])
    assert repr(doc) == "Document(id='a', tensor=1000x1000 float64, score=0.5, chunks=1)"
    assert len(repr(Document(text="x" * 10_000))) < 200


@given(st.from_type(Document))
def test_the_content_hash_is_of_what_is_said_not_of_who_says_it(doc: Document) -> None:
    same = doc.without("chunks", "matches", "parent_id", "score", "evaluations", "granularity", "adjacency")
    same.id = "another"
    assert len(doc.content_hash()) == 16
    assert same.content_hash() == doc.content_hash()


@pytest.mark.parametrize(
    "other",
    [
        Document(text="b"),
        Document(buffer=b"a"),
        Document(text="a", tags={"x": 1}),
        Document(text="a", uri="u"),
        Document(tensor=[97]),
        Document(),
        Document(embedding=[1.0]),
    ],
    ids=["text", "buffer", "tags", "uri", "tensor", "nothing", "embedding"],
)
def test_the_content_hash_tells_contents_apart(other: Document) -> None:
    assert Document(text="a").content_hash() != other.content_hash()


def test_the_content_hash_knows_shape_type_and_byte_order() -> None:
    def hashed(value: object) -> str:
        return Document(tensor=value).content_hash()

    assert hashed(np.zeros((2, 3))) != hashed(np.zeros((3, 2)))
    assert hashed(np.zeros(2, np.int32)) != hashed(np.zeros(2, np.float32))
    assert hashed(np.arange(3, dtype=">i4")) == hashed(np.arange(3, dtype="<i4"))
    assert hashed(np.arange(6).reshape(2, 3).T) == hashed(np.ascontiguousarray(np.arange(6).reshape(2, 3).T))


def test_the_content_hash_survives_a_journey_on_which_numbers_in_tags_become_doubles() -> None:
    assert (
        Document(tags={"n": 1, "in": {"m": [2]}}).content_hash()
        == Document(tags={"n": 1.0, "in": {"m": [2.0]}}).content_hash()
    )


def test_a_document_cannot_be_hashed_because_it_can_change() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Document())


class Colour(StrEnum):
    RED = "red"


def test_an_id_may_be_any_kind_of_string_and_becomes_a_plain_one() -> None:
    for string, id in ((np.str_("doc-7"), "doc-7"), (Colour.RED, "red")):
        doc = Document(id=string)
        assert (doc.id, type(doc.id)) == (id, str)


MASKED: Any = np.ma.masked_array([1, 2, 3], mask=[False, False, True])


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float64"])
@pytest.mark.parametrize("field", ["tensor", "embedding"])
def test_a_masked_array_is_refused_with_what_to_do(field: str, dtype: str) -> None:
    for masked in (MASKED.astype(dtype), [MASKED.astype(dtype), [4, 5, 6]]):
        fields: dict[str, Any] = {field: masked}
        with pytest.raises(InvalidRequest, match=rf"Document 'a': {field}: is a masked array; .*array\.filled"):
            Document(id="a", **fields)
        doc = Document(id="a")
        with pytest.raises(InvalidRequest, match="masked"):
            setattr(doc, field, masked)
    filled: dict[str, Any] = {field: MASKED.filled(0)}
    assert Document(id="a", **filled).to_dict("list")[field] == [1, 2, 0]


def test_content_and_sparse_arrays_with_a_mask_are_refused_too() -> None:
    doc = Document()
    with pytest.raises(InvalidRequest, match="masked"):
        doc.content = MASKED
    for part in ("rows", "columns", "values"):
        parts: dict[str, Any] = {"rows": [0, 0, 0], "columns": [0, 1, 2], "values": [1.0, 2.0, 3.0], part: MASKED}
        with pytest.raises(InvalidRequest, match=f"sparse: {part}: is a masked array"):
            Sparse(**parts, shape=(9, 9))


def test_an_array_has_no_more_dimensions_than_can_travel() -> None:
    with pytest.raises(InvalidRequest, match="tensor: has 33 dimensions; at most 32"):
        Document(tensor=np.zeros((1,) * 33))
