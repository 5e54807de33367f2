"""Answer a unit that the Executor leaves as it is, without decoding it or leaving the event loop. Pure."""

from __future__ import annotations

from peavine.errors import LATE_REMEDY, DeadlineExceeded
from peavine.v1 import pea_pb2
from peavine.wire.status import status_of
from peavine.wire.unit import Stamped, routes_field, serialize

__all__ = ["late", "passed"]


def passed(stamped: Stamped, unit: pea_pb2.Unit, route: pea_pb2.Route) -> tuple[int, bytes] | None:
    """Return the number of failed items and the rest of the answer; None where branches are to be joined.

    `route` is ours, by this machine's clock.
    """
    ahead = route.start - stamped.sent
    over = []
    for item in unit.items:
        if len(item.bodies) > 1:
            return None
        if item.header.deadline + ahead < route.end and not item.header.HasField("status"):
            over.append(item)
    if not over:
        return stamped.failed, stamped.rest + routes_field(route)
    for item in over:
        late(item, unit, route, route.end - item.header.deadline - ahead)
    unit.routes.append(route)
    return stamped.failed + len(over), serialize(unit)


def late(item: pea_pb2.Envelope, unit: pea_pb2.Unit, here: pea_pb2.Route, by: float) -> None:
    """Mark an item whose deadline is over; the message names the hop and what those before it took."""
    before = ", ".join(f"{route.pod} took {route.end - route.start:.2f} s" for route in unit.routes)
    message = f'it reached Pod "{here.pod}" {by:.2f} s after its deadline' + (f"; {before}" if before else "")
    message += f"; {LATE_REMEDY}"
    item.header.status.CopyFrom(status_of(DeadlineExceeded(message), here.pod, here.pea))
    del item.bodies[:]
