"""Documents as JSON."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document, Score, from_dicts
from peavine.errors import InvalidRequest
from peavine.wire import document_from_bytes, document_to_bytes


@given(st.from_type(Document))
def test_a_document_survives_json(doc: Document) -> None:
    assert Document.from_dict(json.loads(json.dumps(doc.to_dict(), allow_nan=False))) == doc


@given(st.from_type(Document))
def test_lists_say_the_same_numbers(doc: Document) -> None:
    back = Document.from_dict(json.loads(json.dumps(doc.to_dict("list"), allow_nan=False)))
    if isinstance(doc.tensor, np.ndarray) and doc.tensor.size:
        assert isinstance(back.tensor, np.ndarray)
        assert np.array_equal(back.tensor, doc.tensor, equal_nan=True)
    assert back.without("tensor", "embedding").id == doc.id


@given(st.from_type(Document))
def test_without_arrays_everything_else_is_there(doc: Document) -> None:
    plain = json.loads(json.dumps(doc.to_dict("none"), allow_nan=False))
    assert not {"tensor", "embedding"} & plain.keys()
    assert plain["id"] == doc.id


def test_what_follows_from_the_place_is_left_out_and_filled_in_again() -> None:
    doc = Document(id="a", mime_type="text/plain", chunks=[Document(id="b", text="x")], matches=[Document(id="c")])
    assert doc.to_dict() == {
        "id": "a",
        "mime_type": "text/plain",
        "chunks": [{"id": "b", "text": "x"}],
        "matches": [{"id": "c"}],
    }
    chunk = Document.from_dict(doc.to_dict()).chunks[0]
    assert (chunk.parent_id, chunk.granularity, chunk.siblings, chunk.mime_type) == ("a", 1, 1, "text/plain")


def test_numbers_that_json_does_not_know_are_words() -> None:
    doc = Document(id="a", weight=-math.inf, score=Score(math.nan), evaluations=[Score(math.inf)])
    plain = doc.to_dict()
    assert plain["weight"] == "-Infinity"
    assert plain["score"]["value"] == "NaN"
    assert plain["evaluations"][0]["value"] == "Infinity"
    back = Document.from_dict(plain)
    assert back.score is not None
    assert math.isnan(back.score.value)


def test_an_array_without_numbers_is_never_as_many_empty_lists_as_its_shape_says() -> None:
    vast = {"data": "", "dtype": "<f4", "shape": [2**32 - 1, 0]}
    assert Document.from_dict({"tensor": vast}).to_dict("list")["tensor"] == vast


def test_an_array_with_nan_is_never_a_list() -> None:
    plain = Document(id="a", embedding=[1.0, math.nan]).to_dict("list")["embedding"]
    assert set(plain) == {"data", "dtype", "shape"}


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], "int64"),
        ([[1.5]], "float64"),
        ([True], "bool"),
        ([], "float64"),
        ([[], []], "float64"),
        ([True, 2], "int64"),
        ([-1, 2.5], "float64"),
        ([2**63], "uint64"),
        ([[[0] * 3] * 70000] * 2, "int64"),
    ],
    ids=["whole", "nested", "booleans", "empty", "empty rows", "a boolean and a number", "mixed", "large", "many"],
)
def test_nested_lists_are_arrays(value: Any, dtype: str) -> None:
    tensor = Document.from_dict({"tensor": value}).tensor
    assert isinstance(tensor, np.ndarray)
    assert tensor.dtype == dtype
    assert tensor.tolist() == value


def test_a_type_may_have_numpys_name() -> None:
    plain = {"data": "AACAPw==", "dtype": "float32", "shape": [1]}
    data = {"id": "a", "embedding": plain}
    assert Document.from_dict(data) == Document.from_dict({"id": "a", "embedding": plain | {"dtype": "<f4"}})
    embedding = Document.from_dict({"embedding": plain}).embedding
    assert isinstance(embedding, np.ndarray)
    assert embedding.tolist() == [1.0]


WRONG: list[tuple[Any, str]] = [
    ({"txt": "a"}, 'docs[0].txt: unknown field; did you mean "text"?'),
    ({"id": ""}, "docs[0].id: is empty"),
    ({"id": "x" * 300}, "docs[0].id: 'xxxxxxxxxxxxxxxxxxxxxxxx'... has 300 bytes"),
    ({"id": 5}, "docs[0].id: must be a string, not int"),
    ({"text": 5}, "docs[0].text: must be a string, not a number"),
    ({"text": "\ud800"}, "docs[0].text: is not valid Unicode"),
    ({"text": "a", "buffer": "YQ=="}, "docs[0].buffer: a Document has one content"),
    ({"buffer": "*"}, "docs[0].buffer: must be base64"),
    ({"tensor": [[1], [2, 3]]}, "docs[0].tensor: must be numbers, or lists of them of equal lengths"),
    ({"tensor": ["a"]}, "docs[0].tensor: must hold numbers"),
    ({"tensor": "abc"}, "docs[0].tensor: must be a list of numbers"),
    ({"embedding": [1, None]}, "docs[0].embedding: must hold numbers"),
    ({"embedding": {"data": "", "dtype": "O", "shape": [0]}}, "docs[0].embedding.dtype: 'O' is not one of"),
    ({"embedding": {"data": "", "dtype": [0] * 1000, "shape": [0]}}, "docs[0].embedding.dtype: a list is not one of"),
    ({"embedding": {"data": "", "dtype": "<f4", "shape": [1]}}, "docs[0].embedding.data: has 0 bytes"),
    ({"embedding": {"data": "", "dtype": "<f4"}}, "docs[0].embedding.shape: is missing"),
    ({"embedding": {"data": "", "dtype": "<f4", "shape": [-1]}}, "docs[0].embedding: must be a whole number"),
    ({"embedding": {"layout": "coo", "shape": [2, 2], "rows": [5], "columns": [0], "values": [1]}},
     "docs[0].embedding: sparse: needs 1 rows"),
    ({"tags": []}, "docs[0].tags: must be an object, not a list"),
    ({"tags": {"a": [10**400]}}, "docs[0].tags.a[0]: is too large for a number"),
    ({"tensor": np.ones((1,) * 33).tolist()}, "docs[0].tensor: has more than 32 dimensions"),
    ({"tensor": ["x" * 9, 1]}, "docs[0].tensor: must hold numbers and nothing else"),
    ({"tensor": [1, [2]]}, "docs[0].tensor: must be numbers, or lists of them of equal lengths"),
    ({"tensor": [[1], 2]}, "docs[0].tensor: must be numbers, or lists of them of equal lengths"),
    ({"tensor": [{}]}, "docs[0].tensor: must hold numbers and nothing else"),
    ({"tensor": [2**64]}, "docs[0].tensor: holds a number that is too large"),
    ({"tensor": [2**63, -1]}, "docs[0].tensor: holds a number that is too large"),
    ({"tensor": [1.5, 10**400]}, "docs[0].tensor: holds a number that is too large"),
    ({"offset": 10**5000}, "docs[0].offset: must be a whole number from 0 to 4294967295, not a number"),
    ({"tags": {"a": [math.nan]}}, "docs[0].tags.a[0]: nan is not a number that JSON knows"),
    ({"granularity": -1}, "docs[0].granularity: must be a whole number"),
    ({"offset": 1.5}, "docs[0].offset: must be a whole number"),
    ({"weight": "heavy"}, "docs[0].weight: must be a number"),
    ({"location": [1, "2"]}, "docs[0].location: must be a whole number"),
    ({"score": {"valu": 1}}, 'docs[0].score.valu: unknown field; did you mean "value"?'),
    ({"score": {"operands": [{"ascending": 1}]}}, "docs[0].score.operands.ascending: must be true or false"),
    ({"chunks": {}}, "docs[0].chunks: must be a list of Documents, not an object"),
    ({"matches": [{"chunks": [{"txt": 1}]}]}, "docs[0].matches[0].chunks[0].txt: unknown field"),
    ({"location": 5}, "docs[0].location: must be a list of whole numbers"),
    ({"weight": 10**400}, "docs[0].weight: is too large"),
    ({"score": 5}, "docs[0].score: must be an object such as"),
    ({"score": {"value": True}}, "docs[0].score.value: must be a number"),
    ({"evaluations": {}}, "docs[0].evaluations: must be a list of scores"),
    ({"tags": {"a": {"b": "\ud800"}}}, "docs[0].tags.a.b: is not valid Unicode"),
    ({"embedding": {"data": "", "dtype": "<f4", "shape": [0], "typ": 1}}, "docs[0].embedding.typ: unknown field"),
    ({"embedding": {"data": "", "dtype": "<f4", "shape": 4}}, "docs[0].embedding: must be a list of whole numbers"),
    ({"embedding": {"layout": "coo", "shape": [2], "rows": [], "columns": [], "values": []}},
     "docs[0].embedding.shape: needs two sizes"),
    ({"embedding": {"layout": "coo", "shape": [2, 2], "rows": "x", "columns": [], "values": []}},
     "docs[0].embedding.rows: must be a list of numbers"),
    ({"embedding": {"layout": "csr", "shape": [1, 1], "rows": [0, 0], "columns": [], "values": [], "x": 1}},
     "docs[0].embedding.x: unknown field of a sparse array"),
    ("text", "docs[0]: must be a Document"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), WRONG, ids=[f"{n} {said[:20]}" for n, (_, said) in enumerate(WRONG)])
def test_a_mistake_is_named_with_its_place(data: Any, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_dicts([data])
    assert said in str(caught.value)


def test_all_mistakes_of_a_request_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_dicts([data for data, _ in WRONG[:5]])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "docs[0].txt", "docs[1].id", "docs[2].id", "docs[3].id", "docs[4].text",
    ]  # fmt: skip


def test_thousands_of_mistakes_make_a_short_message() -> None:
    with pytest.raises(InvalidRequest, match="and 950 more"):
        from_dicts([{"txt": "a"}] * 1000)


def peak_of(action: Callable[[], object]) -> int:
    """Return the bytes that Python and numpy allocate at most while it runs."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HOSTILE: dict[str, Any] = {
    "one long string among many": {"tensor": ["x" * 20_000] + [""] * 20_000},
    "one long list among many": {"tensor": [[0] * 20_000] + [[]] * 20_000},
    "an object among numbers": {"tensor": [0] * 20_000 + [{}]},
    "many dimensions": {"tensor": {"data": "", "dtype": "<f4", "shape": [2**31] * 200_000}},
    "many dimensions of a sparse array": {
        "tensor": {"layout": "coo", "shape": [2**31] * 200_000, "rows": [], "columns": [], "values": []}
    },
    "a long name before many tags": {"tags": {"x" * 100_000: [{}] * 50_000 + [math.nan]}},
    "a long name": {"x" * 1_000_000: 0},
    "many unknown fields": {f"unknown {n}": 0 for n in range(50_000)},
    "a list that is no whole number": {"offset": [[0] * 100] * 1000},
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_refusing_takes_memory_in_proportion_to_what_was_sent(data: Any) -> None:
    def refuse() -> None:
        with pytest.raises(InvalidRequest) as caught:
            from_dicts([data])
        assert len(str(caught.value)) < 20_000

    assert peak_of(refuse) < 10_000_000


