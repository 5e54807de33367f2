"""Reading the tags of a serialized Document, and nothing else of it, without protobuf.

Stores keep Documents as bytes. An index that follows their tags reads every Document once when it starts.
"""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["tags_of"]

_DOUBLE = struct.Struct("<d")
_TAGS = 8 << 3 | 2


def tags_of(stored: bytes) -> dict[str, Any]:
    """Return the tags of a Document that a store has kept: str, float, bool, None, lists and dictionaries."""
    tags: dict[str, Any] = {}
    at, end = 0, len(stored)
    while at < end:
        key, at = _varint(stored, at)
        begin, at = _value(stored, at, key)
        if key == _TAGS:
            tags.update(_object(stored, begin, at))
    return tags


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    byte = raw[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while True:
        at += 1
        byte = raw[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7


def _value(raw: bytes, at: int, key: int) -> tuple[int, int]:
    """Return where the value of a field begins and ends."""
    kind = key & 7
    if kind == 2:
        size, at = _varint(raw, at)
        return at, at + size
    if kind == 0:
        return at, _varint(raw, at)[1]
    return at, at + (8 if kind == 1 else 4)


def _object(raw: bytes, at: int, end: int) -> dict[str, Any]:
    """Read a Struct: entries of a key (1) and a value (2)."""
    found: dict[str, Any] = {}
    while at < end:
        _, at = _varint(raw, at)
        size, at = _varint(raw, at)
        last = at + size
        name, value = "", None
        while at < last:
            key, at = _varint(raw, at)
            begin, at = _value(raw, at, key)
            if key == 10:
                name = raw[begin:at].decode()
            else:
                value = _plain(raw, begin, at)
        found[name] = value
    return found


def _plain(raw: bytes, at: int, end: int) -> Any:
    """Read a Value: null (1), a number (2), a string (3), true or false (4), an object (5) or a list (6)."""
    value: Any = None
    while at < end:
        key, at = _varint(raw, at)
        begin, at = _value(raw, at, key)
        match key >> 3:
            case 2:
                (value,) = _DOUBLE.unpack_from(raw, begin)
            case 3:
                value = raw[begin:at].decode()
            case 4:
                value = raw[begin] != 0
            case 5:
                value = _object(raw, begin, at)
            case 6:
                value = _list(raw, begin, at)
            case _:
                value = None
    return value


def _list(raw: bytes, at: int, end: int) -> list[Any]:
    found = []
    while at < end:
        key, at = _varint(raw, at)
        begin, at = _value(raw, at, key)
        found.append(_plain(raw, begin, at))
    return found
