"""A unit is split among the owners of its Documents, and their answers are put together in its own order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, encoded
from peavine.wire.split import assemble, owner, split
from peavine.wire.unit import parse, serialize

IDS = st.text(min_size=1, max_size=6)
REQUESTS = st.lists(st.lists(IDS, max_size=8), min_size=1, max_size=5)


FORMS = pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])


def unit(requests: list[list[str]], columns: bool) -> pea_pb2.Unit:
    made = pea_pb2.Unit(kind=pea_pb2.INDEX)
    for number, names in enumerate(requests):
        docs = [Document(id=name, text=f"{number} {place}") for place, name in enumerate(names)]
        made.items.add(header=pea_pb2.Header(id=f"r{number}"), bodies=[encoded(Batch(docs), columns)])
    return made


def contents(item: pea_pb2.Envelope) -> list[tuple[str, str | None]]:
    return [(doc.id, doc.text) for body in item.bodies for doc in batch_from_bytes(body).docs]


@FORMS
@given(requests=REQUESTS, shards=st.integers(1, 5))
def test_each_shard_gets_the_documents_that_it_owns_and_no_others(
    requests: list[list[str]], shards: int, columns: bool
) -> None:
    whole = unit(requests, columns)
    parts = split(whole, shards)
    seen = []
    for shard, part in parts.items():
        for item in part.unit.items:
            documents = contents(item)
            assert all(owner(name, shards) == shard for name, _ in documents)
            seen += documents
    assert sorted(seen) == sorted(document for item in whole.items for document in contents(item))


@FORMS
@given(requests=REQUESTS, shards=st.integers(1, 5))
def test_what_was_split_comes_together_in_its_own_order(requests: list[list[str]], shards: int, columns: bool) -> None:
    whole = unit([list(dict.fromkeys(names)) for names in requests], columns)
    before = parse(serialize(whole))
    parts = split(whole, shards)
    assert assemble(whole, parts, {shard: part.unit for shard, part in parts.items()}) == 0
    assert [contents(item) for item in whole.items] == [contents(item) for item in before.items]


@FORMS
@given(names=st.lists(IDS, min_size=1, max_size=8, unique=True), shards=st.integers(2, 4))
def test_ground_truths_stay_with_their_documents(names: list[str], shards: int, columns: bool) -> None:
    docs = [Document(id=name) for name in names]
    truths = [Document(id=f"truth of {name}") for name in names]
    whole = pea_pb2.Unit(kind=pea_pb2.SEARCH, items=[pea_pb2.Envelope(bodies=[encoded(Batch(docs, truths), columns)])])
    parts = split(whole, shards)
    assemble(whole, parts, {shard: part.unit for shard, part in parts.items()})
    batch = batch_from_bytes(whole.items[0].bodies[0])
    assert [doc.id for doc in batch.docs] == names
    assert [doc.id for doc in batch.groundtruths] == [f"truth of {name}" for name in names]


def test_a_document_belongs_to_the_same_shard_for_ever() -> None:
    assert [owner(name, 7) for name in ("a", "b", "red shoes", "Ünïcödé", "0123456789abcdef")] == [2, 5, 3, 1, 4]


@FORMS
def test_a_request_that_one_shard_refuses_has_failed_and_others_have_not(columns: bool) -> None:
    whole = unit([["a", "b", "c", "d"], ["e"]], columns)
    parts = split(whole, 3)
    shard = owner("a", 3)
    for item in parts[shard].unit.items:
        if item.header.id == "r0":
            item.header.status.code, item.header.status.message = 3, "not this one"
    failed = assemble(whole, parts, {shard: part.unit for shard, part in parts.items()})
    assert failed == 1
    assert whole.items[0].header.status.message == "not this one"
    assert contents(whole.items[1]) == [("e", "1 0")]


@pytest.mark.parametrize("tag", [b"\x0a", b"\x1a"], ids=["rows", "columns"])
def test_a_request_that_cannot_be_read_goes_to_no_shard(tag: bytes) -> None:
    whole = pea_pb2.Unit(kind=pea_pb2.INDEX, items=[pea_pb2.Envelope(bodies=[tag + b"\xff not a batch"])])
    assert split(whole, 3) == {}
    assert whole.items[0].header.status.code == 3


def test_documents_that_the_shards_gave_arrays_of_different_shapes_come_together_too() -> None:
    names = [f"{number}" for number in range(8)]
    whole = unit([names], True)
    parts = split(whole, 3)
    for shard, part in parts.items():
        for item in part.unit.items:
            batch = batch_from_bytes(item.bodies[0])
            for doc in batch.docs:
                doc.embedding = np.full(shard + 1, int(doc.id))
                doc.chunks.append(Document(id=f"part of {doc.id}"))
            item.bodies[0] = encoded(batch, True)
    assert assemble(whole, parts, {shard: part.unit for shard, part in parts.items()}) == 0
    docs = batch_from_bytes(whole.items[0].bodies[0]).docs
    assert [doc.id for doc in docs] == names
    assert [doc.embedding.tolist() for doc in docs] == [[int(name)] * (owner(name, 3) + 1) for name in names]  # type: ignore[union-attr]
    assert [doc.chunks[0].id for doc in docs] == [f"part of {name}" for name in names]


def test_an_answer_that_cannot_be_put_together_fails_alone() -> None:
    whole = unit([[f"{number}" for number in range(8)], ["e"]], True)
    parts = split(whole, 3)
    for shard, part in parts.items():
        for item in part.unit.items:
            batch = batch_from_bytes(item.bodies[0])
            for doc in batch.docs:
                doc.embedding, doc.uri = np.ones(shard + 1), "word"  # shapes that do not fit into one column
            body = encoded(batch, True)
            item.bodies[0] = body.replace(b"word", b"w\xffrd") if item.header.id == "r0" else body
    assert assemble(whole, parts, {shard: part.unit for shard, part in parts.items()}) == 1
    assert "UTF-8" in whole.items[0].header.status.message
    assert contents(whole.items[1]) == [("e", "1 0")]
