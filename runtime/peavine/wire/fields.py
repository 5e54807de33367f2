"""Walk the fields of a serialized protobuf message without making anything of them. Pure.

A message that is parsed can take hundreds of times its bytes, so what a stranger sent is counted here first.
"""

from __future__ import annotations

from collections.abc import Iterator

from peavine.errors import InvalidRequest

__all__ = ["fields"]


def fields(raw: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Yield the number, begin and end of each field between `at` and `end` that has a length: strings and messages.

    A field without one (a number) is yielded with begin and end -1. Raises InvalidRequest where the bytes are not a
    message, or hold groups, which proto3 does not have.
    """
    end = len(raw) if end is None else end
    try:
        while at < end:
            begun, tag = at, raw[at]
            at += 1
            if tag > 127:
                tag, at = _varint(raw, begun)
            kind = tag & 7
            if kind == 2:
                size = raw[at]
                at += 1
                if size > 127:
                    size, at = _varint(raw, at - 1)
                begin, at = at, at + size
                if at > end:
                    raise InvalidRequest(f"malformed protobuf: a field at byte {begun} is cut off")
                yield tag >> 3, begin, at
                continue
            if kind == 0:
                while raw[at] > 127:
                    at += 1
                at += 1
            elif kind == 1:
                at += 8
            elif kind == 5:
                at += 4
            else:
                raise InvalidRequest(f"malformed protobuf: wire type {kind} at byte {begun}")
            yield tag >> 3, -1, -1
    except IndexError:
        at = end + 1
    if at != end:
        raise InvalidRequest("malformed protobuf: the last field is cut off")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends."""
    value = shift = 0
    while shift < 70:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise InvalidRequest(f"malformed protobuf: the number that ends at byte {at} has more than ten bytes")
