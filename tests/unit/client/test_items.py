from typing import Any

import numpy as np
import pytest

from peavine.client.items import count, document, iterable
from peavine.documents import Document
from peavine.errors import InvalidRequest


def test_each_type_of_item_becomes_the_content_that_it_is() -> None:
    assert document("red shoes", 0)[0].text == "red shoes"
    assert document(b"\x00\x01", 0)[0].buffer == b"\x00\x01"
    assert document({"id": "a", "text": "b"}, 0)[0] == Document(id="a", text="b")
    array = np.arange(6).reshape(2, 3)
    assert np.array_equal(np.asarray(document(array, 0)[0].tensor), array)
    given = Document(id="x")
    assert document(given, 0) == (given, None)


def test_text_is_never_guessed_at() -> None:
    assert document('{"id": "a"}', 0)[0].text == '{"id": "a"}'
    assert document("/etc/passwd", 0)[0].uri == ""


@pytest.mark.parametrize(
    "item", ["red shoes", b"\x00", np.zeros(3), {"text": "a", "tags": {"n": 1}}, {"id": None, "text": "a"}], ids=repr
)
def test_what_comes_without_an_id_has_the_same_id_each_time(item: Any) -> None:
    first, again = document(item, 0)[0], document(item, 1)[0]
    assert first.id == again.id == first.content_hash()


def test_what_says_something_else_has_another_id() -> None:
    tagged = {"text": "red shoes", "tags": {"n": 1}}
    given: list[Any] = ["red shoes", "blue shoes", b"red shoes", tagged, np.zeros(3), np.ones(3)]
    assert len({document(item, 0)[0].id for item in given}) == len(given)


def test_documents_that_differ_in_their_chunks_alone_are_not_taken_for_one() -> None:
    given = [{"chunks": [{"text": "a"}]}, {"chunks": [{"text": "b"}]}]
    assert len({document(item, 0)[0].id for item in given}) == 2


def test_a_string_to_delete_is_an_id() -> None:
    doc, _ = document("doc-1", 0, ids=True)
    assert (doc.id, doc.content) == ("doc-1", None)


def test_a_pair_is_a_document_and_its_groundtruth() -> None:
    doc, truth = document(("query", {"id": "t"}), 0)
    assert doc.text == "query"
    assert truth is not None
    assert truth.id == "t"


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (7, "inputs[41]: int is not a Document"),
        (None, "inputs[41]: NoneType is not a Document"),
        (("a", "b", "c"), "inputs[41]: a pair is (document, groundtruth), not 3 items"),
        ({"id": "a", "txt": "b"}, 'did you mean "text"'),
    ],
)
def test_an_item_that_cannot_be_a_document_is_named_by_its_number(item: Any, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        document(item, 41)
    assert says in str(refused.value)
    assert str(refused.value).startswith("inputs[41]")


@pytest.mark.parametrize("single", ["text", b"bytes", {"id": "a"}, Document(), np.zeros(3)])
def test_a_single_item_needs_no_list(single: Any) -> None:
    given = list(iterable(single))  # type: ignore[arg-type]
    assert len(given) == 1
    assert given[0] is single
    assert count(single) == 1


def test_an_array_of_rows_is_its_rows() -> None:
    assert len(list(iterable(np.zeros((5, 3))))) == 5  # type: ignore[arg-type]
    assert count(np.zeros((5, 3))) == 5


def test_an_iterator_is_not_counted() -> None:
    assert count(iter(["a"])) is None
    assert count(["a", "b"]) == 2


def test_a_function_is_asked_for_its_items() -> None:
    assert list(iterable(lambda: ["a", "b"])) == ["a", "b"]  # type: ignore[arg-type]


def test_what_gives_no_items_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="int gives no Documents"):
        iterable(7)  # type: ignore[arg-type]
