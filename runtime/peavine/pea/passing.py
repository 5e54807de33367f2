"""Answer a unit that the Executor leaves as it is, without decoding it or leaving the event loop. Pure."""

from __future__ import annotations

from peavine.errors import DeadlineExceeded
from peavine.v1 import pea_pb2
from peavine.wire.status import status_of
from peavine.wire.unit import Stamped, parse, routes_field, serialize

__all__ = ["late", "passed"]


def passed(unit: Stamped, pod: str, pea: str, start: float, now: float) -> tuple[int, bytes]:
    """Return the number of failed items and the rest of the answer. `start` and `now` are this machine's clock."""
    parsed = parse(unit.rest)
    route = pea_pb2.Route(pod=pod, pea=pea, start=start, end=now)
    ahead = start - unit.sent
    over = [item for item in parsed.items if item.header.deadline + ahead < now and not item.header.HasField("status")]
    if not over:
        return unit.failed, unit.rest + routes_field(route)
    for item in over:
        late(item, pod, pea, parsed, now - item.header.deadline - ahead)
    parsed.routes.append(route)
    return unit.failed + len(over), serialize(parsed)


def late(item: pea_pb2.Envelope, pod: str, pea: str, unit: pea_pb2.Unit, by: float) -> None:
    """Mark an item whose deadline is over; the message names the hop and what those before it took."""
    before = ", ".join(f"{route.pod} took {route.end - route.start:.2f} s" for route in unit.routes)
    message = f'it reached Pod "{pod}" {by:.2f} s after its deadline' + (f"; {before}" if before else "")
    item.header.status.CopyFrom(status_of(DeadlineExceeded(message), pod, pea))
    del item.bodies[:]
