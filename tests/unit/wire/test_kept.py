"""What an answer keeps of its Documents: the fields that were asked for, in both forms."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score
from peavine.documents.plain import FIELDS
from peavine.errors import InvalidRequest
from peavine.spec.flow import DocumentField
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, encoded
from peavine.wire.columns import is_columns
from peavine.wire.columns.layout import VERSION
from peavine.wire.kept import check_fields, cut, kept

DOCS = st.lists(st.from_type(Document), max_size=4)
ASKED = st.lists(st.sampled_from(FIELDS), max_size=6)
KINDS = st.sampled_from([pea_pb2.SEARCH, pea_pb2.INDEX])


def without(docs: list[Document], names: frozenset[str]) -> list[Document]:
    """Empty all fields but these of Documents, chunks and matches."""
    for doc in docs:
        below = [*doc.chunks, *doc.matches]
        doc.clear(*(name for name in FIELDS if name not in names))
        without(below, names)
    return docs


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
@given(DOCS, DOCS, KINDS, ASKED)
def test_an_answer_has_the_fields_that_were_asked_for_and_no_others(
    columns: bool, docs: list[Document], truths: list[Document], kind: int, asked: list[str]
) -> None:
    names = kept(kind, asked)
    assert names is not None
    body = encoded(Batch(docs, truths), columns)
    expected = without(batch_from_bytes(body).docs, names)
    for answer in (
        cut(body, names),
        encoded(batch_from_bytes(body), columns, names),
        encoded(Batch(docs, truths), columns, names),
    ):
        assert is_columns(answer) == columns or not answer
        assert batch_from_bytes(answer).docs == expected
        assert batch_from_bytes(answer).groundtruths == []
        assert batch_from_bytes(cut(answer, names)).docs == expected


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_a_search_is_answered_without_arrays_and_buffers_unless_they_are_asked_for(columns: bool) -> None:
    vector = np.arange(4.0)
    match = Document(id="m", text="found", tags={"a": 1}, embedding=vector, score=Score(0.5, ascending=True))
    doc = Document(id="q", tensor=vector, embedding=vector)
    doc.matches.append(match)
    body = encoded(Batch([doc]), columns)
    (light,) = batch_from_bytes(cut(body, kept(pea_pb2.SEARCH, []))).docs
    assert (light.tensor, light.embedding, light.matches[0].embedding) == (None, None, None)
    assert (light.matches[0].text, light.matches[0].tags) == ("found", {"a": 1.0})
    (whole,) = batch_from_bytes(cut(body, kept(pea_pb2.SEARCH, ["*"]))).docs
    assert whole == batch_from_bytes(body).docs[0]


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_matches_scores_and_places_come_along_whatever_a_search_asks_for(columns: bool) -> None:
    doc = Document(id="q", text="asked")
    doc.matches.append(Document(id="m", text="found", root_id="root", score=Score(0.5, "index", ascending=True)))
    (answer,) = batch_from_bytes(cut(encoded(Batch([doc]), columns), kept(pea_pb2.SEARCH, ["uri"]))).docs
    (match,) = answer.matches
    assert (match.id, match.root_id, match.adjacency, match.text) == ("m", "root", 1, None)
    assert match.score == doc.matches[0].score
    assert answer.text is None


@pytest.mark.parametrize("kind", [pea_pb2.INDEX, pea_pb2.UPDATE, pea_pb2.DELETE, pea_pb2.TRAIN])
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_other_requests_are_answered_with_ids_alone(columns: bool, kind: int) -> None:
    docs = [Document(id=f"{n}", text="long " * 100, tags={"n": n}, chunks=[Document(text="part")]) for n in range(20)]
    answer = cut(encoded(Batch(docs, docs), columns), kept(kind, []))
    assert batch_from_bytes(answer).docs == [Document(id=f"{n}") for n in range(20)]
    assert len(answer) < 300
    (first, *_) = batch_from_bytes(cut(encoded(Batch(docs), columns), kept(kind, ["text"]))).docs
    assert (first.text, list(first.chunks)) == (docs[0].text, [])


def test_an_unknown_field_is_refused_with_the_one_that_was_probably_meant() -> None:
    check_fields(["*", *FIELDS])
    with pytest.raises(InvalidRequest, match=r'^fields: a Document has no field "txt"; did you mean "text"\?'):
        check_fields(["text", "txt"])


def test_a_manifest_can_name_every_field_of_a_document_and_nothing_else() -> None:
    assert set(get_args(DocumentField)) == {"*", *FIELDS}


@pytest.mark.parametrize("body", [b"\x0a\x05ab", bytes([0x1A, 2, VERSION, 0]), b"\x0a\x03\x12\x01\xff"])
@pytest.mark.parametrize("asked", [["text"], []])
def test_a_body_that_cannot_be_read_is_refused(body: bytes, asked: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        batch_from_bytes(cut(body, kept(pea_pb2.INDEX, asked)))
