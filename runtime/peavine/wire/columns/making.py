"""From Documents to columns. What is a row of columns already, and was not written to, is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from google.protobuf.struct_pb2 import Struct

from peavine.documents import Document, Score, Sparse
from peavine.documents.bounds import MAX_DEPTH, MAX_DIMENSIONS
from peavine.documents.columns import Block, Column, Columns, Nested, Numbers, Ragged
from peavine.documents.tensor import DTYPES
from peavine.documents.view import SLOTS, source_of, written
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2
from peavine.wire.columns.layout import FIELDS, NUMBERS, Kind
from peavine.wire.columns.reading import READERS, read_tags
from peavine.wire.documents import batch_to_bytes, rest_from_bytes, rows_from_bytes, write_rest
from peavine.wire.fields import fields
from peavine.wire.tags import write_struct

__all__ = ["columns_of", "rest_column", "texts"]

_HELD = {
    field.number: slot
    for field in document_pb2.Document.DESCRIPTOR.fields
    for slot in SLOTS & {field.name, f"_{field.name}"}
} | dict.fromkeys((2, 3, 4), "_content")
"""The slot of a Document by the number of its field."""

_Rest = dict[int, document_pb2.Document]


def columns_of(docs: Sequence[Document], path: Literal["docs", "groundtruths"] = "docs") -> Columns:
    """Return the Documents as columns; InvalidRequest says which of them cannot travel, and why."""
    try:
        return _made(docs, 0)
    except (InvalidRequest, AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError):
        # What is odd goes through rows: they say where and why, or make a regular value of it.
        rows = batch_to_bytes(docs) if path == "docs" else batch_to_bytes((), docs)
        batch = rows_from_bytes(rows)
        return _made(batch.docs if path == "docs" else batch.groundtruths, 0)


def texts(values: Sequence[str | None]) -> Column | None:
    """Return a column of texts; None where there are none."""
    at, kept = _present(values)
    if not kept:
        return None
    if len(kept) > 1 and kept[0] == kept[-1] and kept.count(kept[0]) == len(kept):
        kept, at = kept[:1], np.zeros(len(values), np.int64) if at is None else np.minimum(at, 0)
    return Column(Ragged.texts(kept), at)


def _made(docs: Sequence[Document], depth: int) -> Columns:
    if depth >= MAX_DEPTH:
        raise InvalidRequest(f"is nested more than {MAX_DEPTH} deep")
    if not docs:
        return Columns()
    source = source_of(docs)
    if source is None:
        made, slots = Columns(len(docs)), set(SLOTS)
    else:
        columns, rows = source
        made = columns.copy() if rows == list(range(columns.rows)) else columns.take(np.array(rows, np.int64))
        slots = written(docs)
        if depth + made.height > MAX_DEPTH:
            raise InvalidRequest(f"is nested more than {MAX_DEPTH} deep")
    old = made.fields.get("rest")
    if old is not None and slots and (held := _held(old)) & slots:
        slots |= held
        old = None
    if slots:
        rest: _Rest = {}
        for slot in slots:
            _MAKERS[slot](made, docs, rest, depth)
        _put(made, "rest", _merged(old, rest, len(docs)))
    return made


def _present(values: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Return the place of each value among those that are not None, or None where all are there; and those."""
    if not any(value is None for value in values):
        return None, list(values)
    mask = np.fromiter((value is not None for value in values), np.bool_, len(values))
    at = np.cumsum(mask) - 1
    at[~mask] = -1
    return at, [value for value in values if value is not None]


def _put(made: Columns, name: str, column: Column | None) -> None:
    if column is None:
        made.fields.pop(name, None)
    else:
        made.fields[name] = column


