"""Documents as columns: what rows say, in another form."""

from __future__ import annotations

import copy
import pickle
import struct
import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score, Sparse
from peavine.documents.columns import Columns, Ragged
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2, pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes, document_from_bytes, document_to_bytes, encoded
from peavine.wire.census import census, check_documents
from peavine.wire.columns import columns_from_bytes, columns_of, columns_to_bytes, is_columns, rows_of
from peavine.wire.columns.making import rest_column
from peavine.wire.forms import as_rows, request_body

DOCS = st.lists(st.from_type(Document), max_size=4)


def columns(docs: list[Document], truths: list[Document] | None = None) -> bytes:
    return encoded(Batch(docs, truths or []), columns=True)


@given(DOCS, DOCS)
def test_rows_become_columns_and_rows_again_without_a_difference(docs: list[Document], truths: list[Document]) -> None:
    rows = batch_to_bytes(docs, truths)
    body = encoded(batch_from_bytes(rows), columns=True)
    assert is_columns(body)
    back = batch_from_bytes(body)
    assert (back.docs, back.groundtruths) == (docs, truths)
    assert encoded(back, columns=False) == rows


@given(DOCS)
def test_columns_that_nobody_touched_are_written_as_they_came(docs: list[Document]) -> None:
    body = columns(docs)
    assert encoded(batch_from_bytes(body), columns=True) == body
    looked_at = batch_from_bytes(body)
    assert len(looked_at.docs) == len(docs)
    assert encoded(looked_at, columns=True) == body


@given(DOCS, st.data())
def test_rows_may_be_chosen_and_put_in_another_order(docs: list[Document], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(docs) - 1), max_size=6)) if docs else []
    taken, _ = columns_from_bytes(columns(docs))
    body = columns_to_bytes(taken.take(np.array(places, np.int64)))
    assert batch_from_bytes(body).docs == [docs[place] for place in places]
    viewed = batch_from_bytes(columns(docs)).docs
    assert batch_from_bytes(columns([viewed[place] for place in places])).docs == [docs[place] for place in places]


CHANGES: dict[str, Any] = {
    "id": lambda doc: setattr(doc, "id", "another"),
    "text": lambda doc: setattr(doc, "text", "another text"),
    "tensor": lambda doc: setattr(doc, "tensor", np.ones((2, 3), np.float32)),
    "no content": lambda doc: setattr(doc, "content", None),
    "embedding": lambda doc: setattr(doc, "embedding", np.arange(4.0)),
    "sparse embedding": lambda doc: setattr(doc, "embedding", Sparse([0], [1], [2.0], (1, 3))),
    "no embedding": lambda doc: setattr(doc, "embedding", None),
    "tags": lambda doc: doc.tags.update(more=1.0),
    "no tags": lambda doc: doc.tags.clear(),
    "weight": lambda doc: setattr(doc, "weight", 0.25),
    "no weight": lambda doc: setattr(doc, "weight", None),
    "location": lambda doc: setattr(doc, "location", (3, 4)),
    "no location": lambda doc: setattr(doc, "location", ()),
    "score": lambda doc: setattr(doc, "score", Score(2.0, "s", "d", [Score(1.0)], "r", True)),
    "score value": lambda doc: doc.score and doc.score.__setattr__("value", 7.0),
    "no score": lambda doc: setattr(doc, "score", None),
    "evaluation": lambda doc: doc.evaluations.append(Score(1.0, "e")),
    "granularity": lambda doc: doc.move(doc.granularity + 1, doc.adjacency),
    "offset": lambda doc: setattr(doc, "offset", 0),
    "chunk": lambda doc: doc.chunks.append(Document(id="new", text="part")),
    "chunk's text": lambda doc: [chunk.__setattr__("text", "other") for chunk in doc.chunks[:1]],
    "match": lambda doc: doc.matches.append(Document(id="new", score=Score(1.0))),
    "fewer matches": lambda doc: doc.matches.__delitem__(slice(0, 1)),
    "uri": lambda doc: setattr(doc, "uri", "u"),
    "nothing": repr,
}


