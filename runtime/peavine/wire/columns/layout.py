"""The layout of columns as bytes: which fields there are, and how each is written. No code that reads or writes.

A body of columns is a DocumentBatch with field 3 alone. Its value is, in this order, all little endian:

    u16         version of the layout
    u32         number of words in the directory
    u32[]       the directory: the levels of docs, then those of groundtruths
    buffers     in the order of the directory, each at a multiple of 8 from the end of the version

A level in the directory is its number of rows; if that is not 0, the number of columns, the columns in the order of
their codes, and then a word for chunks and one for matches: 0, or 1 and the level of the children of all rows.
A column is two words and more:

    code | flags << 8, number of values
    for text, bytes and messages: number of bytes        buffers: [mask] offsets data
    for arrays: type | dimensions << 8, their sizes      buffers: [mask] data
    for numbers: nothing more                            buffers: [mask] data

A mask has a byte for each row, 1 where the row has a value. Offsets are u32, one more than there are values. The one
value of a CONSTANT column is that of all its rows. Children have a buffer of offsets, u32, one more than their parents
have rows, before the buffers of their own level. Where a buffer lies follows from the sizes of those before it, so no
buffer can lie outside the message or overlap another.

Every row has an id of at least a byte. So there are never more rows than bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from struct import Struct
from typing import Any, Final, NamedTuple

import numpy as np

from peavine.documents.tensor import DTYPES

__all__ = [
    "CONSTANT", "FIELDS", "HEAD", "MASKED", "MAX_CONSTANT", "NUMBERS", "TAG", "TYPES", "VERSION", "WORD", "Field",
    "Kind", "by_code", "is_columns",
]  # fmt: skip

VERSION: Final = 1
TAG: Final = b"\x1a"
"""Begins a body of columns: field 3 of a DocumentBatch, with a length."""
HEAD: Final = Struct("<HI")
"""Version, and words in the directory."""
WORD: Final = Struct("<I")
"""A word of the directory."""

MASKED: Final = 1
CONSTANT: Final = 2
MAX_CONSTANT: Final = 64
"""Bytes of a text that may be written once for many rows. Larger ones would make much of little."""


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    BYTES = auto()
    TAGS = auto()
    """A serialized Struct for each row."""
    REST = auto()
    """A serialized Document for each row, with what has no column. A column goes before the same field in the rest."""
    UINT = auto()
    DOUBLE = auto()
    BOOL = auto()
    ARRAYS = auto()
    """Arrays of one type and shape; others are in the rest."""


class Field(NamedTuple):
    """A column that a level can have."""

    code: int
    name: str
    kind: Kind


FIELDS: Final[Mapping[str, Field]] = {
    name: Field(code, name, kind)
    for code, name, kind in (
        # The numbers of fields of Document, where they are the same.
        (1, "id", Kind.TEXT),
        (2, "text", Kind.TEXT),
        (3, "buffer", Kind.BYTES),
        (4, "tensor", Kind.ARRAYS),
        (5, "embedding", Kind.ARRAYS),
        (8, "tags", Kind.TAGS),
        (9, "uri", Kind.TEXT),
        (10, "mime_type", Kind.TEXT),
        (11, "modality", Kind.TEXT),
        (12, "parent_id", Kind.TEXT),
        (13, "granularity", Kind.UINT),
        (14, "adjacency", Kind.UINT),
        (15, "weight", Kind.DOUBLE),
        (16, "siblings", Kind.UINT),
        (17, "offset", Kind.UINT),
        (21, "level_name", Kind.TEXT),
        (22, "root_id", Kind.TEXT),
        (64, "score_value", Kind.DOUBLE),
        (65, "score_name", Kind.TEXT),
        (66, "score_reference", Kind.TEXT),
        (67, "score_ascending", Kind.BOOL),
        (127, "rest", Kind.REST),
    )
}
by_code: Final[Mapping[int, Field]] = {field.code: field for field in FIELDS.values()}

NUMBERS: Final[Mapping[Kind, np.dtype[Any]]] = {
    Kind.UINT: np.dtype("<u4"),
    Kind.DOUBLE: np.dtype("<f8"),
    Kind.BOOL: np.dtype("|b1"),
}
TYPES: Final = tuple(DTYPES.values())
"""The types of arrays by code. New ones come last."""


def is_columns(body: bytes) -> bool:
    """Return whether a body has the form of columns."""
    return body[:1] == TAG
