"""The layout of a unit on a stream: a prefix that routers rewrite, and a rest that they leave alone. No I/O.

Every unit begins with 23 bytes: number, failed and sent, each of a fixed size. Bytes after them are fields of the same
message, and protobuf says that repeated fields which are appended are added, so a route is written without parsing.
"""

from __future__ import annotations

import math
import struct
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from peavine.errors import ExecutorError, InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.fields import fields

__all__ = [
    "ALONE",
    "CONTROL",
    "FINAL",
    "MAX_BYTES",
    "MAX_HEADER_BYTES",
    "MAX_ITEMS",
    "MAX_UNIT_ITEMS",
    "REFUSED",
    "Stamped",
    "answered",
    "bounded",
    "item_field",
    "parse",
    "received",
    "refusal",
    "routes_field",
    "serialize",
    "stamp",
    "unstamp",
]

MAX_ITEMS: Final = 64
"""Requests in a unit that is formed from single ones."""
MAX_BYTES: Final = 65536
"""Their bytes together; a larger request is a unit alone."""
MAX_UNIT_ITEMS: Final = 1024
"""Requests in a unit that somebody else formed; Hello announces it."""
MAX_HEADER_BYTES: Final = 65536
"""Bytes of a request besides its Documents. A larger message is looked through before it is parsed."""
REFUSED: Final = 2**32 - 1
"""Failed items of an answer that refuses its unit as a whole."""
CONTROL: Final = 0
"""The number of a unit that is about the stream itself: Hello, draining. Questions are counted from 1."""

_PREFIX: Final = struct.Struct("<BQBIBd")
_NUMBER, _FAILED, _SENT = 0x09, 0x15, 0x19
_ITEMS, _BODIES = pea_pb2.Unit.ITEMS_FIELD_NUMBER, pea_pb2.Envelope.BODIES_FIELD_NUMBER
_KINDS = frozenset(pea_pb2.Kind.values()) - {pea_pb2.KIND_UNSPECIFIED}
_ITEM_TAG: Final = bytes([_ITEMS << 3 | 2])

FINAL: Final = pea_pb2.Unit(final=True).SerializeToString()
"""What is put at the end of a unit whose answer goes to a client."""

ALONE: Final = pea_pb2.Unit(alone=True).SerializeToString()
"""What is put at the end of a unit that is not to be executed together with others."""


class Stamped(NamedTuple):
    """A unit as it is on a stream."""

    number: int
    failed: int
    sent: float
    rest: bytes


def stamp(rest: bytes, number: int, failed: int, sent: float, more: bytes = b"") -> bytes:
    """Return the bytes for a stream; `sent` is the clock that the deadlines inside were read from, in seconds.

    `more` are fields of the unit that come after the others, such as ALONE.
    """
    return b"".join((_PREFIX.pack(_NUMBER, number, _FAILED, failed, _SENT, sent), rest, more))


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


def bounded(rest: bytes, max_header_bytes: int = MAX_HEADER_BYTES) -> int:
    """Return how many items a unit has.

    Raises InvalidRequest where it would cost far more than its bytes to parse: for too many items, an item of too many
    fields, and a header that is too large.
    """
    if len(rest) <= MAX_HEADER_BYTES and (unit := _regular(rest)) is not None:
        return _counted(len(unit.items))
    items = others = 0
    for number, begin, end in fields(rest):
        if number == _ITEMS:
            items = _counted(items + 1)
            if end - begin > max_header_bytes:
                _check_envelope(rest, begin, end, max_header_bytes)
        else:
            others += 1 + max(0, end - begin)
            if others > max_header_bytes:
                raise InvalidRequest(f"the unit has more than {max_header_bytes} bytes besides its items")
    return items


def _regular(rest: bytes) -> pea_pb2.Unit | None:
    """Return a unit whose bytes are those that protobuf would write for it; None where they have to be walked through.

    It is for a unit no larger than one header may be: it costs no more than such a header, and to parse it takes a
    tenth of the time of a walk.
    """
    try:
        unit = pea_pb2.Unit.FromString(rest)
    except DecodeError:
        return None
    unit.DiscardUnknownFields()
    return unit if unit.ByteSize() == len(rest) else None


def _counted(items: int) -> int:
    if items > MAX_UNIT_ITEMS:
        raise InvalidRequest(f"the unit has more than {MAX_UNIT_ITEMS} items; send fewer in a unit")
    return items


def _check_envelope(rest: bytes, begin: int, end: int, max_header_bytes: int) -> None:
    headers = 0
    for count, (number, begun, ended) in enumerate(fields(rest, begin, end)):
        if count >= MAX_UNIT_ITEMS:
            raise InvalidRequest(f"a request has more than {MAX_UNIT_ITEMS} fields; send its Documents as one body")
        if number != _BODIES:
            headers += ended - begun
            if headers > max_header_bytes:
                raise InvalidRequest(
                    f"header: has more than {max_header_bytes} bytes; send fewer or shorter parameters"
                )


def item_field(raw: bytes) -> bytes:
    """Return a unit's bytes with one item: a serialized Envelope."""
    size, length = len(raw), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return b"".join((_ITEM_TAG, length, raw))


def received(stamped: Stamped, max_header_bytes: int) -> pea_pb2.Unit:
    """Return a unit that a peer sent to be executed, or raise InvalidRequest that says what no router would send."""
    bounded(stamped.rest, max_header_bytes)
    unit = parse(stamped.rest)
    if unit.kind not in _KINDS:
        raise InvalidRequest(f"kind: {unit.kind} is not a kind of request")
    if stamped.failed > len(unit.items):
        raise InvalidRequest(f"failed: {stamped.failed} of {len(unit.items)} items")
    if not math.isfinite(stamped.sent):
        raise InvalidRequest(f"sent: {stamped.sent} is not a time")
    deadlines = [item.header.deadline for item in unit.items]
    if not math.isfinite(sum(deadlines)):
        for place, deadline in enumerate(deadlines):
            if not math.isfinite(deadline):
                raise InvalidRequest(f"items[{place}].header.deadline: {deadline} is not a time")
    return unit


def answered(rest: bytes, items: int) -> pea_pb2.Unit:
    """Return the answer to a unit of so many items, or raise ExecutorError where it is not one."""
    try:
        unit = parse(rest)
    except InvalidRequest as error:
        raise ExecutorError(f"the answer of a Pea cannot be read: {error}") from error
    if len(unit.items) != items:
        raise ExecutorError(f"{items} requests were answered with {len(unit.items)}")
    return unit


def refusal(status: pea_pb2.Status) -> bytes:
    """Return the rest of an answer that refuses a unit as a whole; its stamp has REFUSED for failed."""
    return pea_pb2.Unit(refused=status).SerializeToString()


def serialize(unit: pea_pb2.Unit) -> bytes:
    """Return the bytes that come after the stamp, whatever the message says of its stamp."""
    for field in ("number", "failed", "sent"):
        unit.ClearField(field)
    return unit.SerializeToString()


def routes_field(*routes: pea_pb2.Route) -> bytes:
    """Return bytes that add routes to a unit when they are put at its end."""
    return pea_pb2.Unit(routes=routes).SerializeToString()