@given(st.lists(st.from_type(Document), min_size=1, max_size=4), st.data())
def test_what_is_done_to_a_view_is_what_is_done_to_a_document(docs: list[Document], data: st.DataObject) -> None:
    body = columns(docs)
    plain, views = batch_from_bytes(batch_to_bytes(docs)).docs, batch_from_bytes(body).docs
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(docs) - 1))
        change = CHANGES[data.draw(st.sampled_from(sorted(CHANGES)))]
        change(plain[place])
        change(views[place])
    assert views == plain
    again = columns(views)
    assert batch_from_bytes(again).docs == plain
    # Documents of several origins, and new ones, become one batch as well.
    mixed = [*views, Document(id="plain"), *batch_from_bytes(again).docs]
    assert batch_from_bytes(columns(mixed)).docs == [*plain, Document(id="plain"), *plain]


def test_a_view_is_copied_and_pickled_as_a_document_of_its_own() -> None:
    doc = Document(id="x", text="a", tags={"n": 1.0}, chunks=[Document(id="y", tensor=np.ones(3))])
    (view,) = batch_from_bytes(columns([doc])).docs
    for other in (copy.copy(view), copy.deepcopy(view), pickle.loads(pickle.dumps(view)), view.without()):
        assert type(other) is Document
        assert other == doc == view
    assert type(type(view)(id="new")) is Document
    copy.deepcopy(view).tags["n"] = 2.0
    assert view.tags == {"n": 1.0}


def test_a_view_has_no_other_names_than_a_document() -> None:
    (view,) = batch_from_bytes(columns([Document(id="x")])).docs
    with pytest.raises(AttributeError, match="'Document' object has no attribute 'txt'"):
        view.txt  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        view.txt = "a"  # type: ignore[attr-defined]
    assert isinstance(view, Document)


def test_arrays_of_several_shapes_and_kinds_travel_together() -> None:
    docs = [
        Document(id="a", tensor=np.ones((2, 2), np.float32)),
        Document(id="b", tensor=np.ones((2, 3), np.float32)),
        Document(id="c", tensor=Sparse([0], [1], [2.0], (1, 3))),
        Document(id="d", text="x"),
        Document(id="e"),
        Document(id="f", tensor=np.full((2, 2), 3, np.float32), embedding=np.array(1.5)),
        Document(id="g", tensor=np.ones((2, 2), ">f4")),
    ]
    back = batch_from_bytes(columns(docs)).docs
    assert back == docs
    tensor = back[5].tensor
    assert isinstance(tensor, np.ndarray)
    with pytest.raises(ValueError, match="read-only"):
        tensor[0, 0] = 1


def test_a_batch_of_equal_arrays_is_one_array_in_the_message() -> None:
    body = columns([Document(id=f"{n}", tensor=np.full((28, 28), n, np.uint8)) for n in range(100)])
    tensors = columns_from_bytes(body)[0].fields["tensor"].store.array  # type: ignore[attr-defined]
    assert tensors.shape == (100, 28, 28)
    assert not tensors.flags.owndata
    assert tensors.ctypes.data % 8 == 0


def test_a_field_that_nobody_reads_is_not_decoded() -> None:
    body = columns([Document(id="a", text="x", tags={"a": 1.0})])
    broken = bytearray(body)
    at = body.index(b"\x0a\x01a")  # the key in the tags
    broken[at] = 0xFF
    (doc,) = batch_from_bytes(bytes(broken)).docs
    assert doc.text == "x"
    assert encoded(batch_from_bytes(bytes(broken)), columns=True) == bytes(broken)
    with pytest.raises(InvalidRequest, match="tags"):
        _ = doc.tags


def test_a_stored_document_may_be_the_rest_of_a_row_without_being_parsed() -> None:
    stored = Document(id="a", text="kept", tags={"n": 1.0}, tensor=None, uri="u", granularity=1, siblings=2)
    made = columns_of([Document(id="a", score=Score(0.5, "s", reference="q"), adjacency=1, uri="mine")])
    made.fields["rest"] = rest_column([document_to_bytes(stored)])
    (doc,) = batch_from_bytes(columns_to_bytes(made)).docs
    assert (doc.id, doc.text, doc.tags, doc.siblings) == ("a", "kept", {"n": 1.0}, 2)
    assert (doc.uri, doc.adjacency) == ("mine", 1)
    assert doc.score == Score(0.5, "s", reference="q")
    doc.tags["m"] = 2.0
    doc.content = None
    (again,) = batch_from_bytes(columns([doc])).docs
    assert (again.text, again.tags, again.siblings) == (None, {"n": 1.0, "m": 2.0}, 2)