MANY: dict[str, tuple[Any, str]] = {
    "roots": ([{}] * 11, "docs: has 11 Documents; the limit is 10 in a request"),
    "chunks": ([{"chunks": [{}] * 100}, {"matches": [{"chunks": [{}] * 100}]}], "the limit is 160 in a request"),
    "tags": ([{"tags": {"a": [0] * 1000}}], "docs[0].tags: there are too many values in tags and scores"),
    "objects in tags": ([{"tags": {"a": [[], {}] * 400}}], "docs[0].tags: there are too many values"),
    "scores": ([{"evaluations": [{"value": 1}] * 400}], "docs[0].evaluations: there are too many values"),
    "operands": ([{"score": {"operands": [{}] * 700}}], "docs[0].score: there are too many values"),
    "places": ([{"location": [0] * 400}, {"location": [0] * 400}], "docs[1].location: there are too many values"),
}


@pytest.mark.parametrize(("data", "said"), MANY.values(), ids=MANY)
def test_more_documents_or_values_than_the_limit_are_refused(data: Any, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_dicts(data, max_documents=10)
    assert said in str(caught.value)
    assert "spec.maxDocuments" in str(caught.value)
    assert len(from_dicts(data)) == len(data)


def test_as_many_documents_and_values_as_the_limit_are_read() -> None:
    data = [{"chunks": [{}] * 15, "tags": {"a": list(range(50))}, "location": [0, 1]}] * 10
    assert len(from_dicts(data, max_documents=10)) == 10


@pytest.mark.parametrize("edge", ["chunks", "matches"])
def test_what_is_nested_too_deep_for_the_wire_is_refused(edge: str) -> None:
    data: dict[str, Any] = {}
    for _ in range(40):
        data = {edge: [data]}
    with pytest.raises(InvalidRequest, match="nested more than 32 deep"):
        from_dicts([data])


KEYS = st.sampled_from(
    [
        "id",
        "text",
        "tensor",
        "chunks",
        "tags",
        "score",
        "data",
        "dtype",
        "shape",
        "layout",
        "rows",
        "weight",
        "operands",
        "location",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(JSON)
def test_any_json_is_a_document_or_an_invalid_request(data: Any) -> None:
    try:
        docs = from_dicts(data)
    except InvalidRequest:
        return
    assert len(docs) == len(data)


@pytest.mark.parametrize("field", ["tags", "score"])
def test_tags_and_scores_nested_too_deep_are_refused(field: str) -> None:
    data: Any = {}
    for _ in range(40):
        data = {"deeper": data} if field == "tags" else {"operands": [data]}
    with pytest.raises(InvalidRequest, match="nested more than"):
        from_dicts([{field: data}])


def nested(depth: int, kind: str) -> Any:
    """Return tags of so many levels, the tags themselves included."""
    value: Any = "end"
    for _ in range(depth - 1):
        value = [value] if kind == "lists" else {"deeper": value}
    return {"first": value}


@pytest.mark.parametrize("kind", ["lists", "mappings"])
def test_tags_are_as_deep_in_python_as_in_json_and_on_the_wire(kind: str) -> None:
    deepest = Document(id="a", tags=nested(16, kind))
    assert Document.from_dict(deepest.to_dict()) == deepest
    assert document_from_bytes(document_to_bytes(deepest)) == deepest
    too_deep = Document(id="a", tags=nested(17, kind))
    for refuse in (too_deep.to_dict, lambda: document_to_bytes(too_deep)):
        with pytest.raises(InvalidRequest, match=r"tags.*nested more than 16 deep"):
            refuse()
    with pytest.raises(InvalidRequest, match=r"tags.*nested more than 16 deep"):
        Document.from_dict({"tags": nested(17, kind)})
