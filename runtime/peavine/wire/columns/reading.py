"""From bytes to columns. Every number is checked against the bytes that are there before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_DEPTH, MAX_DIMENSIONS
from peavine.documents.columns import Block, Column, Columns, Nested, Numbers, Ragged, Store, read_text
from peavine.documents.identity import MAX_ID_BYTES
from peavine.errors import InvalidRequest
from peavine.wire.columns.layout import (
    CONSTANT,
    HEAD,
    MASKED,
    MAX_CONSTANT,
    NUMBERS,
    TYPES,
    VERSION,
    WORD,
    Field,
    Kind,
    by_code,
)
from peavine.wire.documents import rest_from_bytes
from peavine.wire.tags import read_struct

__all__ = ["READERS", "TooMany", "columns_from_bytes", "count_of", "read_levels", "read_tags"]

_OFFSETS = np.dtype("<u4")
_MASK = np.dtype("|u1")
_SINGLE = frozenset({Kind.UINT, Kind.DOUBLE, Kind.BOOL})
_FLAGS = MASKED | CONSTANT


def read_tags(raw: bytes) -> dict[str, Any]:
    """Return a cell as tags."""
    try:
        return read_struct(Struct.FromString(raw))
    except DecodeError:
        raise InvalidRequest("columns: tags are malformed protobuf, or nested too deep") from None


READERS: Mapping[Kind, Callable[[bytes], Any]] = {
    Kind.TEXT: read_text,
    Kind.BYTES: bytes,
    Kind.TAGS: read_tags,
    Kind.REST: rest_from_bytes,
}
"""What makes a value of a cell, by kind of column."""


Level = Generator[None, None, Columns]
"""Reads a level; pauses after each one below it."""


def columns_from_bytes(body: bytes) -> tuple[Columns, Columns]:
    """Return the Documents of a body of columns, and their groundtruths, as views into it. Raises InvalidRequest."""
    reading = read_levels(body)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            docs, truths = end.value
            return docs, truths


def read_levels(body: bytes, max_rows: int = 2**32) -> Generator[None, None, tuple[Columns, Columns]]:
    """Do the same in slices, a level each, and refuse more than `max_rows` Documents at all levels together."""
    reader = _Reader(body, max_rows)
    docs = yield from reader.level(1)
    truths = yield from reader.level(1)
    reader.end()
    return docs, truths


def count_of(body: bytes) -> int:
    """Return how many root Documents a body of columns announces; 0 where it cannot be read."""
    try:
        return _Reader(body, 2**32).first
    except InvalidRequest:
        return 0


class TooMany(InvalidRequest):
    """A body has more Documents, at all levels together, than it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"columns: there are more than {limit} Documents with their chunks and matches")


