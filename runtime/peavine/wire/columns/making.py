"""From Documents to columns. What is a row of columns already, and was not written to, is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
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

__all__ = ["columns_of", "rest_column", "write_tags"]

_HELD = {
    field.number: slot
    for field in document_pb2.Document.DESCRIPTOR.fields
    for slot in SLOTS & {field.name, f"_{field.name}"}
} | dict.fromkeys((2, 3, 4), "_content")
"""The slot of a Document by the number of its field."""

_Rest = dict[int, document_pb2.Document]
_Maker = Callable[[Columns, Sequence[Any], _Rest, int], None]
"""Makes the columns of a slot from its values; what fits into none goes into the rest."""


def columns_of(docs: Sequence[Document], path: Literal["docs", "groundtruths"] = "docs") -> Columns:
    """Return the Documents as columns; InvalidRequest says which of them cannot travel, and why."""
    try:
        return _made(docs, 0)
    except (InvalidRequest, AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError):
        # What is odd goes through rows: they say where and why, or make a regular value of it.
        rows = batch_to_bytes(docs) if path == "docs" else batch_to_bytes((), docs)
        batch = rows_from_bytes(rows)
        return _made(batch.docs if path == "docs" else batch.groundtruths, 0)


def _texts(values: Sequence[str | None]) -> Column | None:
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
        names = sorted(slots)
        for name, values in zip(names, _values(docs, names), strict=True):
            _MAKERS[name](made, values, rest, depth)
        _put(made, "rest", _merged(old, rest, len(docs)))
    return made


def _values(docs: Sequence[Document], names: Sequence[str]) -> Iterable[Sequence[Any]]:
    """Return the values of each slot in all Documents."""
    if len(names) == 1:
        return [[getattr(doc, names[0]) for doc in docs]]
    return zip(*map(attrgetter(*names), docs), strict=True)


def _present(values: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """Return the place of each value among those that are not None, or None where all are there; and those."""
    kept = [value for value in values if value is not None]
    if len(kept) == len(values):
        return None, kept
    mask = np.fromiter((value is not None for value in values), np.bool_, len(values))
    at = np.cumsum(mask) - 1
    at[~mask] = -1
    return at, kept


def _put(made: Columns, name: str, column: Column | None) -> None:
    if column is None:
        made.fields.pop(name, None)
    else:
        made.fields[name] = column


def _text(name: str) -> _Maker:
    def make(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
        _put(made, name, _texts([value or None for value in values]) if any(values) else None)

    return make


def _number(name: str) -> _Maker:
    def make(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
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


def _weight(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    _put(made, "weight", _numbers(values, Kind.DOUBLE))


def _content(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    kinds = set(map(type, values)) - {type(None)}
    for name in ("text", "buffer", "tensor"):
        made.fields.pop(name, None)
    if any(issubclass(kind, str) for kind in kinds):
        _put(made, "text", _texts([value if isinstance(value, str) else None for value in values]))
    if bytes in kinds:
        at, kept = _present([value if type(value) is bytes else None for value in values])
        made.fields["buffer"] = Column(Ragged.of(kept, READERS[Kind.BYTES]), at)
    if kinds & {np.ndarray, Sparse}:
        arrays = [None if isinstance(value, str | bytes) else value for value in values] if len(kinds) > 1 else values
        _put(made, "tensor", _arrays(arrays, lambda row, value: write_rest(_of(rest, row), tensor=value)))


def _embedding(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    _put(made, "embedding", _arrays(values, lambda row, value: write_rest(_of(rest, row), embedding=value)))


def _arrays(values: Sequence[Any], irregular: Callable[[int, Any], None]) -> Column | None:
    """Return a column of those arrays that are like the first one; the others are irregular."""
    first = next((value for value in values if isinstance(value, np.ndarray)), None)
    shape, dtype = (None, None) if first is None or first.ndim >= MAX_DIMENSIONS else (first.shape, first.dtype)
    regular = list(values)
    for row, value in enumerate(values):
        if value is not None and (value.shape != shape or value.dtype != dtype or isinstance(value, Sparse)):
            irregular(row, value)
            regular[row] = None
    at, kept = _present(regular)
    if not kept or dtype is None or shape is None:
        return None
    little = DTYPES[dtype.newbyteorder("<").str]
    block = np.empty((len(kept), *shape), little)
    if block.size:
        np.stack(kept, out=block)
    return Column(Block(block), at)


def _tags(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    at, kept = _present([write_tags(tags) if tags else None for tags in values])
    _put(made, "tags", Column(Ragged.of(kept, read_tags), at) if kept else None)


def write_tags(tags: Mapping[str, Any]) -> bytes:
    """Return tags as a cell; InvalidRequest names the key of what JSON does not know."""
    struct = Struct()
    write_struct(tags, struct)
    return struct.SerializeToString()


def _score(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    for name in ("score_value", "score_name", "score_reference", "score_ascending"):
        made.fields.pop(name, None)
    at, scores = _present(values)
    if not scores:
        return
    if set(map(type, scores)) != {Score}:
        raise TypeError("not a Score")
    for row, score in enumerate(values):
        if score is not None and (score.operands or score.description):
            write_rest(_of(rest, row), score=Score(description=score.description, operands=score.operands))
    _put(made, "score_value", _placed(_numbers([score.value for score in scores], Kind.DOUBLE), at))
    _put(made, "score_name", _placed(_texts([score.name or None for score in scores]), at))
    _put(made, "score_reference", _placed(_texts([score.reference or None for score in scores]), at))
    _put(made, "score_ascending", _placed(_numbers([score.ascending or None for score in scores], Kind.BOOL), at))


def _placed(column: Column | None, at: Any) -> Column | None:
    """Return a column of some rows as one of all rows: `at` is where each row is among those, or -1."""
    if column is None or at is None:
        return column
    return Column(column.store, at if column.at is None else np.where(at < 0, -1, column.at[at]))


def _location(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    if any(values):
        for row, location in enumerate(values):
            if location:
                write_rest(_of(rest, row), location=location)


def _evaluations(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
    if any(values):
        for row, evaluations in enumerate(values):
            if evaluations:
                write_rest(_of(rest, row), evaluations=evaluations)


def _children(edge: Literal["chunks", "matches"]) -> _Maker:
    def make(made: Columns, values: Sequence[Any], rest: _Rest, depth: int) -> None:
        if not any(values):
            setattr(made, edge, None)
            return
        below = [doc for children in values if children for doc in children]
        setattr(made, edge, Nested.of([len(children or ()) for children in values], _made(below, depth + 1)))

    return make


_MAKERS: Mapping[str, _Maker] = {
    "_id": _text("id"),
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
        field.name: _text(field.name)
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
