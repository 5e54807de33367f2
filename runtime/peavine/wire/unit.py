"""The layout of a unit on a stream: a prefix that routers rewrite, and a rest that they leave alone. No I/O.

Every unit begins with 23 bytes: number, failed and sent, each of a fixed size. Bytes after them are fields of the same
message, and protobuf says that repeated fields which are appended are added, so a route is written without parsing.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2

__all__ = [
    "CONTROL",
    "MAX_BYTES",
    "MAX_ITEMS",
    "Stamped",
    "parse",
    "routes_field",
    "serialize",
    "stamp",
    "unstamp",
]

MAX_ITEMS: Final = 64
"""Requests in a unit that is formed from single ones."""
MAX_BYTES: Final = 65536
"""Their bytes together; a larger request is a unit alone."""
CONTROL: Final = 0
"""The number of a unit that is about the stream itself: Hello, draining. Questions are counted from 1."""

_PREFIX: Final = struct.Struct("<BQBIBd")
_NUMBER, _FAILED, _SENT = 0x09, 0x15, 0x19


class Stamped(NamedTuple):
    """A unit as it is on a stream."""

    number: int
    failed: int
    sent: float
    rest: bytes


def stamp(rest: bytes, number: int, failed: int, sent: float) -> bytes:
    """Return the bytes for a stream; `sent` is the clock that the deadlines inside were read from, in seconds."""
    return _PREFIX.pack(_NUMBER, number, _FAILED, failed, _SENT, sent) + rest


def unstamp(raw: bytes) -> Stamped:
    """Return what a peer sent, or raise InvalidRequest where it does not begin with the 23 bytes."""
    if len(raw) < _PREFIX.size:
        raise InvalidRequest(f"a unit begins with {_PREFIX.size} bytes, and this message has {len(raw)}")
    one, number, two, failed, three, sent = _PREFIX.unpack_from(raw)
    if (one, two, three) != (_NUMBER, _FAILED, _SENT):
        raise InvalidRequest("this message does not begin as a unit does; is the other side a peavine of this version?")
    return Stamped(number, failed, sent, raw[_PREFIX.size :])


def parse(rest: bytes) -> pea_pb2.Unit:
    """Return the message without its stamp, or raise InvalidRequest."""
    try:
        return pea_pb2.Unit.FromString(rest)
    except DecodeError as error:
        raise InvalidRequest(f"this unit is not a protobuf message: {error}") from error


def serialize(unit: pea_pb2.Unit) -> bytes:
    """Return the bytes that come after the stamp, whatever the message says of its stamp."""
    for field in ("number", "failed", "sent"):
        unit.ClearField(field)
    return unit.SerializeToString()


def routes_field(*routes: pea_pb2.Route) -> bytes:
    """Return bytes that add routes to a unit when they are put at its end."""
    return pea_pb2.Unit(routes=routes).SerializeToString()
