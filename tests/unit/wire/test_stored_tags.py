"""Tags can be read from the bytes of a Document without protobuf, and are then the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document
from peavine.documents.stored_tags import tags_of
from peavine.wire import document_from_bytes, document_to_bytes

TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=6), st.floats(allow_nan=False, width=32), st.integers(0, 2**32 - 1))
def test_the_tags_of_stored_bytes_are_those_of_the_document(tags: dict[str, Any], weight: float, offset: int) -> None:
    stored = document_to_bytes(Document(id="a", text="x" * 300, tags=tags, weight=weight, offset=offset))
    assert tags_of(stored) == document_from_bytes(stored).tags == tags


def test_a_document_without_tags_has_none() -> None:
    assert tags_of(document_to_bytes(Document(id="a", text="x"))) == {}