def _text(name: str, slot: str) -> Callable[[Columns, Sequence[Document], _Rest, int], None]:
    def make(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
        values = [getattr(doc, slot) or None for doc in docs]
        _put(made, name, texts(values) if any(values) else None)

    return make


def _number(name: str) -> Callable[[Columns, Sequence[Document], _Rest, int], None]:
    def make(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
        values = [getattr(doc, name) for doc in docs]
        _put(made, name, _numbers([value or None for value in values], Kind.UINT) if any(values) else None)

    return make


def _numbers(values: Sequence[Any], kind: Kind) -> Column | None:
    at, kept = _present(values)
    if not kept:
        return None
    if not set(map(type, kept)) <= _NUMBER_TYPES[kind]:
        raise TypeError("a number of another type")
    if len(kept) > 1 and kept.count(kept[0]) == len(kept) and kept[0]:  # 0.0 and -0.0 are equal, and not the same
        kept, at = kept[:1], np.zeros(len(values), np.int64) if at is None else np.minimum(at, 0)
    return Column(Numbers(np.array(kept, NUMBERS[kind])), at)


_NUMBER_TYPES: Mapping[Kind, set[type]] = {Kind.UINT: {int}, Kind.DOUBLE: {int, float}, Kind.BOOL: {bool}}


def _weight(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    _put(made, "weight", _numbers([doc.weight for doc in docs], Kind.DOUBLE))


def _content(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    values = [doc.content for doc in docs]
    kinds = {type(value) for value in values}
    for name in ("text", "buffer", "tensor"):
        made.fields.pop(name, None)
    if kinds == {type(None)}:
        return
    if kinds == {str}:
        _put(made, "text", texts(values))  # type: ignore[arg-type]
        return
    _put(made, "text", texts([value if isinstance(value, str) else None for value in values]))
    at, kept = _present([value if isinstance(value, bytes) else None for value in values])
    if kept:
        made.fields["buffer"] = Column(Ragged.of(kept, READERS[Kind.BYTES]), at)
    arrays = [None if isinstance(value, str | bytes) else value for value in values]
    _put(made, "tensor", _arrays(arrays, lambda row, value: write_rest(_of(rest, row), tensor=value)))


def _embedding(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    arrays = [doc.embedding for doc in docs]
    _put(made, "embedding", _arrays(arrays, lambda row, value: write_rest(_of(rest, row), embedding=value)))


def _arrays(values: Sequence[Any], irregular: Callable[[int, Any], None]) -> Column | None:
    """Return a column of those arrays that are like the first one; the others are irregular."""
    first = next((value for value in values if isinstance(value, np.ndarray)), None)
    regular = list(values)
    if first is None or first.ndim >= MAX_DIMENSIONS:
        shape, dtype = None, None
    else:
        shape, dtype = first.shape, first.dtype
    for row, value in enumerate(values):
        if value is not None and (isinstance(value, Sparse) or value.shape != shape or value.dtype != dtype):
            irregular(row, value)
            regular[row] = None
    at, kept = _present(regular)
    if not kept or dtype is None or shape is None:
        return None
    little = DTYPES[dtype.newbyteorder("<").str]
    pieces = [value if value.flags.c_contiguous and value.dtype == little else np.ascontiguousarray(value, little)
              for value in kept]  # fmt: skip
    if 0 in shape:
        return Column(Block(np.empty((len(kept), *shape), little)), at)
    data = b"".join(piece.data for piece in pieces)
    return Column(Block(np.frombuffer(data, little).reshape(len(kept), *shape)), at)


def _tags(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    at, kept = _present([_struct(doc.tags) if doc.has_tags else None for doc in docs])
    _put(made, "tags", Column(Ragged.of(kept, read_tags), at) if kept else None)


def _struct(tags: Mapping[str, Any]) -> bytes:
    struct = Struct()
    write_struct(tags, struct)
    return struct.SerializeToString()


def _score(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    scores = [doc.score for doc in docs]
    for name in ("score_value", "score_name", "score_reference", "score_ascending"):
        made.fields.pop(name, None)
    if all(score is None for score in scores):
        return
    for row, score in enumerate(scores):
        if score is not None and not isinstance(score, Score):
            raise TypeError("not a Score")
        if score is not None and (score.operands or score.description):
            write_rest(_of(rest, row), score=Score(description=score.description, operands=score.operands))
    _put(made, "score_value", _numbers([None if score is None else score.value for score in scores], Kind.DOUBLE))
    _put(made, "score_name", texts([score.name or None if score else None for score in scores]))
    _put(made, "score_reference", texts([score.reference or None if score else None for score in scores]))
    ascending = [None if score is None else score.ascending for score in scores]
    if any(ascending):
        _put(made, "score_ascending", _numbers(ascending, Kind.BOOL))


def _location(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    for row, doc in enumerate(docs):
        if doc.location:
            write_rest(_of(rest, row), location=doc.location)


def _evaluations(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
    for row, doc in enumerate(docs):
        if doc.has_evaluations:
            write_rest(_of(rest, row), evaluations=doc.evaluations)


def _children(slot: Literal["chunks", "matches"]) -> Callable[[Columns, Sequence[Document], _Rest, int], None]:
    def make(made: Columns, docs: Sequence[Document], rest: _Rest, depth: int) -> None:
        lists = [getattr(doc, f"_{slot}") or () for doc in docs]
        below = list(chain.from_iterable(lists))
        nested = Nested.of(list(map(len, lists)), _made(below, depth + 1)) if below else None
        setattr(made, slot, nested)

    return make


_MAKERS: Mapping[str, Callable[[Columns, Sequence[Document], _Rest, int], None]] = {
    "_id": _text("id", "_id"),
    "_content": _content,
    "_embedding": _embedding,
    "_tags": _tags,
    "_evaluations": _evaluations,
    "_chunks": _children("chunks"),
    "_matches": _children("matches"),
    "location": _location,
    "score": _score,
    "weight": _weight,
    **{
        field.name: _text(field.name, field.name)
        for field in FIELDS.values()
        if field.kind is Kind.TEXT and field.name in SLOTS
    },
    **{field.name: _number(field.name) for field in FIELDS.values() if field.kind is Kind.UINT},
}  # fmt: skip
"""What makes the columns of a slot."""


def _of(rest: _Rest, row: int) -> document_pb2.Document:
    return rest.setdefault(row, document_pb2.Document())


def _merged(old: Column | None, new: _Rest, rows: int) -> Column | None:
    """Return the rest with what is new in it: messages one behind the other are one message."""
    if old is None and not new:
        return None
    if not new:
        return old
    cells: list[bytes | None] = [None] * rows
    if old is not None:
        assert isinstance(old.store, Ragged)
        places = range(rows) if old.at is None else old.at.tolist()
        cells = [None if place < 0 else old.store.cell(place) for place in places]
    for row, message in new.items():
        cells[row] = (cells[row] or b"") + message.SerializeToString()
    return rest_column(cells)


def rest_column(cells: Sequence[bytes | None]) -> Column:
    """Return a column of serialized Documents, which say what the other columns of their rows do not."""
    at, kept = _present(cells)
    return Column(Ragged.of(kept, rest_from_bytes), at)


def _held(rest: Column) -> set[str]:
    """Return the slots that any cell of a rest has something for."""
    assert isinstance(rest.store, Ragged)
    return {_HELD[number] for cell in rest.store.cells() for number, _, _ in fields(cell) if number in _HELD} - {"_id"}
