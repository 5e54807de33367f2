"""Answer a unit that the Executor leaves as it is, without making Documents or leaving the event loop. Pure."""

from __future__ import annotations

from typing import Final

from peavine.errors import LATE_REMEDY, DeadlineExceeded, InvalidRequest, PeavineError
from peavine.v1 import pea_pb2
from peavine.wire.census import check_documents
from peavine.wire.kept import Kept, cut, kept
from peavine.wire.status import status_of
from peavine.wire.unit import MAX_BYTES, Stamped, routes_field, serialize

__all__ = ["overdue", "passed"]

MAX_CUT_BYTES: Final = 8192
"""Bytes of a body of which fields are left out on the event loop. Larger ones, and units that have more than single
requests together may have, are cut on the Executor's thread."""


def passed(stamped: Stamped, unit: pea_pb2.Unit, route: pea_pb2.Route, max_documents: int) -> tuple[int, bytes] | None:
    """Return the number of failed items and the rest of the answer.

    None where branches are to be joined, and where much is to be left out of the answer, which takes time. `route` is
    ours, by this machine's clock.
    """
    ahead = route.start - stamped.sent
    if any(len(item.bodies) > 1 for item in unit.items):
        return None
    cuts = [(item, names) for item in unit.items if (names := _names(unit, item)) is not None]
    sizes = [len(item.bodies[0]) for item, _ in cuts]
    if max(sizes, default=0) > MAX_CUT_BYTES or sum(sizes) > MAX_BYTES:
        return None
    errors: list[tuple[pea_pb2.Envelope, PeavineError]] = [
        (item, overdue(unit, route.pod, by))
        for item in unit.items
        if (by := route.end - item.header.deadline - ahead) > 0 and not item.header.HasField("status")
    ]
    late = {id(item) for item, _ in errors}
    for item, names in cuts:
        if id(item) not in late:
            try:
                check_documents(item.bodies[0], max_documents)
                item.bodies[0] = cut(item.bodies[0], names)
            except InvalidRequest as error:
                errors.append((item, error))
    if not errors and not cuts:
        return stamped.failed, stamped.rest + routes_field(route)
    for item, failure in errors:
        item.header.status.CopyFrom(status_of(failure, route.pod, route.pea))
        del item.bodies[:]
    unit.routes.append(route)
    return stamped.failed + len(errors), serialize(unit)


def _names(unit: pea_pb2.Unit, item: pea_pb2.Envelope) -> Kept | None:
    """Return the fields that the answer to an item keeps; None where it is left as it is."""
    if not unit.final or item.header.HasField("status") or not item.bodies or not item.bodies[0]:
        return None
    return kept(unit.kind, item.header.fields)


def overdue(unit: pea_pb2.Unit, pod: str, by: float) -> DeadlineExceeded:
    """Return the error of an item that is that many seconds late; it names the hop and what those before it took."""
    before = ", ".join(f"{route.pod} took {route.end - route.start:.2f} s" for route in unit.routes)
    message = f'its turn at Pod "{pod}" came {by:.2f} s after its deadline' + (f"; {before}" if before else "")
    return DeadlineExceeded(f"{message}; {LATE_REMEDY}")
