"""Single rows of columns as serialized Documents, as stores keep them.

Texts and tags are read before their bytes are copied. A damaged cell may travel back to whoever sent it; in a store it
would fail the searches of everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import repeat
from typing import Any

from peavine.documents.columns import Block, Column, Columns, Numbers, Ragged
from peavine.v1 import document_pb2
from peavine.wire.columns.layout import FIELDS, Field, Kind
from peavine.wire.columns.making import write_tags

__all__ = ["rows_of"]


def rows_of(columns: Columns, left_out: Collection[str]) -> list[bytes] | None:
    """Return each row as a Document without its children, its score and some fields, which are named as columns are.

    None where a row has more than its columns. Raises InvalidRequest where a text or tags are not what rows may have.
    """
    if "rest" in columns.fields:
        return None
    pieces = [
        _pieces(field, column, columns.rows)
        for name, field in FIELDS.items()  # in the order in which protobuf writes them
        if name not in left_out and not name.startswith("score") and (column := columns.fields.get(name)) is not None
    ]
    return [b"".join(row) for row in zip(*pieces, strict=True)]


def _pieces(field: Field, column: Column, rows: int) -> Iterator[bytes] | list[bytes]:
    """Return the bytes of a field in each row."""
    store = column.store
    encoded = _encoded(field, store)
    if column.at is None:
        return encoded
    if len(encoded) == 1 and (column.at == 0).all():
        return repeat(encoded[0], rows)
    return [b"" if place < 0 else encoded[place] for place in column.at.tolist()]


def _encoded(field: Field, store: Any) -> list[bytes]:
    tag = _varint(field.code << 3 | 2)
    if isinstance(store, Ragged):
        # Proto3 leaves out what is empty, unless it is one of several contents.
        kept = field.name in ("text", "buffer", "tags")
        return [tag + _varint(len(cell)) + cell if cell or kept else b"" for cell in _checked(field, store)]
    if isinstance(store, Block):
        return _tensors(field, store)
    assert isinstance(store, Numbers)
    found = []
    for value in store.array.tolist():
        message = document_pb2.Document()
        if value or field.name == "weight":
            setattr(message, field.name, value)
        found.append(message.SerializeToString())
    return found


def _checked(field: Field, store: Ragged) -> list[bytes]:
    """Return the cells as a Document in rows would have them."""
    cells = store.cells()
    if field.kind is Kind.TAGS:
        return [write_tags(store.read(cell)) for cell in cells]
    for cell in cells:
        store.read(cell)
    return cells


def _tensors(field: Field, store: Block) -> list[bytes]:
    """Return each array of a block as a Tensor: all have the same bytes before and after the numbers."""
    array = store.array
    size = array.itemsize * (array[0].size if len(array) else 0)
    dense = document_pb2.Dense(shape=array.shape[1:], dtype=array.dtype.str)
    after = dense.SerializeToString()
    before = b"\x0a" + _varint(size) if size else b""
    inner = len(before) + size + len(after)
    tensor = b"\x0a" + _varint(inner) + before
    head = _varint(field.code << 3 | 2) + _varint(inner + len(tensor) - len(before)) + tensor
    raw = array.tobytes()
    return [head + raw[at * size : (at + 1) * size] + after for at in range(len(array))]


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)
