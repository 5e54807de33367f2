"""What the edge makes of a request's header: what a client may say is checked, the rest is taken out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from peavine.clock import Issuer
from peavine.errors import LATE_REMEDY, DeadlineExceeded, InvalidRequest, did_you_mean
from peavine.v1 import pea_pb2
from peavine.wire.header import KIND_NUMBERS, WRITES, check_top_k, name_of
from peavine.wire.kept import check_fields
from peavine.wire.tags import read_struct

__all__ = ["MAX_ID_BYTES", "check", "choose", "issue", "sanitize", "seconds"]

MAX_ID_BYTES = 256

Accepts = Mapping[str, frozenset[str]]


def sanitize(envelope: pea_pb2.Envelope) -> None:
    """Clear the fields that only Peas and gateways set. Bodies that protobuf would have merged are merged."""
    clear, bodies = envelope.header.ClearField, envelope.bodies
    for field in ("routes", "status", "coverage", "top_k", "report"):
        clear(field)
    if len(bodies) > 1:
        whole = b"".join(bodies)
        del bodies[:]
        bodies.append(whole)


def check(envelope: pea_pb2.Envelope, max_bytes: int, accepts: Accepts | None) -> bytes:
    """Return the body, or raise InvalidRequest for what cannot succeed. `accepts` is None while nobody knows."""
    # Each access to a field of a message makes an object, so each is made once.
    header, bodies = envelope.header, envelope.bodies
    kind, id_size = header.kind, len(header.id.encode())
    if kind not in KIND_NUMBERS:
        raise InvalidRequest(f"header.kind: {kind} is not one of index, search, update, delete, train, read")
    if id_size > MAX_ID_BYTES:
        raise InvalidRequest(f"header.id: has {id_size} bytes (the limit is {MAX_ID_BYTES})")
    body = bodies[0] if bodies else b""
    # Without Documents a train request means `flush`, and a read is about all that is kept.
    if not body and not (bodies and kind in (pea_pb2.TRAIN, pea_pb2.READ)):
        raise InvalidRequest("body: the request has no Documents")
    size = len(body)
    if size > max_bytes:
        raise InvalidRequest(
            f"body: has {size} bytes (the limit is {max_bytes}); send fewer Documents a request, or raise "
            f"spec.maxMessageBytes of the Flow"
        )
    check_fields(header.fields)
    has_parameters = header.HasField("parameters")
    if has_parameters and "top_k" in header.parameters:
        check_top_k(read_struct(header.parameters)["top_k"])
    if accepts is not None and (has_parameters or header.queries):
        known = accepts.get(name_of(kind), frozenset())
        for path, name in _asked(header):
            if name == "flush" and name not in known and kind == pea_pb2.TRAIN:
                raise InvalidRequest("no Executor of this Flow learns from train requests; none has a method train()")
            if name not in known:
                hint = did_you_mean(name, known) or "; known: " + (", ".join(sorted(known)) or "none")
                raise InvalidRequest(
                    f'{path[:MAX_ID_BYTES]}: no Pod takes "{name[:MAX_ID_BYTES]}" for {name_of(kind)}{hint}'
                )
    return body


def choose(header: pea_pb2.Header, fields: Sequence[str]) -> None:
    """Let a search that does not say what it wants be answered with these fields, where there are any."""
    if fields and header.kind == pea_pb2.SEARCH and not header.fields:
        header.fields.extend(fields)


def issue(header: pea_pb2.Header, clock: Issuer) -> None:
    """Let a write have a version: the one that its client gave it, or else the time of its arrival."""
    if header.kind not in WRITES:
        header.ClearField("version")
    elif not header.version:
        header.version = clock.issue()


def _asked(header: pea_pb2.Header) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a request, with where each stands."""
    for name in header.parameters if header.HasField("parameters") else ():
        yield f"parameters.{name}", name
    for place, query in enumerate(header.queries):
        for name in query.parameters:
            yield f"queries[{place}].parameters.{name}", f"{query.driver}.{name}"


def seconds(header: pea_pb2.Header, sent: float | None, most: float) -> float:
    """Return the seconds that a request has from now: no more than `most`, and no more than the client grants.

    A deadline counts only where `sent` tells the clock that it was read from: on a stream of units, which another
    Flow's gateway may have opened. Raises DeadlineExceeded when it is over already.
    """
    timeout = header.timeout
    if not timeout >= 0 or timeout == math.inf:
        raise InvalidRequest(f"header.timeout: {timeout} is not a number of seconds")
    left = min(timeout or most, most)
    if sent is not None and (deadline := header.deadline):
        left = min(left, deadline - sent)
        if not left > 0:
            raise DeadlineExceeded(
                f"the deadline was over {-left:.2f} s before the request was sent here; {LATE_REMEDY}"
            )
    return left
