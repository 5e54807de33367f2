"""From columns to bytes. Buffers that are as they came are copied whole."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents.columns import Block, Column, Columns, Nested, Numbers, Ragged
from peavine.errors import InvalidRequest
from peavine.wire.columns.layout import (
    CONSTANT,
    FIELDS,
    HEAD,
    MASKED,
    MAX_CONSTANT,
    NUMBERS,
    TAG,
    TYPES,
    VERSION,
    Field,
    Kind,
)  # fmt: skip

__all__ = ["columns_to_bytes"]

MAX_BYTES = 2**31 - 1
"""Protobuf's limit for a message."""

_CODES = {dtype: code for code, dtype in enumerate(TYPES)}
_PADDING = tuple(bytes(size) for size in range(8))


def columns_to_bytes(docs: Columns, groundtruths: Columns | None = None) -> bytes:
    """Return the bytes of a DocumentBatch in the form of columns."""
    writer = _Writer()
    writer.level(docs)
    writer.level(groundtruths or Columns())
    directory = struct.pack(f"<{len(writer.words)}I", *writer.words)
    head = HEAD.pack(VERSION, len(writer.words)) + directory
    gap = _PADDING[-(len(head) - 2) % 8] if writer.size else b""
    size = len(head) + len(gap) + writer.size
    if size > MAX_BYTES:
        raise InvalidRequest(f"the Documents have {size} bytes; the limit is {MAX_BYTES}; send fewer in a request")
    return b"".join((TAG, _length(size), head, gap, *writer.buffers))


def _length(size: int) -> bytes:
    """Return a varint of five bytes: with the tag and the version before them, buffers are aligned in the body."""
    return bytes([*(size >> shift & 127 | 128 for shift in (0, 7, 14, 21)), size >> 28])


class _Writer:
    """Collects the directory and the buffers."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.buffers: list[Any] = []
        self.size = 0

    def level(self, columns: Columns) -> None:
        """Add a level and all below it."""
        self.words.append(columns.rows)
        if not columns.rows:
            return
        self.words.append(len(columns.fields))
        for name in sorted(columns.fields, key=_by_code):
            self._column(FIELDS[name], columns.fields[name])
        for nested in (columns.chunks, columns.matches):
            self._nested(nested)

    def _nested(self, nested: Nested | None) -> None:
        if nested is None:
            self.words.append(0)
            return
        self.words.append(1)
        self._buffer(nested.offsets)
        self.level(nested.columns)

    def _column(self, field: Field, column: Column) -> None:
        mask, store, constant = _packed(field, column)
        self.words += (
            field.code | ((MASKED if mask is not None else 0) | (CONSTANT if constant else 0)) << 8,
            len(store),
        )
        if mask is not None:
            self._buffer(mask)
        if isinstance(store, Ragged):
            data = store.data
            self.words.append(len(data))
            self._buffer(store.offsets - store.offsets[0] if store.offsets[0] else store.offsets)
            self._add(data, len(data))
        elif isinstance(store, Block):
            shape = store.array.shape[1:]
            self.words += (_CODES[store.array.dtype] | len(shape) << 8, *shape)
            self._buffer(store.array)
        elif isinstance(store, Numbers):
            self._buffer(store.array.astype(NUMBERS[field.kind], copy=False))

    def _buffer(self, array: NDArray[Any]) -> None:
        # Joined as it is: whatever lies in one piece is copied once, into the message.
        self._add(np.ascontiguousarray(array).data, array.nbytes)

    def _add(self, data: Any, size: int) -> None:
        if size:
            self.buffers += (_PADDING[-self.size % 8], data)
            self.size += -self.size % 8 + size


def _by_code(name: str) -> int:
    return FIELDS[name].code


def _packed(field: Field, column: Column) -> tuple[NDArray[np.bool_] | None, Any, bool]:
    """Return the mask, the store to write, and whether its one value is that of many rows."""
    at, store = column.at, column.store
    if at is not None and len(store) == 1 and field.kind is not Kind.ARRAYS and field.name != "id":
        present = at >= 0
        small = not isinstance(store, Ragged) or (field.kind is Kind.TEXT and len(store.data) <= MAX_CONSTANT)
        if small and np.count_nonzero(present) > 1:
            return None if present.all() else present, store, True
    return *column.packed(), False
