"""What is counted from bytes is what protobuf would make of them."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document, Score
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2, pea_pb2, shallow_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.census import PARTS, TOTAL, census, check_documents
from peavine.wire.documents import document_to_bytes
from peavine.wire.fields import fields
from peavine.wire.unit import MAX_UNIT_ITEMS, bounded, item_field


def many(count: int, **of_each: object) -> bytes:
    return batch_to_bytes([Document(id=f"{number}", **of_each) for number in range(count)])  # type: ignore[arg-type]


def weight(docs: list[Document]) -> int:
    """Return how many Documents and evaluations there are, with all below them."""
    return sum(
        1
        + weight(list(doc.chunks))
        + weight(list(doc.matches))
        + len(doc.evaluations)
        + sum(map(operands, scores(doc)))
        for doc in docs
    )


def scores(doc: Document) -> list[Score]:
    return [*doc.evaluations, *([doc.score] if doc.score else [])]


def operands(score: Score) -> int:
    return sum(1 + operands(each) for each in score.operands)


def values(docs: list[Document]) -> int:
    """Return an upper bound for the values in tags."""
    return sum(len(document_to_bytes(doc)) for doc in docs)


@given(st.lists(st.from_type(Document), max_size=4))
def test_fields_are_found_where_protobuf_has_them(docs: list[Document]) -> None:
    body = batch_to_bytes(docs)
    batch = document_pb2.DocumentBatch.FromString(body)
    found = [document_pb2.Document.FromString(body[begin:end]) for number, begin, end in fields(body) if number == 1]
    assert found == list(batch.docs)


@given(st.binary(max_size=64))
def test_bytes_that_protobuf_takes_are_walked_unless_they_hold_groups(raw: bytes) -> None:
    try:
        shallow_pb2.Named.FromString(raw)
    except DecodeError:
        return
    try:
        list(fields(raw))
    except InvalidRequest as error:
        problem = str(error)
    else:
        return
    assert "wire type" in problem


@pytest.mark.parametrize(
    "raw",
    [b"\x0a", b"\x0a\x05ab", b"\x08", b"\x08\xff", b"\x0b\x0c", b"\x09\x00", b"\x0a" + b"\xff" * 11, b"\xff" * 12],
    ids=[
        "no length",
        "cut off",
        "no number",
        "half a number",
        "a group",
        "half a double",
        "a long length",
        "a long tag",
    ],
)
def test_what_is_not_a_message_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match="malformed protobuf"):
        list(fields(raw))


@given(st.lists(st.from_type(Document), max_size=4), st.integers(1, 4))
def test_a_request_is_refused_exactly_where_it_has_more_root_documents(docs: list[Document], limit: int) -> None:
    try:
        check_documents(batch_to_bytes(docs), limit)
    except InvalidRequest:
        assert len(docs) > limit or weight(docs) > TOTAL * limit or values(docs) > PARTS * limit
    else:
        assert len(docs) <= limit


@pytest.mark.parametrize(("count", "limit"), [(4096, 4096), (1, 1), (100, 100)])
def test_as_many_documents_as_allowed_pass_and_one_more_is_refused(count: int, limit: int) -> None:
    check_documents(many(count, text="x"), limit)
    with pytest.raises(
        InvalidRequest, match=rf"body: has more than {limit} Documents; .* spec.maxDocuments of the Flow"
    ):
        check_documents(many(count + 1, text="x"), limit)


def tree(kind: str, count: int) -> bytes:
    child = document_pb2.Document()
    root = document_pb2.Document(id="x")
    if kind == "evaluations":
        root.evaluations.extend([document_pb2.Score()] * count)
    elif kind == "operands":
        root.score.operands.extend([document_pb2.Score()] * count)
    elif kind == "grandchildren":
        root.chunks.add().matches.extend([child] * count)
    elif kind == "groundtruths":
        return document_pb2.DocumentBatch(docs=[root], groundtruths=[child] * count).SerializeToString()
    elif kind == "tags":
        root.tags.get_or_create_list("x").extend([None] * 4 * count)
    else:
        getattr(root, kind).extend([child] * count)
    return document_pb2.DocumentBatch(docs=[root]).SerializeToString()


@pytest.mark.parametrize(
    "kind", ["chunks", "matches", "grandchildren", "evaluations", "operands", "groundtruths", "tags"]
)
def test_what_is_below_root_documents_is_counted_too(kind: str) -> None:
    limit = 1000
    check_documents(tree(kind, 900), limit)
    with pytest.raises(InvalidRequest, match=r"body: has more than \d+ .*; send fewer"):
        check_documents(tree(kind, TOTAL * limit + 10), limit)


def test_a_message_of_fields_that_come_to_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="fields"):
        check_documents(b"\x68\x01" * 2_000_000, 100)


def test_a_count_goes_in_slices_and_stops_at_the_limit() -> None:
    counting = census(b"\x0a\x00" * 1_000_000, 100_000)
    with pytest.raises(InvalidRequest):
        list(counting)
    slices = list(census(many(50_000), 100_000))
    assert len(slices) > 10


def test_a_body_too_small_to_exceed_the_limit_is_not_looked_at() -> None:
    assert list(census(b"\xff" * 100, 50)) == []


@given(st.binary(max_size=300))
def test_a_request_becomes_an_item_of_a_unit(raw: bytes) -> None:
    whole = item_field(raw)
    assert [whole[begin:end] for _, begin, end in fields(whole)] == [raw]


def test_a_unit_of_too_many_items_fields_or_header_bytes_is_not_parsed() -> None:
    item = pea_pb2.Envelope(header=pea_pb2.Header(id="x"), bodies=[b"body"])
    unit = pea_pb2.Unit(items=[item] * MAX_UNIT_ITEMS)
    assert bounded(unit.SerializeToString()) == MAX_UNIT_ITEMS
    assert bounded(item_field(pea_pb2.Envelope(bodies=[b"x" * 1_000_000]).SerializeToString())) == 1
    unit.items.add()
    with pytest.raises(InvalidRequest, match="more than 1024 items"):
        bounded(unit.SerializeToString())
    with pytest.raises(InvalidRequest, match="header: has more than 65536 bytes"):
        bounded(item_field(pea_pb2.Envelope(header=pea_pb2.Header(id="x" * 70_000)).SerializeToString()))
    with pytest.raises(InvalidRequest, match="more than 1024 fields"):
        bounded(item_field(pea_pb2.Envelope(bodies=[b"x"] * 70_000).SerializeToString()))
    with pytest.raises(InvalidRequest, match="besides its items"):
        bounded(pea_pb2.Unit(routes=[pea_pb2.Route(pod="x")] * 70_000).SerializeToString())