class _Reader:
    """Goes through the directory and the buffers side by side."""

    def __init__(self, body: bytes, max_rows: int) -> None:
        size, at = _length(body)
        if at + size != len(body):
            raise InvalidRequest(f"columns: {size} bytes are announced, and {len(body) - at} are there")
        if size < HEAD.size:
            raise InvalidRequest("columns: the head is cut off")
        version, words = HEAD.unpack_from(body, at)
        if version != VERSION:
            raise InvalidRequest(f"columns: the layout is version {version}, and this peavine reads version {VERSION}")
        if 4 * words > size - HEAD.size:
            raise InvalidRequest(f"columns: the directory has {words} words, and only {size} bytes are there")
        self._body = body
        self._base = at + 2
        self._at = at + HEAD.size + 4 * words
        # Read one by one: all of them as numbers would take nine times their bytes.
        self._directory, self._words, self._next = at + HEAD.size, words, 0
        self._left = self._max_rows = max_rows

    @property
    def first(self) -> int:
        """The first word of the directory: the number of docs."""
        return self._peek() if self._words else 0

    def level(self, depth: int) -> Level:
        """Read a level and all below it."""
        rows = self._word()
        if not rows:
            return Columns()
        self._left -= rows
        if self._left < 0:
            raise TooMany(self._max_rows)
        if depth > MAX_DEPTH:
            raise InvalidRequest(f"columns: Documents are nested more than {MAX_DEPTH} deep")
        columns = Columns(rows)
        last = 0
        for _ in range(self._word()):
            word = self._word()
            field, flags = by_code.get(word & 0xFF), word >> 8
            if field is None or flags & ~_FLAGS:
                raise InvalidRequest(f"columns: {word:#x} is not a column that this peavine knows")
            if field.code <= last:
                raise InvalidRequest(f"columns: {field.name} stands twice, or out of order")
            last = field.code
            columns.fields[field.name] = self._column(field, flags, rows)
        _check(columns)
        yield
        columns.chunks = yield from self._nested(rows, depth)
        columns.matches = yield from self._nested(rows, depth)
        return columns

    def end(self) -> None:
        """Refuse what nothing refers to."""
        if self._next != self._words:
            raise InvalidRequest(f"columns: {self._words - self._next} words of the directory are left over")
        if self._at != len(self._body):
            raise InvalidRequest(f"columns: {len(self._body) - self._at} bytes are left over")

    def _word(self) -> int:
        if self._next == self._words:
            raise InvalidRequest("columns: the directory is cut off")
        word = self._peek()
        self._next += 1
        return word

    def _peek(self) -> int:
        """Return the next word, which there must be, without going past it."""
        word: int = WORD.unpack_from(self._body, self._directory + 4 * self._next)[0]
        return word

    def _place(self, size: int) -> int:
        """Return where the next buffer, of so many bytes, begins."""
        begin: int = self._at + (-(self._at - self._base) % 8 if size else 0)
        if size > len(self._body) - begin:
            raise InvalidRequest(f"columns: a buffer of {size} bytes is cut off")
        self._at = begin + size
        return begin

    def _buffer(self, dtype: np.dtype[Any], *shape: int) -> NDArray[Any]:
        begin = self._place(math.prod(shape) * dtype.itemsize)
        try:
            return np.ndarray(shape, dtype, self._body, begin)
        except (ValueError, OverflowError) as problem:  # an empty array of an absurd shape
            raise InvalidRequest(f"columns: the shape {list(shape)}: {problem}") from None

    def _column(self, field: Field, flags: int, rows: int) -> Column:
        count = self._word()
        at, present = None, rows
        if flags & MASKED:
            mask = self._buffer(_MASK, rows) != 0
            at = np.cumsum(mask) - 1
            present = int(at[-1]) + 1
            at[~mask] = -1
        if flags & CONSTANT:
            if field.kind not in (_SINGLE | {Kind.TEXT}) or field.name == "id" or present < 1:
                raise InvalidRequest(f"columns: {field.name} cannot be constant")
            present = 1
            at = np.broadcast_to(np.int64(0), rows) if at is None else np.minimum(at, 0)
        if count != present:
            raise InvalidRequest(f"columns: {field.name} has {count} values, and {present} are needed")
        return Column(self._store(field, count, bool(flags & CONSTANT)), at)

    def _store(self, field: Field, count: int, constant: bool) -> Store:
        if field.kind in _SINGLE:
            array = self._buffer(NUMBERS[field.kind], count)
            if field.kind is Kind.BOOL:
                array = array.view(_MASK) != 0  # any other byte than 0 and 1 is not a bool of numpy's
            return Numbers(array)
        if field.kind is Kind.ARRAYS:
            word = self._word()
            code, dimensions = word & 0xFF, word >> 8
            if code >= len(TYPES):
                raise InvalidRequest(f"columns: {field.name} has arrays of type {code}, which is unknown")
            if dimensions > MAX_DIMENSIONS - 1:
                raise InvalidRequest(
                    f"columns: {field.name} has {dimensions} dimensions; the limit is {MAX_DIMENSIONS - 1}"
                )
            shape = [self._word() for _ in range(dimensions)]
            return Block(self._buffer(TYPES[code], count, *shape))
        size = self._word()
        if constant and size > MAX_CONSTANT:
            raise InvalidRequest(f"columns: {field.name} is constant with {size} bytes; the limit is {MAX_CONSTANT}")
        offsets = self._offsets(field.name, count, size)
        return Ragged(self._body, offsets, READERS[field.kind], self._place(size))

    def _offsets(self, name: str, count: int, size: int) -> NDArray[np.uint32]:
        offsets: NDArray[np.uint32] = self._buffer(_OFFSETS, count + 1)
        if offsets[0] or offsets[-1] != size or (offsets[1:] < offsets[:-1]).any():
            raise InvalidRequest(f"columns: the offsets of {name} do not climb from 0 to {size}")
        return offsets

    def _nested(self, rows: int, depth: int) -> Generator[None, None, Nested | None]:
        flag = self._word()
        if not flag:
            return None
        if flag != 1 or self._next == self._words:
            raise InvalidRequest(
                "columns: the directory is cut off, or says neither that there are children nor that not"
            )
        offsets = self._offsets("children", rows, self._peek())
        columns = yield from self.level(depth + 1)
        if not columns.rows:
            raise InvalidRequest("columns: a level of children is empty")
        return Nested(offsets, columns)


def _check(columns: Columns) -> None:
    """Raise InvalidRequest unless each row has an id and one content at the most."""
    ids = columns.fields.get("id")
    if ids is None or ids.at is not None or not isinstance(ids.store, Ragged):
        raise InvalidRequest("columns: there are rows without an id")
    sizes = np.diff(ids.store.offsets)
    if sizes.min() == 0 or sizes.max() > MAX_ID_BYTES:
        raise InvalidRequest(f"columns: an id is empty, or has more than {MAX_ID_BYTES} bytes")
    contents = [column for name in ("text", "buffer", "tensor") if (column := columns.fields.get(name)) is not None]
    if len(contents) > 1:
        have = sum((_has(column, columns.rows) for column in contents), np.zeros(columns.rows, np.int64))
        if have.max() > 1:
            raise InvalidRequest("columns: a Document has more than one content; send text, buffer or tensor alone")


def _has(column: Column, rows: int) -> NDArray[np.int64]:
    return np.ones(rows, np.int64) if column.at is None else (column.at >= 0).astype(np.int64)


def _length(body: bytes) -> tuple[int, int]:
    """Return the length of field 3, and where it begins."""
    size = 0
    for place in range(1, min(6, len(body))):
        size |= (body[place] & 127) << 7 * (place - 1)
        if body[place] < 128:
            return size, place + 1
    raise InvalidRequest("columns: the length is cut off")
