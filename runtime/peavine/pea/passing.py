"""Answer a unit that the Executor leaves as it is, without decoding it or leaving the event loop. Pure."""

from __future__ import annotations

from peavine.errors import LATE_REMEDY, DeadlineExceeded
from peavine.v1 import pea_pb2
from peavine.wire.status import status_of
from peavine.wire.unit import Stamped, routes_field, serialize

__all__ = ["overdue", "passed"]


def passed(stamped: Stamped, unit: pea_pb2.Unit, route: pea_pb2.Route) -> tuple[int, bytes] | None:
    """Return the number of failed items and the rest of the answer; None where branches are to be joined.

    `route` is ours, by this machine's clock.
    """
    ahead = route.start - stamped.sent
    over = []
    latest = route.end - ahead
    for item in unit.items:
        if len(item.bodies) > 1:
            return None
        header = item.header
        if header.deadline < latest and not header.HasField("status"):
            over.append(item)
    if not over:
        return stamped.failed, stamped.rest + routes_field(route)
    for item in over:
        error = overdue(unit, route.pod, route.end - item.header.deadline - ahead)
        item.header.status.CopyFrom(status_of(error, route.pod, route.pea))
        del item.bodies[:]
    unit.routes.append(route)
    return stamped.failed + len(over), serialize(unit)


def overdue(unit: pea_pb2.Unit, pod: str, by: float) -> DeadlineExceeded:
    """Return the error of an item that is that many seconds late; it names the hop and what those before it took."""
    before = ", ".join(f"{route.pod} took {route.end - route.start:.2f} s" for route in unit.routes)
    message = f'its turn at Pod "{pod}" came {by:.2f} s after its deadline' + (f"; {before}" if before else "")
    return DeadlineExceeded(f"{message}; {LATE_REMEDY}")