def test_odd_values_become_what_they_become_in_rows() -> None:
    doc = Document(id="a", weight=True, offset=np.int64(3), score=Score(1, ascending=1))  # type: ignore[arg-type]
    plain = batch_from_bytes(batch_to_bytes([doc])).docs
    assert batch_from_bytes(columns([doc])).docs == plain


def test_nothing_is_a_batch_too() -> None:
    assert batch_from_bytes(columns([])).docs == []
    assert batch_from_bytes(columns_to_bytes(Columns())).groundtruths == []


def test_the_same_words_for_many_documents_are_written_once() -> None:
    def size(count: int) -> int:
        docs = [Document(id="x", mime_type="image/png", modality="picture", granularity=3) for _ in range(count)]
        return len(columns(docs))

    assert size(1001) - size(1) < 1000 * 6


@given(st.binary(max_size=200))
def test_any_bytes_are_documents_or_an_invalid_request(data: bytes) -> None:
    for body in (b"\x1a" + data, b"\x1a" + bytes([len(data) & 127]) + data, _payload(data)):
        with suppress(InvalidRequest):
            check(body)


def _payload(data: bytes) -> bytes:
    length = len(data) + 2
    return b"\x1a" + bytes([length & 127 | 128, length >> 7]) + struct.pack("<H", 1) + data


def check(body: bytes) -> None:
    """Read everything that a body has, as a Pea and a client may."""
    batch = batch_from_bytes(body)
    check_documents(body, 64)
    for part in batch.parts:
        assert isinstance(part, Columns)
        assert part.rows + sum(nested.columns.rows for nested in part.below) <= len(body)
    batch_to_bytes(batch.docs, batch.groundtruths)
    encoded(batch, columns=True)


@given(DOCS, st.data())
def test_damaged_bytes_are_documents_or_an_invalid_request(docs: list[Document], data: st.DataObject) -> None:
    raw = bytearray(columns(docs))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(1, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidRequest):
        check(bytes(raw))


@given(DOCS, st.data())
def test_a_body_that_is_cut_off_is_refused(docs: list[Document], data: st.DataObject) -> None:
    raw = columns(docs)
    with pytest.raises(InvalidRequest, match="columns: "):
        batch_from_bytes(raw[: data.draw(st.integers(1, len(raw) - 1))])


def words(*of: int, version: int = 1, buffers: bytes = b"") -> bytes:
    """Return a body with this directory; its buffers begin at a multiple of 8."""
    inner = struct.pack(f"<HI{len(of)}I", version, len(of), *of)
    inner += bytes(-(len(inner) - 2) % 8) + buffers
    return document_pb2.DocumentBatch(columns=inner).SerializeToString()


IDS = struct.pack("<2I", 0, 1) + b"x"
PAD = bytes(7)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (words(0, 0, version=2), "the layout is version 2"),
        (words(0), "the directory is cut off"),
        (words(0, 0, 0), "1 words of the directory are left over"),
        (words(0, 0, buffers=b"12345678"), "12 bytes are left over"),
        (words(1, 0, 0, 0, 0), "without an id"),
        (words(2**32 - 1, 0, 0, 0, 0), "without an id"),
        (words(1, 1, 99, 1, 0, 0, 0, 0), "not a column that this peavine knows"),
        (words(1, 1, 1 | 1 << 12, 1, 1, 0, 0, 0, buffers=IDS), "not a column that this peavine knows"),
        (words(2**32 - 1, 1, 1, 2**32 - 1, 0, 0, 0, 0), "a buffer of 17179869184 bytes is cut off"),
        (words(1, 1, 1, 2, 1, 0, 0, 0, buffers=IDS), "id has 2 values, and 1 are needed"),
        (words(1, 1, 1, 1, 2, 0, 0, 0, buffers=IDS + b"y"), "do not climb from 0 to 2"),
        (words(1, 1, 1, 1, 0, 0, 0, 0, buffers=bytes(8)), "an id is empty"),
        (words(1, 1, 1 | 2 << 8, 1, 1, 0, 0, 0, buffers=IDS), "id cannot be constant"),
        (words(1, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, buffers=IDS + PAD + IDS), "id stands twice"),
        (words(1, 2, 1, 1, 1, 4, 1, 99, 0, 0, 0, buffers=IDS), "arrays of type 99"),
        (words(1, 2, 1, 1, 1, 4, 1, 2 | 32 << 8, 0, 0, 0, buffers=IDS), "32 dimensions"),
        (words(1, 2, 1, 1, 1, 4, 1, 2 | 2 << 8, 2**31, 2**31, 0, 0, 0, buffers=IDS), "is cut off"),
        (words(1, 2, 1, 1, 1, 4, 1, 2 | 3 << 8, 0, 2**32 - 1, 2**32 - 1, 0, 0, 0, buffers=IDS), "the shape"),
        (
            words(1, 3, 1, 1, 1, 2, 1, 1, 3, 1, 1, 0, 0, 0, buffers=(IDS + PAD) * 2 + IDS),
            "more than one content",
        ),
        (words(1, 1, 1, 1, 1, 1, 0, 0, 0, buffers=IDS + PAD + bytes(8)), "a level of children is empty"),
        (words(1, 1, 1, 1, 1, 7, 0, 0, 0, buffers=IDS), "the directory"),
        (b"\x1a", "the length is cut off"),
        (b"\x1a\xff\xff\xff\xff\xff\xff", "columns: "),
        (words(0, 0) + b"\x0a\x00", "are announced"),
        (words(0, 0) * 2, "are announced"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else f"{len(value)}_bytes",
)  # fmt: skip
def test_columns_that_lie_are_refused(body: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        batch_from_bytes(body)
    assert said in str(caught.value)


def test_a_directory_that_nothing_refers_to_takes_no_memory() -> None:
    body = words(0, 0, *[2**32 - 1] * 100_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match="100000 words of the directory are left over"):
            batch_from_bytes(body)
        assert tracemalloc.get_traced_memory()[1] < len(body) / 10
    finally:
        tracemalloc.stop()


def test_a_text_for_many_rows_that_is_not_short_is_refused() -> None:
    ids = struct.pack("<3I", 0, 1, 2) + b"xy" + bytes(2)
    long = struct.pack("<2I", 0, 65) + b"u" * 65
    with pytest.raises(InvalidRequest, match="uri is constant with 65 bytes"):
        batch_from_bytes(words(2, 2, 1, 2, 2, 9 | 2 << 8, 1, 65, 0, 0, 0, buffers=ids + long))


def test_levels_are_nested_no_deeper_than_documents() -> None:
    doc = Document(id="x")
    for _ in range(31):
        doc = Document(id="x", chunks=[doc])
    assert batch_from_bytes(columns([doc])).docs == [doc]
    (view,) = batch_from_bytes(columns([doc])).docs
    with pytest.raises(InvalidRequest, match="nested more than 32 deep"):
        columns([Document(id="y", chunks=[view])])


def test_rows_and_columns_in_one_body_are_refused() -> None:
    both = document_pb2.DocumentBatch(docs=[document_pb2.Document(id="a")], columns=b"x").SerializeToString()
    with pytest.raises(InvalidRequest, match="both rows and columns"):
        batch_from_bytes(both)


def test_text_that_is_not_unicode_is_refused_where_it_is_read() -> None:
    body = columns([Document(id="a", text="xyz")])
    (doc,) = batch_from_bytes(body.replace(b"xyz", b"\xff\xff\xff")).docs
    with pytest.raises(InvalidRequest, match="not valid UTF-8"):
        _ = doc.text


def test_a_batch_that_another_program_wrote_again_is_read_wherever_its_buffers_lie() -> None:
    docs = [Document(id=f"{n}", tensor=np.full(5, n, np.float64), weight=0.5 + n) for n in range(5)]
    again = document_pb2.DocumentBatch.FromString(columns(docs)).SerializeToString()
    assert len(again) < len(columns(docs))
    assert batch_from_bytes(again).docs == docs


def test_cells_that_follow_one_another_are_not_copied() -> None:
    store = Ragged.texts([f"text {n}" for n in range(10)])
    part = store.gather(np.arange(3, 7))
    assert part.raw is store.raw
    assert [part[n] for n in range(4)] == ["text 3", "text 4", "text 5", "text 6"]
    assert bytes(part.data) == b"text 3text 4text 5text 6"


@pytest.mark.parametrize("count", [100, 101])
def test_root_documents_are_counted(count: int) -> None:
    docs = [Document(id=f"{number}", text="some text") for number in range(count)]
    for body in (columns(docs), columns([Document(id="x")], docs)):
        if count == 100:
            check_documents(body, 100)
        else:
            with pytest.raises(InvalidRequest, match=r"body: has more than 100 (Documents|ground truths); send fewer"):
                check_documents(body, 100)


def below(kind: str, count: int) -> Document:
    doc, children = Document(id="x"), [Document(id="y") for _ in range(count)]
    if kind == "grandchildren":
        doc.chunks.append(Document(id="z", matches=children))
    elif kind == "evaluations":
        doc.evaluations = [Score()] * count
    elif kind == "operands":
        doc.score = Score(operands=[Score()] * count)
    elif kind == "tags":
        doc.tags = {"x": [None] * 4 * count}
    elif kind == "tags of many":
        return Document(id="x", chunks=[Document(tags={"x": [None] * 40}) for _ in range(count // 4)])
    else:
        setattr(doc, kind, children)
    return doc


@pytest.mark.parametrize(
    "kind", ["chunks", "matches", "grandchildren", "evaluations", "operands", "tags", "tags of many"]
)
def test_what_is_below_root_documents_is_counted_too(kind: str) -> None:
    check_documents(columns([below(kind, 90)]), 100)
    with pytest.raises(InvalidRequest, match=r"body: has more than \d+ .*; send fewer"):
        check_documents(columns([below(kind, 1610)]), 100)


def test_many_levels_are_counted_in_slices() -> None:
    doc = Document(id="x")
    for _ in range(8):
        doc = Document(id="x", chunks=[doc], matches=[doc.without()])
    body = columns([doc])
    assert len(list(census(body, 100))) == 511
    with pytest.raises(InvalidRequest, match="send fewer"):
        list(census(body, 10))


@given(st.lists(st.from_type(Document), min_size=1, max_size=4), st.sets(st.sampled_from(["embedding", "tags", "uri"])))
def test_a_row_is_stored_as_the_document_that_it_is(docs: list[Document], left_out: set[str]) -> None:
    made = columns_of(docs)
    rows = rows_of(made, left_out)
    if rows is None:
        assert "rest" in made.fields
        return
    bare = [doc.without("chunks", "matches", "score", "evaluations", *left_out) for doc in docs]
    assert [document_from_bytes(row) for row in rows] == bare
    plain = [len(doc.tags) for doc in docs]  # the order of keys is protobuf's own
    assert max(plain) > 1 or rows == [document_to_bytes(doc) for doc in bare]


def test_a_peer_that_reads_no_columns_is_sent_rows_and_what_cannot_be_read_stays_unreadable() -> None:
    docs = [Document(id=f"{n}", text="x") for n in range(9)]
    good, broken, rows = columns(docs), columns(docs)[:-1], batch_to_bytes(docs)
    unit = pea_pb2.Unit(items=[pea_pb2.Envelope(bodies=[good, rows]), pea_pb2.Envelope(bodies=[broken])])
    assert as_rows(unit)
    assert list(unit.items[0].bodies) == [rows, rows]
    with pytest.raises(InvalidRequest):
        batch_from_bytes(unit.items[1].bodies[0])
    assert not as_rows(pea_pb2.Unit(items=[pea_pb2.Envelope(bodies=[rows])]))


def test_a_request_of_many_documents_has_the_form_that_costs_less() -> None:
    few, many = ([Document(id=f"{n}", text="x") for n in range(count)] for count in (2, 100))
    assert [is_columns(request_body(Batch(docs))) for docs in (few, many)] == [False, True]
